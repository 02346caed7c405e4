/**
 * The waist of the house: everything kernel text may ask of the machine is a `Step`, and kernel text is a
 * `Coroutine` that yields steps. Above this file nobody knows which driver runs; below it nobody knows what a
 * pte is.
 *
 * A step is a scheduling point that *precedes* its effect: when a coroutine asks for a step nothing has happened
 * yet. The driver decides when the step takes effect (`Shared.perform`), and the coroutine goes on with the reply.
 * What lies between two steps is private to the thread and takes effect together with the step before it.
 *
 * `yield step` always stops the coroutine. `yield* step` stops it if the driver says so: the controlled driver always
 * does, the timed one only if another CPU is due before this one. Kernel text writes `yield*` for steps and paths
 * alike.
 */
import type { Line } from './memory.ts';
import type { Thread } from './thread.ts';

/** What a step does to its object. The timed driver prices kinds, the controlled one knows which commute. */
export const READ = 0;
export const WRITE = 1;
/** Atomic add of `value`; replies the new value. */
export const ADD = 2;
/** Atomic exchange with `value`; replies the old value. */
export const XCHG = 3;
/** Atomic compare with `value` and, if equal, exchange with `other`; replies the old value. */
export const CMPXCHG = 4;
/** The MMU reads a pte for an access of a user program: see `Walk`. */
export const WALK = 5;
/** Exclusive side of a lock. */
export const LOCK = 6;
/** Replies 1 if the lock was taken, 0 if not; never blocks. */
export const TRYLOCK = 7;
export const UNLOCK = 8;
/** Shared side of a reader/writer lock. */
export const LOCK_SHARED = 9;
export const TRYLOCK_SHARED = 10;
export const UNLOCK_SHARED = 11;
/** Sleep until the word equals `value`. */
export const WAIT = 12;
/** Burn the CPU until the word equals `value`: still a predicate, never a loop. */
export const POLL = 13;
/** Zero a page: `value` bytes on memory node `other`. Long local work that both drivers see. */
export const CLEAR = 14;
/** Start the thread described by the object (a `Birth`). */
export const SPAWN = 15;
/** Wait until all who hold the object shared at this moment have let go: an RCU grace period. */
export const SYNCHRONIZE = 16;
/** Read a whole page, to copy it: words `index` to the end, `value` bytes. The timed driver prices the CLEAR of the copy. */
export const COPY = 17;
/** A device writes to a page: to words `index` to the end. It takes no CPU; who waits for the device sleeps (DELAY). */
export const DMA = 18;
/** Sleep for `value` nanoseconds: under the controlled driver for any time. */
export const DELAY = 19;

/** A program reads all that a page holds, and does not care what: `value` bytes of memory node `other`. */
export const LOAD = 20;

export type StepKind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19 | 20;

/**
 * Tick 0. It is -0 because V8 keeps a field that starts as a small integer as one, and throws away what it has compiled for the
 * class of the object once ticks outgrow 2^31; a field that starts with a double stays one.
 */
export const TICK_0 = -0;

/** `value` of an UNLOCK that ends an instruction of a user program: after it the CPU may go over to another thread. */
export const INSTRUCTION_ENDS = -1;

/** Reply of `perform` when the step has joined a queue: it ends when somebody calls `wake` for the thread. */
export const BLOCKED = -0x7fffffff;

/** Called when kernel text asks for a step, with the text on the stack; null: nobody wants to know from where. */
let onAsked: ((step: Step) => void) | null = null;

export function observeAsked(observer: typeof onAsked): void {
  onAsked = observer;
}

/** A step that was built before, asked for again. */
export function asked(step: Step): Step {
  if (onAsked !== null) onAsked(step);
  return step;
}

const STOPS = -0x7ffffffe;
/** What `now` answers if the thread has to stop for the step. */
export const STOP = STOPS;
/** What `walk` answers if the MMU has found no translation. */
export const TRAP = -0x7ffffffd;

