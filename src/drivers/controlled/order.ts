/**
 * Happens-before of an execution, as vector clocks over positions, and the races in it: pairs of steps of different
 * threads that do not commute, that nothing but their own order keeps apart, and that could have come in the other
 * order.
 *
 * - A lock step is ordered after the releases that let it go on, and races with the lock step before it.
 * - A step that waits for a value races with the last change before which the word had that value: what came in
 *   between could not have been passed.
 * - A queued lock (rwsem) is joined in one step and had from a later moment on: what orders it after a release is
 *   charged to the thread's *next* step, because joining the queue commutes with the release.
 * - A thread starts after the step that started it.
 *
 * Events are taken in one by one and can be taken back, last first: the next execution of a search has most of its
 * steps in common with the one before. Everything is in typed arrays, a row for each event or thread.
 */
import type { Shared, Step } from '../../machine/step.ts';
import { awaitsValue, isTake, Mode, MODES, queues, type Relation, valueBefore } from './effect.ts';
import { type Execution, NotTheSame } from './execution.ts';

/** A step as the order sees it: what it does to which word of which object. */
export interface Effect {
  step: Step;
  mode: Mode;
  /** Serial number of the object, counted from the beginning of the execution. */
  object: number;
  index: number;
  /** Value of the word until then; 0 for locks. */
  was: number;
}

/** An effect to be written into. */
export function blankEffect(): Effect {
  return { step: null as unknown as Step, mode: Mode.none, object: 0, index: 0, was: 0 };
}

/** What a step would do now, written into `effect`. */
export function effectOf(relation: Relation, execution: Execution, step: Step, effect: Effect): Effect {
  effect.step = step;
  effect.mode = relation.modeOf(step);
  effect.object = step.object.whole().serial - execution.firstSerial;
  effect.index = step.object.indexInWhole(step.index);
  effect.was = valueBefore(step);
  if (effect.object < 0) throw new NotTheSame(madeTooEarly(step));
  return effect;
}

function madeTooEarly(step: Step): string {
  return (
    `'${step.object.describe(step.index)}' was made before the execution began: make cells and locks inside the ` +
    'function that is explored, so that every execution starts afresh'
  );
}

const NOT_WAITING = -1;
const NEVER = 0x7fffffff;

type Ints = Int32Array<ArrayBuffer>;

export class Order {
  /** Events taken in. */
  length = 0;
  /** Thread of each event. */
  thread = new Int32Array(64);
  /** What it does, to which word of which object: see `Effect`. */
  mode = new Uint8Array(64);
  object = new Int32Array(64);
  index = new Int32Array(64);
  /** 1: it has waited for the word to have a value. */
  waited = new Uint8Array(64);
  private was = new Float64Array(64);
  private readonly lockOf: Shared[] = [];
  /** The event before on the same object, -1 for none. */
  previous = new Int32Array(64);
  /** The last event on each object, -1 for none. */
  private last = new Int32Array(64).fill(-1);
  /** Number of threads there is room for: the length of a row. */
  private width: number;
  /** clocks[event][t]: position + 1 of the last step of thread t that happened before the event; 0 for none. */
  private clocks: Ints;
  /** What the next step of each thread comes after. */
  private next: Ints;
  /** Event by which each thread has joined a queue it has not left. */
  private waiting: Ints;
  /** What `next` and `waiting` of a thread were before. */
  private undoThread: Ints;
  private undoWaiting: Ints;
  private undoNext: Ints;
  private undoTop = 0;
  /** Height of the undo stack before each event. */
  private undoAt = new Int32Array(65);
  private readonly relation: Relation;
  /** What `races` has found: as many positions as it answers. */
  raceAt: Ints;
  /** What `initials` has found: as many threads as it answers. */
  initial: Ints;
  /** Position at which each thread begins the run that `initials` looks at. */
  private readonly begun: number[] = [];
  /** Event by which each thread was started; none for those that were there from the beginning. */
  private readonly bornAt: number[] = [];
  /** Threads seen so far: what rows hold beyond is 0. */
  private threads = 0;

  constructor(relation: Relation, width = 8) {
    this.relation = relation;
    this.width = width;
    this.clocks = new Int32Array(64 * width);
    this.next = new Int32Array(width * width);
    this.waiting = new Int32Array(width).fill(NOT_WAITING);
    this.raceAt = new Int32Array(64);
    this.initial = new Int32Array(width);
    this.undoThread = new Int32Array(64);
    this.undoWaiting = new Int32Array(64);
    this.undoNext = new Int32Array(64 * width);
  }

