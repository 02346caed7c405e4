/** Progress on stderr, when not told to be quiet: a line that is redrawn on a terminal, elsewhere a line now and then. */
import { visible } from '../export/escape.ts';
import type { Io } from './io.ts';

export interface Progress {
  /** Say how far things are; cheap, drawn at most ten times a second. */
  update(text: () => string): void;
  /** Take the line away. */
  done(): void;
}

const REDRAWN_MS = 100;
/** In a log: often enough to see that it goes on. */
const WRITTEN_MS = 30_000;

export function progress(io: Io, quiet: boolean, clock: () => number = () => performance.now()): Progress {
  if (quiet) return { update: () => undefined, done: () => undefined };
  return io.interactive ? redrawn(io, clock) : written(io, clock);
}

function redrawn(io: Io, clock: () => number): Progress {
  let drawn = 0;
  return {
    update(text) {
      const now = clock();
      if (now - drawn < REDRAWN_MS) return;
      drawn = now;
      io.err(`\r\u001b[K${visible(text())}`);
    },
    done() {
      if (drawn > 0) io.err('\r\u001b[K');
    },
  };
}

function written(io: Io, clock: () => number): Progress {
  let last = clock();
  return {
    update(text) {
      const now = clock();
      if (now - last < WRITTEN_MS) return;
      last = now;
      io.err(`faultline: ${visible(text())}\n`);
    },
    done: () => undefined,
  };
}
