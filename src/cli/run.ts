/** `faultline run`: a scenario under the clock. */
import { describeWait, waitOf } from '../drivers/controlled/deadlock.ts';
import { runTimed, type TimedResult } from '../drivers/timed/run.ts';
import { lockTable } from '../report/lock-table.ts';
import { pftHeader, pftLines } from '../report/pft-table.ts';
import { catalog } from '../scenario/catalog.ts';
import { figures, judgePft, meanErrors, measuredFigures, type PftResult } from '../scenario/pft-result.ts';
import { readScenario, type Scenario } from '../scenario/read.ts';
import { buildPftWorld, buildWorld, checkedProgram, type PftRow, pftRows, type World } from '../scenario/world.ts';
import { pftPages } from '../workload/pft.ts';
import { EXIT } from './exit.ts';
import { jsonHead, kernelName } from './heading.ts';
import type { Io } from './io.ts';
import { type CommonOptions, scenarioPath } from './options.ts';
import { type Progress, progress } from './progress.ts';

export interface RunOptions extends CommonOptions {
  readonly eager?: boolean;
  /** Show where the time went. */
  readonly locks?: boolean;
}

export function run(io: Io, file: string, options: RunOptions): number {
  const scenario = readScenario(scenarioPath(file), catalog());
  return scenario.pft === null ? runThreads(io, scenario, options) : runPft(io, scenario, options);
}

function timed(world: World, options: RunOptions, bar: Progress, what: string): TimedResult {
  return runTimed(world.births, {
    profile: world.profile,
    cpus: world.cpus,
    eager: options.eager === true,
    progress: {
      every: 50_000,
      report: (nowNs) => {
        bar.update(() => `${what}: ${(nowNs / 1e9).toFixed(2)} s of virtual time, ${world.system.pgfault} faults`);
      },
    },
  });
}

interface PftRun {
  readonly row: PftResult;
  readonly timed: TimedResult;
}

function pftRun(scenario: Scenario, row: PftRow, options: RunOptions, bar: Progress): PftRun {
  const world = buildPftWorld(scenario, row);
  const result = timed(world, options, bar, `${row.gb} GiB, ${row.threads} threads`);
  const pages = pftPages({ ...row, cpus: world.cpus }, world.system.geometry.pageBytes);
  const measured = measuredFigures(scenario, row, pages);
  return { row: { ...row, pages, faults: world.system.pgfault, ...figures(pages, result), measured }, timed: result };
}

function runPft(io: Io, scenario: Scenario, options: RunOptions): number {
  const bar = progress(io, options.quiet);
  const { format } = options;
  if (format === 'table') io.out(`${heading(scenario)}\n\n${pftHeader()}\n`);
  const runs = pftRows(scenario).map((row) => {
    const done = pftRun(scenario, row, options, bar);
    bar.done();
    if (format === 'table') io.out(`${pftLines(done.row, done.row.measured).join('\n')}\n`);
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
  if (format === 'table') io.out(pftFooter(scenario, runs, problems, options));
  return problems.length > 0 ? EXIT.finding : EXIT.ok;
}

function heading(scenario: Scenario): string {
  return `kernel ${kernelName(scenario)}, machine ${scenario.machine.profile} with ${scenario.machine.cpus} CPUs`;
}

function pftFooter(
  scenario: Scenario,
  runs: readonly PftRun[],
  problems: readonly string[],
  options: RunOptions,
): string {
  const errors = meanErrors(runs.map((done) => done.row));
  const faults = runs.map((done) => done.row.faults);
  const lines = ['', `simulated faults per row: ${[...new Set(faults)].join(', ')}; none skipped or extrapolated`];
  if (errors !== null) {
    lines.push(
      `mean error over ${errors.rows} rows: fault/wsec ${errors.wall.toFixed(1)} %, flt/cpu/s ${errors.cpu.toFixed(1)} %`,
    );
    lines.push(`measured: ${scenario.measured!.source}`);
    lines.push('The source misprints Wall (2.021s is 2.21 s); measured Wall here is pages / (fault/wsec).');
  }
  if (options.locks === true) for (const done of runs) lines.push('', ...whereTheTimeWent(done));
  lines.push(...problems.map((problem) => `NOT AS EXPECTED: ${problem}`));
  return `${lines.join('\n')}\n`;
}

function whereTheTimeWent({ row, timed: result }: PftRun): string[] {
  const cpu = result.userNs + result.systemNs;
  const share = (ns: number): string => `${((ns / cpu) * 100).toFixed(1)} %`;
  return [
    `${row.gb} GiB, ${row.threads} threads: zeroing ${share(result.clearNs - result.busWaitNs)} of CPU time, ` +
      `waiting for a memory bus ${share(result.busWaitNs)}`,
    ...lockTable(result.locks),
  ];
}

function rowJson({ row, timed: result }: PftRun): object {
  const { steps, clearNs, busWaitNs, wallNs, userNs, systemNs } = result;
  return { ...row, wallNs, userNs, systemNs, steps, clearNs, busWaitNs, locks: result.locks };
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

/** A scenario with threads: how long it takes, on what, and whether the invariants hold afterwards. */
/** Threads that wait for ever, and for whom. */
function stuckWords({ stuck, threads }: Pick<TimedResult, 'stuck' | 'threads'>): string[] {
  return stuck.map((thread) => describeWait(waitOf(thread, threads)));
}

function runThreads(io: Io, scenario: Scenario, options: RunOptions): number {
  const bar = progress(io, options.quiet);
  const world = buildWorld(scenario);
  const result = timed(world, options, bar, 'run');
  bar.done();
  const { wallNs, userNs, systemNs, steps, locks, stuck } = result;
  const broken =
    stuck.length > 0
      ? stuckWords(result).map((witness) => ({ rule: 'deadlock', witness }))
      : checkedProgram(world).atEnd(result.threads);
  const faults = world.system.pgfault;
  if (options.format === 'table') {
    const us = (ns: number): string => `${(ns / 1e3).toFixed(3)} us`;
    io.out(`${heading(scenario)}\n\n`);
    io.out(`wall ${us(wallNs)}, user ${us(userNs)}, system ${us(systemNs)}, ${faults} faults, ${steps} steps\n\n`);
    io.out(`${lockTable(locks).join('\n')}\n`);
    for (const { rule, witness } of broken) io.out(`BROKEN: ${rule}: ${witness}\n`);
  } else {
    const head = jsonHead('faultline.run/1', scenario, options.seed);
    const json = { ...head, wallNs, userNs, systemNs, steps, faults, broken, locks };
    io.out(`${JSON.stringify(json, null, options.format === 'json' ? 2 : 0)}\n`);
  }
  return broken.length > 0 ? EXIT.finding : EXIT.ok;
}