  /** Did the step at `a` happen before the one at `b` (or is it the same)? */
  before(a: number, b: number): boolean {
    return this.clocks[b * this.width + this.thread[a]] > a;
  }

  /** Position + 1 of the last step of `other` that happened before the event; 0 for none. */
  known(event: number, other: number): number {
    return other < this.threads ? this.clocks[event * this.width + other] : 0;
  }

  /** The same of what `thread` has done just before its step at `next`; `length`: it has not come yet. */
  knownBefore(next: number, thread: number, other: number): number {
    if (thread >= this.threads || other >= this.threads) return 0;
    if (next === this.length) return this.next[thread * this.width + other];
    return this.undoNext[this.undoAt[next] * this.width + other];
  }

  /** Do two events not commute? */
  inConflict(a: number, b: number): boolean {
    if (this.object[a] !== this.object[b] || this.relation.inConflict[this.mode[a] * MODES + this.mode[b]] === 0) {
      return false;
    }
    return this.index[a] === this.index[b] || this.mode[a] === Mode.writeAll || this.mode[b] === Mode.writeAll;
  }

  /** Number of events with which a step that `thread` does next races; `raceAt` says where they are. */
  races(thread: number, effect: Effect): number {
    this.see(thread);
    const { raceAt, width, clocks } = this;
    let found = 0;
    const { step, object } = effect;
    const waits = awaitsValue(step);
    const mine = thread * width;
    for (let i = this.lastOn(object); i >= 0; i = this.previous[i]) {
      if (!this.conflicts(i, effect)) continue;
      const other = this.thread[i];
      const known = this.next[mine + other] > i;
      if (!known && this.possibleBefore(i, effect)) {
        let hidden = false;
        for (let n = 0; n < found && !hidden; n++) {
          const k = raceAt[n];
          hidden = clocks[k * width + other] > i && !(waits && this.mode[k] === Mode.writeAll);
        }
        if (!hidden) raceAt[found++] = i;
      }
      if (this.mode[i] === Mode.write && effect.mode <= Mode.write && !waits) break; // the rest came before it
    }
    return found;
  }

  /** Is the order of the event and the step an order that matters? */
  private conflicts(event: number, { mode, index }: Effect): boolean {
    const other = this.mode[event];
    if (this.relation.inConflict[other * MODES + mode] === 0) return false;
    return this.index[event] === index || other === Mode.writeAll || mode === Mode.writeAll;
  }

  /**
   * Could the step have taken effect just before the event, with which it is in conflict? Steps that wait could not
   * always: a word must have had the value before it was changed (`writeAll` does not say), and a lock without a queue
   * was free before somebody took it, not before somebody tried it in vain.
   */
  private possibleBefore(event: number, { step, mode }: Effect): boolean {
    const other = this.mode[event] as Mode;
    if (awaitsValue(step)) return this.was[event] === step.value || other === Mode.writeAll;
    if (mode === Mode.acquire && !queues(step.object, mode)) return isTake(other);
    return true;
  }

  /**
   * Number of threads, never 0, that can begin a run of what did not happen after position `at`, and then the step of
   * `thread`; `initial` says which.
   */
  initials(at: number, thread: number, effect: Effect): number {
    const { width, begun, initial, clocks } = this;
    let begins = 0;
    for (let id = 0; id < this.threads; id++) begun[id] = NEVER;
    let free = true;
    const first = this.thread[at];
    for (let k = at + 1; k < this.length; k++) {
      if (clocks[k * width + first] > at) continue;
      const id = this.thread[k];
      if (begun[id] === NEVER) {
        if (!this.comesLater(clocks, k * width)) initial[begins++] = id;
        begun[id] = k;
      }
      if (free && this.object[k] === effect.object && this.conflicts(k, effect)) free = false;
    }
    if (free && !this.comesLater(this.next, thread * width)) initial[begins++] = thread;
    return begins;
  }

  /** Does the clock know one of the steps with which the run has begun? */
  private comesLater(rows: Ints, row: number): boolean {
    const { begun, threads } = this;
    for (let id = 0; id < threads; id++) if (rows[row + id] > begun[id]) return true;
    return false;
  }

