/** The figures that pft prints, from a timed run, and how far they are from the published ones. */
import type { MeasuredRow, Scenario } from './read.ts';
import type { PftRow } from './world.ts';
import { plural } from '../machine/plural.ts';

/** One row in the mail's own columns; seconds, and faults per second. */
export interface PftFigures {
  readonly userS: number;
  readonly systemS: number;
  readonly wallS: number;
  readonly faultsPerCpuS: number;
  readonly faultsPerWallS: number;
}

export interface PftResult extends PftRow, PftFigures {
  /** Pages the test reports; computed from the command line, as the original does. */
  readonly pages: number;
  /** Page faults that were simulated. */
  readonly faults: number;
  /** The published row, its wall time decoded; null if there is none. */
  readonly measured: PftFigures | null;
}

export function figures(pages: number, times: { userNs: number; systemNs: number; wallNs: number }): PftFigures {
  return {
    userS: times.userNs / 1e9,
    systemS: times.systemNs / 1e9,
    wallS: times.wallNs / 1e9,
    faultsPerCpuS: pages / ((times.userNs + times.systemNs) / 1e9),
    faultsPerWallS: pages / (times.wallNs / 1e9),
  };
}

/**
 * The published figures of a row. The Wall column of the original is misprinted (hundredths of a second in a field of
 * three digits: `2.021s` is 2.21 s), so wall time is taken from the rate, which is not.
 */
export function measuredFigures(scenario: Scenario, row: PftRow, pages: number): PftFigures | null {
  const printed = scenario.measured?.rows.find(
    (m) => m.gb === row.gb && m.repetitions === row.repetitions && m.threads === row.threads,
  );
  return printed === undefined ? null : decode(printed, pages);
}

function decode(printed: MeasuredRow, pages: number): PftFigures {
  return {
    userS: Number.parseFloat(printed.user),
    systemS: Number.parseFloat(printed.system),
    wallS: pages / printed.faultsPerWallS,
    faultsPerCpuS: printed.faultsPerCpuS,
    faultsPerWallS: printed.faultsPerWallS,
  };
}

/** Error of a rate in percent, positive when the model is faster than the machine was. */
export function errorPercent(model: number, machine: number): number {
  return (model / machine - 1) * 100;
}

/** Mean of the absolute errors over the rows that have a published row; null if none has. */
export function meanErrors(results: readonly PftResult[]): { wall: number; cpu: number; rows: number } | null {
  const rows = results.filter((result) => result.measured !== null);
  if (rows.length === 0) return null;
  const mean = (of: (figures: PftFigures) => number): number =>
    rows.reduce((sum, row) => sum + Math.abs(errorPercent(of(row), of(row.measured!))), 0) / rows.length;
  return { wall: mean((f) => f.faultsPerWallS), cpu: mean((f) => f.faultsPerCpuS), rows: rows.length };
}

/** One sentence for each expectation of a pft scenario that does not hold. */
export function judgePft(expect: Scenario['expect'], results: readonly PftResult[]): string[] {
  const problems: string[] = [];
  for (const { gb, threads, faults } of results) {
    const expected = (expect.faults ?? 0) * gb;
    if (expect.faults !== null && faults !== expected) {
      problems.push(`expected ${expected} faults at ${gb} GiB and ${plural(threads, 'thread')}, there were ${faults}`);
    }
  }
  for (const { gb, threads, faultsPerWallS, measured } of results) {
    if (expect.errorPercent === null || measured === null) continue;
    const error = errorPercent(faultsPerWallS, measured.faultsPerWallS);
    if (Math.abs(error) > expect.errorPercent) {
      problems.push(`fault/wsec at ${gb} GiB and ${plural(threads, 'thread')} is off by ${error.toFixed(1)} %`);
    }
  }
  return problems;
}
