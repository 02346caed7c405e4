/** Spinlocks. Waiters keep their CPU busy with interrupts on; the holder must not sleep. */
import type { Line } from '../machine/memory.ts';
import type { Step } from '../machine/step.ts';
import { ExclusiveLock } from './exclusive.ts';

export class Spinlock extends ExclusiveLock {
  constructor(name: string, lockClass = name, line: Line | null = null) {
    super(name, lockClass, true, line);
  }
}

export function spin_lock(lock: Spinlock): Step {
  return lock.lockStep;
}
/** Replies 1 if the lock was taken. */
export function spin_trylock(lock: Spinlock): Step {
  return lock.trylockStep;
}
export function spin_unlock(lock: Spinlock): Step {
  return lock.unlockStep;
}
