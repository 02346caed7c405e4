/**
 * The page lock (PG_locked): a bit of the page's flags, with a hashed wait queue. Waiters sleep, barging is possible.
 *
 * It lives on the line of its struct page. Where there are millions of pages, a lock that nobody has or asks for can be given
 * to another page (`PageLocks.reuse`).
 */
import { asked, type Shared, type Step } from '../machine/step.ts';
import type { Thread } from '../machine/thread.ts';
import { ExclusiveLock, sleepingLock, type Verbs } from './exclusive.ts';

const VERBS: Verbs = ['lock_page', 'trylock_page', 'unlock_page'];

/** What has the bit. */
export interface Lockable extends Shared {
  readonly pfn: number;
  dropLock(): void;
}

export class PageLock extends ExclusiveLock {
  protected get verbs(): Verbs {
    return VERBS;
  }
  private page: Lockable;
  private readonly pool: PageLocks;
  /** Steps that have been asked for and have not taken effect. */
  asks = 0;
  /** The next one that nobody uses. */
  nextUnused: PageLock | null = null;

  constructor(page: Lockable, pool: PageLocks) {
    super('PG_locked', 'PG_locked', false, null);
    this.page = page;
    this.pool = pool;
    this.confinedTo = page.confinedTo;
  }
  override describe(): string {
    return `page ${this.page.pfn} lock`;
  }
  override ownLine(): null {
    return null;
  }
  override onLineOf(): Shared {
    return this.page;
  }
  /** A thread on the CPU has it, and nobody else asks for it. */
  isOf(cpu: number): boolean {
    return this.owner !== null && this.owner.cpu === cpu && this.asks === 0 && this.waiters === null;
  }
  override perform(step: Step, thread: Thread): number {
    this.asks--;
    const reply = super.perform(step, thread);
    if (this.owner === null && this.asks === 0 && this.pool.reuse) this.leave();
    return reply;
  }
  private leave(): void {
    this.page.dropLock();
    this.pool.give(this);
  }
  /** It is the lock of another page from now on. */
  moveTo(page: Lockable): this {
    this.page = page;
    this.confinedTo = page.confinedTo;
    return this;
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

/** The page locks of a zone. */
export class PageLocks {
  /** Give locks that nobody uses to other pages: only where it does not matter which lock is which. */
  reuse = false;
  private unused: PageLock | null = null;

  take(page: Lockable): PageLock {
    const lock = this.unused;
    if (lock === null) return new PageLock(page, this);
    this.unused = lock.nextUnused;
    return lock.moveTo(page);
  }
  give(lock: PageLock): void {
    lock.nextUnused = this.unused;
    this.unused = lock;
  }
}

function step(lock: PageLock, step: Step): Step {
  lock.asks++;
  return asked(step);
}

export function lock_page(lock: PageLock): Step {
  lock.asks++;
  return sleepingLock(lock);
}
/** Replies 1 if the page was locked. */
export function trylock_page(lock: PageLock): Step {
  return step(lock, lock.trylockStep);
}
export function unlock_page(lock: PageLock): Step {
  return step(lock, lock.unlockStep);
}
