/**
 * Read-copy-update: readers are in nobody's way, and whoever has taken something out of sight waits until those who may
 * still see it have left.
 *
 * A grace period begins when `synchronize_rcu` takes effect and ends when the last of those leaves who were inside at
 * that moment; readers who come later do not delay it. Real ones last longer: to be woken late is to be held up. Read
 * sections nest, and only the outermost ends are steps: what lies between is a counter of the thread's own. As in
 * classic RCU a reader must not sleep.
 *
 * Left out: that grace periods are shared and their callbacks come in batches; `rcu_barrier`; callbacks run as threads
 * on the CPU of the caller, not in its softirq, and the grace period of `call_rcu` begins when that thread first acts.
 */
import {
  asked,
  BLOCKED,
  type Coroutine,
  LOCK_SHARED,
  NOTHING,
  Step,
  SYNCHRONIZE,
  UNLOCK_SHARED,
} from '../machine/step.ts';
import { Birth, might_sleep, running, spawn, type Thread, wake } from '../machine/thread.ts';
import { Lock } from './lock.ts';

interface GracePeriod {
  readonly thread: Thread;
  /** Those who were inside when it began and have not left. */
  readonly readers: Set<Thread>;
}

export class Rcu extends Lock {
  /** Read sections that each thread is in. */
  readonly depth = new Map<Thread, number>();
  /** Those that have begun and not ended. */
  private gracePeriods: GracePeriod[] = [];
  private readonly callbacks = new Map<Thread, number>();
  readonly lockStep = new Step(LOCK_SHARED, this);
  readonly unlockStep = new Step(UNLOCK_SHARED, this);
  readonly synchronizeStep = new Step(SYNCHRONIZE, this);
  /** Who synchronizes is woken, and does not wait to be ready. */
  readonly queues = true;

  constructor(name = 'rcu') {
    super(name, name, true, null);
  }

  verb(step: Step): string {
    if (step.kind === SYNCHRONIZE) return 'synchronize_rcu';
    return step.kind === LOCK_SHARED ? 'rcu_read_lock' : 'rcu_read_unlock';
  }
  /** Readers share nothing, their counters are their own. */
  override ownLine(): null {
    return null;
  }
  ready(): boolean {
    return true;
  }
  admits(step: Step): boolean {
    return step.kind === LOCK_SHARED || this.depth.size === 0;
  }

  perform(step: Step, thread: Thread): number {
    switch (step.kind) {
      case LOCK_SHARED:
        this.take(thread, true);
        this.depth.set(thread, 1);
        return 0;
      case UNLOCK_SHARED:
        this.drop(thread, true);
        this.depth.delete(thread);
        this.leave(thread);
        return 0;
      default:
        if (this.depth.size === 0) return 0;
        this.gracePeriods.push({ thread, readers: new Set(this.depth.keys()) });
        return BLOCKED;
    }
  }

  private leave(reader: Thread): void {
    this.gracePeriods = this.gracePeriods.filter(({ thread, readers }) => {
      readers.delete(reader);
      if (readers.size === 0) wake(thread);
      return readers.size > 0;
    });
  }

  /** Not for those who came later. */
  override waitsFor(step: Step, thread: Thread): Thread[] {
    if (step.kind !== SYNCHRONIZE) return [];
    const begun = this.gracePeriods.find((period) => period.thread === thread);
    return [...(begun?.readers ?? this.depth.keys())];
  }

  /** Name of the next callback of the thread that runs. */
  nextCallback(): string {
    const n = (this.callbacks.get(running) ?? 0) + 1;
    this.callbacks.set(running, n);
    return `${running.name}.rcu${n}`;
  }
}

export function rcu_read_lock(rcu: Rcu): Step | Coroutine {
  const depth = rcu.depth.get(running);
  if (depth === undefined) return asked(rcu.lockStep);
  rcu.depth.set(running, depth + 1);
  return NOTHING;
}
export function rcu_read_unlock(rcu: Rcu): Step | Coroutine {
  const depth = rcu.depth.get(running) ?? 0;
  if (depth <= 1) return asked(rcu.unlockStep);
  rcu.depth.set(running, depth - 1);
  return NOTHING;
}
/** Sleep until all have left who are reading now. */
export function synchronize_rcu(rcu: Rcu): Step {
  might_sleep();
  return asked(rcu.synchronizeStep);
}
/** Have `callback` run after a grace period; does not wait. */
export function call_rcu(rcu: Rcu, callback: () => Coroutine): Step {
  return spawn(new Birth(rcu.nextCallback(), running.cpu, () => after_grace_period(rcu, callback)));
}

function* after_grace_period(rcu: Rcu, callback: () => Coroutine): Coroutine {
  yield* synchronize_rcu(rcu);
  yield* callback();
}
