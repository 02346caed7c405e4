/** What a run ends with, in ticks: to be equal in all forms and languages. */
import type { TimedResult } from '../src/drivers/timed/run.ts';
import { TICKS_PER_NS } from '../src/machine/profile.ts';

export interface Outcome {
  readonly wall: number;
  readonly user: number;
  readonly system: number;
  readonly steps: number;
  /** By class: acquisitions, contended, wait, longest wait, hold, most waiters. */
  readonly locks: Readonly<Record<string, readonly number[]>>;
}

/** An outcome and the CPU seconds it took to get it. */
export interface Sample extends Outcome {
  readonly seconds: number;
}

function ticks(ns: number): number {
  return Math.round(ns * TICKS_PER_NS);
}

export function outcomeOf(result: TimedResult): Outcome {
  if (result.stuck.length > 0) throw new Error(`${result.stuck.length} threads are stuck`);
  const rows = result.locks.map((row): [string, number[]] => [
    row.lockClass,
    [row.acquisitions, row.contended, ticks(row.waitNs), ticks(row.maxWaitNs), ticks(row.holdNs), row.maxWaiters],
  ]);
  return {
    wall: ticks(result.wallNs),
    user: ticks(result.userNs),
    system: ticks(result.systemNs),
    steps: result.steps,
    locks: Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** The first difference in words; null if there is none. */
export function difference(a: Outcome, b: Outcome): string | null {
  for (const key of ['wall', 'user', 'system', 'steps'] as const) {
    if (a[key] !== b[key]) return `${key} ${a[key]} and ${b[key]}`;
  }
  for (const name of new Set([...Object.keys(a.locks), ...Object.keys(b.locks)])) {
    const [ours, theirs] = [String(a.locks[name]), String(b.locks[name])];
    if (ours !== theirs) return `${name} ${ours} and ${theirs}`;
  }
  return null;
}
