/** How a scenario scales, as Markdown and SVG. */
import { basename } from 'node:path';
import type { TimedResult } from '../drivers/timed/run.ts';
import type { Profile } from '../machine/profile.ts';
import { markdown, visible } from '../export/escape.ts';
import { allCosts } from '../predict/parameters.ts';
import { simulate } from '../predict/rows.ts';
import { halfWidth95, harmonicMean } from '../predict/statistics.ts';
import { findProfile } from '../profiles/index.ts';
import { type Curve, curveSvg } from '../report/curve-svg.ts';
import { type ReportRow, scalabilityMarkdown } from '../report/scalability.ts';
import { measuredFigures } from '../scenario/pft-result.ts';
import type { Scenario } from '../scenario/read.ts';
import { type PftRow, pftRows } from '../scenario/world.ts';
import { pftPages } from '../workload/pft.ts';
import { kernelName, patchWords } from './heading.ts';
import type { CommonOptions } from './options.ts';
import type { Progress } from './progress.ts';

export interface ReportOptions extends CommonOptions {
  readonly scale: number;
  readonly replications: number;
  readonly output: string;
}

/** Those that are kept as Markdown too. */
export const IN_MARKDOWN = ['scaling/pft-altix-1g', 'history/003-prefault-v2', 'scaling/pft-altix-512p'];

/** Texts and drawings by the names of their files. */
export function markdownFiles(
  scenario: Scenario,
  name: string,
  options: ReportOptions,
  bar: Progress,
): [string, string][] {
  const stem = basename(name);
  const profile = findProfile(scenario.machine.profile);
  const scale = scaleOf(scenario, options);
  const rows = pftRows(scenario).map((row) => {
    bar.update(() => `${name}: ${row.gb} GiB, ${row.threads} threads`);
    return reportRow(scenario, row, profile, { ...options, scale });
  });
  bar.done();
  const words = [
    name,
    ...patchWords(options.patch),
    `--scale ${options.scale}`,
    `--replications ${options.replications}`,
  ];
  const text = scalabilityMarkdown({
    title: markdown(`How ${stem} scales`),
    about: markdown(scenario.about.replace(/\s+/g, ' ')),
    command: visible(`faultline report ${words.join(' ')} --seed ${options.seed}`).replaceAll('`', '\\u{60}'),
    kernel: markdown(kernelName(scenario)),
    machine: `${scenario.machine.profile} with ${scenario.machine.cpus} CPUs`,
    scale,
    replications: options.replications,
    picture: encodeURIComponent(`${stem}.svg`),
    source: scenario.measured?.source ?? null,
    rows,
    assumed: costsOf(profile, 'assumed'),
    calibrated: costsOf(profile, 'calibrated'),
    leftOut: LEFT_OUT,
  });
  return [
    [`${stem}.md`, text],
    [`${stem}.svg`, drawing(scenario, rows)],
  ];
}

/** One part in so many of the memory is simulated. */
export function scaleOf({ pft }: Scenario, { scale }: ReportOptions): number {
  return Math.max(scale, pft?.scale ?? 1);
}

function reportRow(scenario: Scenario, row: PftRow, profile: Profile, options: ReportOptions): ReportRow {
  const replications = row.threads > profile.cpusPerNode ? options.replications : 1;
  const runs = Array.from({ length: replications }, (_, i) =>
    simulate(scenario, row, profile, { scale: options.scale, seed: options.seed + i }),
  );
  const rates = runs.map((run) => run.faultsPerWallS);
  const { timed } = runs[0];
  const cpuNs = timed.userNs + timed.systemNs;
  const pages = pftPages({ ...row, cpus: scenario.machine.cpus }, profile.geometry.pageBytes);
  return {
    gb: row.gb,
    threads: row.threads,
    model: harmonicMean(rates),
    spread: halfWidth95(rates) / harmonicMean(rates),
    measured: measuredFigures(scenario, row, pages)?.faultsPerWallS ?? null,
    zeroing: (timed.clearNs - timed.busWaitNs) / cpuNs,
    bus: timed.busWaitNs / cpuNs,
    locks: timed.locks,
    lines: lineKinds(timed),
    cpuNs,
  };
}

/** Lines of the children are one kind each, whichever child they are of. */
function lineKinds({ lines }: TimedResult): { name: string; moves: number; stallNs: number }[] {
  const kinds = new Map<string, { name: string; moves: number; stallNs: number }>();
  for (const { name, moves, stallNs } of lines) {
    const kind = name.replace(/^child\d+(\.\d+)?/, 'mm').replace(/zone\d+/, 'zone');
    const sum = kinds.get(kind) ?? { name: kind, moves: 0, stallNs: 0 };
    kinds.set(kind, { name: kind, moves: sum.moves + moves, stallNs: sum.stallNs + stallNs });
  }
  return [...kinds.values()];
}

function drawing(scenario: Scenario, rows: readonly ReportRow[]): string {
  const sizes = [...new Set(rows.map(({ gb }) => gb))];
  const curves = (rate: (row: ReportRow) => number | null): Curve[] =>
    sizes.map((gb) => ({
      label: `${gb} GiB`,
      points: rows
        .filter((row) => row.gb === gb)
        .flatMap((row) => (rate(row) === null ? [] : [{ threads: row.threads, rate: rate(row)! }])),
    }));
  return curveSvg({
    title: visible(`${kernelName(scenario)}, ${scenario.machine.profile}`),
    unit: 'faults per second',
    model: curves((row) => row.model),
    published: curves((row) => row.measured).filter(({ points }) => points.length > 0),
  });
}

function costsOf(profile: Profile, status: string): { path: string; value: string; source: string }[] {
  return allCosts(profile)
    .filter(({ cost }) => cost.status === status && cost.value !== 0)
    .map(({ path, cost }) => ({ path, value: `${cost.value} ${cost.unit}`, source: cost.source }));
}

const LEFT_OUT = [
  'spinlocks are handed over in order of arrival; those of 2.6 prefer who is near',
  'busy CPUs do not balance, and nothing else runs on the machine',
  'the buddy system, reclaim, and huge pages; all memory is free at first',
  'caches have no size where lines of shared words are concerned: what nobody has taken away is still there',
  'interconnect links are never full; only buses, memories of nodes and single lines are',
  'the TLB is flushed by calls, not by the broadcasts of ia64',
];
