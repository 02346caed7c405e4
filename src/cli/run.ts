/** `faultline run`: a scenario under the clock. */
import { describeWait, waitOf } from '../drivers/controlled/deadlock.ts';
import { runTimed, type TimedOptions, type TimedResult } from '../drivers/timed/run.ts';
import { plural } from '../machine/plural.ts';
import { taskOf } from '../kernel/sched.ts';
import { KernelBug } from '../machine/thread.ts';
import { lockTable } from '../report/lock-table.ts';
import { pftHeader, pftLines } from '../report/pft-table.ts';
import { wrap } from '../report/wrap.ts';
import { simulate, type SimulatedRow } from '../predict/rows.ts';
import { checkSizes } from '../predict/sizes.ts';
import { halfWidth95, mean } from '../predict/statistics.ts';
import { findProfile } from '../profiles/index.ts';
import { figures, judgePft, meanErrors, measuredFigures, type PftResult } from '../scenario/pft-result.ts';
import type { Scenario } from '../scenario/read.ts';
import { buildWorld, checkedProgram, type PftRow, pftRows, type World } from '../scenario/world.ts';
import { pftPages } from '../workload/pft.ts';
import { EXIT, UsageError } from './exit.ts';
import { exportFiles, exportsOf, nameFor, runExported, withExports } from './export.ts';
import { jsonHead, kernelName } from './heading.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { filesOf, readPatched } from './patch.ts';
import { type Progress, progress } from './progress.ts';
import { checkRows, chosenRows, type RowOptions } from './rows.ts';
import { runLatProc } from './run-lat-proc.ts';
import { runSeqread } from './run-seqread.ts';
import { refuseOverwriting } from './write.ts';

export interface RunOptions extends CommonOptions, RowOptions {
  readonly eager?: boolean;
  /** Show where the time went. */
  readonly locks?: boolean;
  /** Runs of each row of the page fault test, with seeds that follow each other. */
  readonly replications?: number;
}

export async function run(given: Io, file: string, options: RunOptions): Promise<number> {
  const io = withExports(given, options);
  const scenario = await readPatched(file, options);
  refuseOverwriting(filesOf(scenario), exportFiles(options));
  checkRows(scenario, options);
  checkSizes(scenario, findProfile(scenario.machine.profile), 1);
  checkReplications(scenario, options);
  if (scenario.latProc !== undefined) return runLatProc(io, scenario, scenario.latProc, options);
  if (scenario.seqread !== undefined) return runSeqread(io, scenario, scenario.seqread, options);
  return scenario.pft === null ? runThreads(io, scenario, options) : runPft(io, scenario, options);
}

/** Everything else comes out the same whatever the seed, and what is exported is one run. */
function checkReplications(scenario: Scenario, options: RunOptions): void {
  if (options.replications === undefined) return;
  if (scenario.pft === null) throw new UsageError(`--replications is for pft: ${scenario.path} is not`);
  if (exportsOf(options).length > 0)
    throw new UsageError('--replications does not go with --export: that is of one run');
}

