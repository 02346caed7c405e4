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
    width: widthOf(process.stdout.columns, process.env['COLUMNS']),
    colors: pc.createColors(process.stdout.isTTY && pc.isColorSupported && process.env['NO_COLOR'] === undefined),
    interactive: process.stderr.isTTY,
  };
}

const USUAL_WIDTH = 80;
/** Below the first nothing can be laid out, above the second nobody reads a line. */
const [NARROWEST, WIDEST] = [40, 200];

/** Columns of the terminal, else those of the variable; 80 where that is no number of columns. */
export function widthOf(terminal: number | undefined, variable: string | undefined): number {
  const columns = terminal ?? Number(variable);
  if (!Number.isSafeInteger(columns) || columns <= 0) return USUAL_WIDTH;
  return Math.min(WIDEST, Math.max(NARROWEST, columns));
}
