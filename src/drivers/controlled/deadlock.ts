/**
 * Who waits for whom, and whether the waits close a circle: then nobody in it will ever go on, whatever the others do.
 *
 * A thread that waits for a lock waits for all those who hold it in a mode that keeps it out, and in a queue for those
 * before it (`Shared.waitsFor`). A thread that waits for a word
 * to have a value waits for nobody in particular: it is in no circle.
 */
import type { Step } from '../../machine/step.ts';
import type { Thread } from '../../machine/thread.ts';
import type { Violation } from './execution.ts';

/** A thread that cannot go on by itself. */
export interface Wait {
  readonly thread: Thread;
  /** What it wants to do. */
  readonly step: Step;
  /** Threads that must act first, itself perhaps; none: it waits for a word, or nobody knows. */
  readonly for: readonly Thread[];
}

export interface Deadlock {
  /** Each waits for the next, the last one for the first; no circle is shorter. Empty: all wait, but in no circle. */
  readonly cycle: readonly Wait[];
  /** Threads outside the circle that wait for somebody in it, directly or not; without a circle, all that wait. */
  readonly others: readonly Wait[];
}

/** All threads that wait, in the order of the list. */
export function waiting(threads: readonly Thread[]): Wait[] {
  return threads.flatMap((thread) => {
    const step = thread.pending;
    if (step === null || (!thread.asleep && step.object.ready(step, thread))) return [];
    return [waitOf(thread, threads)];
  });
}

/** For whom a thread waits that cannot go on. */
export function waitOf(thread: Thread, threads: readonly Thread[]): Wait {
  const step = thread.pending!;
  return { thread, step, for: [...new Set(step.object.waitsFor(step, thread, threads))] };
}

/**
 * A circle of threads that wait for each other; failing that, the fact that all who have not ended wait; null if
 * somebody can go on. The circle begins with `first` if that thread is in it.
 */
export function findDeadlock(threads: readonly Thread[], first: Thread | null = null): Deadlock | null {
  const waits = waiting(threads);
  if (waits.length === 0) return null;
  const cycle = beginningWith(first, shortestCycle(waits));
  if (cycle.length > 0) return { cycle, others: stuckBehind(cycle, waits) };
  const alive = threads.filter((thread) => thread.pending !== null);
  return waits.length === alive.length ? { cycle, others: waits } : null;
}

function shortestCycle(waits: readonly Wait[]): Wait[] {
  let shortest: Wait[] = [];
  for (const wait of waits) {
    const cycle = cycleThrough(wait, waits);
    if (cycle.length > 0 && (shortest.length === 0 || cycle.length < shortest.length)) shortest = cycle;
  }
  return shortest;
}

/** The shortest way from a thread back to itself, by breadth; empty if there is none. */
function cycleThrough(start: Wait, waits: readonly Wait[]): Wait[] {
  const seen = new Set<Wait>();
  let ways: Wait[][] = [[start]];
  while (ways.length > 0) {
    const longer: Wait[][] = [];
    for (const way of ways) {
      for (const thread of way[way.length - 1].for) {
        if (thread === start.thread) return way;
        const next = waits.find((wait) => wait.thread === thread);
        if (next === undefined || seen.has(next)) continue;
        seen.add(next);
        longer.push([...way, next]);
      }
    }
    ways = longer;
  }
  return [];
}

function beginningWith(first: Thread | null, cycle: readonly Wait[]): readonly Wait[] {
  const at = cycle.findIndex((wait) => wait.thread === first);
  return at <= 0 ? cycle : [...cycle.slice(at), ...cycle.slice(0, at)];
}

function stuckBehind(cycle: readonly Wait[], waits: readonly Wait[]): Wait[] {
  const stuck = new Set<Thread>(cycle.map((wait) => wait.thread));
  for (let before = 0; before < stuck.size;) {
    before = stuck.size;
    for (const wait of waits) if (wait.for.some((thread) => stuck.has(thread))) stuck.add(wait.thread);
  }
  return waits.filter((wait) => stuck.has(wait.thread) && !cycle.includes(wait));
}

/** What a thread that cannot go on waits for, and what it holds. */
export function describeWait({ thread, step, for: those }: Wait): string {
  const holds = those.filter((other) => other.held.some(({ lock }) => lock === step.object));
  const names = (holds.length > 0 ? holds : those)
    .map((other) => (other === thread ? 'itself' : other.name))
    .join(', ');
  const by = names === '' ? '' : ` (${holds.length > 0 ? 'held by' : 'queued behind'} ${names})`;
  const held = thread.held.map(({ lock }) => lock.describe(0)).join(', ');
  const what = step.object.describe(step.index);
  return `${thread.name} waits for ${what}${by}, holds ${held === '' ? 'nothing' : held}`;
}

/** The rule that is broken when threads wait for ever. */
export function deadlockViolation(threads: readonly Thread[]): Violation {
  return { rule: 'deadlock', witness: waiting(threads).map(describeWait).join('; ') };
}

/** A deadlock, and the number of steps after which it was there. */
export interface FoundDeadlock extends Deadlock {
  readonly at: number;
}

/** As much of an execution as that takes. */
interface Moment {
  readonly threads: readonly Thread[];
  readonly length: number;
  readonly crashed: boolean;
}

/** Asked after every step of a replay: when does a circle close? */
export class DeadlockWatch {
  found: FoundDeadlock | null = null;

  /** `thread` has acted last; `after` is the execution then. If it has crashed, nobody waits any more. */
  afterStep(thread: Thread, after: Moment): void {
    if (this.found !== null || after.crashed) return;
    const deadlock = findDeadlock(after.threads, thread);
    if (deadlock !== null) this.found = { ...deadlock, at: after.length };
  }
}
