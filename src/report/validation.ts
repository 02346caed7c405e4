/** Measured against predicted, as Markdown and for a terminal of 80 columns. */
import { type Doubts, doubtLines } from './doubts.ts';
import { wrap } from './wrap.ts';
import { plural } from '../machine/plural.ts';

export interface RowLine {
  readonly gb: number;
  readonly threads: number;
  readonly status: string;
  readonly measured: { readonly wall: number; readonly cpu: number };
  readonly model: { readonly wall: number; readonly cpu: number };
  readonly spread: number;
  readonly error: { readonly wall: number; readonly cpu: number };
  readonly nulls: Readonly<Record<string, number>>;
}

export interface TableText {
  readonly path: string;
  readonly source: string;
  readonly kernel: string;
  readonly profile: string;
  readonly scale: number;
  readonly rows: readonly RowLine[];
}

/** Sequential reads of a cached file. */
export interface ReadsText {
  readonly path: string;
  readonly source: string | null;
  readonly kernel: string;
  readonly profile: string;
  readonly kind: string;
  readonly gib: number;
  readonly scale: number;
  readonly rows: readonly {
    readonly readers: number;
    readonly order: number | null;
    readonly faults: number;
    readonly seconds: number;
    readonly exitShare: number;
    readonly measured: number | null;
    readonly error: number | null;
    readonly nulls: Readonly<Record<string, number>>;
  }[];
}

export interface SummaryLine {
  readonly what: string;
  readonly rows: number;
  readonly model: number;
  readonly bestNull: { readonly name: string; readonly error: number } | null;
}

/** `+1.2` */
export function signed(part: number): string {
  const percent = (part * 100).toFixed(1);
  return Number(percent) > 0 ? `+${percent}` : percent;
}

const WIDTHS = [5, 4, 11, 11, 7, 8, 8, 9, 9];
const HEADS = ['Gb', 'n', 'measured', 'model', '+-%', 'wall %', 'cpu %', 'Amdahl %', 'USL %'];

function line(cells: readonly string[], last: string): string {
  return `${cells.map((cell, i) => cell.padStart(WIDTHS[i])).join('')}  ${last}`.trimEnd();
}

/** A letter for the status stands at the end: c, p, or ? for what cannot be. */
const LETTERS: Readonly<Record<string, string>> = { calibrated: 'c', predicted: 'p', impossible: '?' };

function cells(row: RowLine): string[] {
  return [
    String(row.gb),
    String(row.threads),
    row.measured.wall.toFixed(0),
    row.model.wall.toFixed(0),
    row.spread === 0 ? '-' : (row.spread * 100).toFixed(1),
    signed(row.error.wall),
    signed(row.error.cpu),
    ...['Amdahl', 'USL'].map((name) => (name in row.nulls ? signed(row.nulls[name]) : '-')),
  ];
}

const READS_WIDTHS = [8, 6, 14, 10, 9, 9, 8, 9, 7];
const READS_HEADS = ['n', 'order', 'faults', 'measured', 'model', 'error %', 'exit %', 'Amdahl', 'USL'];

function readsCells({ readers, order, faults, measured, seconds, error, exitShare, nulls }: ReadsText['rows'][number]) {
  return [
    String(readers),
    String(order ?? 0),
    faults.toLocaleString('en-US'),
    measured === null ? '-' : measured.toFixed(2),
    seconds.toFixed(2),
    error === null ? '-' : signed(error),
    (exitShare * 100).toFixed(1),
    ...['Amdahl', 'USL'].map((name) => (name in nulls ? signed(nulls[name]) : '-')),
  ];
}

function readsLine(cellsOf: readonly string[]): string {
  return cellsOf.map((cell, i) => cell.padStart(READS_WIDTHS[i])).join('');
}

function readsText(table: ReadsText): string[] {
  return [
    '',
    `${table.kernel}, ${table.profile}: seconds of reading ${table.gib} GiB in sequence`,
    `by n ${table.kind}, 1/${table.scale} of the pages${table.source === null ? '; predicted' : '; calibrated on these rows'}`,
    ...(table.source === null ? [] : [table.source]),
    readsLine(READS_HEADS),
    ...table.rows.map((row) => readsLine(readsCells(row))),
  ];
}

