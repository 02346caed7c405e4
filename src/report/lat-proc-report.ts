/** lat_proc as Markdown: the tables of `run`, and what not to believe of them. */
import { type Doubts, doubtLines } from './doubts.ts';
import { headLines, type ReportHead } from './scalability.ts';

export interface LatProcReport extends ReportHead, Doubts {
  readonly picture: string;
  /** What `run` prints. */
  readonly tables: readonly string[];
}

export function latProcMarkdown(report: LatProcReport): string {
  return [
    ...headLines(report),
    `![time by way to walk page tables](${report.picture})`,
    '',
    '```',
    ...report.tables,
    '```',
    '',
    ...doubtLines(report),
    '',
  ].join('\n');
}
