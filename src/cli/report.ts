/** `faultline report`: pages about scenarios and an index of them; of how they scale Markdown and SVG too. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { TimedResult } from '../drivers/timed/run.ts';
import type { Profile } from '../machine/profile.ts';
import { allCosts } from '../predict/parameters.ts';
import { simulate } from '../predict/rows.ts';
import { halfWidth95, harmonicMean, mean } from '../predict/statistics.ts';
import { findProfile } from '../profiles/index.ts';
import { markdown, visible } from '../export/escape.ts';
import { type IndexEntry, indexPage } from '../html/index-page.ts';
import { scalingPage } from '../html/scaling-page.ts';
import { type Curve, curveSvg } from '../report/curve-svg.ts';
import { type ReportRow, type ScalabilityReport, scalabilityMarkdown } from '../report/scalability.ts';
import { measuredFigures } from '../scenario/pft-result.ts';
import type { Scenario } from '../scenario/read.ts';
import { type PftRow, pftRows } from '../scenario/world.ts';
import { pftPages } from '../workload/pft.ts';
import { EXIT, UsageError } from './exit.ts';
import { kernelName, patchWords } from './heading.ts';
import type { Io } from './io.ts';
import { type CommonOptions, packagedScenarios } from './options.ts';
import { readPatched } from './patch.ts';
import { type Progress, progress } from './progress.ts';
import { entryOf, layoutReport, pageFor, type Report, type ReportFile, type ReportJob } from './report-pages.ts';
import { nameOf } from './report-names.ts';
import { stretchOf } from './report-stretch.ts';

export interface ReportOptions extends CommonOptions {
  readonly scale: number;
  readonly replications: number;
  readonly output: string;
}

/** Those whose Markdown and drawing are kept. */
const IN_MARKDOWN = ['scaling/pft-altix-1g', 'history/003-prefault-v2', 'scaling/pft-altix-512p'];

export async function reportCommand(io: Io, given: readonly string[], options: ReportOptions): Promise<number> {
  const all = given.length === 0;
  const names = all ? packagedScenarios().map((file) => file.replace(/\.yaml$/, '')) : given;
  const bar = progress(io, options.quiet);
  const entries: IndexEntry[] = [];
  for (const [i, given] of names.entries()) {
    bar.update(() => `${given}, ${i + 1} of ${names.length}`);
    const scenario = await readPatched(given, options);
    const name = nameOf(scenario);
    const index = all ? '../index.html' : null;
    const done =
      scenario.pft === null
        ? await pageFor({ scenario, name, index, options })
        : scaling({ scenario, name, index, options, bar, markdown: !all || IN_MARKDOWN.includes(name) });
    bar.done();
    for (const file of done.files) io.out(`${visible(write(options.output, file))}\n`);
    entries.push(done.entry);
  }
  if (all) {
    const layout = await layoutReport('../index.html');
    for (const file of layout.files) io.out(`${write(options.output, file)}\n`);
    const index = { path: 'index.html', text: indexPage([...entries, layout.entry]) };
    io.out(`${write(options.output, index)}\n`);
  }
  return EXIT.ok;
}

function write(folder: string, { path, text }: ReportFile): string {
  const file = join(folder, path);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${(error as Error).message}`);
  }
  return file;
}

interface ScalingJob extends ReportJob {
  readonly options: ReportOptions;
  readonly bar: Progress;
  /** Markdown and a drawing beside the page. */
  readonly markdown: boolean;
}

function scaling({ scenario, name, index, options, bar, markdown }: ScalingJob): Report {
  const stem = basename(name);
  const profile = findProfile(scenario.machine.profile);
  const scale = Math.max(options.scale, scenario.pft!.scale ?? 1);
  const rows = pftRows(scenario).map((row) => {
    bar.update(() => `${name}: ${row.gb} GiB, ${row.threads} threads`);
    return reportRow(scenario, row, profile, { ...options, scale });
  });
  const words = [
    name,
    ...patchWords(options.patch),
    `--scale ${options.scale}`,
    `--replications ${options.replications}`,
  ];
  const report: ScalabilityReport = {
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
  };
  const svg = drawing(scenario, rows);
  const texts = [
    { path: `${stem}.md`, text: scalabilityMarkdown(inMarkdown(report)) },
    { path: `${stem}.svg`, text: svg },
  ];
  const page = scalingPage({ index, report, svg, ...stretchOf(scenario) });
  return {
    files: [...(markdown ? texts : []), { path: `${name}.html`, text: page }],
    entry: { ...entryOf(scenario, name), ...rateWords(rows) },
  };
}

/** Names are other people's. */
function inMarkdown(report: ScalabilityReport): ScalabilityReport {
  const { title, about, command, kernel, picture } = report;
  return {
    ...report,
    title: markdown(title),
    about: markdown(about),
    command: visible(command).replaceAll('`', '\\u{60}'),
    kernel: markdown(kernel),
    picture: encodeURIComponent(picture),
  };
}

/** How far the rates are from the published ones. */
function rateWords(rows: readonly ReportRow[]): Pick<IndexEntry, 'verdict' | 'detail' | 'tone'> {
  const errors = rows.flatMap(({ model, measured }) => (measured === null ? [] : [Math.abs(model / measured - 1)]));
  if (errors.length === 0) return { verdict: 'predicted', detail: `${rows.length} rows`, tone: '' };
  const percent = `${(mean(errors) * 100).toFixed(1)} %`;
  return { verdict: `±${percent}`, detail: `mean error of fault/wsec over ${errors.length} published rows`, tone: '' };
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
  const published = measuredFigures(scenario, row, pages);
  return {
    table: {
      ...row,
      userS: mean(runs.map((run) => run.userS)),
      systemS: mean(runs.map((run) => run.systemS)),
      wallS: mean(runs.map((run) => run.wallS)),
      faultsPerCpuS: harmonicMean(runs.map((run) => run.faultsPerCpuS)),
      faultsPerWallS: harmonicMean(rates),
    },
    published,
    gb: row.gb,
    threads: row.threads,
    model: harmonicMean(rates),
    spread: halfWidth95(rates) / harmonicMean(rates),
    measured: published?.faultsPerWallS ?? null,
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
