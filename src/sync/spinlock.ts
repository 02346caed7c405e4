/** Spinlocks. Waiters keep their CPU busy with interrupts on; the holder must not sleep. */
import type { Line } from '../machine/memory.ts';
import { asked, type Step } from '../machine/step.ts';
import { ExclusiveLock } from './exclusive.ts';

export class Spinlock extends ExclusiveLock {
  protected readonly verbs = ['spin_lock', 'spin_trylock', 'spin_unlock'] as const;

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
