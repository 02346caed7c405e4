/** Rows of published tables, and the same rows simulated: whole, or scaled down in memory and time alike. */
import { runTimed, type TimedOptions, type TimedResult } from '../drivers/timed/run.ts';
import { figures, measuredFigures, type PftFigures } from '../scenario/pft-result.ts';
import type { Scenario } from '../scenario/read.ts';
import { asWritten, buildPftWorld, type PftRow, pftRows } from '../scenario/world.ts';
import { flat } from '../workload/flat.ts';
import { pftPages } from '../workload/pft.ts';
import type { Cost, Profile } from '../machine/profile.ts';

/** One published row, and where it stands. */
export interface PublishedRow {
  readonly scenario: Scenario;
  readonly row: PftRow;
  /** Pages that the test reports. */
  readonly pages: number;
  readonly measured: PftFigures;
}

/** A row says the impossible if its threads have used more CPU time than there was: the source misprints it. */
export function isImpossible({ row, measured }: PublishedRow): boolean {
  return measured.userS + measured.systemS > measured.wallS * row.threads * 1.02;
}

/** The rows of a scenario that somebody has measured. */
export function publishedRows(scenario: Scenario, pageBytes: number): PublishedRow[] {
  return pftRows(scenario).flatMap((row) => {
    const pages = pftPages({ ...row, cpus: scenario.machine.cpus }, pageBytes);
    const measured = measuredFigures(scenario, row, pages);
    return measured === null ? [] : [{ scenario, row, pages, measured }];
  });
}

export interface RowOptions {
  /** Memory, and all that is paid once a run and not by the page, divided by this. 1: nothing is scaled. */
  readonly scale: number;
  readonly seed: number;
  readonly eager?: boolean;
  /** Told the virtual time in ns, now and then. */
  readonly report?: (nowNs: number) => void;
  readonly pace?: TimedOptions['pace'];
  readonly watcher?: TimedOptions['watcher'];
}

/** A row as the model has it. Times are those of the whole row. */
export interface SimulatedRow extends PftFigures {
  /** Faults that were simulated, and what share of those of the whole row they are. */
  readonly faults: number;
  readonly scale: number;
  readonly timed: TimedResult;
}

export function simulate(scenario: Scenario, row: PftRow, profile: Profile, options: RowOptions): SimulatedRow {
  const { scale, seed, eager = false, report, pace, watcher } = options;
  const machine = scaled(profile, scale);
  const text = watcher === undefined ? flat : asWritten;
  const world = buildPftWorld(scenario, { ...row, gb: row.gb / scale }, machine, text);
  const timed = runTimed(world.births, {
    profile: machine,
    cpus: world.cpus,
    seed,
    eager,
    ...(pace !== undefined && { pace }),
    ...(watcher !== undefined && { watcher }),
    ...(report !== undefined && { progress: { every: 50_000, report } }),
  });
  const pages = pftPages({ ...row, gb: row.gb / scale, cpus: world.cpus }, profile.geometry.pageBytes);
  const { userS, systemS, wallS, ...rates } = figures(pages, timed);
  const whole = { userS: userS * scale, systemS: systemS * scale, wallS: wallS * scale };
  return { ...whole, ...rates, faults: world.system.counters.pgfault, scale, timed };
}

/** Work that is done once a thread or a repetition. */
const ONCE = ['do_fork', 'do_mmap_pgoff', 'pmd_alloc_one'];

/** The machine on which a program that does a part of the work sees the same shares of time. */
export function scaled(profile: Profile, scale: number): Profile {
  if (scale === 1) return profile;
  const less = <C extends Cost>(cost: C): C => ({ ...cost, value: cost.value / scale });
  const { scheduler, work } = profile;
  return {
    ...profile,
    memoryPerNode: less(profile.memoryPerNode),
    start: [less(profile.start[0]), less(profile.start[1])],
    work: { ...work, ...Object.fromEntries(ONCE.map((name) => [name, less(work[name])])) },
    ...(scheduler !== undefined && {
      scheduler: {
        ...scheduler,
        slice: less(scheduler.slice),
        hot: less(scheduler.hot),
        near: less(scheduler.near),
        far: [less(scheduler.far[0]), less(scheduler.far[1])] as const,
      },
    }),
  };
}
