/** `--row`: one row of a benchmark that is a table of runs. */
import { benchmarkOf, type Scenario } from '../scenario/read.ts';
import { seqreadRows } from '../scenario/seqread-result.ts';
import { pftRows } from '../scenario/world.ts';
import { UsageError } from './exit.ts';
import { type ExportOptions, exportsOf } from './export.ts';
import { plural } from '../machine/plural.ts';

export interface RowOptions extends ExportOptions {
  /** Only this row of the table, from 1. */
  readonly row?: number;
}

/** An export is of one run: rows of pft and seqread can be run alone, a figure of lat_proc is made of two runs. */
export function checkRows(scenario: Scenario, options: RowOptions): void {
  const { row } = options;
  const exports = exportsOf(options).length > 0;
  const rows = rowsOf(scenario);
  if (exports && benchmarkOf(scenario) === 'lat_proc') {
    throw new UsageError(
      `${scenario.path} is a lat_proc scenario: its figures are differences of runs, it has no exports`,
    );
  }
  if (row !== undefined && rows === null) {
    throw new UsageError(`--row is for pft and seqread: ${scenario.path} is neither`);
  }
  if (row !== undefined && row > rows!) {
    throw new UsageError(`${scenario.path} has ${plural(rows!, 'row')}: there is no row ${row}`);
  }
  if (exports && rows !== null && rows > 1 && row === undefined) {
    throw new UsageError(`${scenario.path} has ${rows} rows, an export is of one: choose it with --row 1 to ${rows}`);
  }
}

export function chosenRows<Row>(rows: readonly Row[], { row }: RowOptions): readonly Row[] {
  return row === undefined ? rows : [rows[row - 1]];
}

/** How many runs its table has; null: it is no table of runs. */
function rowsOf(scenario: Scenario): number | null {
  if (scenario.pft !== null) return pftRows(scenario).length;
  return scenario.seqread === undefined ? null : seqreadRows(scenario.seqread).length;
}
