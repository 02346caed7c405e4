/** What `npm run build` has made of src/. Without it, or after a change of src/, `npm test` builds first. */
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

function changed(path: string): number {
  return statSync(join(ROOT, path), { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;
}

/** dist/ is not there, or something that it is made of is newer. */
export function isOld(): boolean {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).map((path) =>
    join('src', path),
  );
  const all = [...sources, 'scripts/flatten.ts', 'scripts/fold.ts', 'tsconfig.json', 'tsconfig.build.json'];
  return Math.max(...all.map(changed)) > changed('dist/cli/main.js');
}

function fresh(path: string): string {
  if (isOld()) throw new Error('dist/ is older than src/: npm run build');
  return join(ROOT, 'dist', path);
}

/** A module; `path` from src/, without its suffix. */
export async function built<T>(path: string): Promise<T> {
  return (await import(fresh(`${path}.js`))) as T;
}

/** The program, for Node. */
export const program = (): string => fresh('cli/main.js');
