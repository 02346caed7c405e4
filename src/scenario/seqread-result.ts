/** What a seqread scenario shows, beside what was measured. */
import type { Scenario, SeqreadSpec } from './read.ts';

/** One run: so many processes, with windows of 2^order pages; null: as the kernel has it. */
export interface SeqreadRow {
  readonly gib: number;
  readonly processes: number;
  readonly order: number | null;
}

export interface SeqreadFigures extends SeqreadRow {
  /** Page faults that were simulated. */
  readonly faults: number;
  readonly seconds: number;
  readonly userS: number;
  readonly systemS: number;
}

/** Column after column, in each one row for each number of processes. */
export function seqreadRows({ gib, processes, orders }: SeqreadSpec): SeqreadRow[] {
  return orders.flatMap((order) => processes.map((n) => ({ gib, processes: n, order })));
}

/** The published seconds of the kernel as it is, or without windows, at the size of the run; null: there are none. */
export function measuredSeconds(spec: SeqreadSpec, { processes, order, gib }: SeqreadRow): number | null {
  const { measured } = spec;
  const row = measured?.rows.find((one) => one.processes === processes);
  if (measured === null || row === undefined || (order ?? 0) !== 0) return null;
  return (row.seconds / measured.gib) * gib;
}

/** One sentence for each expectation that does not hold. */
export function judgeSeqread(expect: Scenario['expect'], spec: SeqreadSpec, rows: readonly SeqreadFigures[]): string[] {
  const problems: string[] = [];
  for (const row of rows.filter(({ order }) => order === spec.orders[0])) {
    const { faults, processes, gib } = row;
    const expected = (expect.faults ?? 0) * processes * gib;
    if (expect.faults !== null && faults !== expected)
      problems.push(`expected ${expected} faults of ${processes} processes, there were ${faults}`);
  }
  for (const row of rows) {
    const measured = measuredSeconds(spec, row);
    if (expect.errorPercent === null || measured === null) continue;
    const error = (row.seconds / measured - 1) * 100;
    if (Math.abs(error) > expect.errorPercent)
      problems.push(`the time of ${row.processes} processes is off by ${error.toFixed(1)} %`);
  }
  return problems;
}
