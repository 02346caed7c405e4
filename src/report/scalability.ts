/** A scalability report as Markdown: what was asked, the table, where the time went, and what not to believe of it. */
import { type Doubts, doubtLines } from './doubts.ts';
import { lockTable, type LockLine } from './lock-table.ts';
import { partLines, type TimedRow } from './time-parts.ts';
import { signed } from './validation.ts';

export interface ReportRow extends TimedRow {
  /** Rows that differ in the number of threads only. */
  readonly series: string;
  readonly threads: number;
  readonly rate: number;
  readonly spread: number;
  readonly published: number | null;
  readonly locks: readonly LockLine[];
  readonly lines: readonly { readonly name: string; readonly moves: number; readonly stallNs: number }[];
}

/** What stands above every report. */
export interface ReportHead {
  readonly title: string;
  readonly about: string;
  readonly command: string;
  readonly kernel: string;
  readonly machine: string;
  /** How it was run, if there is more to say than the command does. */
  readonly how: string;
}

export interface ScalabilityReport extends ReportHead, Doubts {
  /** Drawings: rates by threads, and where the time went. */
  readonly curve: string;
  readonly time: string;
  readonly source: string | null;
  /** `threads` or `processes`; `fault/wsec` or `GiB/s`. */
  readonly actors: string;
  readonly unit: string;
  readonly rows: readonly ReportRow[];
}

export function scalabilityMarkdown(report: ScalabilityReport): string {
  return [
    ...headLines(report),
    `![rates by ${report.actors}](${report.curve})`,
    '',
    ...rateTable(report),
    '',
    '## Where the time went',
    '',
    'Every moment of a CPU that is in use, to the tick: `hold` is work with a lock held, `transfer` a cache line that came from elsewhere, hand-over of a lock included, `wait` spinning before that.',
    '',
    `![CPU time by what it went to](${report.time})`,
    '',
    ...partTable(report),
    '',
    ...report.rows.flatMap((row) => locksAndLines(row, report)),
    ...doubtLines(report),
    '',
  ].join('\n');
}

export function headLines({ title, about, command, kernel, machine, how }: ReportHead): string[] {
  const more = how === '' ? '' : `; ${how}`;
  return [`# ${title}`, '', about, '', `Kernel ${kernel}, machine ${machine}. Written by \`${command}\`${more}.`, ''];
}

const SINGULAR: Readonly<Record<string, string>> = { threads: 'thread', processes: 'process' };

/** Rates below 1000 have decimals. */
export function rateWords({ rate, spread }: Pick<ReportRow, 'rate' | 'spread'>): string {
  return `${figure(rate)}${spread === 0 ? '' : ` ± ${(spread * 100).toFixed(1)} %`}`;
}

function figure(rate: number): string {
  return rate.toFixed(rate < 1000 ? 3 : 0);
}

/** Where nobody has published a row there is nothing to stand beside the rates. */
function rateTable({ rows, source, actors, unit }: ScalabilityReport): string[] {
  const measured = rows.some(({ published }) => published !== null);
  const beside = ({ rate, published }: ReportRow): string[] =>
    published === null ? ['', ''] : [figure(published), `${signed(rate / published - 1)} %`];
  const cells = (row: ReportRow): (string | number)[] => [
    ...[row.series, row.threads, rateWords(row)],
    ...(measured ? beside(row) : []),
  ];
  const head = [actors, unit, ...(measured ? ['published', 'error'] : [])];
  return [
    `| | ${head.join(' | ')} |`,
    `| ${['', ...head].map(() => '--:').join(' | ')} |`,
    ...rows.map((row) => `| ${cells(row).join(' | ')} |`),
    ...(source === null ? [] : ['', `Published: <${source}>.`]),
  ];
}

function partTable({ rows, actors }: ScalabilityReport): string[] {
  const several = new Set(rows.map(({ series }) => series)).size > 1;
  const head = rows.map(({ series, threads }) => (several ? `${series}, ${threads}` : `${threads}`));
  const sums = rows.map(({ cpuNs, pages }) => cpuNs / (pages ?? 1) / 1000);
  const cells = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join(' | ');
  return [
    `| CPU time, us${rows[0].pages === null ? '' : ' a page'}; ${actors}: | ${head.join(' | ')} |`,
    `| --- | ${rows.map(() => '--:').join(' | ')} |`,
    ...partLines(rows).map(({ label, values }) => `| ${label} | ${cells(values)} |`),
    `| all | ${cells(sums)} |`,
  ];
}

function locksAndLines({ series, threads, locks, lines, cpuNs }: ReportRow, { actors }: ScalabilityReport): string[] {
  const share = (part: number): string => `${(part * 100).toFixed(1)} %`;
  const largest = [...lines].sort((a, b) => b.stallNs - a.stallNs).slice(0, 6);
  return [
    `${series}, ${threads} ${threads === 1 ? SINGULAR[actors] : actors}:`,
    '',
    '```',
    ...lockTable(locks),
    '',
    '   fetched       stall  of CPU time  cache line',
    ...largest.map(
      ({ name, moves, stallNs }) =>
        `${String(moves).padStart(10)}${`${(stallNs / 1e6).toFixed(2)} ms`.padStart(12)}${share(stallNs / cpuNs).padStart(13)}  ${name}`,
    ),
    '```',
    '',
  ];
}
