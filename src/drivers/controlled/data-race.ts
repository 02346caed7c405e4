/**
 * Data races: two threads access one word, one of them at least writes, one of them at least by a plain access, and
 * nothing orders the two. That nothing does is said by the order of the execution (`order.ts`), not by chance: a race
 * shows wherever the two could have been simultaneous in an execution of the same class.
 *
 * A plain access lies between two steps of its thread. It comes after all that the second of them comes after but for
 * what that step itself meets, and before everything that comes after the second one. If the first one has joined a
 * queue, that is some time after it. Whoever waits for a word to have a value looks at it until then, and so just like a
 * plain access from the step before on; but waiting is marked.
 *
 * The explorer takes what lies between two steps for private work. So its verdicts are worth what they say only if there
 * are no data races; and the first one there is shows in some class, because up to then all is as if there were none.
 */
import { Cell, observePlain, type PlainObserver, type Words } from '../../machine/memory.ts';
import type { Step } from '../../machine/step.ts';
import { running, type Thread } from '../../machine/thread.ts';
import { OrderWatch } from './classes.ts';
import { awaitsValue, isOnAll, isRead, Mode, modeOf } from './effect.ts';
import { type Chooser, Execution, type Program, type Violation } from './execution.ts';
import type { Order } from './order.ts';
import { recorded } from './replay.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

/** Name of the rule that a data race breaks. */
export const DATA_RACE = 'data race';

/** One of the two accesses that race. */
export interface RacingAccess {
  /** Id of the thread. */
  readonly thread: number;
  readonly write: boolean;
  /** False: a step. */
  readonly plain: boolean;
  /**
   * Number of the step, from 1, or of that which was next when it was still waited for; of a plain access, of the step
   * after which it was made: 0 is before the first.
   */
  readonly step: number;
}

export interface DataRace {
  /** Name of the word. */
  readonly word: string;
  /** In the order of the execution. */
  readonly first: RacingAccess;
  readonly second: RacingAccess;
}

/** What shows a data race: `T1 writes mm.rss (plain), T2 reads mm.rss (plain), nothing orders them`. */
export function dataRaceViolation({ word, first, second }: DataRace, threads: readonly Thread[]): Violation {
  const describe = ({ thread, write, plain }: RacingAccess): string =>
    `${threads[thread].name} ${write ? 'writes' : 'reads'} ${word} (${plain ? 'plain' : 'marked'})`;
  return { rule: DATA_RACE, witness: `${describe(first)}, ${describe(second)}, nothing orders them` };
}

const BUCKETS = 256;
const NO_WORDS: Words = new Cell('none');

/**
 * The plain accesses of one execution after another; what a thread does with a word between two of its steps is one
 * access. Those that an execution has in common with the one before are kept.
 */
export class PlainLog implements PlainObserver {
  length = 0;
  private schedule: readonly number[] = [];
  private firstSerial = 0;
  /** Accesses after so many steps are known already. */
  private kept = -1;
  /** Of each access: who made it, to which word of which object, after how many steps. */
  private thread = new Int32Array(0);
  private object = new Int32Array(0);
  private index = new Float64Array(0);
  private at = new Int32Array(0);
  private write = new Uint8Array(0);
  /** The word by another name, which it knows how to describe: of accesses of this execution. */
  private readonly words: Words[] = [];
  private readonly part: number[] = [];
  /** Names of the words of the first accesses, which were made in executions before. */
  private readonly names: string[] = [];
  /** The access before in the same bucket, and the last one of each bucket; -1 for none. */
  private link = new Int32Array(0);
  private last = new Int32Array(0);
  private listening = false;
  private outer: PlainObserver | null = null;

  /** An execution begins that has its first `kept` steps in common with the one before. */
  begin({ schedule, firstSerial }: Execution, kept: number): void {
    this.schedule = schedule;
    this.firstSerial = firstSerial;
    this.kept = kept > 0 ? kept : -1;
    while (this.length > 0 && this.at[this.length - 1] > this.kept) {
      const i = --this.length;
      this.last[bucketOf(this.object[i], this.index[i])] = this.link[i];
    }
    this.letGo();
  }

