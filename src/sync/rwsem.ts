/**
 * Reader/writer semaphores as in lib/rwsem.c: first come, first served. A writer that waits stops later readers;
 * a release wakes one writer or the leading run of readers and hands them the semaphore. Arriving is therefore an
 * effect of its own: a step that cannot have the semaphore joins the queue and is woken by a later release.
 */
import type { Line } from '../machine/memory.ts';
import {
  asked,
  BLOCKED,
  LOCK,
  LOCK_SHARED,
  Step,
  TRYLOCK,
  TRYLOCK_SHARED,
  UNLOCK,
  UNLOCK_SHARED,
} from '../machine/step.ts';
import { might_sleep, type Thread, wake } from '../machine/thread.ts';
import { Lock } from './lock.ts';

interface Waiter {
  readonly thread: Thread;
  readonly shared: boolean;
}

/** Names of the lock steps, in the order of their kinds. */
const VERBS = ['down_write', 'down_write_trylock', 'up_write', 'down_read', 'down_read_trylock', 'up_read'];

export class RwSemaphore extends Lock {
  /** Threads that hold it for reading; who they are is in their own books. */
  readers = 0;
  writer: Thread | null = null;
  readonly queue: Waiter[] = [];
  readonly steps: readonly Step[];

  constructor(name: string, lockClass = name, line: Line | null = null) {
    super(name, lockClass, false, line);
    this.steps = [LOCK, TRYLOCK, UNLOCK, LOCK_SHARED, TRYLOCK_SHARED, UNLOCK_SHARED].map(
      (kind) => new Step(kind as Step['kind'], this),
    );
  }

  verb(step: Step): string {
    return VERBS[step.kind - LOCK];
  }

  /** Lock steps join a queue instead of waiting to be ready. */
  readonly queues = true;

  ready(): boolean {
    return true;
  }
  admits(step: Step): boolean {
    return this.free(step.kind === LOCK_SHARED || step.kind === TRYLOCK_SHARED);
  }

  perform(step: Step, thread: Thread): number {
    switch (step.kind) {
      case LOCK:
      case LOCK_SHARED: {
        const shared = step.kind === LOCK_SHARED;
        if (this.free(shared)) {
          this.grant(thread, shared);
          return 0;
        }
        this.queue.push({ thread, shared });
        return BLOCKED;
      }
      case TRYLOCK:
      case TRYLOCK_SHARED: {
        const shared = step.kind === TRYLOCK_SHARED;
        if (!this.free(shared)) return 0;
        this.grant(thread, shared);
        return 1;
      }
      case UNLOCK:
        this.drop(thread, false);
        this.writer = null;
        break;
      default:
        this.drop(thread, true);
        this.readers--;
    }
    this.wakeQueue();
    return 0;
  }

  /** Also for those who came before. */
  override waitsFor(step: Step, thread: Thread, all: readonly Thread[]): Thread[] {
    const place = this.queue.findIndex((waiter) => waiter.thread === thread);
    const ahead = place < 0 ? this.queue : this.queue.slice(0, place);
    return [...super.waitsFor(step, thread, all), ...ahead.map((waiter) => waiter.thread)];
  }

  private free(shared: boolean): boolean {
    if (this.writer !== null || this.queue.length > 0) return false;
    return shared || this.readers === 0;
  }

  private grant(thread: Thread, shared: boolean): void {
    if (shared) this.readers++;
    else this.writer = thread;
    this.take(thread, shared);
  }

  private wakeQueue(): void {
    while (this.queue.length > 0 && this.writer === null) {
      const head = this.queue[0];
      if (!head.shared && this.readers > 0) return;
      this.queue.shift();
      this.grant(head.thread, head.shared);
      wake(head.thread);
    }
  }
}

export function down_write(sem: RwSemaphore): Step {
  might_sleep();
  return asked(sem.steps[0]);
}
/** Replies 1 if the semaphore was taken. */
export function down_write_trylock(sem: RwSemaphore): Step {
  return asked(sem.steps[1]);
}
export function up_write(sem: RwSemaphore): Step {
  return asked(sem.steps[2]);
}
export function down_read(sem: RwSemaphore): Step {
  might_sleep();
  return asked(sem.steps[3]);
}
/** Replies 1 if the semaphore was taken. */
export function down_read_trylock(sem: RwSemaphore): Step {
  return asked(sem.steps[4]);
}
export function up_read(sem: RwSemaphore): Step {
  return asked(sem.steps[5]);
}