/** A driver that can let steps take effect without stopping the coroutine that asks for them. */
export interface Shortcut {
  /** The reply of the step, which has taken effect; or STOP, and nothing has happened. */
  now(step: Step): number;
  /** The same of a step of a kind below WALK, without the step. */
  word(kind: StepKind, words: Shared, index: number, value: number, other: number): number;
  /** The same of a LOAD. */
  load(page: Shared, index: number, bytes: number, home: number): number;
  /** A step has taken effect on a lock that its CPU has to itself: it is paid for, and the driver was not asked. */
  passed?(step: Step, reply: number): void;
  /** The same as `now` of a walk whose thread, if the answer is TRAP, runs the fault handler itself. */
  walk?(walk: Walk): number;
}
/** In an object, which V8 folds as it does not fold a variable. */
export const driven: { by: Shortcut | null } = { by: null };

export function takeShortcuts(driver: Shortcut | null): void {
  driven.by = driver;
}

/** What `now` of the driver answers, which may be one that always stops. */
export function askStep(step: Step): number {
  const { by } = driven;
  return by === null ? STOPS : by.now(step);
}

/** What `next` answers if there is a reply. Whoever asks reads it at once, so that one is enough. */
const replied: { done: true; value: number } = { done: true, value: 0 };

/** One indivisible action of one thread. Plain data; lock steps are built once per lock. */
export class Step {
  readonly kind: StepKind;
  readonly object: Shared;
  /** Which word of the object, 0 for single cells and locks. */
  readonly index: number;
  readonly value: number;
  readonly other: number;

  constructor(kind: StepKind, object: Shared, index = 0, value = 0, other = 0) {
    this.kind = kind;
    this.object = object;
    this.index = index;
    this.value = value;
    this.other = other;
    if (onAsked !== null) onAsked(this);
  }

  /**
   * `const reply = yield* step`: a step is its own iterator, and there is nothing to remember. If `next` is called
   * without a reply the step is asked for: it has taken effect already, or the thread has to stop for it.
   */
  [Symbol.iterator](): this {
    return this;
  }

  next(reply?: number): IteratorResult<Step, number> {
    if (reply === undefined) {
      reply = askStep(this);
      if (reply === STOPS) return { done: false, value: this };
    }
    replied.value = reply;
    return replied;
  }
}

/** A step that is written over. */
export type StepDraft = { -readonly [K in keyof Step]: Step[K] };

/**
 * The MMU's walk for one access of a user program. It replies the entry if that is a translation; if not, the CPU traps: the
 * thread runs the fault handler, and the walk replies FAULTED.
 */
export abstract class Walk extends Step {
  constructor(at: { readonly words: Shared; readonly index: number }) {
    super(WALK, at.words, at.index);
  }
  /** What the MMU leaves of the entry that it finds: on a write it sets the dirty bit. The walk replies that. */
  leaves(entry: number): number {
    return entry;
  }
  /** Is the entry that it has found a translation for the access? Then the TLB keeps it. */
  abstract translates(entry: number): boolean;
  /** What ends an access that cannot be made, before the fault handler runs; null: nothing does. */
  readonly trapStep: Step | null = null;
  /** The fault handler. Returns 0, or the signal that kills the thread. */
  abstract fault(): Coroutine<number>;
  /** Does the program catch the signal? Then the walk replies -signal. */
  catches(_signal: number): boolean {
    return false;
  }
}

/** Reply of a walk that has found no translation: there may be one now. */
export const FAULTED = 0;

/** Kernel text: asks for steps, goes on with each step's reply, returns a `T`. */
export type Coroutine<T = void> = Generator<Step, T, number>;

/** What a coroutine yields in the place of a step if it wants another one to run, and to go on with what that returns. */
export const ENTER = {} as Step;

/** The one that is to run. */
export let entered: Coroutine<unknown>;

/**
 * `const value = yield enter(callee)` is `yield* callee` for threads that are not `stepwise`: whoever drives the thread resumes the
 * callee by itself, so that a stop does not go through all that are under way.
 */
export function enter(callee: Coroutine<unknown>): Step {
  entered = callee;
  return ENTER;
}

/** A coroutine with nothing to do: what a dispatcher returns when there is nothing to call. */
export const NOTHING: Coroutine = (function* (): Coroutine {})();

/** `confinedTo`: whoever likes. */
export const ANYBODY = -1;
/** `confinedTo`: all may read it, and nobody writes. */
export const READERS = -2;

