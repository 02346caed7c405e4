/** Results of `faultline run --format json`, read again: what can be compared in them. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { visible } from '../export/escape.ts';
import type { Figure } from '../report/compare.ts';
import { UsageError } from './exit.ts';
import { plural } from '../machine/plural.ts';

const number = z.number();
const lock = z.object({
  lockClass: z.string(),
  acquisitions: number,
  contended: number,
  waitNs: number,
  holdNs: number,
});
const locks = z.array(lock);
const pftRow = z.object({
  ...{ gb: number, repetitions: number, threads: number },
  ...{ userS: number, systemS: number, wallS: number, faultsPerCpuS: number, faultsPerWallS: number, locks },
});
const latProcRow = z.object({
  kind: z.string(),
  machine: z.string(),
  columns: z.array(z.object({ patch: z.string().nullable(), microseconds: number, lines: number, misses: number })),
});
const seqreadRow = z.object({
  ...{ gib: number, processes: number, threads: number, order: number.nullable() },
  ...{ seconds: number, userS: number, systemS: number, exitS: number, locks },
});
const head = {
  schema: z.literal('faultline.run/1'),
  scenario: z.object({ path: z.string() }),
  kernel: z.object({ base: z.string(), patches: z.array(z.string()), bugs: z.array(z.string()) }),
  machine: z.object({ profile: z.string(), cpus: number }),
  /** Of the user's own. */
  patches: z.array(z.object({ name: z.string() })).optional(),
};
const resultSchema = z.union([
  z.object({ ...head, rows: z.array(pftRow) }),
  z.object({ ...head, rows: z.array(latProcRow) }),
  z.object({ ...head, rows: z.array(seqreadRow) }),
  z.object({ ...head, wallNs: number, userNs: number, systemNs: number, faults: number, locks }),
]);

export type Result = z.infer<typeof resultSchema>;

const EXPECTED = "expected what 'faultline run <scenario> --format json' prints";

/** All results of a file (one, a list, or one a line) or of the files of a folder. */
export function readResults(path: string): Result[] {
  if (!statSync(path).isDirectory()) return readFile(path);
  const files = readdirSync(path).filter((file) => /\.(json|ndjson)$/.test(file));
  if (files.length === 0) throw new UsageError(`there are no results in ${path}: no .json and no .ndjson`);
  return files.sort().flatMap((file) => readFile(join(path, file)));
}

function readFile(path: string): Result[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
  return resultsIn(text, path);
}

/** `from` is where the text is from, for messages. */
export function resultsIn(text: string, from: string): Result[] {
  const values = parse(text);
  if (values === null) throw new UsageError(`${from} is not JSON: ${EXPECTED}`);
  if (values.length === 0) throw new UsageError(`${from} is empty: ${EXPECTED}`);
  return values.map((value) => {
    const parsed = resultSchema.safeParse(value);
    if (parsed.success) return parsed.data;
    const { schema } = (value ?? {}) as { schema?: unknown };
    const what = typeof schema === 'string' ? `a ${visible(schema)}` : 'no result of a run';
    throw new UsageError(`${from} is ${what}${schema === 'faultline.run/1' ? ' without figures' : ''}: ${EXPECTED}`);
  });
}

function parse(text: string): unknown[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as unknown[]) : [value];
  } catch {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    try {
      return lines.map((line): unknown => JSON.parse(line));
    } catch {
      return null;
    }
  }
}

export function isResultFile(path: string): boolean {
  return existsSync(path) && (statSync(path).isDirectory() || /\.(json|ndjson)$/.test(path));
}

/** Kernel and machine, in words. */
export function titleOf({ kernel, machine, patches = [] }: Result): string {
  const name = [kernel.base, ...kernel.patches, ...patches.map((own) => own.name), ...kernel.bugs].join(' + ');
  return visible(`kernel ${name}, machine ${machine.profile} with ${plural(machine.cpus, 'CPU')}`);
}

/** Names of other people are made visible here. */
export function figuresOf(result: Result): Figure[] {
  if (!('rows' in result)) return threadFigures(result);
  return result.rows.flatMap((row) => {
    if ('columns' in row) return latProcFigures(row);
    return 'gib' in row ? seqreadFigures(row) : pftFigures(row);
  });
}

function pftFigures(one: z.infer<typeof pftRow>): Figure[] {
  const { gb, repetitions, threads, faultsPerWallS, faultsPerCpuS, wallS, systemS, userS } = one;
  const row = `${gb} GiB x${repetitions}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  const whole = { row, lock: '' };
  return [
    { ...whole, metric: 'fault/wsec', unit: '/s', better: 'more', value: faultsPerWallS },
    { ...whole, metric: 'flt/cpu/s', unit: '/s', better: 'more', value: faultsPerCpuS },
    { ...whole, metric: 'Wall', unit: 's', better: 'less', value: wallS },
    { ...whole, metric: 'System', unit: 's', better: 'less', value: systemS },
    { ...whole, metric: 'User', unit: 's', better: 'less', value: userS },
    ...lockFigures(row, one.locks),
  ];
}

function seqreadFigures(one: z.infer<typeof seqreadRow>): Figure[] {
  const order = one.order === null ? '' : `, order ${one.order}`;
  const readers = one.threads > 1 ? plural(one.threads, 'thread') : plural(one.processes, 'process', 'processes');
  const row = `${one.gib} GiB, ${readers}${order}`;
  const whole = { row, lock: '', unit: 's', better: 'less' } as const;
  return [
    { ...whole, metric: 'seconds', value: one.seconds },
    { ...whole, metric: 'System', value: one.systemS },
    { ...whole, metric: 'User', value: one.userS },
    { ...whole, metric: 'exit', value: one.exitS },
    ...lockFigures(row, one.locks),
  ];
}

function threadFigures(one: Extract<Result, { wallNs: number }>): Figure[] {
  const whole = { row: '', lock: '', better: 'less' } as const;
  return [
    { ...whole, metric: 'wall', unit: 'ns', value: one.wallNs },
    { ...whole, metric: 'system', unit: 'ns', value: one.systemNs },
    { ...whole, metric: 'user', unit: 'ns', value: one.userNs },
    { ...whole, metric: 'faults', unit: 'count', value: one.faults },
    ...lockFigures('', one.locks),
  ];
}

function latProcFigures({ kind, machine, columns }: z.infer<typeof latProcRow>): Figure[] {
  return columns.flatMap(({ patch, microseconds, lines, misses }) => {
    const row = visible([kind, machine, patch ?? 'arrays'].join(' '));
    const whole = { row, lock: '', better: 'less' } as const;
    return [
      { ...whole, metric: 'time', unit: 'us', value: microseconds },
      { ...whole, metric: 'lines', unit: 'count', value: lines },
      { ...whole, metric: 'misses', unit: 'count', value: misses },
    ] satisfies Figure[];
  });
}

function lockFigures(row: string, all: z.infer<typeof locks>): Figure[] {
  return all.flatMap(({ lockClass, waitNs, holdNs, contended }) => {
    const mine = { row, lock: visible(lockClass), better: 'less' } as const;
    return [
      { ...mine, metric: 'lock: total wait', unit: 'ns', value: waitNs },
      { ...mine, metric: 'lock: total hold', unit: 'ns', value: holdNs },
      { ...mine, metric: 'lock: contended', unit: 'count', value: contended },
    ] satisfies Figure[];
  });
}
