/** What is written about a scenario: a race explored, the page fault test at all its rows, or what `run` prints. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import pc from 'picocolors';
import { countOf, coverage, wordFor } from '../explain/verdict.ts';
import { plural } from '../machine/plural.ts';
import type { IndexEntry } from '../html/index-page.ts';
import { scalingPage } from '../html/scaling-page.ts';
import { textPage } from '../html/text-page.ts';
import type { ScalingRow } from '../predict/scaling.ts';
import { checkSizes } from '../predict/sizes.ts';
import { findProfile } from '../profiles/index.ts';
import { pftHeader, pftLines } from '../report/pft-table.ts';
import { meanErrors, measuredFigures, type PftResult } from '../scenario/pft-result.ts';
import { benchmarkOf, type Scenario } from '../scenario/read.ts';
import { judge } from '../scenario/judge.ts';
import { pftRows } from '../scenario/world.ts';
import { pftPages } from '../workload/pft.ts';
import { EXIT } from './exit.ts';
import { kernelName, quoted } from './heading.ts';
import type { Io } from './io.ts';
import { layoutCommand } from './layout.ts';
import type { Progress } from './progress.ts';
import { markdownReport, type Reported, type ReportOptions, scaleOf } from './report-markdown.ts';
import { commandName } from './report-names.ts';
import { exploreForReport, raceTexts } from './report-race.ts';
import { stretchOf, stretchOfThreads } from './report-stretch.ts';
import { run } from './run.ts';

export interface Report {
  /** Texts by their paths from the folder of the reports. */
  readonly files: readonly (readonly [path: string, text: string])[];
  readonly entry: IndexEntry;
  /** The page says that something is not as the scenario expects. */
  readonly unexpected?: boolean;
  /** A search that stopped before it was complete. */
  readonly inconclusive?: boolean;
  /** What is compared with other kernels. */
  readonly reported?: Reported | null;
}

export interface ReportJob {
  readonly scenario: Scenario;
  readonly name: string;
  /** Where the index is, from the page; null: there is none. */
  readonly index: string | null;
  readonly options: ReportOptions;
  readonly bar: Progress;
  /** Beside the page, what is in it as Markdown and drawings, where there is. */
  readonly apart: boolean;
}

function entryOf(scenario: Scenario, name: string) {
  return {
    href: `${name}.html`,
    name,
    folder: dirname(name),
    base: scenario.kernel.base,
    kernel: kernelName(scenario),
    about: aboutOf(scenario),
  };
}

function aboutOf({ about }: Scenario): string {
  return about.replace(/\s+/g, ' ').trim();
}

export async function reportOf(job: ReportJob): Promise<Report> {
  const { scenario, name, options } = job;
  checkSizes(scenario, findProfile(scenario.machine.profile), scaleOf(scenario, options));
  if (benchmarkOf(scenario) === null) return dirname(name) === 'scaling' ? timedRun(job) : race(job);
  return (scenario.seqread?.scale ?? 1) > 1 ? timedRun(job) : scaling(job);
}

function scaling({ scenario, name, index, options, bar, apart }: ReportJob): Report {
  const { files, reported } = markdownReport(scenario, name, options, bar);
  const rows = scenario.pft === null ? [] : mailRows(scenario, reported!.rows);
  const page = scalingPage({
    ...pageOf(files, index),
    title: name,
    table: rows.length === 0 ? null : [pftHeader(), ...rows.flatMap((row) => pftLines(row, row.measured))],
    stretch: scenario.pft === null ? null : stretchOf(scenario),
  });
  return {
    files: [...(apart ? files : []), [`${name}.html`, page]],
    entry: { ...entryOf(scenario, name), ...rateWords(scenario, rows), tone: '' },
    reported: apart ? reported : null,
  };
}

function pageOf(files: readonly [string, string][], index: string | null) {
  const drawings = new Map(files.filter(([file]) => file.endsWith('.svg')));
  return { index, markdown: files[0][1], drawings };
}

function rateWords(scenario: Scenario, rows: readonly PftResult[]): Pick<IndexEntry, 'verdict' | 'detail'> {
  const errors = meanErrors(rows);
  if (scenario.pft === null) return { verdict: 'under the clock', detail: benchmarkOf(scenario)! };
  if (errors === null) return { verdict: 'predicted', detail: plural(rows.length, 'row') };
  return { verdict: `±${errors.wall.toFixed(1)} %`, detail: `fault/wsec, mean of ${errors.rows} published rows` };
}

