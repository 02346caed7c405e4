/** What a seqread scenario shows, beside what was measured. */
import type { Scenario, SeqreadMeasured, SeqreadSpec } from './read.ts';
import { plural } from '../machine/plural.ts';

/** One run: so many readers, with windows of 2^order pages; null: as the kernel has it. */
export interface SeqreadRow {
  readonly gib: number;
  readonly processes: number;
  /** Of each process. */
  readonly threads: number;
  readonly order: number | null;
}

export interface SeqreadFigures extends SeqreadRow {
  readonly faults: number;
  readonly seconds: number;
  readonly userS: number;
  readonly systemS: number;
  /** CPU time of the teardown of address spaces, which is part of systemS. */
  readonly exitS: number;
}

export function readersOf({ processes, threads }: SeqreadRow): number {
  return processes * threads;
}

/** Part of the wall time in which address spaces are torn down: those of processes all at once. */
export function exitShare({ exitS, processes, seconds }: SeqreadFigures): number {
  return exitS / processes / seconds;
}

/** Column after column, in each one row for each number of readers. */
export function seqreadRows({ gib, kind, readers, orders }: SeqreadSpec): SeqreadRow[] {
  const row = (n: number): { processes: number; threads: number } =>
    kind === 'threads' ? { processes: 1, threads: n } : { processes: n, threads: 1 };
  return orders.flatMap((order) => readers.map((n) => ({ gib, ...row(n), order })));
}

/** The published row of the kernel as it is, or without windows; null: there is none. */
export function measuredRow(spec: SeqreadSpec, row: SeqreadRow): SeqreadMeasured | null {
  if ((row.order ?? 0) !== 0) return null;
  return spec.measured?.rows.find(({ readers }) => readers === readersOf(row)) ?? null;
}

/** `1 process`, `4 threads`. */
export function readerWords({ kind }: Pick<SeqreadSpec, 'kind'>, row: SeqreadRow): string {
  return kind === 'threads' ? plural(readersOf(row), 'thread') : plural(readersOf(row), 'process', 'processes');
}

/** One sentence for each expectation that does not hold. */
export function judgeSeqread(expect: Scenario['expect'], spec: SeqreadSpec, rows: readonly SeqreadFigures[]): string[] {
  const problems: string[] = [];
  for (const row of rows.filter(({ order }) => order === spec.orders[0])) {
    const { faults, gib } = row;
    const expected = (expect.faults ?? 0) * readersOf(row) * gib;
    if (expect.faults !== null && faults !== expected)
      problems.push(`expected ${expected} faults of ${readerWords(spec, row)}, there were ${faults}`);
  }
  for (const row of rows) {
    const measured = measuredRow(spec, row);
    if (expect.errorPercent === null || measured === null) continue;
    const error = (row.seconds / measured.seconds - 1) * 100;
    if (Math.abs(error) > expect.errorPercent)
      problems.push(`the time of ${readerWords(spec, row)} is off by ${error.toFixed(1)} %`);
  }
  return problems;
}
