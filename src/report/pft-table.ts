/** The table of the page fault test in the columns of the mails, with the published row and the error under each. */

export interface TableRow {
  readonly gb: number;
  readonly repetitions: number;
  readonly threads: number;
  readonly userS: number;
  readonly systemS: number;
  readonly wallS: number;
  readonly faultsPerCpuS: number;
  readonly faultsPerWallS: number;
}

type Figures = Pick<TableRow, 'userS' | 'systemS' | 'wallS' | 'faultsPerCpuS' | 'faultsPerWallS'>;

const WIDTHS = [9, 4, 8, 9, 10, 9, 12, 12];

function line(cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padStart(WIDTHS[i])).join('');
}

export function pftHeader(): string {
  return line(['Gb', 'Rep', 'Threads', 'User', 'System', 'Wall', 'flt/cpu/s', 'fault/wsec']);
}

function cells(figures: Figures): string[] {
  const { userS, systemS, wallS, faultsPerCpuS, faultsPerWallS } = figures;
  return [
    `${userS.toFixed(3)}s`,
    `${systemS.toFixed(3)}s`,
    `${wallS.toFixed(3)}s`,
    faultsPerCpuS.toFixed(1),
    faultsPerWallS.toFixed(1),
  ];
}

/** The row, then `measured` and `error` if there is a published one. */
export function pftLines(row: TableRow, measured: Figures | null): string[] {
  const lines = [line([String(row.gb), String(row.repetitions), String(row.threads), ...cells(row)])];
  if (measured !== null)
    lines.push(line(['measured', '', '', ...cells(measured)]), line(['error', '', '', ...errors(row, measured)]));
  return lines;
}

function errors(row: Figures, measured: Figures): string[] {
  const error = (a: number, b: number): string => {
    if (b === 0) return '-'; // less than the clock shows: no part of it can be told
    const percent = (a / b - 1) * 100;
    return `${percent < 0 ? '-' : '+'}${Math.abs(percent).toFixed(1)}%`;
  };
  return [
    error(row.userS, measured.userS),
    error(row.systemS, measured.systemS),
    error(row.wallS, measured.wallS),
    error(row.faultsPerCpuS, measured.faultsPerCpuS),
    error(row.faultsPerWallS, measured.faultsPerWallS),
  ];
}
