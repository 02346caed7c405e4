/** Kernels of one machine beside each other, as Markdown. */
import { type Doubts, doubtLines } from './doubts.ts';
import { headLines, type ReportHead, type ReportRow, rateWords } from './scalability.ts';
import { signed } from './validation.ts';

export interface KernelRows {
  readonly kernel: string;
  /** The file of its own report. */
  readonly report: string;
  readonly rows: readonly ReportRow[];
}

export interface KernelsReport extends ReportHead, Doubts {
  readonly curve: string;
  readonly actors: string;
  readonly unit: string;
  /** The first is the one that others are held to. */
  readonly kernels: readonly KernelRows[];
}

export function kernelsMarkdown(report: KernelsReport): string {
  const { kernels, actors, unit, curve } = report;
  const [base] = kernels;
  const places = new Map(
    kernels.flatMap(({ rows }) => rows).map(({ series, threads }) => [`${series} ${threads}`, { series, threads }]),
  );
  const row = ({ series, threads }: Pick<ReportRow, 'series' | 'threads'>): string => {
    const found = kernels.map(({ rows }) => rows.find((one) => one.series === series && one.threads === threads));
    return `| ${series} | ${threads} | ${found.map((one) => cell(one, found[0])).join(' | ')} |`;
  };
  return [
    ...headLines(report),
    `![rates by ${actors}](${curve})`,
    '',
    `${unit}, and how much more that is than with ${base.kernel}:`,
    '',
    `| | ${actors} | ${kernels.map(({ kernel, report: file }) => `[${kernel}](${file})`).join(' | ')} |`,
    `| --: | --: | ${kernels.map(() => '--:').join(' | ')} |`,
    ...[...places.values()].map(row),
    '',
    ...doubtLines(report),
    '',
  ].join('\n');
}

function cell(one: ReportRow | undefined, base: ReportRow | undefined): string {
  if (one === undefined) return '';
  return base === undefined || one === base
    ? rateWords(one)
    : `${rateWords(one)} (${signed(one.rate / base.rate - 1)} %)`;
}
