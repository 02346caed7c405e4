/**
 * Shared memory as kernel text sees it: words on cache lines, plain and marked accesses, atomics.
 *
 * Marked accesses (`READ_ONCE`, `WRITE_ONCE`, the atomics) are steps: others may come before them. Plain accesses
 * (`cell.plain`) are for data that a held lock guards: nobody else may come between, so they are not steps; they
 * only pay for their cache line. A plain access without its lock is a data race, in Linux as here.
 */
import * as kinds from './step.ts';
import { Shared, Step, type StepKind, TICK_0, type Walk } from './step.ts';

// V8 folds the constants of a module where it uses them; what it imports it loads and checks each time.
const { ADD, CMPXCHG, LOAD, POLL, READ, WAIT, WALK, WRITE, XCHG } = kinds;

/** `owner` of a line that is in no CPU's cache. */
export const MEMORY = -1;

/** A cache line that several CPUs fight for. Its state is the timed driver's: who has it and until when. */
export class Line {
  readonly name: string;
  /** Rank of the CPU that has the line, or MEMORY. */
  owner: number = MEMORY;
  /** Tick at which the transfer in progress ends. */
  freeAt = TICK_0;
  /** Grows with each exclusive access; `copies[cpu] === version` says that the CPU holds a shared copy. */
  version = 1;
  copies: Int32Array | null = null;
  /** Who waits for it, where it matters who they are; null: nobody ever had to. Kept by the timed driver. */
  queue: object | null = null;
  /** How often it was fetched, and how many ticks CPUs have waited for it. */
  moves = 0;
  stall = TICK_0;

  constructor(name: string) {
    this.name = name;
  }
}

/** Whoever wants to know of plain accesses: the driver that runs, or a tracer. */
export interface PlainObserver {
  plain(words: Words, index: number, write: boolean): void;
}
let plainObserver: PlainObserver | null = null;

/** Replies who was told until now. */
export function observePlain(observer: PlainObserver | null): PlainObserver | null {
  const before = plainObserver;
  plainObserver = observer;
  return before;
}

/** Tell of a plain access to the line of word `index`. */
export function plainAccess(words: Words, index: number, write: boolean): void {
  if (plainObserver !== null) plainObserver.plain(words, index, write);
}

/** Words that can be read and written, alone (`Cell`) or as part of a structure. */
export abstract class Words extends Shared {
  abstract get(index: number): number;
  abstract set(index: number, value: number): void;

  label(step: Step): string {
    const name = this.describe(step.index);
    const value = this.show(step.index, step.value);
    switch (step.kind) {
      case READ:
        return `read ${name}`;
      case WALK:
        return `MMU walk ${name}`;
      case WRITE:
        return `${name} = ${value}`;
      case ADD:
        return `atomic ${name} ${step.value < 0 ? '-' : '+'}= ${Math.abs(step.value)}`;
      case XCHG:
        return `xchg(${name}, ${value})`;
      case CMPXCHG:
        return `cmpxchg(${name}, ${value}, ${this.show(step.index, step.other)})`;
      default:
        return `wait until ${name} is ${value}`;
    }
  }

  /** What a step that looks at more than one word finds, for people; empty: that goes without saying. */
  found(_step: Step): string {
    return '';
  }

  ready(step: Step): boolean {
    if (step.kind === WAIT || step.kind === POLL) return this.get(step.index) === step.value;
    return true;
  }

  perform(step: Step): number {
    const { kind, index } = step;
    if (kind < WALK) return this.use(kind, index, step.value, step.other);
    const found = this.get(index);
    if (kind === WAIT || kind === POLL) return found;
    if (kind !== WALK) throw new Error(`a word cannot do step kind ${kind}`);
    const left = (step as Walk).leaves(found);
    if (left !== found) this.set(index, left);
    return left;
  }

  /** The effect of a step of a kind below WALK, or of a LOAD. */
  use(kind: StepKind, index: number, value: number, other: number): number {
    switch (kind) {
      case READ:
        return this.get(index);
      case WRITE:
        this.set(index, value);
        return 0;
      case ADD: {
        const sum = this.get(index) + value;
        this.set(index, sum);
        return sum;
      }
      case LOAD:
        return 0;
      case XCHG: {
        const old = this.get(index);
        this.set(index, value);
        return old;
      }
      default: {
        const old = this.get(index); // CMPXCHG
        if (old === value) this.set(index, other);
        return old;
      }
    }
  }
}

/** Where a word is: a C pointer. */
export interface Location {
  readonly words: Words;
  readonly index: number;
}

/** A pointer to one word of a structure. */
export class Ref implements Location {
  readonly words: Words;
  readonly index: number;

  constructor(words: Words, index: number) {
    this.words = words;
    this.index = index;
  }
  /** The word as it is, for checks and drawings; kernel text has no such access. */
  get value(): number {
    return this.words.get(this.index);
  }
  /** The word, by a plain access. */
  get plain(): number {
    plainAccess(this.words, this.index, false);
    return this.words.get(this.index);
  }
  set plain(value: number) {
    plainAccess(this.words, this.index, true);
    this.words.set(this.index, value);
  }
}

/** One named word on a cache line. */
export class Cell extends Words implements Location {
  readonly name: string;
  readonly index = 0;
  value: number;

  constructor(name: string, line: Line | null = null, value = 0) {
    super();
    this.name = name;
    this.line = line;
    this.value = value;
  }
  get words(): this {
    return this;
  }
  override ownLine(): Line {
    return (this.line ??= new Line(this.name));
  }
  describe(): string {
    return this.name;
  }
  get(): number {
    return this.value;
  }
  set(_index: number, value: number): void {
    this.value = value;
  }
  /** The word, by a plain access. */
  get plain(): number {
    plainAccess(this, 0, false);
    return this.value;
  }
  set plain(value: number) {
    plainAccess(this, 0, true);
    this.value = value;
  }
}

function word(kind: StepKind, at: Location, value = 0, other = 0): Step {
  return new Step(kind, at.words, at.index, value, other);
}

/** Replies the value. */
export function READ_ONCE(at: Location): Step {
  return word(READ, at);
}
export function WRITE_ONCE(at: Location, value: number): Step {
  return word(WRITE, at, value);
}
/** Replies the new value. */
export function atomic_add_return(value: number, at: Location): Step {
  return word(ADD, at, value);
}
/** Replies the new value, as `atomic_inc_return` does. */
export function atomic_inc(at: Location): Step {
  return word(ADD, at, 1);
}
/** Replies the new value, as `atomic_dec_return` does. */
export function atomic_dec(at: Location): Step {
  return word(ADD, at, -1);
}
/** Replies the old value. */
export function xchg(at: Location, value: number): Step {
  return word(XCHG, at, value);
}
/** Replies the old value: equal to `old` means that the exchange was made. */
export function cmpxchg(at: Location, old: number, value: number): Step {
  return word(CMPXCHG, at, old, value);
}
/** Sleep until the word equals `value`. */
export function wait_for(at: Location, value: number): Step {
  return word(WAIT, at, value);
}
/** Spin until the word equals `value`. */
export function poll_for(at: Location, value: number): Step {
  return word(POLL, at, value);
}
