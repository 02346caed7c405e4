/** `faultline run` of a seqread scenario. */
import { describeWait, waitOf } from '../drivers/controlled/deadlock.ts';
import { runTimed, type TimedResult } from '../drivers/timed/run.ts';
import { lockTable } from '../report/lock-table.ts';
import { seqreadHeader, seqreadLines } from '../report/seqread-table.ts';
import type { Scenario, SeqreadSpec } from '../scenario/read.ts';
import {
  judgeSeqread,
  measuredSeconds,
  type SeqreadFigures,
  type SeqreadRow,
  seqreadRows,
} from '../scenario/seqread-result.ts';
import { buildSeqreadWorld } from '../scenario/world.ts';
import { EXIT } from './exit.ts';
import { nameFor, runExported } from './export.ts';
import { jsonHead, kernelName } from './heading.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { type Progress, progress } from './progress.ts';
import { chosenRows, type RowOptions } from './rows.ts';

export interface RunSeqreadOptions extends CommonOptions, RowOptions {
  readonly eager?: boolean;
  readonly locks?: boolean;
}

interface Done {
  readonly figures: SeqreadFigures;
  readonly timed: TimedResult;
}

export function runSeqread(io: Io, scenario: Scenario, spec: SeqreadSpec, options: RunSeqreadOptions): number {
  const bar = progress(io, options.quiet);
  const { format } = options;
  const done = chosenRows(seqreadRows(spec), options).map((row) => {
    const one = runOne(io, scenario, row, options, bar);
    if (format === 'ndjson') io.out(`${JSON.stringify(rowJson(one))}\n`);
    return one;
  });
  bar.done();
  const problems = done.flatMap(({ timed: { stuck, threads } }) =>
    stuck.map((thread) => `deadlock: ${describeWait(waitOf(thread, threads))}`),
  );
  problems.push(
    ...judgeSeqread(
      scenario.expect,
      spec,
      done.map(({ figures }) => figures),
    ),
  );
  if (format === 'table') io.out(tableOf(scenario, spec, done, problems, options));
  if (format === 'json') {
    const json = { ...jsonHead('faultline.run/1', scenario, options.seed), rows: done.map(rowJson), problems };
    io.out(`${JSON.stringify(json, null, 2)}\n`);
  }
  return problems.length > 0 ? EXIT.finding : EXIT.ok;
}

function runOne(io: Io, scenario: Scenario, row: SeqreadRow, options: RunSeqreadOptions, bar: Progress): Done {
  const { births, profile, cpus, system } = buildSeqreadWorld(scenario, row);
  const report = (nowNs: number): void =>
    bar.update(
      () =>
        `${rowName(row)}: ${(nowNs / 1e9).toFixed(2)} s of virtual time, ` + `${system.counters.faultsTaken} faults`,
    );
  const usual = { profile, cpus, eager: options.eager === true, progress: { every: 50_000, report } };
  const title = `${nameFor(scenario)}, ${heading(scenario)}, ${rowName(row)}`;
  const timed = runExported(io, options, { title, cpus, profile }, (more) => runTimed(births, { ...usual, ...more }));
  const { wallNs, userNs, systemNs } = timed;
  const faults = system.counters.faultsTaken;
  const figures = { ...row, faults, seconds: wallNs / 1e9, userS: userNs / 1e9, systemS: systemNs / 1e9 };
  return { figures, timed: { ...timed, threads: timed.stuck.length > 0 ? timed.threads : [] } };
}

function rowJson({ figures, timed: { steps, locks } }: Done): object {
  return { ...figures, steps, locks };
}

function tableOf(
  scenario: Scenario,
  spec: SeqreadSpec,
  done: readonly Done[],
  problems: readonly string[],
  { locks }: RunSeqreadOptions,
): string {
  const figures = done.map((one) => one.figures);
  const lines = [
    heading(scenario),
    '',
    `${spec.gib} GiB of a cached file, read in sequence by each process`,
    seqreadHeader([...new Set(figures.map(({ order }) => order))]),
  ];
  for (const n of new Set(figures.map(({ processes }) => processes))) {
    const cells = figures.filter(({ processes }) => processes === n);
    lines.push(
      ...seqreadLines(
        cells,
        cells.map((cell) => measuredSeconds(spec, cell)),
      ),
    );
  }
  lines.push('', 'none of the faults is skipped or extrapolated');
  if (spec.measured !== null) {
    const scaled = spec.measured.gib === spec.gib ? '' : `, at ${spec.measured.gib} GiB; scaled by pages here`;
    lines.push(`measured: ${spec.measured.source}${scaled}`);
  }
  if (locks === true) for (const one of done) lines.push('', ...whereTheTimeWent(one));
  lines.push(...problems.map((problem) => `NOT AS EXPECTED: ${problem}`));
  return `${lines.join('\n')}\n`;
}

function whereTheTimeWent({ figures: { processes, order, userS, systemS }, timed: { locks } }: Done): string[] {
  const seconds = `user ${userS.toFixed(3)} s, system ${systemS.toFixed(3)} s`;
  return [`${rowName({ processes, order })}: ${seconds}`, ...lockTable(locks)];
}

function heading(scenario: Scenario): string {
  const { profile, cpus } = scenario.machine;
  return `kernel ${kernelName(scenario)}, machine ${profile} with ${cpus} CPUs`;
}

function rowName({ processes, order }: Pick<SeqreadRow, 'processes' | 'order'>): string {
  return `${processes} processes, order ${order ?? 'as it is'}`;
}