export function validationText(
  tables: readonly TableText[],
  reads: readonly ReadsText[],
  summaries: readonly SummaryLine[],
): string[] {
  return [
    'fault/wsec, measured and simulated; errors in percent, + is too fast.',
    'c: calibrated on this row; p: predicted; ?: the source misprints it.',
    ...tables.flatMap((table) => [
      '',
      `${table.kernel}, ${table.profile}${scaleWords(table)}`,
      table.source,
      line(HEADS, ''),
      ...table.rows.map((row) => line(cells(row), LETTERS[row.status])),
    ]),
    ...reads.flatMap(readsText),
    '',
    ...summaries.flatMap((summary) => wrap(summaryWords(summary), 80, '  ')),
  ];
}

function scaleWords({ scale }: TableText): string {
  return scale === 1 ? '' : `, 1/${scale} of the memory`;
}

function summaryWords({ what, rows, model, bestNull }: SummaryLine): string {
  const other = bestNull === null ? '' : `; best null model ${(bestNull.error * 100).toFixed(1)} % (${bestNull.name})`;
  return `${what}: mean error ${(model * 100).toFixed(1)} % over ${plural(rows, 'row')}${other}`;
}

function markdownRow(cellsOf: readonly string[]): string {
  return `| ${cellsOf.join(' | ')} |`;
}

/** Of the first windows and the last, with what there is to say of the whole. */
function readsMarkdown(table: ReadsText): string[] {
  const what =
    table.source === null
      ? 'Predicted: the machine was calibrated on the table without fault-around.'
      : `Source: <${table.source}>. The machine was calibrated on these rows.`;
  return [
    `## ${table.kernel}, ${table.profile}`,
    '',
    `Seconds of ${table.kind} that each read ${table.gib} GiB of a cached file in sequence, with windows of 2^order pages. ${what}`,
    `Scenario: \`${table.path}\`, 1/${table.scale} of the pages; faults and times are multiplied. Exit: the part of the time in which`,
    'one CPU tears the address space down. What not to believe: threads that begin all at once and read a small part of the file',
    'wait for each other longer than they would later on; with windows and half as many pages that was up to a tenth.',
    '',
    markdownRow([table.kind, 'order', 'minor faults', 'measured', 'model', 'error %', 'exit %', 'Amdahl %', 'USL %']),
    markdownRow(['--:', '--:', '--:', '--:', '--:', '--:', '--:', '--:', '--:']),
    ...table.rows.map((row) => markdownRow(readsCells(row))),
    '',
  ];
}

export function validationMarkdown(
  tables: readonly TableText[],
  reads: readonly ReadsText[],
  summaries: readonly SummaryLine[],
  command: string,
  doubts: ReadonlyMap<string, Doubts>,
): string {
  const lines = [
    '# Measured and predicted',
    '',
    `Written by \`${command}\`. Rates are fault/wsec; errors in percent, + is too fast. *Calibrated* rows are those that`,
    'the machine was fitted to, all of unpatched kernels; *predicted* rows nothing was fitted to. Amdahl and USL are curves',
    'fitted to the unpatched table of the same machine and size and carried over.',
    '',
    ...tables.flatMap((table) => [
      `## ${table.kernel}, ${table.profile}`,
      '',
      `Source: <${table.source}>. Scenario: \`${table.path}\`${scaleWords(table)}.`,
      '',
      markdownRow(['Gb', 'threads', 'measured', 'model', '± %', 'wall %', 'CPU %', 'Amdahl %', 'USL %', 'status']),
      markdownRow(['--:', '--:', '--:', '--:', '--:', '--:', '--:', '--:', '--:', '---']),
      ...table.rows.map((row) => markdownRow([...cells(row), row.status])),
      '',
    ]),
    ...reads.flatMap(readsMarkdown),
    '## Means',
    '',
    ...summaries.map((summary) => `- ${summaryWords(summary)}`),
    '',
    ...[...doubts].flatMap(([machine, those]) => [...doubtLines(those, machine), '']),
  ];
  return lines.join('\n');
}
