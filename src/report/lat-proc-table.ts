/** lat_proc as a table: a row for each machine, a column for each way to walk page tables. */

export interface LatProcCell {
  readonly patch: string | null;
  readonly microseconds: number;
  readonly lines: number;
  readonly misses: number;
  readonly missMicroseconds: number;
  readonly walks: Readonly<Record<string, { readonly misses: number }>>;
  readonly levels: Readonly<Record<string, number>>;
}

export interface LatProcLine {
  readonly kind: string;
  readonly machine: string;
  readonly columns: readonly LatProcCell[];
}

const LEFT = 24;
const HEADS = ['us', 'lines', 'misses', 'miss us'];
const WIDTHS = [8, 7, 7, 9];
const CELL = WIDTHS.reduce((sum, width) => sum + width, 0);

/** Name of each column, then what stands in it. */
export function latProcHeader(patches: readonly (string | null)[]): string[] {
  const names = patches.map((patch) => (patch ?? 'as it is').padStart(CELL));
  const heads = patches.map(() => HEADS.map((head, i) => head.padStart(WIDTHS[i])).join(''));
  return [' '.repeat(LEFT) + names.join(''), ' '.repeat(LEFT) + heads.join('')];
}

export function latProcLine({ kind, machine, columns }: LatProcLine): string {
  const cells = columns.map(({ microseconds, lines, misses, missMicroseconds }) =>
    [microseconds, lines, misses, missMicroseconds].map((n, i) => n.toFixed(1).padStart(WIDTHS[i])).join(''),
  );
  return `${kind} `.padEnd(6) + machine.padEnd(LEFT - 6) + cells.join('');
}

/** What the misses of each column are made of. */
export function latProcParts(
  { kind, machine, columns }: LatProcLine,
  partsOf: (cell: LatProcCell) => readonly number[],
): string {
  const cells = columns.map((cell) => {
    const parts = partsOf(cell).map((n) => (Number.isInteger(n) ? `${n}` : n.toFixed(1)));
    return parts.join(' + ').padStart(CELL);
  });
  return `${kind} `.padEnd(6) + machine.padEnd(LEFT - 6) + cells.join('');
}
