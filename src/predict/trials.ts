/** Rows of a scenario that can be run again and again: on another machine, at another pace, with another seed. */
import { runTimed, type TimedOptions, type TimedResult } from '../drivers/timed/run.ts';
import type { Profile } from '../machine/profile.ts';
import { benchmarkOf, type Scenario } from '../scenario/read.ts';
import { seqreadRows } from '../scenario/seqread-result.ts';
import { buildSeqreadWorld, buildWorld, pftRows, type World } from '../scenario/world.ts';
import { simulate } from './rows.ts';

export interface TrialOptions extends Pick<TimedOptions, 'pace' | 'watcher'> {
  readonly seed: number;
  readonly profile: Profile;
}

export interface TrialResult {
  /** How much is done in a second, in the unit of the trial. */
  readonly rate: number;
  readonly timed: TimedResult;
}

export interface Trial {
  /** `1 GiB, 8 threads` */
  readonly name: string;
  readonly threads: number;
  readonly unit: 'fault/wsec' | 'runs/s';
  /** Where threads run depends on the seed. */
  readonly random: boolean;
  run(options: TrialOptions): TrialResult;
}

/**
 * One part in `scale` of the memory of the page fault test; whole runs of all else. None: lat_proc is no throughput.
 * `cpusPerNode`: threads that fit on one node run there whatever the seed.
 */
export function trialsOf(scenario: Scenario, { cpusPerNode }: Profile, scale: number): Trial[] {
  switch (benchmarkOf(scenario)) {
    case 'pft':
      return pftRows(scenario).map((row) => ({
        name: `${row.gb} GiB, ${threadWords(row.threads)}`,
        threads: row.threads,
        unit: 'fault/wsec',
        random: row.threads > cpusPerNode,
        run({ profile, ...options }) {
          const { faultsPerWallS: rate, timed } = simulate(scenario, row, profile, { scale, ...options });
          return { rate, timed };
        },
      }));
    case 'seqread':
      return seqreadRows(scenario.seqread!).map((row) => ({
        name: `${row.processes} processes, order ${row.order ?? 'as it is'}`,
        threads: row.processes,
        ...wholeRuns((profile) => buildSeqreadWorld(scenario, row, profile)),
      }));
    case 'lat_proc':
      return [];
    case null:
      return [
        {
          name: threadWords(scenario.threads.length),
          threads: scenario.threads.length,
          ...wholeRuns((profile) => buildWorld(scenario, profile)),
        },
      ];
  }
}

function threadWords(n: number): string {
  return n === 1 ? '1 thread' : `${n} threads`;
}

function wholeRuns(build: (profile: Profile) => World): Pick<Trial, 'unit' | 'random' | 'run'> {
  const run: Trial['run'] = ({ profile, ...options }) => {
    const { births, cpus } = build(profile);
    const timed = runTimed(births, { profile, cpus, ...options });
    return { rate: 1e9 / timed.wallNs, timed };
  };
  return { unit: 'runs/s', random: false, run };
}
