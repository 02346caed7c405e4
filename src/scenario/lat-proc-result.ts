/** What lat_proc costs by way of each walk, from timed runs. */
import type { TableReads, WalkSums } from '../kernel/table-reads.ts';
import type { LatProcSpec, Scenario } from './read.ts';
import type { LatProcRun } from './world.ts';

/** One cell of the table; all figures are per iteration. */
export interface LatProcFigures {
  readonly patch: string | null;
  readonly microseconds: number;
  /** Page table lines that walks read, those of them that were not in the cache, and what waiting for these took. */
  readonly lines: number;
  readonly misses: number;
  readonly missMicroseconds: number;
  /** By what the walk is for. */
  readonly walks: Readonly<Record<string, Readonly<WalkSums>>>;
  /** Misses by what the line is part of. */
  readonly levels: Readonly<Record<string, number>>;
}

export interface LatProcRow {
  readonly kind: LatProcRun['kind'];
  readonly machine: string;
  readonly columns: readonly LatProcFigures[];
}

/** The runs of a row, in the order of its columns. */
export function latProcRows(spec: LatProcSpec): { kind: LatProcRun['kind']; machine: string; runs: LatProcRun[] }[] {
  const { iterations, patches } = spec;
  return spec.kinds.flatMap((kind) =>
    spec.machines.map((machine) => ({
      kind,
      machine,
      runs: patches.map((patch) => ({ kind, machine, patch, iterations })),
    })),
  );
}

/** From what was counted in a number of iterations, and the time from their begin to their end. */
export function latProcFigures(
  { patch, iterations }: LatProcRun,
  { sums, missesByLevel }: TableReads,
  ns: number,
  missNs: number,
): LatProcFigures {
  const each = (sum: WalkSums): WalkSums => ({
    walks: sum.walks / iterations,
    lines: sum.lines / iterations,
    misses: sum.misses / iterations,
    entries: sum.entries / iterations,
  });
  const walks = Object.fromEntries(Object.entries(sums).map(([kind, sum]) => [kind, each(sum)]));
  const total = (of: 'lines' | 'misses'): number => Object.values(walks).reduce((sum, walk) => sum + walk[of], 0);
  const misses = total('misses');
  return {
    patch,
    microseconds: ns / iterations / 1000,
    lines: total('lines'),
    misses,
    missMicroseconds: (misses * missNs) / 1000,
    walks,
    levels: Object.fromEntries(Object.entries(missesByLevel).map(([level, count]) => [level, count / iterations])),
  };
}

/** One sentence for each expectation that does not hold. */
export function judgeLatProc({ misses, fewestMisses }: Scenario['expect'], rows: readonly LatProcRow[]): string[] {
  const problems: string[] = [];
  const first = rows[0].columns[0].misses;
  if (misses !== undefined && Math.abs(first - misses) >= 0.05)
    problems.push(`expected ${misses} misses per iteration, there were ${first.toFixed(1)}`);
  if (fewestMisses === undefined) return problems;
  for (const { kind, machine, columns } of rows) {
    const best = columns.find(({ patch }) => patch === fewestMisses);
    const better = columns.find((column) => best === undefined || column.misses < best.misses);
    if (better !== undefined) problems.push(`${kind} on ${machine}: fewest misses with ${better.patch ?? 'no patch'}`);
  }
  return problems;
}
