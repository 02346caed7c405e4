/**
 * Happens-before of an execution, as vector clocks over trace positions, and the races in it: pairs of steps of
 * different threads that do not commute and that nothing but their own order keeps apart.
 *
 * - A lock step is ordered after the releases that let it go on, and races with the lock step before it.
 * - A queued lock (rwsem) is joined in one step and had from a later moment on: what orders it after a release is
 *   charged to the thread's *next* step, because joining the queue commutes with the release.
 * - A thread starts after the step that started it.
 */
import { BLOCKED } from '../../machine/step.ts';
import type { Thread } from '../../machine/thread.ts';
import { dependent, type Effect, Mode, releasesFor } from './effect.ts';
import type { Event } from './execution.ts';

/** clock[t]: position + 1 of the last step of thread t that happened before; 0 for none. */
type Clock = Int32Array;

export interface Race {
  readonly earlier: number;
  readonly later: number;
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

  constructor(events: readonly Event[], threads: number) {
    this.events = events;
    this.next = Array.from({ length: threads }, () => new Int32Array(threads));
  }

  /** Did the step at `a` happen before the one at `b` (or is it the same)? */
  before(a: number, b: number): boolean {
    return this.clocks[b][this.events[a].thread.id] > a;
  }

  /** Take in the next event of the trace; returns the positions it races with. */
  add(): number[] {
    const at = this.clocks.length;
    const event = this.events[at];
    const clock = this.next[event.thread.id].slice();
    const earlier = this.onObject.get(event.effect.object) ?? [];
    const races = this.racesWith(event.effect, clock, earlier);
    for (const i of earlier) {
      if (dependent(this.events[i].effect, event.effect)) join(clock, this.clocks[i]);
    }
    if (!queues(event)) this.joinReleases(clock, event.effect, earlier);
    clock[event.thread.id] = at + 1;
    this.clocks.push(clock);
    earlier.push(at);
    this.onObject.set(event.effect.object, earlier);
    this.next[event.thread.id] = clock.slice();
    this.afterwards(event, clock, earlier);
    return races;
  }

  /** Positions of steps that do not commute with `effect` and that `thread` does not know of yet. */
  unordered(thread: Thread, effect: Effect, until: number): number[] {
    const clock = this.next[thread.id];
    return (this.onObject.get(effect.object) ?? []).filter(
      (i) => i < until && dependent(this.events[i].effect, effect) && clock[this.events[i].thread.id] <= i,
    );
  }

  private racesWith(effect: Effect, clock: Clock, earlier: readonly number[]): number[] {
    const candidates = earlier.filter(
      (i) => dependent(this.events[i].effect, effect) && clock[this.events[i].thread.id] <= i,
    );
    return candidates.filter((i) => !candidates.some((k) => k !== i && this.before(i, k)));
  }

  private joinReleases(clock: Clock, effect: Effect, earlier: readonly number[]): void {
    for (const i of earlier) {
      if (releasesFor(this.events[i].effect.mode, effect.mode)) join(clock, this.clocks[i]);
    }
  }

  /** What the step does to the clocks of threads that go on after it. */
  private afterwards(event: Event, clock: Clock, onObject: readonly number[]): void {
    if (queues(event)) {
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

  /** Positions between `earlier` and `later` that did not happen after `earlier`. */
  notAfter(earlier: number, later: number): number[] {
    const rest: number[] = [];
    for (let k = earlier + 1; k < later; k++) if (!this.before(earlier, k)) rest.push(k);
    return rest;
  }
}

/** Is this a step that joins the queue of a lock (or could have)? */
function queues(event: Event): boolean {
  const { mode, object } = event.effect;
  const takes = mode === Mode.acquire || mode === Mode.acquireShared;
  return takes && (object as { queues?: boolean }).queues === true;
}

function join(into: Clock, other: Clock): void {
  for (let i = 0; i < into.length; i++) if (other[i] > into[i]) into[i] = other[i]!;
}
