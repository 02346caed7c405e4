/** How long a thread has which lock, laid out in rows beside each other: two that are held at once have two rows. */
import type { TraceStep } from '../trace/step.ts';

export interface HeldSpan {
  readonly lock: string;
  /** From 0; a row is used again once its lock is free. */
  readonly row: number;
  /** The steps that take and release it, or the last step there is. */
  readonly from: number;
  readonly to: number;
}

/** In the order of release. */
export function heldSpans(steps: readonly TraceStep[], name: string): HeldSpan[] {
  const spans: HeldSpan[] = [];
  const open = new Map<string, { row: number; from: number }>();
  const close = (lock: string, to: number): void => {
    spans.push({ lock, ...open.get(lock)!, to });
    open.delete(lock);
  };
  for (const { n, thread, held } of steps) {
    if (thread !== name) continue;
    for (const lock of [...open.keys()]) if (!held.includes(lock)) close(lock, n);
    for (const lock of held) {
      if (open.has(lock)) continue;
      const taken = [...open.values()].map(({ row }) => row);
      const row = [...taken.keys(), taken.length].find((free) => !taken.includes(free))!;
      open.set(lock, { row, from: n });
    }
  }
  for (const lock of [...open.keys()]) close(lock, steps.at(-1)!.n);
  return spans;
}
