/** Files that commands write, and the folders they are in. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from './exit.ts';

/** Makes what is missing of a path, one folder after another: Node's own way never ends where none can be made (/proc). */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if (!existsSync(folder)) throw error; // somebody else has made it just now
  }
}

/** Throws a UsageError with one clear message. */
export function writeOutput(file: string, data: string | Uint8Array): void {
  try {
    makeFolder(dirname(file));
    writeFileSync(file, data);
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${(error as Error).message}`);
  }
}
