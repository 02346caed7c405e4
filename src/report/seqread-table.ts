/** Sequential reads as a table: two lines for each number of processes, a column for each window. */

export interface SeqreadCell {
  readonly processes: number;
  readonly order: number | null;
  readonly faults: number;
  readonly seconds: number;
}

const LEFT = 24;
const CELL = 16;

/** `Baseline`, `order=1`, ...; one column if the windows are as the kernel has them. */
export function seqreadHeader(orders: readonly (number | null)[]): string {
  const heads = orders.map((order) => (order === null ? 'as it is' : order === 0 ? 'Baseline' : `order=${order}`));
  return ' '.repeat(LEFT) + heads.map((head) => head.padStart(CELL)).join('');
}

export function seqreadLines(cells: readonly SeqreadCell[], measured: readonly (number | null)[]): string[] {
  const line = (name: string, values: readonly string[]): string =>
    name.padEnd(LEFT) + values.map((value) => value.padStart(CELL)).join('');
  const { processes } = cells[0];
  const lines = [
    `${processes} ${processes === 1 ? 'process' : 'processes'}`,
    line(
      '  minor-faults',
      cells.map(({ faults }) => faults.toLocaleString('en-US')),
    ),
    line(
      '  time, seconds',
      cells.map(({ seconds }) => seconds.toFixed(9)),
    ),
  ];
  if (measured.every((seconds) => seconds === null)) return lines;
  const error = (seconds: number, at: number): string =>
    `${seconds < at ? '' : '+'}${((seconds / at - 1) * 100).toFixed(1)}%`;
  return [
    ...lines,
    line(
      '  measured',
      measured.map((seconds) => (seconds === null ? '' : seconds.toFixed(9))),
    ),
    line(
      '  error',
      cells.map(({ seconds }, i) => (measured[i] === null ? '' : error(seconds, measured[i]))),
    ),
  ];
}
