/** How scenarios scale, as Markdown and SVG; kernels of one machine beside each other. */
import { basename } from 'node:path';
import { markdown, visible } from '../export/escape.ts';
import type { Profile } from '../machine/profile.ts';
import { allCosts } from '../predict/parameters.ts';
import { scalingOf, type ScalingRow } from '../predict/scaling.ts';
import { trialsOf } from '../predict/trials.ts';
import { findProfile } from '../profiles/index.ts';
import { type Curve, curveSvg } from '../report/curve-svg.ts';
import { kernelsMarkdown } from '../report/kernels.ts';
import { latProcMarkdown } from '../report/lat-proc-report.ts';
import type { CostLine, Doubts } from '../report/doubts.ts';
import { type ReportHead, scalabilityMarkdown } from '../report/scalability.ts';
import { stackSvg } from '../report/stack-svg.ts';
import { partLines, stackParts } from '../report/time-parts.ts';
import { benchmarkOf, type LatProcSpec, type Scenario } from '../scenario/read.ts';
import { kernelName, patchWords, quoted } from './heading.ts';
import type { CommonOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { commandName } from './report-names.ts';
import { latProcFiguresOf, latProcText } from './run-lat-proc.ts';
import { plural } from '../machine/plural.ts';

export interface ReportOptions extends CommonOptions {
  readonly scale: number;
  readonly replications: number;
  /** A search stops after so many. */
  readonly executions: number;
  readonly output: string;
}

/** Those that are kept as Markdown too. */
export const IN_MARKDOWN = [
  'scaling/pft-altix-1g',
  'history/003-prefault-v2',
  'scaling/pft-altix-512p',
  'scaling/pft-altix-512p-cmpxchg',
  'scaling/pft-altix-512p-prefault',
  'scaling/pft-altix-512p-split-ptl',
  'scaling/seqread-cached-file',
  'history/001-page-table-walks',
];

/** A scenario with the rows of its report. */
export interface Reported {
  readonly name: string;
  readonly stem: string;
  readonly scenario: Scenario;
  readonly rows: readonly ScalingRow[];
}

export interface MarkdownReport {
  /** Texts and drawings by the names of their files; the text comes first. */
  readonly files: readonly [string, string][];
  /** What can be compared with other kernels on the same machine; null: nothing. */
  readonly reported: Reported | null;
}

/** Of a benchmark. */
export function markdownReport(
  scenario: Scenario,
  name: string,
  options: ReportOptions,
  bar: Progress,
): MarkdownReport {
  const stem = basename(name);
  if (scenario.latProc !== undefined)
    return { files: latProcFiles(name, stem, scenario, scenario.latProc, options), reported: null };
  const reported = { name, stem, scenario, rows: rowsOf(name, scenario, options, bar) };
  return { files: scalingFiles(reported, options), reported };
}

/** Kernels of one machine beside each other, where there are several. */
export function comparisons(all: readonly Reported[], options: ReportOptions): [string, string][][] {
  return onOneMachine(all).map((group) => kernelFiles(group, options));
}

function rowsOf(name: string, scenario: Scenario, options: ReportOptions, bar: Progress): ScalingRow[] {
  const profile = findProfile(scenario.machine.profile);
  const { seed, replications } = options;
  const report = (what: string): void => bar.update(() => `${name}: ${what}`);
  const rows = scalingOf(trialsOf(scenario, profile, scaleOf(scenario, options)), profile, {
    seed,
    replications,
    report,
  });
  bar.done();
  return rows;
}

/** Of the page fault test, and what a seqread scenario asks for; all else is run whole. */
export function scaleOf({ pft, seqread }: Scenario, { scale }: ReportOptions): number {
  return pft === null ? (seqread?.scale ?? 1) : Math.max(scale, pft.scale ?? 1);
}

function scalingFiles({ name, stem, scenario, rows }: Reported, options: ReportOptions): [string, string][] {
  const [curve, time] = [`${stem}.svg`, `${stem}-time.svg`];
  const { unit } = rows[0];
  const actors = actorsOf(scenario);
  const text = scalabilityMarkdown({
    ...headOf(`How ${stem} scales`, scenario, quoted(commandName(scenario, name)), options),
    ...doubtsOf(scenario),
    ...{ curve: encodeURIComponent(curve), time: encodeURIComponent(time), rows, unit, actors },
    source: scenario.measured?.source ?? scenario.seqread?.measured?.source ?? null,
  });
  const title = `${kernelName(scenario)}, ${scenario.machine.profile}`;
  const series = [...new Set(rows.map((row) => row.series))];
  const curves = (rate: (row: ScalingRow) => number | null): Curve[] =>
    series.map((label) => curveOf(label, rows.filter((row) => row.series === label), rate)); // prettier-ignore
  const lines = partLines(rows);
  const drawn = curveSvg({
    ...{ title, unit, actors },
    model: curves(({ rate }) => rate),
    published: curves(({ published }) => published).filter(({ points }) => points.length > 0),
  });
  const bars = rows.map(({ threads, series: group }, i) => ({
    label: `${threads}`,
    group,
    parts: stackParts(lines, i),
  }));
  const stack = stackSvg({ title, unit: 'us of CPU time a page', actors, bars });
  return [[`${stem}.md`, text], [curve, drawn], [time, stack]]; // prettier-ignore
}

function curveOf(label: string, rows: readonly ScalingRow[], rate: (row: ScalingRow) => number | null): Curve {
  const points = rows.flatMap((row) => {
    const height = rate(row);
    return height === null ? [] : [{ threads: row.threads, rate: height, half: height === row.rate ? row.spread * row.rate : 0 }]; // prettier-ignore
  });
  return { label, points };
}

function actorsOf({ seqread }: Scenario): string {
  return seqread?.kind ?? 'threads';
}

function headOf(title: string, scenario: Scenario, names: string, options: ReportOptions): ReportHead {
  const { scale, replications, seed, patch } = options;
  const words = [names, ...patchWords(patch), `--scale ${scale} --replications ${replications} --seed ${seed}`];
  const part = scaleOf(scenario, options);
  const how = [
    ...(part === 1 ? [] : [`one part in ${part} of the memory was simulated, and times multiplied`]),
    ...(scenario.pft === null ? [] : [`${plural(replications, 'run')} where placement is random`]),
  ];
  return {
    title: markdown(title),
    about: markdown(scenario.about.replace(/\s+/g, ' ').trim()),
    command: visible(`faultline report ${words.join(' ')}`).replaceAll('`', '\\u{60}'),
    kernel: markdown(kernelName(scenario)),
    machine: `${scenario.machine.profile} with ${plural(scenario.machine.cpus, 'CPU')}`,
    how: how.join('; '),
  };
}

/** Scenarios of one benchmark on one machine with different kernels, at least two of these. */
function onOneMachine(all: readonly Reported[]): Reported[][] {
  const groups = new Map<string, Reported[]>();
  for (const one of all) {
    const { machine } = one.scenario;
    const key = `${machine.profile} ${machine.cpus} ${one.rows[0].unit}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    if (!group.some(({ scenario }) => kernelName(scenario) === kernelName(one.scenario))) group.push(one);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

function kernelFiles(group: readonly Reported[], options: ReportOptions): [string, string][] {
  const [{ scenario, rows }] = group;
  const names = group.map((one) => quoted(commandName(one.scenario, one.name)));
  const stem = `kernels-${scenario.machine.profile}`;
  const { unit } = rows[0];
  const actors = actorsOf(scenario);
  const text = kernelsMarkdown({
    ...headOf(`Kernels on ${scenario.machine.profile}`, scenario, names.join(' '), options),
    ...doubtsOf(scenario),
    about: 'One machine, one program, several kernels: what a patch does to the curve of the kernel that it is for.',
    kernel: group.map((one) => kernelName(one.scenario)).join('; '),
    ...{ curve: `${stem}.svg`, actors, unit },
    kernels: group.map((one) => ({ kernel: kernelName(one.scenario), report: `${one.stem}.md`, rows: one.rows })),
  });
  const model = group.flatMap((one) => {
    const series = [...new Set(one.rows.map((row) => row.series))];
    return series.map(
      (name) =>
      curveOf(`${kernelName(one.scenario)}, ${name}`, one.rows.filter((row) => row.series === name), ({ rate }) => rate), // prettier-ignore
    );
  });
  const drawn = curveSvg({ title: `kernels on ${scenario.machine.profile}`, unit, actors, model, published: [] });
  return [[`${stem}.md`, text], [`${stem}.svg`, drawn]]; // prettier-ignore
}

function latProcFiles(
  name: string,
  stem: string,
  scenario: Scenario,
  spec: LatProcSpec,
  options: ReportOptions,
): [string, string][] {
  const rows = latProcFiguresOf(scenario, spec, {});
  const machines = spec.machines.map(findProfile);
  const text = latProcMarkdown({
    ...headOf(`What lat_proc costs: ${stem}`, scenario, quoted(commandName(scenario, name)), options),
    machine: spec.machines.join(', '),
    picture: encodeURIComponent(`${stem}.svg`),
    tables: latProcText(scenario, spec, rows, 80),
    assumed: machines.flatMap((profile) => costsOf(profile, 'assumed', `${profile.name}: `)),
    calibrated: machines.flatMap((profile) => costsOf(profile, 'calibrated', `${profile.name}: `)),
    leftOut: LEFT_OUT.lat_proc,
  });
  const bars = rows.flatMap(({ kind, machine, columns }) =>
    columns.map(({ microseconds, missMicroseconds }, i) => ({
      label: `${i + 1}`,
      group: `${kind} ${machine.replace(/-\d+p$/, '')}`,
      parts: [
        { label: 'all else', colour: '#c9c9c9', value: microseconds - missMicroseconds },
        { label: 'lines of page tables that miss', colour: '#b3271d', value: missMicroseconds },
      ],
    })),
  );
  const actors = spec.patches.map((patch, i) => `${i + 1} ${patch ?? kernelName(scenario)}`).join(', ');
  const stack = stackSvg({
    title: `lat_proc, ${kernelName(scenario)}`,
    unit: 'us an iteration',
    actors,
    bars,
  });
  return [[`${stem}.md`, text], [`${stem}.svg`, stack]]; // prettier-ignore
}

export function doubtsOf(scenario: Scenario): Doubts {
  const profile = findProfile(scenario.machine.profile);
  return {
    assumed: costsOf(profile, 'assumed'),
    calibrated: costsOf(profile, 'calibrated'),
    leftOut: LEFT_OUT[benchmarkOf(scenario)!],
  };
}

function costsOf(profile: Profile, status: string, of = ''): CostLine[] {
  return allCosts(profile)
    .filter(({ cost }) => cost.status === status && cost.value !== 0)
    .map(({ path, cost }) => ({ path: of + path, value: `${cost.value} ${cost.unit}`, source: cost.source }));
}

const ALWAYS = [
  'the buddy system, reclaim, and huge pages; all memory is free at first',
  'caches have no size where lines of shared words are concerned: what nobody has taken away is still there',
];

const LEFT_OUT = {
  pft: [
    'spinlocks are handed over in order of arrival; those of 2.6 prefer who is near',
    'busy CPUs do not balance, and nothing else runs on the machine',
    ...ALWAYS,
    'interconnect links are never full; only buses, memories of nodes and single lines are',
    'the TLB is flushed by calls, not by the broadcasts of ia64',
  ],
  seqread: [
    'processes stay on the CPUs they are started on, and nothing else runs on the machine',
    'the caches of a node hold the pages that were read last, whole ones, whatever else uses them',
    'processes slow each other down by locks, lines and the memory of a node; nothing else is shared',
    ...ALWAYS,
  ],
  lat_proc: [
    'files: what is read of one is the zero page; sizes of programs and of the C library are assumed',
    'prefetching; the cache of page table lines has no sets, and is cold before each iteration',
    'other data of the kernel is always in the cache',
    ...ALWAYS.slice(0, 1),
  ],
} as const;
