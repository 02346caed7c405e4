/**
 * Critical sections of a timed run. A section is a class of locks and the function that took the lock: a thread is in that
 * of the lock it took last and still holds, so that each moment of a thread is in one section or in none.
 */
import { type Counted, LOCK, observeAsked, type Shared, type Step, TRYLOCK_SHARED, UNLOCK } from '../machine/step.ts';
import { type Held, running, type Thread } from '../machine/thread.ts';
import { observeCharges } from '../machine/work.ts';
import { Backtraces } from './backtrace.ts';

/**
 * The section is the caller's of functions that return with the lock held, such as `pte_offset_map_lock`, and of those that
 * are parts of Linux's functions here and have names of our own.
 */
const HELPER = /(^|_)lock(_|$)|[A-Z]/;

export class Sections {
  private readonly backtraces = new Backtraces();
  /** By thread id: the function that has asked for a lock last. */
  private readonly takenIn: Map<Shared, string>[] = [];

  /** While `run` runs: where locks are taken, and `charged`, who may charge something else for private work. */
  watch<T>(run: () => T, charged: (id: number, ticks: number) => number): T {
    observeAsked((step) => {
      if (running.id >= 0 && isTaking(step)) this.asks(step.object);
    });
    observeCharges(charged);
    try {
      return run();
    } finally {
      observeAsked(null);
      observeCharges(null);
    }
  }

  /** What the thread is in, as `&mm->page_table_lock in do_anonymous_page`; '' if it holds nothing. */
  of(thread: Thread): string {
    const held = thread.held.findLast(({ lock }) => classOf(lock) !== '');
    return held === undefined
      ? ''
      : `${nameOf(held)} in ${this.takenIn[thread.id]?.get(held.lock) ?? 'another thread'}`;
  }

  private asks(lock: Shared): void {
    const frames = this.backtraces.now();
    const taker = frames.find(({ fn }) => !HELPER.test(fn)) ?? frames[0];
    (this.takenIn[running.id] ??= new Map<Shared, string>()).set(lock, taker?.fn ?? 'user program');
  }
}

function isTaking({ kind }: Step): boolean {
  return kind >= LOCK && kind <= TRYLOCK_SHARED && kind !== UNLOCK;
}

function nameOf({ lock, shared }: Held): string {
  return shared ? `${classOf(lock)} (read)` : classOf(lock);
}

function classOf(lock: Shared): string {
  return (lock as Partial<Counted>).lockClass ?? '';
}
