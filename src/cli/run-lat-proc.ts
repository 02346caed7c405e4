/** `faultline run` of a lat_proc scenario. */
import { runTimed } from '../drivers/timed/run.ts';
import { findProfile } from '../profiles/index.ts';
import { latProcTables } from '../report/lat-proc-table.ts';
import { wrap } from '../report/wrap.ts';
import {
  judgeLatProc,
  type LatProcFigures,
  latProcFigures,
  type LatProcRow,
  latProcRows,
} from '../scenario/lat-proc-result.ts';
import type { LatProcSpec, Scenario } from '../scenario/read.ts';
import { buildLatProcWorld, type LatProcRun, type World } from '../scenario/world.ts';
import { EXIT } from './exit.ts';
import { jsonHead, kernelName } from './heading.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { flat } from '../workload/flat.ts';

interface Pace {
  readonly eager?: boolean;
}

export type RunLatProcOptions = CommonOptions & Pace;

export function runLatProc(io: Io, scenario: Scenario, spec: LatProcSpec, options: RunLatProcOptions): number {
  const { format } = options;
  const each = (row: LatProcRow): void => {
    if (format === 'ndjson') io.out(`${JSON.stringify(row)}\n`);
  };
  const rows = latProcFiguresOf(scenario, spec, options, each);
  const problems = judgeLatProc(scenario.expect, rows);
  if (format === 'table') io.out(tableOf(scenario, spec, rows, problems, io.width));
  if (format === 'json') {
    const json = { ...jsonHead('faultline.run/1', scenario, options.seed), rows, problems };
    io.out(`${JSON.stringify(json, null, 2)}\n`);
  }
  return problems.length > 0 ? EXIT.finding : EXIT.ok;
}

/** All rows of the table; `each` is told of one as soon as it is known. */
export function latProcFiguresOf(
  scenario: Scenario,
  spec: LatProcSpec,
  pace: Pace,
  each: (row: LatProcRow) => void = () => undefined,
): LatProcRow[] {
  return latProcRows(spec).map(({ kind, machine, runs }) => {
    const row = { kind, machine, columns: runs.map((one) => figuresOf(scenario, one, pace)) };
    each(row);
    return row;
  });
}

/** The time of the iterations is that of a run with them, less that of a run with none. */
function figuresOf(scenario: Scenario, run: LatProcRun, options: Pace): LatProcFigures {
  const without = wallNs(buildLatProcWorld(scenario, { ...run, iterations: 0 }, flat), options);
  const world = buildLatProcWorld(scenario, run, flat);
  const ns = wallNs(world, options) - without;
  const missNs = findProfile(run.machine).work.table_line_miss.value;
  return latProcFigures(run, world.system.tableReads[0], ns, missNs);
}

function wallNs({ births, profile, cpus }: World, { eager }: Pace): number {
  return runTimed(births, { profile, cpus, eager: eager === true }).wallNs;
}

function tableOf(
  scenario: Scenario,
  spec: LatProcSpec,
  rows: readonly LatProcRow[],
  problems: readonly string[],
  width: number,
): string {
  const lines = latProcText(scenario, spec, rows, width);
  return `${[...lines, ...problems.flatMap((problem) => wrap(`NOT AS EXPECTED: ${problem}`, width))].join('\n')}\n`;
}

/** The tables, and what their words mean. */
export function latProcText(
  scenario: Scenario,
  spec: LatProcSpec,
  rows: readonly LatProcRow[],
  width: number,
): string[] {
  const notes = [
    'lines: different lines of pgds, puds, pmds, their masks or tree nodes, added up over the walks of an iteration',
    'misses: those not among the lines that its walks have used already; miss us: what waiting for these takes, of us',
    ...(spec.said === null ? [] : ['', `said: ${spec.said.text}`, `      ${spec.said.source}`]),
  ];
  return [
    `kernel ${kernelName(scenario)}, one CPU, mean of ${spec.iterations} iterations`,
    ...latProcTables(rows, width),
    '',
    ...notes.flatMap((note) => wrap(note, width)),
  ];
}
