/** Mutexes: waiters sleep; a newcomer may take a free mutex before the sleeper it was freed for. */
import type { Line } from '../machine/memory.ts';
import { asked, type Step } from '../machine/step.ts';
import { ExclusiveLock, sleepingLock, type Verbs } from './exclusive.ts';

const VERBS: Verbs = ['mutex_lock', 'mutex_trylock', 'mutex_unlock'];

export class Mutex extends ExclusiveLock {
  protected get verbs(): Verbs {
    return VERBS;
  }

  constructor(name: string, lockClass = name, line: Line | null = null) {
    super(name, lockClass, false, line);
  }
}

export function mutex_lock(lock: Mutex): Step {
  return sleepingLock(lock);
}
/** Replies 1 if the mutex was taken. */
export function mutex_trylock(lock: Mutex): Step {
  return asked(lock.trylockStep);
}
export function mutex_unlock(lock: Mutex): Step {
  return asked(lock.unlockStep);
}
