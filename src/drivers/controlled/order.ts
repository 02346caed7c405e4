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
 * steps in common with the one before. Everything is in typed arrays. A clock is a row that is never changed once
 * somebody refers to it, so that it may be the clock of an event, and what the next step of its thread comes after, and
 * what that was before another change.
 */
import type { Words } from '../../machine/memory.ts';
import type { Step } from '../../machine/step.ts';
import * as effects from './effect.ts';
import type { Mode, Relation } from './effect.ts';
import { type Execution, NotTheSame } from './execution.ts';

// V8 folds the constants of a module where it uses them; what it imports it loads and checks each time.
const { CLOSES, isOnAll, isTake, MODES, QUEUES, traitsOf, WAITS } = effects;
const { acquire, none, synchronize, update, write, writeAll } = effects.Mode;

/** A step as the order sees it: what it does to which word of which object. */
export interface Effect {
  mode: Mode;
  /** Serial number of the object, counted from the beginning of the execution. */
  object: number;
  index: number;
  /** Value of the word until then, if it changes. */
  was: number;
  /** Operand of the step: of one that waits, the value that it waits for. */
  value: number;
  /** See `traitsOf`. */
  traits: number;
}

/** A step that was taken in, or is looked at before it is. */
export class Event implements Effect {
  thread = 0;
  mode: Mode = none;
  object = 0;
  index = 0;
  was = 0;
  value = 0;
  traits = 0;
  /** Position of the event before on the same object, -1 for none. */
  previous = -1;
  /** Where the clock begins of what happened before it. */
  clock = 0;
  /** And that of what its thread came after before it. */
  cameAfter = 0;
  /** Height of the undo stack before it. */
  undoAt = 0;

