/** Sequential reads as a table: a line for each number of readers and each window. */

export interface SeqreadLine {
  readonly readers: number;
  readonly order: number | null;
  readonly faults: number;
  readonly seconds: number;
  /** Seconds of it in which address spaces are torn down. */
  readonly exit: number;
  readonly measured: number | null;
}

/** As a rule; what is longer makes its column wider. */
const WIDTHS = [9, 7, 14, 11, 10, 8, 11, 9];

/** The heading and the lines. `kind`: threads or processes. */
export function seqreadTable(kind: string, lines: readonly SeqreadLine[]): string[] {
  const heading = [kind, 'order', 'minor-faults', 'seconds', 'exit s', 'exit %', 'measured', 'error'];
  const rows = [heading, ...lines.map(cells)];
  const widths = WIDTHS.map((width, i) => Math.max(width, ...rows.slice(1).map((row) => (row[i] ?? '').length + 1)));
  return rows.map((row) => row.map((cell, i) => cell.padStart(widths[i])).join(''));
}

function cells({ readers, order, faults, seconds, exit, measured }: SeqreadLine): string[] {
  return [
    String(readers),
    order === null ? '-' : String(order),
    faults.toLocaleString('en-US'),
    figure(seconds),
    figure(exit),
    ((exit / seconds) * 100).toFixed(1),
    ...(measured === null ? [] : [figure(measured), error(seconds, measured)]),
  ];
}

/** Long times with hundredths, short ones with enough digits to tell them apart. */
function figure(seconds: number): string {
  return seconds >= 1 ? seconds.toFixed(2) : seconds.toPrecision(4);
}

function error(seconds: number, measured: number): string {
  return `${seconds < measured ? '' : '+'}${((seconds / measured - 1) * 100).toFixed(1)} %`;
}
