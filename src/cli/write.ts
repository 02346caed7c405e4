/** Files that commands write, and the folders they are in. */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
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

/** Throws a UsageError if a file to be written is one that the command reads, by whatever name. */
export function refuseOverwriting(read: readonly string[], written: readonly string[]): void {
  const names = new Map(read.map((file) => [identityOf(file), file]));
  for (const file of written) {
    const name = names.get(identityOf(file));
    if (name === undefined) continue;
    const why = name === file ? 'this command reads it' : `it is ${name}, which this command reads`;
    throw new UsageError(`cannot write ${file}: ${why}`);
  }
}

/** The same for all names and links of a file; of one that is not there yet it is the path. */
function identityOf(file: string): string {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return resolve(file);
  }
}
