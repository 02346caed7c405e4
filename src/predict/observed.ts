/** Published rows as a fit sees them, of whatever benchmark. */
import { nodeOf, type Profile } from '../machine/profile.ts';
import type { Scenario } from '../scenario/read.ts';
import { measuredRow, readersOf, seqreadRows } from '../scenario/seqread-result.ts';
import { isImpossible, publishedRows, simulate } from './rows.ts';
import { simulateReads } from './seqread.ts';
import { harmonicMean } from './statistics.ts';

export interface ObserveOptions {
  readonly scale: number;
  /** Seeds of each row with something random in it. */
  readonly replications: number;
}

export interface Observed {
  readonly scenario: Scenario;
  readonly gb: number;
  readonly threads: number;
  /** 2: CPU time was published too. */
  readonly figures: 1 | 2;
  /** Logarithms of simulated to published rates: by wall time, and by CPU time. */
  logs(profile: Profile, options: ObserveOptions): number[];
}

/** A table is of a base kernel if nobody has patched that. */
export function isBase({ kernel, own }: Scenario): boolean {
  return kernel.patches.length === 0 && kernel.bugs.length === 0 && (own ?? []).length === 0;
}

/** The published rows of a scenario, without those that cannot be. */
export function observedRows(scenario: Scenario, pageBytes: number): Observed[] {
  return scenario.seqread === undefined ? faultTest(scenario, pageBytes) : sequentialReads(scenario);
}

/** Rows with more threads than a node has CPUs are random; the others have nothing random. */
function faultTest(scenario: Scenario, pageBytes: number): Observed[] {
  const rows = publishedRows(scenario, pageBytes).filter((row) => !isImpossible(row));
  return rows.map(({ row, measured }) => ({
    scenario,
    gb: row.gb,
    threads: row.threads,
    figures: 2,
    logs(profile, { scale, replications }) {
      const random = row.threads > profile.cpusPerNode && nodeOf(profile, scenario.machine.cpus - 1) > 0;
      const runs = Array.from({ length: random ? replications : 1 }, (_, i) =>
        simulate(scenario, row, profile, { scale, seed: i + 1 }),
      );
      return [
        Math.log(harmonicMean(runs.map((run) => run.faultsPerWallS)) / measured.faultsPerWallS),
        Math.log(harmonicMean(runs.map((run) => run.faultsPerCpuS)) / measured.faultsPerCpuS),
      ];
    },
  }));
}

function sequentialReads(scenario: Scenario): Observed[] {
  const spec = scenario.seqread!;
  return seqreadRows(spec).flatMap((row): Observed[] => {
    const measured = measuredRow(spec, row);
    if (measured === null) return [];
    return [
      {
        scenario,
        gb: row.gib,
        threads: readersOf(row),
        figures: 1,
        logs: (profile, { scale }) => [
          Math.log(measured.seconds / simulateReads(scenario, row, profile, { scale }).seconds),
        ],
      },
    ];
  });
}
