/** A scalability report as Markdown: what was asked, the table, where the time went, and what not to believe of it. */
import { lockTable, type LockLine } from './lock-table.ts';
import { signed } from './validation.ts';

export interface ReportRow {
  readonly gb: number;
  readonly threads: number;
  readonly model: number;
  readonly spread: number;
  readonly measured: number | null;
  /** Of all CPU time: zeroing, waiting for a bus, spinning for locks. */
  readonly zeroing: number;
  readonly bus: number;
  readonly locks: readonly LockLine[];
  readonly lines: readonly { readonly name: string; readonly moves: number; readonly stallNs: number }[];
  readonly cpuNs: number;
}

export interface ScalabilityReport {
  readonly title: string;
  readonly about: string;
  readonly command: string;
  readonly kernel: string;
  readonly machine: string;
  readonly scale: number;
  readonly replications: number;
  readonly picture: string;
  readonly source: string | null;
  readonly rows: readonly ReportRow[];
  readonly assumed: readonly { readonly path: string; readonly value: string; readonly source: string }[];
  readonly calibrated: readonly { readonly path: string; readonly value: string; readonly source: string }[];
  readonly leftOut: readonly string[];
}

export function scalabilityMarkdown(report: ScalabilityReport): string {
  return [
    `# ${report.title}`,
    '',
    report.about,
    '',
    `Kernel ${report.kernel}, machine ${report.machine}. Written by \`${report.command}\`${scaleWords(report)}.`,
    '',
    `![rates by threads](${report.picture})`,
    '',
    ...rateTable(report),
    '',
    '## Where the time went',
    '',
    ...report.rows.flatMap(whereTimeWent),
    ...doubts(report),
    '',
  ].join('\n');
}

function scaleWords({ scale, replications }: ScalabilityReport): string {
  const part = scale === 1 ? '' : `; one part in ${scale} of the memory was simulated, and times multiplied`;
  return `${part}; ${replications} runs where placement is random`;
}

function rateTable({ rows, source }: ScalabilityReport): string[] {
  const cell = (row: ReportRow): string => {
    const spread = row.spread === 0 ? '' : ` ± ${(row.spread * 100).toFixed(1)} %`;
    const other =
      row.measured === null ? ['', ''] : [row.measured.toFixed(0), `${signed(row.model / row.measured - 1)} %`];
    return `| ${[row.gb, row.threads, `${row.model.toFixed(0)}${spread}`, ...other].join(' | ')} |`;
  };
  return [
    '| Gb | threads | fault/wsec | published | error |',
    '| --: | --: | --: | --: | --: |',
    ...rows.map(cell),
    ...(source === null ? [] : ['', `Published: <${source}>.`]),
  ];
}

function whereTimeWent(row: ReportRow): string[] {
  const share = (part: number): string => `${(part * 100).toFixed(1)} %`;
  const spinning = row.locks.reduce((sum, lock) => sum + lock.waitNs, 0) / row.cpuNs;
  const lines = [...row.lines].sort((a, b) => b.stallNs - a.stallNs).slice(0, 6);
  return [
    `${row.gb} GiB, ${row.threads} threads: zeroing ${share(row.zeroing)} of CPU time, memory bus ${share(row.bus)}, locks ${share(spinning)}.`,
    '',
    '```',
    ...lockTable(row.locks),
    '',
    '   fetched       stall  of CPU time  cache line',
    ...lines.map(
      ({ name, moves, stallNs }) =>
        `${String(moves).padStart(10)}${`${(stallNs / 1e6).toFixed(2)} ms`.padStart(12)}${share(stallNs / row.cpuNs).padStart(13)}  ${name}`,
    ),
    '```',
    '',
  ];
}

function doubts({ assumed, calibrated, leftOut }: ScalabilityReport): string[] {
  const lines = (costs: ScalabilityReport['assumed']): string[] =>
    costs.map(({ path, value, source }) => `| \`${path}\` | ${value} | ${source.replaceAll('|', '/')} |`);
  return [
    '## What not to believe',
    '',
    'Costs that this machine assumes, and nobody has measured:',
    '',
    '| cost | value | because |',
    '| --- | --- | --- |',
    ...lines(assumed),
    '',
    'Costs that were fitted to unpatched kernels:',
    '',
    '| cost | value | from |',
    '| --- | --- | --- |',
    ...lines(calibrated),
    '',
    'Mechanisms that are left out:',
    '',
    ...leftOut.map((what) => `- ${what}`),
  ];
}