  /** Whoever kept the words of executions before would keep their worlds. */
  private letGo(): void {
    const { names, words, length } = this;
    for (let i = names.length; i < length; i++) names.push(words[i].describe(this.part[i]));
    names.length = length;
    words.fill(NO_WORDS);
  }

  private nameOf(i: number): string {
    return this.names[i] ?? this.words[i].describe(this.part[i]);
  }

  /** Threads run from now on. Whoever observes plain accesses already goes on being told. */
  listen(): void {
    if (this.listening) return;
    this.listening = true;
    this.outer = observePlain(this);
  }

  /** Rules and others that are no threads may look at words as they like. */
  leave(): void {
    if (!this.listening) return;
    this.listening = false;
    observePlain(this.outer);
  }

  plain(words: Words, index: number, write: boolean): void {
    if (this.outer !== null) this.outer.plain(words, index, write);
    const at = this.schedule.length;
    if (at <= this.kept) return;
    const object = words.serial - this.firstSerial;
    const place = words.base + index;
    const thread = running.id;
    if (this.length === this.at.length) this.lengthen();
    const bucket = bucketOf(object, place);
    const k = this.last[bucket];
    const again = k >= 0 && this.at[k] === at && this.thread[k] === thread;
    if (again && this.index[k] === place && this.object[k] === object) {
      if (write) this.write[k] = 1;
      return;
    }
    const i = this.length++;
    this.thread[i] = thread;
    this.object[i] = object;
    this.index[i] = place;
    this.at[i] = at;
    this.write[i] = write ? 1 : 0;
    this.words[i] = words;
    this.part[i] = index;
    this.link[i] = k;
    this.last[bucket] = i;
  }

  private lengthen(): void {
    const before = this.at.length;
    const length = Math.max(64, 2 * before);
    if (before === 0) this.last = new Int32Array(BUCKETS).fill(-1);
    this.thread = longer(this.thread, length);
    this.object = longer(this.object, length);
    this.at = longer(this.at, length);
    this.link = longer(this.link, length);
    this.index = Float64Array.from({ length }, (_, i) => this.index[i] ?? 0);
    this.write = Uint8Array.from({ length }, (_, i) => this.write[i] ?? 0);
  }

  /**
   * Data races of which the second access was made after more than `from` steps, one for each word and pair of threads,
   * the earliest first. `order` has all steps so far of the threads; `atEnd`: there will be no more.
   */
  races(threads: readonly Thread[], order: Order, from: number, atEnd: boolean): DataRace[] {
    if (this.length === 0) return NO_RACES;
    const found = new Found(threads);
    let i = this.length;
    while (i > 0 && this.at[i - 1] > from) i--;
    for (; i < this.length; i++) {
      this.withAccesses(i, order, found);
      this.withStepsBefore(i, order, found);
    }
    for (let event = Math.max(0, from); event < order.length; event++) {
      const { mode } = order.events[event];
      if (mode === Mode.read || mode === Mode.write) this.ofStep(event, order, found);
      else if (isOnAll(mode)) this.ofStepOnAll(event, order, found);
    }
    for (const { id, pending } of threads)
      if (pending !== null && (atEnd || awaitsValue(pending))) this.ofPending(id, pending, order, found);
    return found.sorted();
  }

  /** Plain accesses with which a later one races. */
  private withAccesses(i: number, order: Order, found: Found): void {
    const thread = this.thread[i];
    for (let k = this.link[i]; k >= 0; k = this.link[k]) {
      if (this.index[k] !== this.index[i] || this.object[k] !== this.object[i]) continue;
      const conflict = this.thread[k] !== thread && (this.write[i] | this.write[k]) === 1;
      if (conflict && !this.knows(i, this.thread[k], this.at[k], order)) {
        found.add(this.nameOf(i), this.access(k), this.access(i));
      } else if (this.write[k] === 1 && found.isAlone(this.thread[k])) break; // what was before it came before it, or has been found
    }
  }

