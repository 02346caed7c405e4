/** Two sides of a comparison, value beside value, as benchstat and `perf diff` print them. */
import { mannWhitney } from './significance.ts';
import { cut } from './wrap.ts';

/** One quantity of one run. */
export interface Figure {
  /** What is compared: `fault/wsec`, `total wait`. */
  readonly metric: string;
  readonly unit: 's' | 'ns' | 'us' | '/s' | 'count';
  readonly better: 'more' | 'less';
  /** The row of the table it is of; empty: there is but one. */
  readonly row: string;
  /** Class of the lock it is of; empty: it is of the row as a whole. */
  readonly lock: string;
  readonly value: number;
}

export interface Sample {
  readonly mean: number;
  /** Standard deviation in percent of the mean; null if there is one value. */
  readonly spread: number | null;
  readonly values: readonly number[];
}

export interface Compared extends Omit<Figure, 'value'> {
  readonly before: Sample;
  readonly after: Sample;
  /** In percent; null where there was nothing before. */
  readonly change: number | null;
  /** That a difference like this is chance; null: too few values. */
  readonly p: number | null;
}

export const ALPHA = 0.05;

/** What both sides have, in the order of the first. Each side is the figures of one run after the other. */
export function compareFigures(before: readonly Figure[][], after: readonly Figure[][]): Compared[] {
  const [olds, news] = [grouped(before), grouped(after)];
  return [...olds].flatMap(([key, old]) => {
    const fresh = news.get(key);
    if (fresh === undefined) return [];
    const [a, b] = [sampleOf(old.values), sampleOf(fresh.values)];
    const change = a.mean === 0 ? (b.mean === 0 ? 0 : null) : (b.mean / a.mean - 1) * 100;
    return [{ ...old.figure, before: a, after: b, change, p: mannWhitney(a.values, b.values) }];
  });
}

function keyOf({ metric, row, lock }: Figure): string {
  return JSON.stringify([metric, row, lock]);
}

function grouped(runs: readonly Figure[][]): Map<string, { figure: Omit<Figure, 'value'>; values: number[] }> {
  const groups = new Map<string, { figure: Omit<Figure, 'value'>; values: number[] }>();
  for (const one of runs.flat()) {
    const { value, ...figure } = one;
    const group = groups.get(keyOf(one)) ?? { figure, values: [] };
    group.values.push(value);
    groups.set(keyOf(one), group);
  }
  return groups;
}

function sampleOf(values: readonly number[]): Sample {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, spread: null, values };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, spread: mean === 0 ? 0 : (Math.sqrt(variance) / Math.abs(mean)) * 100, values };
}

/** Is it a change that several runs do not make by chance, or that there is no chance in? */
export function isChange({ change, p }: Compared): boolean {
  return change !== 0 && (p === null || p < ALPHA);
}

/** By how many percent it has become worse; 0 if it has not. */
export function worseBy(compared: Compared): number {
  if (!isChange(compared)) return 0;
  const change = compared.change ?? Infinity;
  return Math.max(0, compared.better === 'less' ? change : -change);
}

const VALUE = 17;
const CHANGE = 18;

/** A table for each metric, a line for each row; those of locks have a heading for each row of theirs. */
export function compareTable(all: readonly Compared[], width: number): string[] {
  const shown = all.filter(({ before, after }) => before.mean !== 0 || after.mean !== 0);
  const label = Math.max(20, width - 2 * VALUE - CHANGE);
  return [...new Set(shown.map(({ metric }) => metric))].flatMap((metric) => {
    const mine = shown.filter((one) => one.metric === metric);
    return [line([metric, 'before', 'after', 'change'], label), ...linesOf(mine, label), ''];
  });
}

function linesOf(mine: readonly Compared[], label: number): string[] {
  let row = '';
  const lines = mine.flatMap((one) => {
    const heading = one.lock !== '' && one.row !== row ? [cut(one.row, label)] : [];
    row = one.row;
    return [...heading, line(cellsOf(one), label)];
  });
  const mean = geometricMean(mine);
  return mean === null ? lines : [...lines, line(['geometric mean', '', '', percent(mean)], label)];
}

/** Of the ratios, in percent; null if there are fewer than two, or they are of locks. */
function geometricMean(mine: readonly Compared[]): number | null {
  const ratios = mine.map(({ before, after }) => after.mean / before.mean);
  if (ratios.length < 2 || mine.some(({ lock }) => lock !== '') || !ratios.every((r) => r > 0 && r < Infinity))
    return null;
  return (Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length) - 1) * 100;
}

function cellsOf(one: Compared): string[] {
  const { lock, row, before, after, unit } = one;
  const name = lock === '' ? (row === '' ? 'the run' : row) : `  ${lock}`;
  return [name, valueOf(before, unit), valueOf(after, unit), changeOf(one)];
}

function line([name, before, after, change]: readonly string[], label: number): string {
  const cells = `${before.padStart(VALUE)}${after.padStart(VALUE)}${change.padStart(CHANGE)}`;
  return `${cut(name, label).padEnd(label)}${cells}`.trimEnd();
}

function valueOf({ mean, spread }: Sample, unit: Figure['unit']): string {
  return spread === null ? quantity(mean, unit) : `${quantity(mean, unit)} ±${spread.toFixed(spread < 9.5 ? 1 : 0)}%`;
}

function quantity(value: number, unit: Figure['unit']): string {
  if (unit === 's') return `${value.toFixed(3)}s`;
  if (unit === 'us') return `${value.toFixed(2)} us`;
  if (unit === '/s') return value.toFixed(1);
  if (unit === 'count') return Number.isInteger(value) ? String(value) : value.toFixed(1);
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} s`;
  return value >= 1e6 ? `${(value / 1e6).toFixed(2)} ms` : `${(value / 1e3).toFixed(2)} us`;
}

/** `=`: the same; `~`: no more than chance. */
function changeOf(one: Compared): string {
  const { change, p } = one;
  const words = change === 0 ? '=' : change === null ? 'new' : p !== null && p >= ALPHA ? '~' : percent(change);
  return p === null ? words : `${words} (p=${p.toFixed(3)})`;
}

function percent(change: number): string {
  return `${change < 0 ? '-' : '+'}${Math.abs(change).toFixed(2)}%`;
}
