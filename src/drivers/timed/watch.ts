/** Whoever wants to see a timed run, and not only its result. It changes nothing. All times are ticks. */
import type { Words } from '../../machine/memory.ts';
import type { Thread } from '../../machine/thread.ts';

export interface Watcher {
  /** The thread goes on at `now` to its next step, with private work on its CPU; that of a device costs nothing. */
  resumes(thread: Thread, now: number, device: boolean): void;
  /** Its next charge is for this plain access. */
  touches(words: Words, index: number): void;
  /** Its pending step is about to take effect at `done`; its CPU has been at it since `from`. */
  step(thread: Thread, from: number, done: number): void;
  /** It has come to a stop at `now`: it spins, sleeps, is pushed off its CPU, or has ended. */
  stops(thread: Thread, now: number): void;
  /** What it waited for has come about at `now`. */
  granted(thread: Thread, now: number): void;
}
