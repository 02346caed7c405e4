/** Progress on stderr: one line that is redrawn, only on a terminal and only when not told to be quiet. */
import type { Io } from './io.ts';

export interface Progress {
  /** Say how far things are; cheap, drawn at most ten times a second. */
  update(text: () => string): void;
  /** Take the line away. */
  done(): void;
}

const EVERY_MS = 100;

export function progress(io: Io, quiet: boolean): Progress {
  if (quiet || !io.interactive) return { update: () => undefined, done: () => undefined };
  let drawn = 0;
  return {
    update(text) {
      const now = performance.now();
      if (now - drawn < EVERY_MS) return;
      drawn = now;
      io.err(`\r\u001b[K${text()}`);
    },
    done() {
      if (drawn > 0) io.err('\r\u001b[K');
    },
  };
}
