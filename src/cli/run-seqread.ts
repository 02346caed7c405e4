/** `faultline run` of a seqread scenario. */
import { setFlagsFromString } from 'node:v8';
import { describeWait, waitOf } from '../drivers/controlled/deadlock.ts';
import { simulateReads, type SimulatedReads } from '../predict/seqread.ts';
import { findProfile } from '../profiles/index.ts';
import { lockTable } from '../report/lock-table.ts';
import { seqreadTable } from '../report/seqread-table.ts';
import { wrap } from '../report/wrap.ts';
import type { Scenario, SeqreadSpec } from '../scenario/read.ts';
import {
  exitShare,
  judgeSeqread,
  measuredRow,
  readersOf,
  readerWords,
  type SeqreadRow,
  seqreadRows,
} from '../scenario/seqread-result.ts';
import { EXIT } from './exit.ts';
import { nameFor, runExported } from './export.ts';
import { jsonHead, kernelName } from './heading.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { type Progress, progress } from './progress.ts';
import { chosenRows, type RowOptions } from './rows.ts';
import { plural } from '../machine/plural.ts';

/**
 * V8 may let the heap become a tenth larger than what lives in it before it collects. Left to itself it allows a share that is
 * much memory where millions of struct pages live to the end.
 */
function withLittleGarbage<T>(run: () => T): T {
  setFlagsFromString('--heap-growing-percent=10');
  try {
    return run();
  } finally {
    setFlagsFromString('--heap-growing-percent=0'); // as V8 thinks best
  }
}

/**
 * V8 writes out more calls, and looks for more classes in one place: flat kernel text is longer than what programs are made of,
 * and runs for minutes here.
 */
function compileThoroughly(): void {
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=2000');
  setFlagsFromString('--max-inlined-bytecode-size=1200');
  setFlagsFromString('--max-inlined-bytecode-size-small=300');
  setFlagsFromString('--max-inlined-bytecode-size-absolute=40000');
  setFlagsFromString('--max-valid-polymorphic-map-count=16');
}

export interface RunSeqreadOptions extends CommonOptions, RowOptions {
  readonly eager?: boolean;
  readonly locks?: boolean;
}

export function runSeqread(io: Io, scenario: Scenario, spec: SeqreadSpec, options: RunSeqreadOptions): number {
  compileThoroughly();
  const bar = progress(io, options.quiet);
  const { format } = options;
  const done = chosenRows(seqreadRows(spec), options).map((row) => {
    const one = withLittleGarbage(() => runOne(io, scenario, spec, row, options, bar));
    if (format === 'ndjson') io.out(`${JSON.stringify(rowJson(one))}\n`);
    return one;
  });
  bar.done();
  const problems = done.flatMap(({ timed: { stuck, threads } }) =>
    stuck.map((thread) => `deadlock: ${describeWait(waitOf(thread, threads))}`),
  );
  problems.push(...judgeSeqread(scenario.expect, spec, done));
  if (format === 'table') io.out(tableOf(io, scenario, spec, done, problems, options));
  if (format === 'json') {
    const json = { ...jsonHead('faultline.run/1', scenario, options.seed), rows: done.map(rowJson), problems };
    io.out(`${JSON.stringify(json, null, 2)}\n`);
  }
  return problems.length > 0 ? EXIT.finding : EXIT.ok;
}

function runOne(
  io: Io,
  scenario: Scenario,
  spec: SeqreadSpec,
  row: SeqreadRow,
  options: RunSeqreadOptions,
  bar: Progress,
): SimulatedReads {
  const profile = findProfile(scenario.machine.profile);
  const title = `${nameFor(scenario)}, ${heading(scenario)}, ${nameOf(spec, row)}`;
  return runExported(io, options, { title, cpus: scenario.machine.cpus, profile, scale: spec.scale }, (more) =>
    simulateReads(scenario, row, profile, {
      ...more,
      scale: spec.scale,
      eager: options.eager === true,
      report: (nowNs, faults) =>
        bar.update(
          () => `${nameOf(spec, row)}: ${(nowNs / 1e9).toFixed(2)} s of virtual time, ${plural(faults, 'fault')}`,
        ),
    }),
  );
}

function heading(scenario: Scenario): string {
  const { profile, cpus } = scenario.machine;
  return `kernel ${kernelName(scenario)}, machine ${profile} with ${plural(cpus, 'CPU')}`;
}

function nameOf(spec: SeqreadSpec, row: SeqreadRow): string {
  return `${readerWords(spec, row)}, order ${row.order ?? 'as it is'}`;
}

function rowJson({ timed: { steps, locks }, ...figures }: SimulatedReads): object {
  return { ...figures, exitShare: exitShare(figures), steps, locks };
}

function tableOf(
  io: Io,
  scenario: Scenario,
  spec: SeqreadSpec,
  done: readonly SimulatedReads[],
  problems: readonly string[],
  { locks }: RunSeqreadOptions,
): string {
  const { gib, kind, scale, measured } = spec;
  const part =
    scale === 1
      ? 'none of the faults is skipped or extrapolated'
      : `one page in ${scale} was read; faults and times are multiplied`;
  const lines = [
    heading(scenario),
    '',
    ...wrap(`${gib} GiB of a cached file, all of it read in sequence by each of the ${kind}`, io.width),
    ...seqreadTable(
      kind,
      done.map((one) => ({
        ...one,
        readers: readersOf(one),
        exit: one.seconds * exitShare(one),
        measured: measuredRow(spec, one)?.seconds ?? null,
      })),
    ),
    '',
    part,
  ];
  if (measured !== null) lines.push(`measured: ${measured.source}`);
  if (locks === true) for (const one of done) lines.push('', ...whereTheTimeWent(spec, one));
  lines.push(...problems.map((problem) => `NOT AS EXPECTED: ${problem}`));
  return `${lines.join('\n')}\n`;
}

function whereTheTimeWent(spec: SeqreadSpec, one: SimulatedReads): string[] {
  const { userS, systemS, exitS, timed } = one;
  const seconds = `user ${userS.toFixed(3)} s, system ${systemS.toFixed(3)} s, of it exit ${exitS.toFixed(3)} s`;
  return [`${nameOf(spec, one)}: ${seconds}`, ...lockTable(timed.locks)];
}
