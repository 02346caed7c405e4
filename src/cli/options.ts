/** Options that several commands share, and how their values are read. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError } from 'commander';
import { nearest, quote } from '../scenario/diagnostic.ts';
import { UsageError } from './exit.ts';

/** Choices of options and arguments, known before a command is loaded. */
export const STRATEGIES = ['portfolio', 'dpor', 'bounded', 'delay', 'pct', 'urw', 'random', 'all'] as const;
export const LISTS = ['scenarios', 'kernels', 'machines', 'invariants', 'marks'] as const;
export const FORMATS = ['table', 'json', 'ndjson'] as const;
/** Formats of `check`, and files of `run`, `explore` and `replay` for other people's tools. */
export const CHECK_FORMATS = [...FORMATS, 'junit', 'tap'] as const;
export const EXPORTS = [
  ...(['lock_stat', 'perf-lock', 'collapsed', 'speedscope'] as const),
  ...(['chrome', 'perfetto', 'ftrace', 'csv', 'ndjson'] as const),
] as const;
export const LAYOUT_FORMATS = ['plain', 'pahole', 'json'] as const;
export type LayoutFormat = (typeof LAYOUT_FORMATS)[number];
/** Of a word, and of a cache line. */
export const LAYOUT_BITS = ['64', '32'] as const;
export const LAYOUT_LINES = ['32', '64', '128'] as const;
export type Format = (typeof FORMATS)[number];
/** Where they are not given. */
export const USUAL = { strategy: 'portfolio', seed: 1 } as const;

export interface CommonOptions {
  readonly format: Format;
  readonly seed: number;
  readonly quiet: boolean;
  /** Files of patches of the user's own; not for all commands. */
  readonly patch?: readonly string[];
}

/** The largest `--scale`: of 16 GiB it leaves one page of 16 KiB. */
export const MAX_SCALE = 1_000_000;

/** A whole number from `min` to `max`, for commander. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** Several of them: the option is given again, or has commas. */
export function wholeNumbers(min: number): (text: string, before: readonly number[]) => number[] {
  return (text, before) => [...before, ...text.split(',').map(wholeNumber(min))];
}

/** By what something is multiplied, for commander. */
export function factor(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0.001 && value <= 1000)) {
    throw new InvalidArgumentError('It must be a number from 0.001 to 1000, such as 0.5.');
  }
  return value;
}

/** All values of an option that may be given several times, for commander. */
export function several(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** Of the package. */
export function version(): string {
  const manifest = createRequire(import.meta.url)('../../package.json') as { version: string };
  return manifest.version;
}

/** The folder of the package, which holds scenarios/. */
export function packageRoot(): string {
  return dirname(dirname(dirname(fileURLToPath(import.meta.url))));
}

/** All scenario files of the package, relative to `scenarios/`. */
export function packagedScenarios(): string[] {
  const root = join(packageRoot(), 'scenarios');
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.split(sep).join('/'))
    .sort();
}

/** A path as given, or the file of a packaged scenario given by name: `races/anon-fault+anon-fault` or its last part. */
export function scenarioPath(given: string): string {
  if (existsSync(given)) return given;
  const files = packagedNamed(given);
  if (files.length > 1) throw new UsageError(`'${given}' could be ${files.join(' or ')}`);
  if (files.length === 1) return packaged(files[0]);
  if (isScenarioFile(given)) return given;
  const guess = nearestPackaged(given);
  const meant = guess === undefined ? '' : `. Did you mean ${quote(guess)}?`;
  throw new UsageError(
    `${quote(given)} is no file and no scenario of the package (see 'faultline list scenarios')${meant}`,
  );
}

/** Whether it is one by its looks: a file of YAML, or the name of one of the package. */
export function looksLikeScenario(given: string): boolean {
  return isScenarioFile(given) || (!existsSync(given) && packagedNamed(given).length > 0);
}

function isScenarioFile(path: string): boolean {
  return /\.ya?ml$/.test(path);
}

function packagedNamed(given: string): string[] {
  return packagedScenarios().filter((file) => `/${file}`.endsWith(`/${given}.yaml`));
}

/** The name most like it, with its folder or without. */
function nearestPackaged(given: string): string | undefined {
  const names = packagedScenarios().map((file) => file.replace(/\.yaml$/, ''));
  const guess = nearest(given, [...names, ...names.map((name) => basename(name))]);
  return names.find((name) => name === guess) ?? names.find((name) => basename(name) === guess);
}

/** Where a scenario file of the package is, from here if that is near. */
export function packaged(file: string): string {
  const path = join(packageRoot(), 'scenarios', file);
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : near;
}
