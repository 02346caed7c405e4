/**
 * Rows of tables of sequential reads, simulated: whole, or scaled down in pages and time alike; and what is predicted of
 * windows that nobody has published figures of, beside the base table that the machine was calibrated on.
 */
import { runTimed, type TimedOptions, type TimedResult } from '../drivers/timed/run.ts';
import type { Profile } from '../machine/profile.ts';
import type { Scenario } from '../scenario/read.ts';
import {
  exitShare,
  measuredRow,
  readersOf,
  type SeqreadFigures,
  type SeqreadRow,
  seqreadRows,
} from '../scenario/seqread-result.ts';
import { asWritten, buildSeqreadWorld } from '../scenario/world.ts';
import { nullModels, rateOf } from './null-models.ts';
import { scaled } from './rows.ts';
import { flat } from '../workload/flat.ts';

export interface SeqreadOptions extends Pick<TimedOptions, 'pace' | 'watcher'> {
  /** Pages, and all that is paid once a run and not by the page, divided by this. 1: nothing is scaled. */
  readonly scale: number;
  readonly eager?: boolean;
  /** Told the virtual time in ns and the faults so far, now and then. */
  readonly report?: (nowNs: number, faults: number) => void;
}

/** With lookahead. What goes wrong may come of it, and of nothing else: an error counts if there is one without it as well. */
function lookingAhead<T>(simulate: (foreseen: boolean) => T): T {
  try {
    return simulate(true);
  } catch {
    return simulate(false);
  }
}

/** A row as the model has it. Times and faults are those of the whole row. */
export interface SimulatedReads extends SeqreadFigures {
  readonly simulatedFaults: number;
  readonly timed: TimedResult;
}

export function simulateReads(
  scenario: Scenario,
  row: SeqreadRow,
  profile: Profile,
  { scale, eager = false, report, ...more }: SeqreadOptions,
): SimulatedReads {
  const machine = scaled(profile, scale);
  const text = more.watcher === undefined ? flat : asWritten;
  // The driver does not look ahead then, and nobody is to see two runs.
  const isSeen = eager || more.watcher !== undefined || more.pace !== undefined;
  const simulate = (foreseen: boolean): Pick<SimulatedReads, 'simulatedFaults' | 'timed'> => {
    const world = buildSeqreadWorld(scenario, { ...row, gib: row.gib / scale }, machine, text);
    const { births, cpus, lead, system } = world;
    const { counters } = system;
    const told = (nowNs: number): void => report?.(nowNs, counters.faultsTaken);
    const progress = { every: 50_000, report: told };
    const options = { profile: machine, cpus, eager, progress, lead: foreseen ? lead : undefined, ...more };
    const timed = runTimed(births, options);
    return { timed, simulatedFaults: counters.faultsTaken };
  };
  const { timed, simulatedFaults } = isSeen ? simulate(false) : lookingAhead(simulate);
  const seconds = (ns: number): number => (ns / 1e9) * scale;
  return {
    ...row,
    faults: simulatedFaults * scale,
    seconds: seconds(timed.wallNs),
    userS: seconds(timed.userNs),
    systemS: seconds(timed.systemNs),
    exitS: seconds(timed.exitNs),
    simulatedFaults,
    timed: { ...timed, threads: timed.stuck.length > 0 ? timed.threads : [] },
  };
}

/** A row of such a table. Errors are parts, positive if the model is too fast. */
export interface ReadsRow {
  readonly readers: number;
  readonly order: number | null;
  readonly faults: number;
  readonly seconds: number;
  readonly exitShare: number;
  /** Null: nobody has published it, or the project does not know it. */
  readonly measured: number | null;
  readonly error: number | null;
  /** Errors of models without a kernel, by name; none without a published figure. */
  readonly nulls: Readonly<Record<string, number>>;
}

export interface ReadsTable {
  readonly path: string;
  /** Of the published figures; null: there are none. */
  readonly source: string | null;
  readonly kernel: string;
  readonly profile: string;
  readonly kind: string;
  readonly gib: number;
  readonly scale: number;
  readonly rows: readonly ReadsRow[];
}

export interface ReadsOptions {
  readonly scale: number;
  readonly report?: (what: string) => void;
}

export function validateReads(scenario: Scenario, profile: Profile, options: ReadsOptions): ReadsTable {
  const { kernel, path } = scenario;
  const spec = scenario.seqread!;
  const scale = Math.max(options.scale, spec.scale);
  const rates = (spec.measured?.rows ?? []).map(({ readers, seconds }) => ({
    threads: readers,
    rate: readers / seconds,
  }));
  const curves = rates.length === 0 ? [] : nullModels(rates);
  const rows = seqreadRows(spec).map((row): ReadsRow => {
    const readers = readersOf(row);
    options.report?.(`${path}: ${readers} ${spec.kind}, order ${row.order ?? 0}`);
    const found = simulateReads(scenario, row, profile, { scale });
    const measured = measuredRow(spec, row)?.seconds ?? null;
    const { faults, seconds } = found;
    const known = { readers, order: row.order, faults, seconds, exitShare: exitShare(found) };
    if (measured === null) return { ...known, measured, error: null, nulls: {} };
    const errorOf = (rate: number): number => (rate * measured) / readers - 1;
    const nulls = Object.fromEntries(curves.map((curve) => [curve.name, errorOf(rateOf(curve, readers))]));
    return { ...known, measured, error: errorOf(readers / seconds), nulls };
  });
  const name = [kernel.base, ...kernel.patches].join(' + ');
  const { gib, kind, measured } = spec;
  return { path, source: measured?.source ?? null, kernel: name, profile: profile.name, kind, gib, scale, rows };
}