/** Kernels of one machine beside each other. */
export function comparisonReport(files: readonly [string, string][], index: string | null): Report {
  const name = `scaling/${files[0][0].replace(/\.md$/, '')}`;
  const about =
    'One machine, one program, several kernels: what a patch does to the curve of the kernel that it is for.';
  const page = scalingPage({ ...pageOf(files, index), title: name, table: null, stretch: null });
  return {
    files: [...files, [`${name}.html`, page]],
    entry: {
      ...{ href: `${name}.html`, name, folder: 'scaling', base: '', kernel: 'several kernels', about },
      ...{ verdict: 'compared', detail: 'rates by threads', tone: '' as const },
    },
  };
}

/** The first run of each row, in the columns of the mail. */
function mailRows(scenario: Scenario, rows: readonly ScalingRow[]): PftResult[] {
  const profile = findProfile(scenario.machine.profile);
  return pftRows(scenario).map((row, i) => {
    const { scale: _scale, ...run } = rows[i].figures!;
    const pages = pftPages({ ...row, cpus: scenario.machine.cpus }, profile.geometry.pageBytes);
    return { ...row, ...run, pages, measured: measuredFigures(scenario, row, pages) };
  });
}

function race({ scenario, name, index, options, apart }: ReportJob): Report {
  const result = exploreForReport(scenario, options.executions);
  const { failures, executions, complete } = result;
  const problems = judge(scenario.expect, result);
  const broken = failures.map((failure) => `${failure.rule} ${countOf(failure, result)}`).join(', ');
  const always = failures.some((failure) => wordFor(failure, executions) === 'Always');
  const words =
    failures.length === 0
      ? ({ verdict: complete ? 'Never' : 'Not seen', detail: coverage(result), tone: complete ? 'good' : '' } as const)
      : { verdict: always ? 'Always' : 'Sometimes', detail: broken, tone: 'bad' as const };
  const unexpected = problems.length > 0;
  const wrong = unexpected ? { verdict: `NOT AS EXPECTED: ${words.verdict}`, tone: 'bad' as const } : {};
  const { page, drawing } = raceTexts(scenario, result, name, index);
  return {
    files: [[`${name}.html`, page], ...(apart && drawing !== null ? [[`${name}.svg`, drawing] as const] : [])],
    entry: { ...entryOf(scenario, name), ...words, ...wrong },
    unexpected,
    inconclusive: !complete,
  };
}

/** What `faultline run` prints. */
async function timedRun({ scenario, name, index, options }: ReportJob): Promise<Report> {
  const plain = { format: 'table' as const, quiet: true, seed: options.seed };
  const { code, text } = await printed((io) => run(io, scenario.path, plain));
  const threads = scenario.threads.length > 0;
  const page = textPage({
    name,
    index,
    about: aboutOf(scenario),
    sections: [{ command: `npx faultline run ${quoted(commandName(scenario, name))}`, printed: text }],
    timeline: threads ? stretchOfThreads(scenario) : null,
    source: readFileSync(scenario.path, 'utf8'),
  });
  const unexpected = code !== EXIT.ok;
  return {
    files: [[`${name}.html`, page]],
    entry: {
      ...entryOf(scenario, name),
      verdict: unexpected ? 'NOT AS EXPECTED' : 'under the clock',
      detail: benchmarkOf(scenario) ?? 'threads',
      tone: unexpected ? 'bad' : '',
    },
    unexpected,
  };
}

/** The one question that is about no scenario: what moving a member of struct vm_fault changes. */
export async function layoutReport(index: string): Promise<Report> {
  const name = 'history/004-vm_fault-layout';
  const about =
    'What a new member of struct vm_fault costs, where it stands in the patch, and where the reviewer of 2014 would have it.';
  const commands = [
    ['npx faultline layout vm_fault', {}],
    ['npx faultline layout vm_fault --move cow_page=end', { move: 'cow_page=end' }],
  ] as const;
  const sections = await Promise.all(
    commands.map(async ([command, more]) => {
      const { text } = await printed((io) => layoutCommand(io, 'vm_fault', { format: 'plain', ...more }));
      return { command, printed: text };
    }),
  );
  return {
    files: [[`${name}.html`, textPage({ name, index, about, sections, timeline: null, source: null })]],
    entry: {
      ...{ href: `${name}.html`, name, folder: 'history', base: '', kernel: 'v3.17 and later', about },
      ...{ verdict: 'layout', detail: 'struct vm_fault', tone: '' as const },
    },
  };
}

/** What a command prints on 80 columns. */
async function printed(command: (io: Io) => number | Promise<number>): Promise<{ code: number; text: string }> {
  let text = '';
  const out = (more: string): void => void (text += more);
  const code = await command({
    out,
    err: () => undefined,
    width: 80,
    colors: pc.createColors(false),
    interactive: false,
  });
  return { code, text };
}
