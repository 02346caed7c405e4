/** Measured against predicted, for every published table of the project; null models beside it. */
import type { Profile } from '../machine/profile.ts';
import type { Scenario } from '../scenario/read.ts';
import { nullModels, raised, rateOf } from './null-models.ts';
import { isBase } from './observed.ts';
import { isImpossible, type PublishedRow, publishedRows, simulate } from './rows.ts';
import type { ReadsTable } from './seqread.ts';
import { halfWidth95, harmonicMean } from './statistics.ts';
import { plural } from '../machine/plural.ts';

export interface ValidateOptions {
  /** At least; a scenario that is scaled down further stays so. */
  readonly scale: number;
  readonly replications: number;
  readonly seed: number;
  readonly report?: (what: string) => void;
}

/** A row of a table. Rates are fault/wsec and flt/cpu/s; errors are parts, positive if the model is too fast. */
export interface ValidatedRow {
  readonly gb: number;
  readonly threads: number;
  /** Calibrated: the machine was fitted to this row. Predicted: nothing was. Impossible: the source misprints it. */
  readonly status: 'calibrated' | 'predicted' | 'impossible';
  readonly measured: { readonly wall: number; readonly cpu: number };
  readonly model: { readonly wall: number; readonly cpu: number };
  /** Half the width of the 95 % interval of the mean, as a part; 0: nothing is random. */
  readonly spread: number;
  readonly error: { readonly wall: number; readonly cpu: number };
  /** Errors by wall time of models without a kernel, by name. */
  readonly nulls: Readonly<Record<string, number>>;
}

export interface ValidatedTable {
  readonly path: string;
  readonly source: string;
  readonly kernel: string;
  readonly profile: string;
  readonly scale: number;
  readonly rows: readonly ValidatedRow[];
}

/** Tables whose rows stand in another one too are left out. */
export function tablesOf(scenarios: readonly Scenario[]): Scenario[] {
  const seen = new Set<string>();
  const rows = (scenario: Scenario): string[] =>
    (scenario.measured?.rows ?? []).map(({ gb, threads, faultsPerWallS }) =>
      JSON.stringify([scenario.measured!.source, gb, threads, faultsPerWallS]),
    );
  const larger = [...scenarios].sort((a, b) => rows(b).length - rows(a).length);
  const kept = larger.filter((scenario) => {
    const own = rows(scenario);
    if (own.length === 0 || own.every((row) => seen.has(row))) return false;
    for (const row of own) seen.add(row);
    return true;
  });
  return scenarios.filter((scenario) => kept.includes(scenario));
}

export function validate(
  scenarios: readonly Scenario[],
  profileOf: (name: string) => Profile,
  options: ValidateOptions,
): ValidatedTable[] {
  const tables = scenarios.map((scenario) => {
    const profile = profileOf(scenario.machine.profile);
    return { scenario, profile, rows: publishedRows(scenario, profile.geometry.pageBytes) };
  });
  return tables.map(({ scenario, profile, rows }) => {
    const { kernel, measured, machine, path } = scenario;
    const scale = Math.max(options.scale, scenario.pft!.scale ?? 1);
    const base = tables.find((other) => isBase(other.scenario) && other.scenario.machine.profile === machine.profile);
    return {
      path,
      source: measured!.source,
      kernel: [kernel.base, ...kernel.patches].join(' + '),
      profile: machine.profile,
      scale,
      rows: rows.map((row) => validated(row, profile, nullErrors(row, rows, base?.rows ?? []), { ...options, scale })),
    };
  });
}

function validated(
  published: PublishedRow,
  profile: Profile,
  nulls: Readonly<Record<string, number>>,
  options: ValidateOptions,
): ValidatedRow {
  const { scenario, row, measured } = published;
  options.report?.(`${scenario.path}: ${row.gb} GiB, ${plural(row.threads, 'thread')}`);
  const replications = row.threads > profile.cpusPerNode ? options.replications : 1;
  const runs = Array.from({ length: replications }, (_, i) =>
    simulate(scenario, row, profile, { scale: options.scale, seed: options.seed + i }),
  );
  const wall = harmonicMean(runs.map((run) => run.faultsPerWallS));
  const cpu = harmonicMean(runs.map((run) => run.faultsPerCpuS));
  return {
    gb: row.gb,
    threads: row.threads,
    status: isImpossible(published) ? 'impossible' : isBase(scenario) ? 'calibrated' : 'predicted',
    measured: { wall: measured.faultsPerWallS, cpu: measured.faultsPerCpuS },
    model: { wall, cpu },
    spread: halfWidth95(runs.map((run) => run.faultsPerWallS)) / wall,
    error: { wall: wall / measured.faultsPerWallS - 1, cpu: cpu / measured.faultsPerCpuS - 1 },
    nulls,
  };
}

