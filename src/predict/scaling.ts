/** How a scenario scales: rates by threads, with their spread, and where the time of each row went. Plain data. */
import type { TimedResult } from '../drivers/timed/run.ts';
import type { Profile } from '../machine/profile.ts';
import { lineKind } from './lines.ts';
import { type Part, watchedParts } from './parts.ts';
import { halfWidth95, harmonicMean } from './statistics.ts';
import type { Trial, TrialResult } from './trials.ts';

export interface ScalingRow extends Pick<Trial, 'series' | 'threads' | 'unit' | 'published'> {
  /** Of the mean time of all runs. */
  readonly rate: number;
  /** Half the width of the 95 % interval of the mean, as a part of it; 0: nothing is random. */
  readonly spread: number;
  readonly runs: number;
  /** Of the first run: CPU time, the pages it was spent on, and what it went to. */
  readonly cpuNs: number;
  readonly pages: number | null;
  readonly parts: readonly Part[];
  readonly figures: TrialResult['figures'];
  readonly locks: TimedResult['locks'];
  readonly lines: readonly LineRow[];
}

export interface LineRow {
  readonly name: string;
  readonly moves: number;
  readonly stallNs: number;
}

export interface ScalingOptions {
  readonly seed: number;
  readonly replications: number;
  readonly report?: (what: string) => void;
}

export function scalingOf(trials: readonly Trial[], profile: Profile, options: ScalingOptions): ScalingRow[] {
  return trials.map((trial) => {
    options.report?.(trial.name);
    return rowOf(trial, profile, options);
  });
}

function rowOf(trial: Trial, profile: Profile, { seed, replications }: ScalingOptions): ScalingRow {
  const { timed, rate, parts, figures } = watchedParts(trial, profile, seed);
  const others = Array.from({ length: trial.random ? replications - 1 : 0 }, (_, i) => seed + 1 + i);
  const rates = [rate, ...others.map((one) => trial.run({ profile, seed: one }).rate)];
  const { series, threads, unit, published, pages } = trial;
  return {
    ...{ series, threads, unit, published, pages, parts, figures },
    rate: harmonicMean(rates),
    spread: halfWidth95(rates) / harmonicMean(rates),
    runs: rates.length,
    cpuNs: timed.userNs + timed.systemNs,
    locks: timed.locks,
    lines: lineRows(timed),
  };
}

/** Lines of a kind together. */
export function lineRows({ lines }: Pick<TimedResult, 'lines'>): LineRow[] {
  const kinds = new Map<string, LineRow>();
  for (const { name, moves, stallNs } of lines) {
    const kind = lineKind(name);
    const sum = kinds.get(kind) ?? { name: kind, moves: 0, stallNs: 0 };
    kinds.set(kind, { name: kind, moves: sum.moves + moves, stallNs: sum.stallNs + stallNs });
  }
  return [...kinds.values()];
}
