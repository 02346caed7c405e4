/** What the kernel keeps with each thread: the part of task_struct that page faults use. */
import { running, type Thread } from '../machine/thread.ts';

export class Task {
  /** Levels of code that must not sleep or fault: each atomic kmap is one (CONFIG_HIGHPTE). */
  preempt_count = 0;
  /** Prefault patches: where the next fault is if accesses go on in sequence, and the order of the last batch. */
  anon_fault_next_addr = 0;
  anon_fault_order = 0;
  /** Requests to the disk that it has not waited for. */
  requests = 0;
  /** Pages of files it has mapped that are not in rss yet, and faults since they were (SPLIT_RSS_COUNTING). */
  rss_stat = 0;
  rss_events = 0;
  /** Ptes it has written, and those of them that were none and are present now. */
  ptesWritten = 0;
  ptesMapped = 0;
  /** What these were when its fault began, and how often its page of ptes had been written then. */
  writtenBefore = 0;
  mappedBefore = 0;
  writesNearBefore = 0;
  /**
   * How many pages each of its faults has mapped, in order: [pages, so many faults in a row]. Null: nobody asks; a benchmark has
   * millions.
   */
  batches: [pages: number, faults: number][] | null = null;

  /** A fault is over that has mapped so many pages. */
  faulted(pages: number): void {
    if (this.batches === null) return;
    const last = this.batches.at(-1);
    if (last !== undefined && last[0] === pages) last[1]++;
    else this.batches.push([pages, 1]);
  }
}

export function taskOf(thread: Thread): Task {
  return (thread.task ??= new Task()) as Task;
}

/** The task of the thread that runs. */
export function current(): Task {
  return taskOf(running);
}

/** May the running code neither sleep nor take a fault? */
export function in_atomic(): boolean {
  return current().preempt_count > 0;
}
