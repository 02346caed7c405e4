/** The lock table of a timed run: one row per lock class, counters in typed arrays. */
import { TICKS_PER_NS } from '../../machine/profile.ts';
import type { Counted } from '../../machine/step.ts';

/** One line of the table. */
export interface LockRow {
  readonly lockClass: string;
  readonly acquisitions: number;
  readonly contended: number;
  readonly waitNs: number;
  readonly maxWaitNs: number;
  readonly holdNs: number;
  readonly maxWaiters: number;
}

const COLUMNS = 6;
const ACQUISITIONS = 0;
const CONTENDED = 1;
const WAIT = 2;
const MAX_WAIT = 3;
const HOLD = 4;
const MAX_WAITERS = 5;

/** Counts in ticks. */
export class LockTable {
  private readonly classes: string[] = [];
  private counters = new Float64Array(64 * COLUMNS);

  private row(lock: Counted): number {
    if (lock.lockRow < 0) {
      const name = lock.lockClass;
      let at = this.classes.indexOf(name);
      if (at < 0) at = this.classes.push(name) - 1;
      lock.lockRow = at * COLUMNS;
      if (lock.lockRow >= this.counters.length) this.grow();
    }
    return lock.lockRow;
  }

  private grow(): void {
    const larger = new Float64Array(this.counters.length * 2);
    larger.set(this.counters);
    this.counters = larger;
  }

  /** Taken at `now[0]`. */
  acquired(lock: Counted, now: Float64Array): void {
    this.counters[this.row(lock) + ACQUISITIONS]++;
    lock.heldSince = now[0];
  }
  /** Released by its only holder. */
  released(lock: Counted, now: Float64Array): void {
    this.counters[this.row(lock) + HOLD] += now[0] - lock.heldSince;
  }
  /** Waited for from `since[thread]` until `now[0]`. */
  waited(lock: Counted, now: Float64Array, since: Float64Array, thread: number): void {
    const row = this.row(lock);
    const { counters } = this;
    const ticks = now[0] - since[thread];
    counters[row + CONTENDED]++;
    counters[row + WAIT] += ticks;
    if (ticks > counters[row + MAX_WAIT]) counters[row + MAX_WAIT] = ticks;
  }
  queued(lock: Counted, waiters: number): void {
    const row = this.row(lock);
    if (waiters > this.counters[row + MAX_WAITERS]) this.counters[row + MAX_WAITERS] = waiters;
  }

  /** Rows by name of the class. */
  rows(): LockRow[] {
    return [...this.classes].sort().map((lockClass) => {
      const at = this.classes.indexOf(lockClass) * COLUMNS;
      const { counters } = this;
      return {
        lockClass,
        acquisitions: counters[at + ACQUISITIONS],
        contended: counters[at + CONTENDED],
        waitNs: counters[at + WAIT] / TICKS_PER_NS,
        maxWaitNs: counters[at + MAX_WAIT] / TICKS_PER_NS,
        holdNs: counters[at + HOLD] / TICKS_PER_NS,
        maxWaiters: counters[at + MAX_WAITERS],
      };
    });
  }
}