  /** Take in the next event. */
  add(thread: number, effect: Effect): void {
    const at = this.length++;
    this.makeRoom(at, thread, effect.object);
    const { width, threads, clocks, next } = this;
    const { step, mode, object } = effect;
    this.thread[at] = thread;
    this.mode[at] = mode;
    this.object[at] = object;
    this.index[at] = effect.index;
    this.waited[at] = awaitsValue(step) ? 1 : 0;
    this.was[at] = effect.was;
    this.lockOf[at] = step.object;
    this.undoAt[at] = this.undoTop;
    this.save(thread);
    const row = at * width;
    const mine = thread * width;
    for (let t = 0; t < threads; t++) clocks[row + t] = next[mine + t];
    this.orderAfter(row, effect);
    clocks[row + thread] = at + 1;
    for (let t = 0; t < threads; t++) next[mine + t] = clocks[row + t];
    this.previous[at] = this.last[object];
    this.last[object] = at;
  }

  private orderAfter(row: number, effect: Effect): void {
    const { mode } = effect;
    const inQueue = queues(effect.step.object, mode);
    const { releasesFor } = this.relation;
    for (let i = this.lastOn(effect.object); i >= 0; i = this.previous[i]) {
      const other = this.mode[i];
      if (this.conflicts(i, effect)) {
        this.join(this.clocks, row, i);
        if (other === Mode.write && mode <= Mode.write) break; // the rest came before it
      } else if (!inQueue && releasesFor[other * MODES + mode] === 1) this.join(this.clocks, row, i);
    }
  }

  /** What came of the event taken in last: did it join a queue, whom did it let go on? */
  settle(blocked: boolean, released: readonly { readonly id: number }[]): void {
    const at = this.length - 1;
    const thread = this.thread[at];
    if (queues(this.lockOf[at], this.mode[at] as Mode)) {
      if (blocked) this.waiting[thread] = at;
      else this.afterReleases(thread, at);
    }
    for (const { id } of released) this.goesOn(id, at);
  }

  private goesOn(thread: number, at: number): void {
    this.see(thread);
    this.save(thread);
    const arrival = this.waiting[thread];
    this.waiting[thread] = NOT_WAITING;
    if (arrival === NOT_WAITING) this.join(this.next, thread * this.width, at);
    else this.afterReleases(thread, arrival);
    if (this.mode[at] === Mode.none) this.bornAt[thread] = at;
  }

  /** The next step of a thread that has got a queued lock comes after the releases that made way. */
  private afterReleases(thread: number, arrival: number): void {
    const mode = this.mode[arrival];
    for (let i = this.lastOn(this.object[arrival]); i >= 0; i = this.previous[i]) {
      if (this.relation.releasesFor[this.mode[i] * MODES + mode] === 0 || this.cameLater(i, arrival)) continue;
      this.join(this.next, thread * this.width, i);
    }
  }

  /** Is this the release of a reader that came when the grace period had begun? It does not wait for that. */
  private cameLater(release: number, arrival: number): boolean {
    if (this.mode[arrival] !== Mode.synchronize) return false;
    for (let i = this.previous[release]; i > arrival; i = this.previous[i]) {
      if (this.thread[i] === this.thread[release] && isTake(this.mode[i] as Mode)) return true;
    }
    return false;
  }

  private join(rows: Ints, row: number, event: number): void {
    if (rows[row + this.thread[event]] > event) return; // and with it all that it comes after
    const { clocks, threads } = this;
    const other = event * this.width;
    for (let t = 0; t < threads; t++) if (clocks[other + t] > rows[row + t]) rows[row + t] = clocks[other + t];
  }

  /** Forget all events from position `length` on. */
  takeBack(length: number): void {
    const { width, threads, next } = this;
    while (this.length > length) {
      const i = --this.length;
      this.last[this.object[i]] = this.previous[i];
      while (this.undoTop > this.undoAt[i]) {
        const top = --this.undoTop;
        const thread = this.undoThread[top];
        this.waiting[thread] = this.undoWaiting[top];
        for (let t = 0; t < threads; t++) next[thread * width + t] = this.undoNext[top * width + t];
      }
    }
  }

  private save(thread: number): void {
    const { width, threads, next } = this;
    const top = this.undoTop++;
    if (top === this.undoThread.length) {
      this.undoThread = longer(this.undoThread, top * 2);
      this.undoWaiting = longer(this.undoWaiting, top * 2);
      this.undoNext = longer(this.undoNext, top * 2 * width);
    }
    this.undoThread[top] = thread;
    this.undoWaiting[top] = this.waiting[thread];
    for (let t = 0; t < threads; t++) this.undoNext[top * width + t] = next[thread * width + t];
  }

