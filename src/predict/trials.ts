/** Rows of a scenario that can be run again and again: on another machine, at another pace, with another seed. */
import { runTimed, type TimedOptions, type TimedResult } from '../drivers/timed/run.ts';
import type { Profile } from '../machine/profile.ts';
import { measuredFigures } from '../scenario/pft-result.ts';
import { benchmarkOf, type Scenario, type SeqreadSpec } from '../scenario/read.ts';
import { measuredRow, readersOf, type SeqreadRow, seqreadRows } from '../scenario/seqread-result.ts';
import { buildWorld, type PftRow, pftRows, type World } from '../scenario/world.ts';
import { pftPages } from '../workload/pft.ts';
import { simulate, type SimulatedRow } from './rows.ts';
import { simulateReads } from './seqread.ts';
import { plural } from '../machine/plural.ts';

export interface TrialOptions extends Pick<TimedOptions, 'pace' | 'watcher'> {
  readonly seed: number;
  readonly profile: Profile;
}

export interface TrialResult {
  /** How much is done in a second, in the unit of the trial. */
  readonly rate: number;
  readonly timed: TimedResult;
  /** Of the page fault test: the row in the columns of the mail. Without what has run: that holds a machine. */
  readonly figures?: Omit<SimulatedRow, 'timed'>;
}

export interface Trial {
  /** `1 GiB, 8 threads` */
  readonly name: string;
  /** What differs from those with other numbers of threads only in that: `1 GiB`. */
  readonly series: string;
  /** Of processes with seqread. */
  readonly threads: number;
  readonly unit: 'fault/wsec' | 'GiB/s' | 'runs/s';
  /** Pages that are touched or read; null: it has no number of its own. */
  readonly pages: number | null;
  /** The rate that somebody has measured. */
  readonly published: number | null;
  /** Where threads run depends on the seed. */
  readonly random: boolean;
  run(options: TrialOptions): TrialResult;
}

/**
 * One part in `scale` of the memory of the page fault test; whole runs of all else. None: lat_proc is no throughput.
 * Threads that fit on one node run there whatever the seed.
 */
export function trialsOf(scenario: Scenario, profile: Profile, scale: number): Trial[] {
  switch (benchmarkOf(scenario)) {
    case 'pft':
      return pftRows(scenario).map((row) => pftTrial(scenario, row, profile, scale));
    case 'seqread':
      return seqreadRows(scenario.seqread!).map((row) => seqreadTrial(scenario, scenario.seqread!, row, profile));
    case 'lat_proc':
      return [];
    case null:
      return [threadsTrial(scenario)];
  }
}

function pftTrial(scenario: Scenario, row: PftRow, { cpusPerNode, geometry }: Profile, scale: number): Trial {
  const { gb, threads } = row;
  const pages = (size: number): number =>
    pftPages({ ...row, gb: size, cpus: scenario.machine.cpus }, geometry.pageBytes);
  return {
    name: `${gb} GiB, ${plural(threads, 'thread')}`,
    series: `${gb} GiB`,
    threads,
    unit: 'fault/wsec',
    pages: pages(gb / scale),
    published: measuredFigures(scenario, row, pages(gb))?.faultsPerWallS ?? null,
    random: threads > cpusPerNode,
    run({ profile, ...options }) {
      const { timed, ...figures } = simulate(scenario, row, profile, { scale, ...options });
      return { rate: figures.faultsPerWallS, timed, figures };
    },
  };
}

function seqreadTrial(scenario: Scenario, spec: SeqreadSpec, row: SeqreadRow, { geometry }: Profile): Trial {
  const { order, gib } = row;
  const { kind, scale } = spec;
  const readers = readersOf(row);
  const measured = measuredRow(spec, row);
  const series = order === null ? 'windows as they are' : `windows of ${2 ** order}`;
  return {
    name: `${readers} ${kind}, ${series}`,
    series,
    threads: readers,
    unit: 'GiB/s',
    pages: (readers * gib * 2 ** 30) / geometry.pageBytes / scale,
    published: measured === null ? null : (readers * gib) / measured.seconds,
    random: false,
    run({ profile, seed: _nothingIsRandom, ...options }) {
      const { seconds, timed } = simulateReads(scenario, row, profile, { scale, ...options });
      return { rate: (readers * gib) / seconds, timed };
    },
  };
}

function threadsTrial(scenario: Scenario): Trial {
  const { length } = scenario.threads;
  return {
    name: plural(length, 'thread'),
    series: '',
    threads: length,
    unit: 'runs/s',
    pages: null,
    published: null,
    random: false,
    run: (options) => whole(buildWorld(scenario, options.profile), options, 1),
  };
}

/** All of a run, in which so much is done. */
function whole({ births, cpus }: World, options: TrialOptions, done: number): TrialResult {
  const timed = runTimed(births, { cpus, ...options });
  return { rate: (done * 1e9) / timed.wallNs, timed };
}
