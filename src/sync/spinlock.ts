/** Spinlocks. Waiters keep their CPU busy with interrupts on; the holder must not sleep. */
import type { Line } from '../machine/memory.ts';
import { asked, type Step } from '../machine/step.ts';
import { ExclusiveLock, type Verbs } from './exclusive.ts';

const VERBS: Verbs = ['spin_lock', 'spin_trylock', 'spin_unlock'];

export class Spinlock extends ExclusiveLock {
  protected get verbs(): Verbs {
    return VERBS;
  }

  constructor(name: string, lockClass = name, line: Line | null = null) {
    super(name, lockClass, true, line);
  }
}

export function spin_lock(lock: Spinlock): Step {
  return asked(lock.lockStep);
}
/** Replies 1 if the lock was taken. */
export function spin_trylock(lock: Spinlock): Step {
  return asked(lock.trylockStep);
}
export function spin_unlock(lock: Spinlock): Step {
  return asked(lock.unlockStep);
}
