/** How results say what they are results of. */
import { visible } from '../export/escape.ts';
import type { Scenario } from '../scenario/read.ts';

/** The kernel with its patches and bugs: `v2.6.10 + no-pte-none-recheck`. */
export function kernelName({ kernel, own = [] }: Scenario): string {
  return visible([kernel.base, ...kernel.patches, ...own.map(({ name }) => name), ...kernel.bugs].join(' + '));
}

/** The first keys of every JSON result; `patches` are those of the user's own, if there are any. */
export function jsonHead(schema: string, scenario: Scenario, seed: number): object {
  const { path, sha256, kernel, own, machine } = scenario;
  const patches = own?.map(({ files: _files, replaces, ...patch }) => ({ ...patch, replaces: Object.keys(replaces) }));
  return { schema, scenario: { path, sha256 }, kernel, ...(patches !== undefined && { patches }), machine, seed };
}

/** As a word for the shell; what is not seen is written as bash has it: `$'\\u202e'`. */
export function quoted(path: string): string {
  if (/^[\w./+-]+$/.test(path)) return path;
  if (visible(path) === path) return `'${path.replaceAll("'", `'\\''`)}'`;
  return `$'${visible(path.replace(/[\\']/g, '\\$&')).replaceAll(/\\u\{(\w+)\}/g, (_all, code: string) => `\\u${code.padStart(4, '0')}`)}'`;
}

/** The options that name these patches, for the shell. */
export function patchWords(paths: readonly string[] = []): string[] {
  return paths.map((path) => `--patch ${quoted(path)}`);
}