/** Plain digits, as in tables. */
function count(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? '' : 's'}`;
}

function timed(io: Io, scenario: Scenario, world: World, options: RunOptions, bar: Progress): TimedResult {
  const { births, profile, cpus, system } = world;
  const title = [nameFor(scenario), heading(scenario)].join(', ');
  const report = (nowNs: number): void => {
    bar.update(() => `run: ${(nowNs / 1e9).toFixed(2)} s of virtual time, ${count(system.counters.pgfault, 'fault')}`);
  };
  const usual = { profile, cpus, eager: options.eager === true, progress: { every: 50_000, report } };
  return runExported(io, options, { title, cpus, profile, scale: 1 }, (more) =>
    runTimed(births, { ...usual, ...more }),
  );
}

interface PftRun {
  readonly row: PftResult;
  /** Of the first run. */
  readonly timed: TimedResult;
  /** fault/wsec of each run. */
  readonly rates: readonly number[];
}

function pftRun(io: Io, scenario: Scenario, row: PftRow, options: RunOptions, bar: Progress): PftRun {
  const profile = findProfile(scenario.machine.profile);
  const { cpus } = scenario.machine;
  const scale = scenario.pft!.scale ?? 1;
  const what = `${row.gb} GiB, ${count(row.threads, 'thread')}`;
  const title = [nameFor(scenario), heading(scenario), what].join(', ');
  const run = (i: number, more: Partial<TimedOptions>): SimulatedRow =>
    simulate(scenario, row, profile, {
      ...more,
      scale,
      seed: options.seed + i,
      eager: options.eager === true,
      report: (nowNs) => bar.update(() => `${what}: ${(nowNs / 1e9).toFixed(2)} s of virtual time`),
    });
  const runs = Array.from({ length: options.replications ?? 1 }, (_, i) =>
    runExported(io, options, { title, cpus, profile, scale }, (more) => run(i, more)),
  );
  const pages = pftPages({ ...row, cpus }, profile.geometry.pageBytes);
  const average = (of: (run: SimulatedRow) => number): number => mean(runs.map(of));
  const times = { userNs: average((r) => r.userS) * 1e9, systemNs: average((r) => r.systemS) * 1e9 };
  const figuresOf = figures(pages, { ...times, wallNs: average((r) => r.wallS) * 1e9 });
  return {
    row: { ...row, pages, faults: runs[0].faults, ...figuresOf, measured: measuredFigures(scenario, row, pages) },
    timed: runs[0].timed,
    rates: runs.map((run) => run.faultsPerWallS),
  };
}

function runPft(io: Io, scenario: Scenario, options: RunOptions): number {
  const bar = progress(io, options.quiet);
  const { format } = options;
  if (format === 'table') io.out(`${heading(scenario)}\n\n${pftHeader()}\n`);
  const runs = chosenRows(pftRows(scenario), options).map((row) => {
    const done = pftRun(io, scenario, row, options, bar);
    bar.done();
    if (format === 'table') io.out(`${[...pftLines(done.row, done.row.measured), ...spread(done)].join('\n')}\n`);
    if (format === 'ndjson') io.out(`${JSON.stringify(rowJson(done))}\n`);
    return done;
  });
  const problems = runs.flatMap((done) => stuckWords(done.timed).map((witness) => `deadlock: ${witness}`));
  problems.push(
    ...judgePft(
      scenario.expect,
      runs.map((done) => done.row),
    ),
  );
  if (format === 'json') io.out(`${JSON.stringify(pftJson(scenario, runs, problems, options), null, 2)}\n`);
  if (format === 'table') io.out(pftFooter(io, scenario, runs, problems, options));
  return problems.length > 0 ? EXIT.finding : EXIT.ok;
}

/** The confidence interval, where there is one. */
function spread({ rates }: PftRun): string[] {
  if (rates.length < 2) return [];
  const half = halfWidth95(rates);
  const range = `${Math.min(...rates).toFixed(0)} to ${Math.max(...rates).toFixed(0)}`;
  return [`    95 %   fault/wsec +- ${half.toFixed(0)} over ${rates.length} runs (${range})`];
}

function heading(scenario: Scenario): string {
  return `kernel ${kernelName(scenario)}, machine ${scenario.machine.profile} with ${plural(scenario.machine.cpus, 'CPU')}`;
}

function pftFooter(
  io: Io,
  scenario: Scenario,
  runs: readonly PftRun[],
  problems: readonly string[],
  options: RunOptions,
): string {
  const errors = meanErrors(runs.map((done) => done.row));
  const faults = runs.map((done) => done.row.faults);
  const scale = scenario.pft?.scale ?? 1;
  const rest = scale === 1 ? 'none skipped or extrapolated' : `one part in ${scale} of the memory, times multiplied`;
  const lines = ['', ...wrap(`simulated faults per row: ${[...new Set(faults)].join(', ')}; ${rest}`, io.width)];
  if (errors !== null) {
    lines.push(
      `mean error over ${plural(errors.rows, 'row')}: fault/wsec ${errors.wall.toFixed(1)} %, flt/cpu/s ${errors.cpu.toFixed(1)} %`,
    );
    lines.push(`measured: ${scenario.measured!.source}`);
    const misprint = 'The source misprints Wall (2.021s is 2.21 s); measured Wall here is pages / (fault/wsec).';
    lines.push(...wrap(misprint, io.width));
  }
  if (options.locks === true) for (const done of runs) lines.push('', ...whereTheTimeWent(done));
  lines.push(...problems.map((problem) => `NOT AS EXPECTED: ${problem}`));
  return `${lines.join('\n')}\n`;
}

function whereTheTimeWent({ row, timed: result }: PftRun): string[] {
  const cpu = result.userNs + result.systemNs;
  const share = (ns: number): string => `${((ns / cpu) * 100).toFixed(1)} %`;
  return [
    `${row.gb} GiB, ${count(row.threads, 'thread')}: zeroing ${share(result.clearNs - result.busWaitNs)} of CPU time, ` +
      `waiting for a memory bus ${share(result.busWaitNs)}`,
    ...lockTable(result.locks),
  ];
}

function rowJson({ row, timed: result, rates }: PftRun): object {
  const { steps, clearNs, busWaitNs, wallNs, userNs, systemNs } = result;
  const several = rates.length > 1 ? { rates, halfWidth95: halfWidth95(rates) } : {};
  return { ...row, wallNs, userNs, systemNs, steps, clearNs, busWaitNs, locks: result.locks, ...several };
}

function pftJson(
  scenario: Scenario,
  runs: readonly PftRun[],
  problems: readonly string[],
  options: RunOptions,
): object {
  return {
    ...jsonHead('faultline.run/1', scenario, options.seed),
    rows: runs.map(rowJson),
    meanErrorPercent: meanErrors(runs.map((done) => done.row)),
    problems,
  };
}

/** Threads that wait for ever, and for whom. */
function stuckWords({ stuck, threads }: Pick<TimedResult, 'stuck' | 'threads'>): string[] {
  return stuck.map((thread) => describeWait(waitOf(thread, threads)));
}

/** What the kernel has counted of a thread. */
interface Counted {
  readonly thread: string;
  readonly faults: number;
  /** How many pages its faults have mapped, in order: [pages, so many faults in a row]. */
  readonly pagesPerFault: readonly (readonly [pages: number, faults: number])[];
}

function countedOf({ threads }: Pick<TimedResult, 'threads'>): Counted[] {
  return threads
    .map((thread) => ({ thread: thread.name, batches: taskOf(thread).batches ?? [] }))
    .filter(({ batches }) => batches.length > 0)
    .map(({ thread, batches }) => ({
      thread,
      faults: batches.reduce((sum, [, faults]) => sum + faults, 0),
      pagesPerFault: batches,
    }));
}

/** `T1: 9 faults, pages mapped: 1, 2, 4, 8, 14 x 5` */
function countedLine({ thread, faults, pagesPerFault }: Counted): string {
  const runs = pagesPerFault.map(([pages, times]) => (times === 1 ? `${pages}` : `${pages} x ${times}`));
  const shown = runs.length > 24 ? [...runs.slice(0, 23), `... (${runs.length} in all)`] : runs;
  return `${thread}: ${plural(faults, 'fault')}, pages mapped: ${shown.join(', ')}`;
}

/** A scenario with threads: how long it takes, on what, and whether the invariants hold afterwards. */
function runThreads(io: Io, scenario: Scenario, options: RunOptions): number {
  const bar = progress(io, options.quiet);
  const world = buildWorld(scenario);
  let result: TimedResult;
  try {
    result = timed(io, scenario, world, options, bar);
  } catch (error) {
    if (!(error instanceof KernelBug)) throw error;
    bar.done();
    return crashed(io, scenario, options, { rule: error.rule, witness: error.message });
  }
  bar.done();
  const { wallNs, userNs, systemNs, steps, locks, stuck } = result;
  const broken =
    stuck.length > 0
      ? stuckWords(result).map((witness) => ({ rule: 'deadlock', witness }))
      : checkedProgram(world).atEnd(result.threads);
  const { counters } = world.system;
  const faults = counters.pgfault;
  const counted = countedOf(result);
  if (options.format === 'table') {
    const us = (ns: number): string => `${(ns / 1e3).toFixed(3)} us`;
    io.out(`${heading(scenario)}\n\n`);
    const times = `wall ${us(wallNs)}, user ${us(userNs)}, system ${us(systemNs)}`;
    const sums = [`${times}, ${count(faults, 'fault')}, ${count(steps, 'step')}`, ...counted.map(countedLine)];
    io.out(`${sums.flatMap((line) => wrap(line, io.width)).join('\n')}\n`);
    io.out(`\n${lockTable(locks).join('\n')}\n`);
    for (const { rule, witness } of broken) io.out(`BROKEN: ${rule}: ${witness}\n`);
  } else {
    const head = jsonHead('faultline.run/1', scenario, options.seed);
    const json = { ...head, wallNs, userNs, systemNs, steps, faults, counters, threads: counted, broken, locks };
    io.out(`${JSON.stringify(json, null, options.format === 'json' ? 2 : 0)}\n`);
  }
  return broken.length > 0 ? EXIT.finding : EXIT.ok;
}

/** Kernel text has thrown: there is no time to tell, but what it has found. */
function crashed(io: Io, scenario: Scenario, options: RunOptions, found: { rule: string; witness: string }): number {
  if (options.format === 'table') io.out(`${heading(scenario)}\n\nBROKEN: ${found.rule}: ${found.witness}\n`);
  else {
    const json = { ...jsonHead('faultline.run/1', scenario, options.seed), broken: [found] };
    io.out(`${JSON.stringify(json, null, options.format === 'json' ? 2 : 0)}\n`);
  }
  return EXIT.finding;
}
