/** `faultline report`: how a scenario scales, as Markdown and SVG. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TimedResult } from '../drivers/timed/run.ts';
import type { Profile } from '../machine/profile.ts';
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
import { EXIT, UsageError } from './exit.ts';
import { kernelName, patchWords } from './heading.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { readPatched } from './patch.ts';
import { type Progress, progress } from './progress.ts';

export interface ReportOptions extends CommonOptions {
  readonly scale: number;
  readonly replications: number;
  readonly output: string;
}

/** What is reported if nothing is named. */
const FIRST = ['scaling/pft-altix-1g', 'history/003-prefault-v2', 'scaling/pft-altix-512p'];

export async function reportCommand(io: Io, given: readonly string[], options: ReportOptions): Promise<number> {
  const bar = progress(io, options.quiet);
  mkdirSync(options.output, { recursive: true });
  for (const name of given.length > 0 ? given : FIRST) {
    const scenario = await readPatched(name, options);
    if (scenario.pft === null) throw new UsageError(`${name} is not the page fault test: there is no curve to draw`);
    const stem = basename(name).replace(/\.yaml$/, '');
    for (const file of write(scenario, name, stem, options, bar)) io.out(`${file}\n`);
  }
  return EXIT.ok;
}

function write(scenario: Scenario, name: string, stem: string, options: ReportOptions, bar: Progress): string[] {
  const profile = findProfile(scenario.machine.profile);
  const scale = Math.max(options.scale, scenario.pft!.scale ?? 1);
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
  const files = [join(options.output, `${stem}.md`), join(options.output, `${stem}.svg`)];
  const text = scalabilityMarkdown({
    title: `How ${stem} scales`,
    about: scenario.about.replace(/\s+/g, ' '),
    command: `faultline report ${words.join(' ')} --seed ${options.seed}`,
    kernel: kernelName(scenario),
    machine: `${scenario.machine.profile} with ${scenario.machine.cpus} CPUs`,
    scale,
    replications: options.replications,
    picture: `${stem}.svg`,
    source: scenario.measured?.source ?? null,
    rows,
    assumed: costsOf(profile, 'assumed'),
    calibrated: costsOf(profile, 'calibrated'),
    leftOut: LEFT_OUT,
  });
  writeFileSync(files[0], text);
  writeFileSync(files[1], drawing(scenario, rows));
  return files;
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
    title: `${kernelName(scenario)}, ${scenario.machine.profile}`,
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