  /** Did it wait for a word to have a value? */
  get waited(): boolean {
    return (this.traits & WAITS) !== 0;
  }
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
  /** Events taken in: so many of `events`, which are used again. */
  length = 0;
  readonly events: Event[] = [];
  /** The last event on each object, -1 for none. */
  private last = new Int32Array(64).fill(-1);
  /** Number of threads there is room for: the length of a row. */
  private width: number;
  /** Clocks, one after another. Of thread t: position + 1 of its last step that happened before; 0 for none. */
  private rows: Ints;
  private rowsInUse = 1;
  /** Where the clock begins of what the next step of each thread comes after: at 0 there is nothing. */
  private next: Ints;
  /** Event by which each thread has joined a queue it has not left. */
  private waiting: Ints;
  /** What `next` and `waiting` of a thread were before another thread let it go on. */
  private undoThread: Ints;
  private undoWaiting: Ints;
  private undoNext: Ints;
  private undoTop = 0;
  private readonly relation: Relation;
  private readonly conflict: Uint8Array;
  private readonly releasesFor: Uint8Array;
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
    this.conflict = relation.inConflict;
    this.releasesFor = relation.releasesFor;
    this.width = width;
    this.rows = new Int32Array(64 * width);
    this.next = new Int32Array(width);
    this.waiting = new Int32Array(width).fill(NOT_WAITING);
    this.raceAt = new Int32Array(64);
    this.initial = new Int32Array(width);
    this.undoThread = new Int32Array(64);
    this.undoWaiting = new Int32Array(64);
    this.undoNext = new Int32Array(64);
  }

  /** Did the step at `a` happen before the one at `b` (or is it the same)? */
  before(a: number, b: number): boolean {
    return this.rows[this.events[b].clock + this.events[a].thread] > a;
  }

  /** Position + 1 of the last step of `other` that happened before the event; 0 for none. */
  known(event: number, other: number): number {
    return other < this.threads ? this.rows[this.events[event].clock + other] : 0;
  }

  /** The same of what `thread` has done just before its step at `next`; `length`: it has not come yet. */
  knownBefore(next: number, thread: number, other: number): number {
    if (thread >= this.threads || other >= this.threads) return 0;
    return this.rows[(next === this.length ? this.next[thread] : this.events[next].cameAfter) + other];
  }

  /** Do two events not commute? */
  inConflict(a: number, b: number): boolean {
    const { events } = this;
    return events[a].object === events[b].object && this.conflicts(events[a], events[b]);
  }

  /**
   * What a step would do now. It is written where the next event goes, and so is good until the next step is looked at;
   * `add` takes it in.
   */
  effectOf(execution: Execution, step: Step): Event {
    const { length } = this;
    if (length === this.events.length) this.events.push(new Event());
    const event = this.events[length];
    const mode = this.relation.modeOf(step);
    const { object } = step;
    const serial = object.serial - execution.firstSerial;
    if (serial < 0) throw new NotTheSame(madeTooEarly(step));
    if (serial >= this.last.length) this.roomForObject(serial);
    event.mode = mode;
    event.object = serial;
    event.index = object.base + step.index;
    event.was = mode === write || mode === update ? (object as Words).get(step.index) : 0;
    event.value = step.value;
    event.traits = traitsOf(step, mode);
    return event;
  }

  /** Number of events with which a step that `thread` does next races; `raceAt` says where they are. */
  races(thread: number, effect: Effect): number {
    this.see(thread);
    if (this.threads === 1) return 0;
    const { raceAt, rows, events } = this;
    let found = 0;
    const waits = (effect.traits & WAITS) !== 0;
    const mine = this.next[thread];
    for (let i = this.last[effect.object]; i >= 0; i = events[i].previous) {
      const event = events[i];
      const closes = (event.traits & CLOSES) !== 0;
      const other = event.thread;
      const known = rows[mine + other] > i;
      if (!this.conflicts(event, effect)) {
        if (closes && known) break;
        continue;
      }
      if (!known && this.possibleBefore(event, effect)) {
        let hidden = false;
        for (let n = 0; n < found && !hidden; n++) {
          const k = events[raceAt[n]];
          hidden = rows[k.clock + other] > i && !(waits && k.mode === writeAll);
        }
        if (!hidden) raceAt[found++] = i;
      }
      // The rest came before it.
      if (closes || (event.mode === write && effect.mode <= write && !waits)) break;
    }
    return found;
  }

  /** Is the order of two effects on one object an order that matters? */
  private conflicts(a: Event, b: Effect | Event): boolean {
    if (this.conflict[a.mode * MODES + b.mode] === 0) return false;
    return a.index === b.index || isOnAll(a.mode) || isOnAll(b.mode);
  }

  /**
   * Could the step have taken effect just before the event, with which it is in conflict? Steps that wait could not
   * always: a word must have had the value before it was changed (`writeAll` does not say), and a lock without a queue
   * was free before somebody took it, not before somebody tried it in vain.
   */
  private possibleBefore(event: Event, { mode, traits, value }: Effect): boolean {
    if ((traits & WAITS) !== 0) return event.was === value || event.mode === writeAll;
    if (mode === acquire && (traits & QUEUES) === 0) return isTake(event.mode);
    return true;
  }

  /** One of the threads that `initials` finds, with less ado. */
  initialOf(at: number, thread: number): number {
    const { rows, events } = this;
    const first = events[at].thread;
    for (let k = at + 1; k < this.length; k++) if (rows[events[k].clock + first] <= at) return events[k].thread;
    return thread;
  }

  /**
   * Number of threads, never 0, that can begin a run of what did not happen after position `at`, and then the step of
   * `thread`; `initial` says which.
   */
  initials(at: number, thread: number, effect: Effect): number {
    const { begun, initial, rows, events } = this;
    let begins = 0;
    for (let id = 0; id < this.threads; id++) begun[id] = NEVER;
    let free = true;
    const first = events[at].thread;
    for (let k = at + 1; k < this.length; k++) {
      const event = events[k];
      if (rows[event.clock + first] > at) continue;
      const id = event.thread;
      if (begun[id] === NEVER) {
        if (!this.comesLater(event.clock)) initial[begins++] = id;
        begun[id] = k;
      }
      if (free && event.object === effect.object && this.conflicts(event, effect)) free = false;
    }
    if (free && !this.comesLater(this.next[thread])) initial[begins++] = thread;
    return begins;
  }

  /** Does the clock know one of the steps with which the run has begun? */
  private comesLater(row: number): boolean {
    const { begun, threads, rows } = this;
    for (let id = 0; id < threads; id++) if (rows[row + id] > begun[id]) return true;
    return false;
  }

  /** Take in the step that was looked at last: `thread` does it. */
  add(thread: number): void {
    const at = this.length++;
    const event = this.events[at];
    const { object } = event;
    this.makeRoom(at, thread);
    event.thread = thread;
    event.undoAt = this.undoTop;
    event.cameAfter = this.next[thread];
    const row = this.copyRow(event.cameAfter);
    this.orderAfter(row, event);
    this.rows[row + thread] = at + 1;
    event.clock = row;
    this.next[thread] = row;
    event.previous = this.last[object];
    this.last[object] = at;
  }

  private orderAfter(row: number, effect: Event): void {
    if (this.threads === 1) return; // one alone knows all that it has done
    const { mode } = effect;
    const inQueue = (effect.traits & QUEUES) !== 0;
    const { events } = this;
    const { releasesFor } = this;
    for (let i = this.last[effect.object]; i >= 0; i = events[i].previous) {
      const other = events[i];
      if (this.conflicts(other, effect)) {
        this.join(row, i);
        if (other.mode === write && mode <= write) break; // the rest came before it
      } else if (!inQueue && releasesFor[other.mode * MODES + mode] === 1) this.join(row, i);
      if ((other.traits & CLOSES) !== 0) break;
    }
  }

  /** What came of the event taken in last: did it join a queue, whom did it let go on? */
  settle(blocked: boolean, released: readonly { readonly id: number }[]): void {
    const at = this.length - 1;
    const { thread, traits } = this.events[at];
    if ((traits & QUEUES) !== 0) {
      if (blocked) this.waiting[thread] = at;
      else this.afterReleases(thread, at);
    }
    if (released.length > 0) for (const { id } of released) this.goesOn(id, at);
  }

  private goesOn(thread: number, at: number): void {
    this.see(thread);
    this.save(thread);
    const arrival = this.waiting[thread];
    this.waiting[thread] = NOT_WAITING;
    if (arrival === NOT_WAITING) this.join(this.nextOf(thread), at);
    else this.afterReleases(thread, arrival);
    if (this.events[at].mode === none) this.bornAt[thread] = at;
  }

  /** The next step of a thread that has got a queued lock comes after the releases that made way. */
  private afterReleases(thread: number, arrival: number): void {
    const { events } = this;
    const { mode, object } = events[arrival];
    const next = this.nextOf(thread);
    for (let i = this.last[object]; i >= 0; i = events[i].previous) {
      if (this.releasesFor[events[i].mode * MODES + mode] === 0 || this.cameLater(i, arrival)) continue;
      this.join(next, i);
    }
  }

  /** Is this the release of a reader that came when the grace period had begun? It does not wait for that. */
  private cameLater(release: number, arrival: number): boolean {
    const { events } = this;
    if (events[arrival].mode !== synchronize) return false;
    for (let i = events[release].previous; i > arrival; i = events[i].previous) {
      if (events[i].thread === events[release].thread && isTake(events[i].mode)) return true;
    }
    return false;
  }

  /** What the next step of the thread comes after, to be changed. */
  private nextOf(thread: number): number {
    return (this.next[thread] = this.copyRow(this.next[thread]));
  }

  private join(row: number, event: number): void {
    const { rows, threads } = this;
    const { thread, clock: other } = this.events[event];
    if (rows[row + thread] > event) return; // and with it all that it comes after
    for (let t = 0; t < threads; t++) if (rows[other + t] > rows[row + t]) rows[row + t] = rows[other + t];
  }

  private copyRow(from: number): number {
    const { width, threads } = this;
    const row = this.rowsInUse++ * width;
    if (row === this.rows.length) this.rows = longer(this.rows, row * 2);
    const { rows } = this;
    for (let t = 0; t < threads; t++) rows[row + t] = rows[from + t];
    return row;
  }

  /** Forget all events from position `length` on. */
  takeBack(length: number): void {
    if (this.length <= length) return;
    const { events } = this;
    this.rowsInUse = events[length].clock / this.width;
    while (this.length > length) {
      const event = events[--this.length];
      this.last[event.object] = event.previous;
      while (this.undoTop > event.undoAt) {
        const top = --this.undoTop;
        const thread = this.undoThread[top];
        this.waiting[thread] = this.undoWaiting[top];
        this.next[thread] = this.undoNext[top];
      }
      this.waiting[event.thread] = NOT_WAITING;
      this.next[event.thread] = event.cameAfter;
    }
  }

  private save(thread: number): void {
    const top = this.undoTop++;
    if (top === this.undoThread.length) {
      this.undoThread = longer(this.undoThread, top * 2);
      this.undoWaiting = longer(this.undoWaiting, top * 2);
      this.undoNext = longer(this.undoNext, top * 2);
    }
    this.undoThread[top] = thread;
    this.undoWaiting[top] = this.waiting[thread];
    this.undoNext[top] = this.next[thread];
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
    const { threads, rows, events } = this;
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
        const last = rows[events[at].clock + t];
        if (last > 0) after = (after + scramble(names[t] ^ Math.imul(nth[last - 1], 0x9e3779b1))) | 0;
      }
      add(scramble(names[events[at].thread] + nth[at]), after);
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
    return Int32Array.from({ length: this.length }, (_, at) => ++steps[this.events[at].thread]);
  }

  /** A number for the thread that depends on who has started it, and not on when. */
  private nameOf(thread: number, nth: Int32Array): number {
    const birth = this.bornAt[thread] ?? -1;
    if (birth < 0 || birth >= this.length) return scramble(thread + 1);
    return scramble(this.nameOf(this.events[birth].thread, nth) + nth[birth]);
  }

  /** The last event on the object, -1 for none. */
  lastOn(object: number): number {
    return object < this.last.length ? this.last[object] : -1;
  }

  private roomForObject(object: number): void {
    const { length } = this.last;
    this.last = longer(this.last, Math.max(object + 1, length * 2)).fill(-1, length);
  }

  private makeRoom(at: number, thread: number): void {
    if (at === this.raceAt.length) this.raceAt = longer(this.raceAt, at * 2);
    this.see(thread);
  }

  /** Room for more threads. */
  private widen(threads: number): void {
    const { width: before, rows, rowsInUse } = this;
    const width = Math.max(threads, before * 2);
    const moved = (row: number): number => (row / before) * width;
    this.rows = new Int32Array((rows.length / before) * width);
    for (let row = 0; row < rowsInUse; row++) {
      this.rows.set(rows.subarray(row * before, (row + 1) * before), row * width);
    }
    for (const event of this.events) {
      event.clock = moved(event.clock);
      event.cameAfter = moved(event.cameAfter);
    }
    this.undoNext = this.undoNext.map(moved);
    this.next = longer(this.next.map(moved), width);
    this.waiting = longer(this.waiting, width).fill(NOT_WAITING, before);
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
