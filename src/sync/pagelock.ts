/** The page lock (PG_locked): a bit with a hashed wait queue. Waiters sleep, barging is possible. */
import type { Line } from '../machine/memory.ts';
import { asked, type Step } from '../machine/step.ts';
import type { Thread } from '../machine/thread.ts';
import { ExclusiveLock, sleepingLock, type Verbs } from './exclusive.ts';

const VERBS: Verbs = ['lock_page', 'trylock_page', 'unlock_page'];

export class PageLock extends ExclusiveLock {
  protected get verbs(): Verbs {
    return VERBS;
  }

  constructor(name: string, line: Line | null = null) {
    super(name, 'PG_locked', false, line);
  }
  /** Whoever locked the page has asked a device to read it: that will unlock it. */
  disown(thread: Thread): void {
    this.drop(thread, false);
  }
  adopt(thread: Thread): void {
    this.owner = thread;
    this.take(thread, false);
  }
}

export function lock_page(lock: PageLock): Step {
  return sleepingLock(lock);
}
/** Replies 1 if the page was locked. */
export function trylock_page(lock: PageLock): Step {
  return asked(lock.trylockStep);
}
export function unlock_page(lock: PageLock): Step {
  return asked(lock.unlockStep);
}
