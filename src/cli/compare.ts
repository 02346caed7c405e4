/** `faultline compare`: two kernels, machines or files of results, side by side. */
import { visible } from '../export/escape.ts';
import { type Compared, compareFigures, compareTable, type Figure, isChange, worseBy } from '../report/compare.ts';
import { wrap } from '../report/wrap.ts';
import { EXIT, UsageError } from './exit.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { figuresOf, isResultFile, readResults, type Result, resultsIn, titleOf } from './results.ts';
import { run } from './run.ts';

export interface CompareOptions extends CommonOptions {
  /** Exit 1 if something is worse by more percent than that. */
  readonly failAbove?: number;
}

interface Side {
  /** As it was asked for. */
  readonly name: string;
  readonly results: readonly Result[];
  readonly figures: readonly Figure[][];
}

export async function compare(io: Io, before: string, after: string, options: CompareOptions): Promise<number> {
  const { patch = [] } = options;
  if (patch.length > 0 && after.split(',').every(isResultFile))
    throw new UsageError(`--patch is for a scenario that is run now, and ${after} is a result: give it to that run`);
  const sides = [await sideOf(io, before, { ...options, patch: [] }), await sideOf(io, after, options)] as const;
  const all = compareFigures(sides[0].figures, sides[1].figures);
  if (all.length === 0) throw new UsageError(`nothing to compare: ${sides.map(rowsOf).join('; ')}`);
  const failed = options.failAbove === undefined ? [] : all.filter((one) => tooBad(one, options.failAbove!));
  if (options.format === 'table') io.out(text(io, sides, all, failed));
  else if (options.format === 'ndjson') for (const one of all) io.out(`${JSON.stringify(compared(one))}\n`);
  else io.out(`${JSON.stringify(json(sides, all, failed), null, 2)}\n`);
  return failed.length > 0 ? EXIT.finding : EXIT.ok;
}

/** Locks are reasons, not results. */
function tooBad(one: Compared, percent: number): boolean {
  return one.lock === '' && worseBy(one) > percent;
}

/** Files with commas between them, folders, or a scenario that is run now. */
async function sideOf(io: Io, name: string, options: CompareOptions): Promise<Side> {
  const results: Result[] = [];
  for (const part of name.split(','))
    results.push(...(isResultFile(part) ? readResults(part) : await runNow(io, part, options)));
  return { name, results, figures: results.map(figuresOf) };
}

async function runNow(io: Io, scenario: string, options: CompareOptions): Promise<Result[]> {
  if (/\.(json|ndjson)$/.test(scenario)) throw new UsageError(`there is no file ${scenario}`);
  let out = '';
  const quiet = { ...io, out: (part: string) => void (out += part) };
  await run(quiet, scenario, { ...options, format: 'json' });
  return resultsIn(out, `the run of ${scenario}`);
}

/** What rows a side has, for those who find none in common. */
function rowsOf({ name, figures }: Side): string {
  const rows = [...new Set(figures.flat().map(({ row }) => (row === '' ? 'a run of threads' : row)))];
  return `${visible(name)} has ${rows.slice(0, 4).join(', ')}${rows.length > 4 ? ', ...' : ''}`;
}

function text(io: Io, sides: readonly [Side, Side], all: readonly Compared[], failed: readonly Compared[]): string {
  const lines = [
    ...sideLines(io, 'before', sides[0]),
    ...sideLines(io, 'after', sides[1]),
    '',
    ...compareTable(all, Math.min(io.width, 100)),
    ...onlyOne(sides).flatMap((sentence) => wrap(sentence, io.width)),
    ...wrap(meaning(sides, all), io.width),
    ...failed.map((one) => io.colors.red(`WORSE: ${one.metric}${one.row === '' ? '' : `, ${one.row}`}`)),
  ];
  return `${lines.join('\n')}\n`;
}

function sideLines({ width }: Io, word: string, { name, results }: Side): string[] {
  const titles = [...new Set(results.map(titleOf))].join('; ');
  const runs = results.length === 1 ? 'one run' : `${results.length} runs`;
  return wrap(`${word}: ${visible(name)} (${titles}; ${runs})`, width);
}

/** Rows that one side has and the other has not. */
function onlyOne([before, after]: readonly [Side, Side]): string[] {
  const rows = ({ figures }: Side): string[] => [...new Set(figures.flat().map(({ row }) => row))];
  const [a, b] = [rows(before), rows(after)];
  const said = (word: string, those: readonly string[]): string[] =>
    those.length === 0 ? [] : [`only ${word}: ${those.join(', ')}`];
  return [...said('before', a.filter((row) => !b.includes(row))), ...said('after', b.filter((row) => !a.includes(row)))]; // prettier-ignore
}

/** How to read the last column. */
function meaning([before, after]: readonly [Side, Side], all: readonly Compared[]): string {
  const fewest = Math.min(before.results.length, after.results.length);
  if (fewest < 2)
    return 'one run on a side: a run is deterministic, so a change is one of the model; no spread, no test';
  const few = fewest < 4 ? '; fewer than 4 runs a side cannot show a change at 0.05' : '';
  const changes = all.filter(isChange).length;
  return `mean ±standard deviation; p of a Mann-Whitney U test, ~ if not below 0.05 (${changes} of ${all.length} are)${few}`;
}

function json(sides: readonly [Side, Side], all: readonly Compared[], failed: readonly Compared[]): object {
  const [before, after] = sides.map(({ name, results }) => ({ name, runs: results.length, of: results.map(titleOf) }));
  return { schema: 'faultline.compare/1', before, after, rows: all.map(compared), worse: failed.map(compared) };
}

function compared(one: Compared): object {
  return { ...one, significant: isChange(one) };
}
