/**
 * Happens-before of an execution, as vector clocks over trace positions, and the races in it: pairs of steps of
 * different threads that do not commute, that nothing but their own order keeps apart, and that could have come in
 * the other order.
 *
 * - A lock step is ordered after the releases that let it go on, and races with the lock step before it.
 * - A step that waits for a value races with the last change before which the word had that value: what came in
 *   between could not have been passed.
 * - A queued lock (rwsem) is joined in one step and had from a later moment on: what orders it after a release is
 *   charged to the thread's *next* step, because joining the queue commutes with the release.
 * - A thread starts after the step that started it.
 */
import { BLOCKED, type Step } from '../../machine/step.ts';
import type { Thread } from '../../machine/thread.ts';
import { awaitsValue, type Effect, machineRelation, Mode, possibleBefore, queues, type Relation } from './effect.ts';
import type { Event } from './execution.ts';

/** clock[t]: position + 1 of the last step of thread t that happened before; 0 for none. */
type Clock = Int32Array;

export interface Race {
  /** Position of the step that came first. */
  readonly at: number;
  /** Threads that can act first if, from there on, the other step is to come without it. Never empty. */
  readonly initials: readonly number[];
}

export class Order {
  private readonly clocks: Clock[] = [];
  /** What the next step of each thread comes after. */
  private readonly next: Clock[];
  /** Queued lock steps that have not been granted yet, by thread. */
  private readonly waiting = new Map<Thread, Effect>();
  private readonly events: readonly Event[];
  /** Positions of the steps on each object. */
  private readonly onObject = new Map<object, number[]>();
  private readonly relation: Relation;

  constructor(events: readonly Event[], threads: number, relation = machineRelation) {
    this.events = events;
    this.next = Array.from({ length: threads }, () => new Int32Array(threads));
    this.relation = relation;
  }

  /** Did the step at `a` happen before the one at `b` (or is it the same)? */
  before(a: number, b: number): boolean {
    return this.knows(this.clocks[b], a);
  }

  private knows(clock: Clock, position: number): boolean {
    return clock[this.events[position].thread.id] > position;
  }

  /** Take in the next event of the trace; returns its races with the events before it. */
  add(): Race[] {
    const at = this.clocks.length;
    const event = this.events[at];
    const { thread, effect } = event;
    const races = this.races(thread, event.step, effect);
    const clock = this.next[thread.id].slice();
    const onObject = this.positionsOn(effect);
    for (const i of onObject) {
      if (this.relation.dependent(this.events[i].effect, effect)) join(clock, this.clocks[i]);
    }
    if (!queues(effect)) this.joinReleases(clock, effect, onObject);
    clock[thread.id] = at + 1;
    this.clocks.push(clock);
    onObject.push(at);
    this.next[thread.id] = clock.slice();
    this.afterwards(event, clock, onObject);
    return races;
  }

  private positionsOn({ object }: Effect): number[] {
    let positions = this.onObject.get(object);
    if (positions === undefined) this.onObject.set(object, (positions = []));
    return positions;
  }

  /** Races of the step that `thread` does next, or would do if it could, with the events taken in so far. */
  races(thread: Thread, step: Step, effect: Effect): Race[] {
    const known = this.next[thread.id];
    const candidates = this.positionsOn(effect).filter(
      (i) =>
        this.relation.dependent(this.events[i].effect, effect) &&
        !this.knows(known, i) &&
        possibleBefore(step, effect, this.events[i].effect),
    );
    const hides = (k: number): boolean => !awaitsValue(step) || this.events[k].effect.mode !== Mode.writeAll;
    return candidates
      .filter((i) => !candidates.some((k) => k !== i && hides(k) && this.before(i, k)))
      .map((at) => ({ at, initials: this.initials(at, thread, effect) }));
  }

  /** Threads that can begin a run of what did not happen after position `at`, and then `effect` of `thread`. */
  private initials(at: number, thread: Thread, effect: Effect): number[] {
    const begun = new Array<number>(this.next.length).fill(Infinity);
    const comesLater = (clock: Clock): boolean => begun.some((position, id) => clock[id] > position);
    const initials: number[] = [];
    let free = true;
    for (let k = at + 1; k < this.clocks.length; k++) {
      if (this.before(at, k)) continue;
      const { id } = this.events[k].thread;
      if (!comesLater(this.clocks[k])) initials.push(id);
      begun[id] = Math.min(begun[id], k);
      if (this.relation.dependent(this.events[k].effect, effect)) free = false;
    }
    if (free && !comesLater(this.next[thread.id])) initials.push(thread.id);
    return initials;
  }

  private joinReleases(clock: Clock, effect: Effect, earlier: readonly number[]): void {
    for (const i of earlier) {
      if (this.relation.releasesFor(this.events[i].effect.mode, effect.mode)) join(clock, this.clocks[i]);
    }
  }

  /** What the step does to the clocks of threads that go on after it. */
  private afterwards(event: Event, clock: Clock, onObject: readonly number[]): void {
    if (queues(event.effect)) {
      if (event.reply === BLOCKED) this.waiting.set(event.thread, event.effect);
      else this.joinReleases(this.next[event.thread.id], event.effect, onObject);
    }
    for (const thread of event.released) {
      const wanted = this.waiting.get(thread);
      this.waiting.delete(thread);
      if (wanted === undefined) join(this.next[thread.id], clock);
      else this.joinReleases(this.next[thread.id], wanted, onObject);
    }
  }
}

function join(into: Clock, other: Clock): void {
  for (let i = 0; i < into.length; i++) if (other[i] > into[i]) into[i] = other[i]!;
}