/** Objects made so far. */
let made = 0;

/** The serial number that the next object will have. */
export function nextSerial(): number {
  return made;
}

/** The line of a struct page. There are too many for a `Line` each. */
export interface PageLine {
  /** Its number, from 0. */
  readonly pfn: number;
  /** Nodes whose caches have what the page holds, a bit each. Kept by the timed driver; whoever wants them empty may say 0. */
  inCaches: number;
  /** CPU whose cache has the line of the struct page, -1 for memory. */
  readonly owner: number;
  /** Where in its file it is, counted in pages; -1: it belongs to none. */
  readonly place: number;
  readonly confinedTo: number;
  /** A CPU has the page to itself, and what is on its line; ANYBODY: none has. False if others wait for it, or have locked it. */
  lendTo(cpu: number): boolean;
}

/** Something two threads can both touch: a word, a block of words, a lock. */
export abstract class Shared {
  /** Counts all objects in the order in which they are made, the same in every run that begins alike. A part has that of its whole. */
  serial = made++;
  /** Which word of the whole word 0 of this one is: those who compare places compare (serial, base + index). */
  base = 0;
  /** The cache line the object lives on; null: ask `ownLine`. */
  line: Line | null = null;
  /**
   * The CPU that alone uses the object, or ANYBODY, or READERS. Whoever says so saves the timed driver to ask whose turn it
   * is; a step that does not keep to it is a misuse.
   */
  confinedTo: number = ANYBODY;
  /** Threads whose step is not `ready`, in order of arrival. Kept by the timed driver. */
  waiters: Thread[] | null = null;
  /** The object this one is a part of. */
  // eslint-disable-next-line @typescript-eslint/prefer-return-this-type -- a page of ptes is a part of its page tables
  get whole(): Shared {
    return this;
  }
  /** The line, made when it is first asked for; null where the line depends on the index (see `claim`). */
  ownLine(): Line | null {
    return this.line;
  }
  /** Name of word `index`, as a kernel hacker would say it: `mm.rss`, `pte[heap+0]`. */
  abstract describe(index: number): string;
  /** What `value` means in this object; for drawings. */
  show(_index: number, value: number): string {
    return String(value);
  }
  /** The step in words, before it has taken effect. */
  abstract label(step: Step): string;
  /** May a step of kind LOCK or above take effect now? One that is not ready blocks its thread until it is. */
  abstract ready(step: Step, thread: Thread): boolean;
  /** Let the step take effect; the reply resumes the coroutine. `BLOCKED`: it has joined a queue. */
  abstract perform(step: Step, thread: Thread): number;
  /** Is it a lock that a thread which may use it as it likes (see `own` in ask.ts) has by this step, or lets go? */
  passes(_step: Step): boolean {
    return false;
  }
  /**
   * Threads that must let go, or be served, before `thread` has what its pending `step` asks for; `all` are those there
   * are. May name `thread` itself.
   */
  waitsFor(step: Step, _thread: Thread, all: readonly Thread[]): Thread[] {
    const inTheWay = (shared: boolean): boolean => !(shared && step.kind === LOCK_SHARED);
    return all.filter((other) => other.held.some(({ lock, shared }) => lock === this && inTheWay(shared)));
  }
  /** The line it lives on, if that is one of a struct page. */
  pageLine(): PageLine | null {
    return null;
  }
  /** Take the cache line of word `index` for `cpu`; returns the CPU that held it, -1 for memory. Default: it is not followed. */
  claim(_index: number, cpu: number): number {
    return cpu;
  }
  /** Memory node of the line. */
  get home(): number {
    return 0;
  }
  /** Whose line it lives on, if it has none of its own. */
  // eslint-disable-next-line @typescript-eslint/prefer-return-this-type -- a page lock is on the line of its page
  onLineOf(): Shared {
    return this;
  }
}

/** What the lock table of the timed driver keeps with each lock. */
export interface Counted extends Shared {
  readonly lockClass: string;
  /** Row in the table, -1 until first used. */
  lockRow: number;
  /** Tick at which the lock was taken. */
  heldSince: number;
}
