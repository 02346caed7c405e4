/** lat_proc as tables of 80 columns: a row for each machine, a column for each way to walk page tables. */

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

const LEFT = 23;
const CELL = 19;

const tenths = (n: number): string => n.toFixed(1);
/** Parts of a sum, as short as they are: there are up to five. */
const sum = (parts: readonly number[]): string =>
  parts.map((n) => (Number.isInteger(n) ? `${n}` : tenths(n))).join('+');
const pair = (a: string, b: string): string => a.padStart(10) + b.padStart(9);

interface Table {
  /** What stands above all columns, or under the name of each. */
  readonly title?: string;
  readonly head?: string;
  readonly cell: (cell: LatProcCell) => string;
}

const TABLES: readonly Table[] = [
  {
    head: pair('us', 'miss us'),
    cell: ({ microseconds, missMicroseconds }) => pair(tenths(microseconds), tenths(missMicroseconds)),
  },
  {
    head: pair('lines', 'misses'),
    cell: ({ lines, misses }) => pair(tenths(lines), tenths(misses)),
  },
  {
    title: 'misses by what the walk is for: fault + copy at fork + zap + free at exit',
    cell: ({ walks }) => sum(Object.values(walks).map(({ misses }) => misses)),
  },
  {
    title: 'misses by what is read: pgd + pud + pmd + mask of a pmd + node of a tree',
    cell: ({ levels }) => sum(Object.values(levels)),
  },
];

/** As many columns in one table as fit the width; the others stand below. */
export function latProcTables(rows: readonly LatProcLine[], width: number): string[] {
  const columns = rows[0].columns.length;
  const fit = Math.max(1, Math.floor((width - LEFT) / CELL));
  return TABLES.flatMap((table) =>
    Array.from({ length: Math.ceil(columns / fit) }, (_, i) => [
      '',
      ...latProcTable(
        table,
        rows.map((row) => ({ ...row, columns: row.columns.slice(i * fit, (i + 1) * fit) })),
      ),
    ]).flat(),
  );
}

function latProcTable({ title, head, cell }: Table, rows: readonly LatProcLine[]): string[] {
  const names = rows[0].columns.map(({ patch }) => (patch ?? 'as it is').padStart(CELL));
  return [
    ...(title === undefined ? [] : [title]),
    ' '.repeat(LEFT) + names.join(''),
    ...(head === undefined ? [] : [' '.repeat(LEFT) + head.repeat(names.length)]),
    ...rows.map(({ kind, machine, columns }) => {
      const cells = columns.map((one) => cell(one).padStart(CELL));
      return `${kind} `.padEnd(6) + machine.padEnd(LEFT - 6) + cells.join('');
    }),
  ];
}
