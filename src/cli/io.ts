/** Where a command writes: results to stdout, everything else to stderr. Tests put their own in place. */
import pc from 'picocolors';
import type { Colors } from '../report/lanes.ts';

export interface Io {
  readonly out: (text: string) => void;
  /** stdout, where a file is written there in place of the result. */
  readonly instead?: (text: string) => void;
  readonly err: (text: string) => void;
  /** Columns of stdout. */
  readonly width: number;
  readonly colors: Colors;
  /** stderr is a terminal: progress may be redrawn. */
  readonly interactive: boolean;
}

export function processIo(): Io {
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    width: process.stdout.columns ?? Number(process.env['COLUMNS'] ?? 80),
    colors: pc.createColors(process.stdout.isTTY && pc.isColorSupported && process.env['NO_COLOR'] === undefined),
    interactive: process.stderr.isTTY,
  };
}
