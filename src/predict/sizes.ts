/** Rows that are too small or too large for their machine: that is told before anything is run. */
import type { Profile } from '../machine/profile.ts';
import { plural } from '../machine/plural.ts';
import { Misuse } from '../machine/thread.ts';
import { benchmarkOf, type Scenario } from '../scenario/read.ts';
import { buildPftWorld, pftRows } from '../scenario/world.ts';
import { pftPages } from '../workload/pft.ts';
import { scaled } from './rows.ts';

/** Scales that are looked at for one that is possible. */
const POSSIBLE = Array.from({ length: 31 }, (_, i) => 2 ** (30 - i));

/** `scale` at least: a scenario that is scaled down further stays so. Throws a Misuse that says what is possible. */
export function checkSizes(scenario: Scenario, profile: Profile, scale: number): void {
  const part = Math.max(scale, scenario.pft?.scale ?? scenario.seqread?.scale ?? 1);
  const problem = problemAt(scenario, profile, part);
  if (problem === null) return;
  const possible = POSSIBLE.find((one) => one < part && problemAt(scenario, profile, one) === null);
  const advice = possible === undefined ? 'no scale is possible, change its size' : `scale ${possible} is possible`;
  throw new Misuse(`${scenario.path}: ${problem}; ${advice}`);
}

/** Null: every row can be run. */
function problemAt(scenario: Scenario, profile: Profile, scale: number): string | null {
  switch (benchmarkOf(scenario)) {
    case 'pft':
      return pftProblem(scenario, profile, scale);
    case 'seqread':
      return seqreadProblem(scenario, profile, scale);
    default:
      return null;
  }
}

function seqreadProblem(scenario: Scenario, profile: Profile, scale: number): string | null {
  const { gib } = scenario.seqread!;
  const pages = (gib * 2 ** 30) / profile.geometry.pageBytes / scale;
  const words = `a file of ${gib} GiB at scale ${scale}`;
  if (pages < 1) return `${words} is less than a page`;
  return pages > memoryOf(scenario, profile, scale).free ? `${words} is more than the machine has free` : null;
}

function pftProblem(scenario: Scenario, profile: Profile, scale: number): string | null {
  const { cpus } = scenario.machine;
  const rows = pftRows(scenario).map((row) => {
    const pages = pftPages({ ...row, gb: row.gb / scale, repetitions: 1, cpus }, profile.geometry.pageBytes);
    return { ...row, pages, words: `${row.gb} GiB with ${plural(row.threads, 'thread')} at scale ${scale}` };
  });
  const small = rows.find(({ pages }) => pages === 0);
  if (small !== undefined) return `${small.words} is less than a page for each thread`;
  const memory = memoryOf(scenario, profile, scale);
  const large = rows.find(({ pages, threads }) => !fits(memory, pages / threads, threads));
  return large === undefined ? null : `${large.words} is more than the machine has free`;
}

/** In pages. */
interface Memory {
  /** Of all nodes. */
  readonly free: number;
  /** What each CPU keeps for itself, the shortest list first. */
  readonly lists: readonly number[];
}

function memoryOf(scenario: Scenario, profile: Profile, scale: number): Memory {
  const nothing = { gb: 0, repetitions: 0, threads: 0 };
  const { zones, pageset } = buildPftWorld(scenario, nothing, scaled(profile, scale)).system;
  const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0);
  return {
    free: sum(zones.map(({ free_pages }) => free_pages.value)),
    lists: pageset.map(({ lists }) => sum(lists.map(({ length }) => length))).sort((a, b) => a - b),
  };
}

/** Whether so many threads get so many pages each, wherever they run. */
function fits({ free, lists }: Memory, share: number, threads: number): boolean {
  const wanted = Array.from({ length: threads }, (_, i) => Math.max(0, share - (lists[i] ?? 0)));
  return wanted.reduce((sum, pages) => sum + pages, 0) <= free;
}
