/**
 * Locks with one holder and no queue of their own: whoever comes when the lock is free may have it. A spinlock of
 * 2.6.10 (test-and-set), a mutex (which lets newcomers barge in) and the page lock behave like this.
 */
import type { Line } from '../machine/memory.ts';
import * as kinds from '../machine/step.ts';
import { asked, Step } from '../machine/step.ts';
import { might_sleep, type Thread } from '../machine/thread.ts';
import { Lock } from './lock.ts';

// V8 folds the constants of a module where it uses them; what it imports it loads and checks each time.
const { LOCK, TRYLOCK, UNLOCK } = kinds;

/** Linux's names of lock, trylock and unlock. */
export type Verbs = readonly [string, string, string];

export abstract class ExclusiveLock extends Lock {
  owner: Thread | null = null;
  readonly lockStep: Step;
  readonly unlockStep: Step;
  private trying: Step | null = null;

  constructor(name: string, lockClass: string, spins: boolean, line: Line | null) {
    super(name, lockClass, spins, line);
    this.lockStep = new Step(LOCK, this);
    this.unlockStep = new Step(UNLOCK, this);
  }

  get trylockStep(): Step {
    return (this.trying ??= new Step(TRYLOCK, this));
  }

  protected abstract get verbs(): Verbs;

  verb(step: Step): string {
    return this.verbs[step.kind === LOCK ? 0 : step.kind === TRYLOCK ? 1 : 2];
  }
  admits(): boolean {
    return this.owner === null;
  }
  ready(step: Step): boolean {
    return step.kind !== LOCK || this.owner === null;
  }

  perform(step: Step, thread: Thread): number {
    switch (step.kind) {
      case LOCK:
        this.acquire(thread);
        return 0;
      case TRYLOCK:
        if (this.owner !== null) return 0;
        this.acquire(thread);
        return 1;
      default:
        this.drop(thread, false);
        this.owner = null;
        return 0;
    }
  }

  private acquire(thread: Thread): void {
    this.owner = thread;
    this.take(thread, false);
  }
}

/** A lock step of a sleeping lock: asking for it while atomic is a bug even if the lock is free. */
export function sleepingLock(lock: ExclusiveLock): Step {
  might_sleep();
  return asked(lock.lockStep);
}