/** What the curves of the base table say of a row: as they are and, for a patched kernel, raised to its first row. */
function nullErrors(
  { scenario, row, measured }: PublishedRow,
  table: readonly PublishedRow[],
  base: readonly PublishedRow[],
): Record<string, number> {
  const same = base.filter((other) => other.row.gb === row.gb);
  if (same.length === 0) return {}; // the table of the unpatched kernel is not among those that are looked at
  const fitted = nullModels(same.map((other) => ({ threads: other.row.threads, rate: other.measured.faultsPerWallS })));
  const first = table.find((other) => other.row.gb === row.gb && other.row.threads === 1 && !isImpossible(other));
  const errors: Record<string, number> = {};
  for (const model of fitted) {
    errors[model.name] = rateOf(model, row.threads) / measured.faultsPerWallS - 1;
    if (isBase(scenario) || first === undefined) continue;
    const higher = raised(model, first.measured.faultsPerWallS);
    errors[`${model.name}, first row known`] = rateOf(higher, row.threads) / measured.faultsPerWallS - 1;
  }
  return errors;
}

/** Mean of absolute errors; null without any. */
export function meanAbsolute(errors: readonly number[]): number | null {
  return errors.length === 0 ? null : errors.reduce((sum, error) => sum + Math.abs(error), 0) / errors.length;
}

/** What is claimed of the whole, over all tables. */
export interface Summary {
  readonly what: string;
  readonly rows: number;
  readonly model: number;
  /** Of the null model that does best on these rows; null where none says anything of all of them. */
  readonly bestNull: { readonly name: string; readonly error: number } | null;
}

/** A null model of a patched table that has been told what one thread does. */
const RAISED = 'USL, first row known';

const GROUPS: readonly { readonly what: string; readonly of: (row: ValidatedRow) => boolean }[] = [
  { what: 'calibrated', of: (row) => row.status === 'calibrated' },
  { what: 'predicted', of: (row) => row.status === 'predicted' },
  { what: 'predicted, 1 and 8 threads', of: (row) => row.status === 'predicted' && [1, 8].includes(row.threads) },
  { what: 'predicted, 2 and 4 threads', of: (row) => row.status === 'predicted' && [2, 4].includes(row.threads) },
  { what: 'predicted, first row of the patch known', of: (row) => row.status === 'predicted' && RAISED in row.nulls },
  { what: 'predicted, 2 threads or more', of: (row) => row.status === 'predicted' && row.threads > 1 },
];

export function summaries(tables: readonly ValidatedTable[], reads: readonly ReadsTable[] = []): Summary[] {
  const faults = GROUPS.map(({ what, of }) => {
    const rows = tables.flatMap((table) => table.rows).filter(of);
    return summary(
      what,
      rows.map(({ error, nulls }) => ({ error: error.wall, nulls })),
    );
  });
  const known = reads.flatMap(({ rows }) => rows).filter(({ error }) => error !== null);
  const ofReads = known.map(({ error, nulls }) => ({ error: error!, nulls }));
  return [...faults, summary('sequential reads, calibrated', ofReads)].filter(({ rows }) => rows > 0);
}

interface KnownError {
  readonly error: number;
  readonly nulls: Readonly<Record<string, number>>;
}

function summary(what: string, rows: readonly KnownError[]): Summary {
  const model = meanAbsolute(rows.map(({ error }) => error)) ?? 0;
  return { what, rows: rows.length, model, bestNull: best(rows) };
}

function best(rows: readonly KnownError[]): Summary['bestNull'] {
  const names = Object.keys(rows[0]?.nulls ?? {}).filter((name) => rows.every((row) => name in row.nulls));
  const ranked = names
    .map((name) => ({ name, error: meanAbsolute(rows.map((row) => row.nulls[name]))! }))
    .sort((a, b) => a.error - b.error);
  return ranked[0] ?? null;
}