  /** Steps with which a later plain access races. */
  private withStepsBefore(i: number, order: Order, found: Found): void {
    const thread = this.thread[i];
    for (let event = order.lastOn(this.object[i]); event >= 0; event = order.events[event].previous) {
      if (event >= this.at[i] || !concerns(order, event, this.index[i])) continue;
      const { mode, thread: other } = order.events[event];
      const conflict = other !== thread && mode !== Mode.update && (this.write[i] === 1 || !isRead(mode));
      if (conflict && !this.knows(i, other, event, order)) {
        found.add(this.nameOf(i), accessOf(event, order), this.access(i));
      } else if (mode === Mode.write) break;
    }
  }

  /** Plain accesses with which a later step races. */
  private ofStep(event: number, order: Order, found: Found): void {
    const { object, index } = order.events[event];
    for (let k = this.last[bucketOf(object, index)]; k >= 0; k = this.link[k]) {
      if (this.at[k] > event || this.index[k] !== index || this.object[k] !== object) continue;
      if (!this.raceWithStep(k, event, order, found) && this.write[k] === 1 && found.isAlone(this.thread[k])) break;
    }
  }

  /** Plain accesses that race with what a thread is about to do, or waits for now: it may never come to that. */
  private ofPending(thread: number, step: Step, order: Order, found: Found): void {
    const mode = modeOf(step);
    if (!awaitsValue(step) && mode !== Mode.read && mode !== Mode.write) return;
    const serial = step.object.serial - this.firstSerial;
    const place = step.object.base + step.index;
    const write = mode === Mode.write;
    for (let k = this.last[bucketOf(serial, place)]; k >= 0; k = this.link[k]) {
      if (this.index[k] !== place || this.object[k] !== serial) continue;
      const other = this.thread[k];
      const known = order.knownBefore(order.length, thread, other) > this.at[k];
      if (other !== thread && !known && (write || this.write[k] === 1)) {
        found.add(this.nameOf(k), this.access(k), { thread, write, plain: false, step: order.length + 1 });
      } else if (this.write[k] === 1 && found.isAlone(other)) break;
    }
  }

  private ofStepOnAll(event: number, order: Order, found: Found): void {
    for (let k = this.length - 1; k >= 0; k--) {
      if (this.at[k] > event || this.object[k] !== order.events[event].object) continue;
      if (concerns(order, event, this.index[k])) this.raceWithStep(k, event, order, found);
    }
  }

  private raceWithStep(k: number, event: number, order: Order, found: Found): boolean {
    const other = this.thread[k];
    const { thread, mode, waited } = order.events[event];
    const conflict = thread !== other && (this.write[k] === 1 || !isRead(mode));
    if (!conflict) return false;
    const known = waited ? order.knownBefore(event, thread, other) : order.known(event, other);
    if (known > this.at[k]) return false;
    found.add(this.nameOf(k), this.access(k), accessOf(event, order));
    return true;
  }

  /** Does access `i` come after a step of `other` at this position or later? */
  private knows(i: number, other: number, position: number, order: Order): boolean {
    const thread = this.thread[i];
    let next = this.at[i];
    while (next < order.length && order.events[next].thread !== thread) next++;
    return order.knownBefore(next, thread, other) > position;
  }

  private access(i: number): RacingAccess {
    return { thread: this.thread[i], write: this.write[i] === 1, plain: true, step: this.at[i] };
  }
}

const NO_RACES: DataRace[] = [];

/** One data race for each word and pair of threads: the earliest. */
class Found {
  private readonly races: DataRace[] = [];
  private readonly threads: readonly Thread[];
  private readonly threadsOf = new Map<number, number>();

  constructor(threads: readonly Thread[]) {
    this.threads = threads;
    for (const { cpu } of threads) this.threadsOf.set(cpu, (this.threadsOf.get(cpu) ?? 0) + 1);
  }

  /** Has the thread a CPU of its own? If not, others of it may have come before with nothing to order them. */
  isAlone(thread: number): boolean {
    return this.threadsOf.get(this.threads[thread].cpu) === 1;
  }