  /** A thread: make room for it if it is new. */
  private see(thread: number): void {
    if (thread < this.threads) return;
    if (thread >= this.width) this.widen(thread + 1);
    this.threads = thread + 1;
  }

  /**
   * A number of 52 bits that is the same for executions of one class: made of what each step of each thread comes after,
   * in terms of the steps of the threads and not of positions, and of the answers given to each. Who is born first does
   * not matter.
   */
  fingerprint(choices: readonly { readonly thread: number; readonly answer: number }[]): number {
    const { width, threads, clocks } = this;
    const nth = this.places();
    const names = Array.from({ length: threads }, (_, id) => this.nameOf(id, nth));
    let [high, low] = [0, 0];
    const add = (a: number, b: number): void => {
      high = (high + scramble(a ^ scramble(b))) | 0;
      low = (low + scramble(b + Math.imul(a, 0x85ebca6b))) | 0;
    };
    for (let at = 0; at < this.length; at++) {
      let after = 0;
      for (let t = 0; t < threads; t++) {
        const last = clocks[at * width + t];
        if (last > 0) after = (after + scramble(names[t] ^ Math.imul(nth[last - 1], 0x9e3779b1))) | 0;
      }
      add(scramble(names[this.thread[at]] + nth[at]), after);
    }
    const asked: number[] = [];
    for (const { thread, answer } of choices) {
      asked[thread] = (asked[thread] ?? 0) + 1;
      add(names[thread] ?? this.nameOf(thread, nth), (asked[thread] << 8) ^ ~answer);
    }
    return (high >>> 0) * 2 ** 20 + (low >>> 12);
  }

  /** Of each event: the how many-eth of its thread it is, from 1. */
  private places(): Int32Array {
    const steps = new Int32Array(this.threads);
    return Int32Array.from({ length: this.length }, (_, at) => ++steps[this.thread[at]]);
  }

  /** A number for the thread that depends on who has started it, and not on when. */
  private nameOf(thread: number, nth: Int32Array): number {
    const birth = this.bornAt[thread] ?? -1;
    if (birth < 0 || birth >= this.length) return scramble(thread + 1);
    return scramble(this.nameOf(this.thread[birth], nth) + nth[birth]);
  }

  /** The last event on the object, -1 for none. */
  lastOn(object: number): number {
    return object < this.last.length ? this.last[object] : -1;
  }

  private makeRoom(at: number, thread: number, object: number): void {
    if (at === this.thread.length) this.lengthen(at * 2);
    if (object >= this.last.length) {
      const { length } = this.last;
      this.last = longer(this.last, Math.max(object + 1, length * 2)).fill(-1, length);
    }
    this.see(thread);
  }

  private lengthen(length: number): void {
    this.thread = longer(this.thread, length);
    this.mode = Uint8Array.from({ length }, (_, i) => this.mode[i] ?? 0);
    this.waited = Uint8Array.from({ length }, (_, i) => this.waited[i] ?? 0);
    this.object = longer(this.object, length);
    this.index = longer(this.index, length);
    const was = new Float64Array(length);
    was.set(this.was);
    this.was = was;
    this.previous = longer(this.previous, length);
    this.undoAt = longer(this.undoAt, length + 1);
    this.clocks = longer(this.clocks, length * this.width);
    this.raceAt = longer(this.raceAt, length);
  }

  /** Room for more threads. */
  private widen(threads: number): void {
    const width = Math.max(threads, this.width * 2);
    const wider = (rows: Ints, count: number): Ints => {
      const result = new Int32Array(Math.max(count, rows.length / this.width) * width);
      for (let row = 0; row < rows.length / this.width; row++) {
        result.set(rows.subarray(row * this.width, (row + 1) * this.width), row * width);
      }
      return result;
    };
    this.clocks = wider(this.clocks, 0);
    this.next = wider(this.next, width);
    this.undoNext = wider(this.undoNext, 0);
    this.waiting = longer(this.waiting, width).fill(NOT_WAITING, this.width);
    this.initial = new Int32Array(width);
    this.width = width;
  }
}

function scramble(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

function longer(array: Ints, length: number): Ints {
  const result = new Int32Array(length);
  result.set(array);
  return result;
}
