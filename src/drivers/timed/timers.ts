/**
 * Moments at which threads go on that no CPU takes there: those that sleep for a time, and those of devices. Ordered by
 * (time, id of the thread), as CPUs are by (time, rank): a binary heap.
 */
import type { Thread } from '../../machine/thread.ts';
import { firstTimer } from './cells.ts';

export class Timers {
  private readonly heap: { readonly time: number; readonly thread: Thread }[] = [];

  add(time: number, thread: Thread): void {
    const { heap } = this;
    let at = heap.push({ time, thread }) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && this.before(at, parent); parent = (at - 1) >> 1) {
      this.swap(at, parent);
      at = parent;
    }
    firstTimer[0] = heap[0].time;
  }

  /** The thread whose moment is the first one. There must be one. */
  take(): Thread {
    const { heap } = this;
    const { thread } = heap[0];
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.sink();
    }
    firstTimer[0] = heap.length > 0 ? heap[0].time : Infinity;
    return thread;
  }

  private sink(): void {
    const { heap } = this;
    for (let at = 0; ;) {
      let least = at;
      for (let child = 2 * at + 1; child <= 2 * at + 2; child++) {
        if (child < heap.length && this.before(child, least)) least = child;
      }
      if (least === at) return;
      this.swap(at, least);
      at = least;
    }
  }

  private before(a: number, b: number): boolean {
    const [one, other] = [this.heap[a], this.heap[b]];
    return one.time < other.time || (one.time === other.time && one.thread.id < other.thread.id);
  }

  private swap(a: number, b: number): void {
    [this.heap[a], this.heap[b]] = [this.heap[b], this.heap[a]];
  }
}