  /** Threads on one CPU are never simultaneous: what belongs to a CPU, such as its free pages, is theirs in turn. */
  add(word: string, first: RacingAccess, second: RacingAccess): void {
    if (this.threads[first.thread].cpu === this.threads[second.thread].cpu) return;
    const known = this.races.findIndex((race) => race.word === word && samePair(race, first, second));
    if (known < 0) this.races.push({ word, first, second });
    else if (this.races[known].second.step > second.step) this.races[known] = { word, first, second };
  }

  sorted(): DataRace[] {
    // A plain access after so many steps comes later than the last of them.
    return this.races.sort((a, b) => a.second.step - b.second.step || Number(a.second.plain) - Number(b.second.plain));
  }
}

function samePair(race: DataRace, { thread: a }: RacingAccess, { thread: b }: RacingAccess): boolean {
  const { first, second } = race;
  return (first.thread === a && second.thread === b) || (first.thread === b && second.thread === a);
}

function bucketOf(object: number, index: number): number {
  return (Math.imul(object, 0x9e3779b1) + Math.imul(index, 0x85ebca6b)) >>> 24;
}

function accessOf(event: number, order: Order): RacingAccess {
  const { thread, mode } = order.events[event];
  return { thread, write: !isRead(mode), plain: false, step: event + 1 };
}

/** Is an event on the object of a word an access to it? A block that is cleared begins at the index of the step. */
function concerns(order: Order, event: number, index: number): boolean {
  const { index: first, mode } = order.events[event];
  return first === index || (isOnAll(mode) && first < index);
}

function longer(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const result = new Int32Array(length);
  result.set(array);
  return result;
}

/** Looks for data races in the executions of one strategy, one after another. */
export class RaceSearch {
  /** For the execution. */
  readonly log = new PlainLog();
  private readonly program: () => Program;
  /** Watches executions of a strategy that does not keep their order, from the first plain access on. */
  private watch: OrderWatch | null = null;

  constructor(program: () => Program) {
    this.program = program;
  }

  /** A chooser like `chooser`, of an execution whose order nobody else keeps. */
  watching(chooser: Chooser): Chooser {
    return this.watch === null ? chooser : this.watch.watching(chooser);
  }

  /**
   * The execution has ended: report what races in it, but for its first `kept` steps. Null: its order is not known but
   * to those who watched it here.
   */
  report(execution: Execution, kept: number, order: Order | null): void {
    if (this.log.length === 0) return;
    const races = this.log.races(execution.threads, order ?? this.watched(execution), kept > 0 ? kept : -1, true);
    if (races.length > 0) reportTo(execution, races[0]);
  }

  private watched(execution: Execution): Order {
    if (this.watch === null) {
      this.watch = new OrderWatch();
      this.repeat(scheduleOf(execution), this.watch);
    }
    return this.watch.orderOf(execution);
  }

  private repeat(schedule: Schedule, watch: OrderWatch): void {
    const execution = new Execution(this.program, recorded(schedule));
    for (const id of schedule.threads) {
      watch.add(execution, execution.threads[id]);
      execution.perform(execution.threads[id]);
    }
    watch.settle(execution);
  }
}

function reportTo(execution: Execution, race: DataRace): void {
  const step = Math.min(Math.max(1, race.second.step), execution.length);
  execution.report([dataRaceViolation(race, execution.threads)], step);
}

/** Looks for data races in an execution that is run again, step by step, and reports the first. */
export class RaceWatch {
  /** To be handed to the execution. */
  readonly log = new PlainLog();
  /** Found so far. */
  readonly found: DataRace[] = [];
  private readonly watch = new OrderWatch();
  private looked = -1;

  beforeStep(thread: Thread, execution: Execution): void {
    this.watch.add(execution, thread);
  }

  afterStep(execution: Execution): void {
    this.look(execution, false);
  }

  /** There may have been no steps. */
  atEnd(execution: Execution): void {
    this.look(execution, true);
  }

  private look(execution: Execution, atEnd: boolean): void {
    if (this.log.length > 0) {
      const races = this.log.races(execution.threads, this.watch.orderOf(execution), this.looked, atEnd);
      if (races.length > 0 && this.found.length === 0) reportTo(execution, races[0]);
      this.found.push(...races);
    }
    this.looked = execution.length;
  }
}
