/** What happened under the clock: plain data. Times are ticks of virtual time (`TICKS_PER_NS`). */
import type { Frame } from './step.ts';

/**
 * What a thread was at.
 *
 * - `work`: private work, steps on cache lines that its CPU had, and reading pages that are mapped
 * - `transfer`: a step or plain access whose cache line had to come from elsewhere, hand-over of a lock included
 * - `zero`: zeroing a page, waiting for the memory bus included
 * - `spin`: waiting on its CPU
 * - `sleep`: waiting off its CPU
 * - `ready`: let go, until it has its CPU
 */
export type SpanKind = 'work' | 'transfer' | 'zero' | 'spin' | 'sleep' | 'ready';

export interface Task {
  readonly id: number;
  readonly name: string;
  /** Where it was started. */
  readonly cpu: number;
  /** Of a device: it runs on no CPU. */
  readonly device: boolean;
}

/** Spans of a task follow each other without gaps, from its first to its last. */
export interface Span {
  readonly task: Task;
  /** Where it is in the end: a task that floats may have been moved since it was started. */
  readonly cpu: number;
  readonly from: number;
  readonly to: number;
  readonly kind: SpanKind;
  /** The work, word or lock: `find_vma`, `mm.rss`, `mm.page_table_lock`. */
  readonly what: string;
  /** Class of the lock it waited for; empty if it was none. */
  readonly lockClass: string;
  /** Class of the innermost lock that it held exclusively; empty if there was none. */
  readonly holding: string;
  /** Innermost frame first; the same array for the same stack. */
  readonly stack: readonly Frame[];
}

/** One lock. */
export interface LockName {
  /** In the order of first use, from 1. */
  readonly number: number;
  readonly name: string;
  readonly lockClass: string;
  /** As `perf lock` has it: `spinlock`, `rwsem`, `mutex`. */
  readonly type: string;
}

export interface LockEvent {
  readonly task: Task;
  /** Where it is. */
  readonly cpu: number;
  readonly at: number;
  readonly what: 'contended' | 'acquired' | 'released';
  readonly lock: LockName;
  readonly shared: boolean;
  /** Spinning locks that the task holds, this one included. */
  readonly depth: number;
  /** Innermost frame first. */
  readonly stack: readonly Frame[];
}

/** Who wants to hear of it. Events of one task come in order; those of different tasks need not. */
export interface TimedSink {
  /** `user`: in user mode. */
  span?(span: Span, user: boolean): void;
  lock?(event: LockEvent): void;
}
