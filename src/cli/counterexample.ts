/** A failure made simple, run again, and told: lanes, witness, deadlock report, and what would have made it pass. */
import { type NearestPass, nearestPass } from '../drivers/controlled/nearest.ts';
import type { Program } from '../drivers/controlled/execution.ts';
import { formatSchedule } from '../drivers/controlled/schedule.ts';
import { shrink, type Shrunk } from '../drivers/controlled/shrink.ts';
import type { Failure } from '../drivers/controlled/tally.ts';
import { drawDeadlock } from '../report/deadlock.ts';
import { drawLanes, witnessLines } from '../report/lanes.ts';
import { drawPass } from '../report/pass.ts';
import type { Scenario } from '../scenario/read.ts';
import { UsageError } from './exit.ts';
import type { Io } from './io.ts';
import { record, type Recording, trailOf, writeTrail } from './trail.ts';
import { plural } from './verdict.ts';

export interface Counterexample extends Shrunk {
  readonly recording: Recording;
  /** The schedule in one line. */
  readonly line: string;
  readonly trail: string | null;
  readonly pass: (NearestPass & { readonly line: string; readonly recording: Recording }) | null;
}

/** Shrink a failure, record it, store it, and look for the nearest schedule that passes. */
export function counterexample(
  scenario: Scenario,
  make: () => Program,
  failure: Failure,
  output: string | undefined,
): Counterexample {
  const shrunk = shrink(make, failure.rule, failure.schedule);
  const recording = record(scenario, shrunk.schedule);
  const names = recording.execution.threads.map(({ name }) => name);
  const trail = trailOf(scenario, shrunk.found, shrunk.preemptions, recording, shrunk.schedule);
  const pass = nearestPass(make, shrunk.schedule);
  return {
    ...shrunk,
    recording,
    line: formatSchedule(shrunk.schedule, names),
    trail: store(trail, output),
    pass:
      pass === null
        ? null
        : { ...pass, line: formatSchedule(pass.schedule, names), recording: record(scenario, pass.schedule) },
  };
}

function store(trail: ReturnType<typeof trailOf>, path: string | undefined): string | null {
  try {
    return writeTrail(trail, path);
  } catch (error) {
    if (path !== undefined) throw new UsageError(`cannot write ${path}: ${(error as Error).message}`);
    return null; // a read-only folder: the drawing is all there is
  }
}

/** Steps in lanes, what is wrong with them, and the deadlock if it is one. */
export function drawRecording(io: Io, { steps, found, execution, recorder, deadlock }: Recording): string[] {
  const lanes = execution.threads.map(({ name, cpu }) => ({ thread: name, title: `CPU${cpu} ${name}` }));
  const lines = [drawLanes(steps, { width: io.width, lanes, colors: io.colors }), '', ...witnessLines(found, io)];
  if (deadlock !== null) {
    const stackOf = recorder.stackOf.bind(recorder);
    lines.push('', drawDeadlock(deadlock, { width: io.width, steps, stackOf }));
  }
  return lines;
}

/** All there is to say of a counterexample. */
export function drawCounterexample(io: Io, scenario: Scenario, shown: Counterexample): string[] {
  const { found, recording, preemptions, fewest, trail, line, pass } = shown;
  const what = `${plural(recording.steps.length, 'step', 'steps')}, ${plural(preemptions, 'preemption', 'preemptions')}`;
  const lines = [
    io.colors.bold(`counterexample: ${found.rule} (${what}${fewest ? ', no schedule with fewer' : ''})`),
    '',
    ...drawRecording(io, recording),
    '',
  ];
  const path = quoted(scenario.path);
  if (pass !== null) {
    const { overtaken, moved, recording: passing } = pass;
    lines.push(...drawPass({ failing: recording.steps, passing: passing.steps, overtaken, moved, width: io.width }));
    lines.push(`passes: npx faultline replay ${path} --schedule ${quoted(pass.line)}`, '');
  }
  if (trail === null) lines.push('the trail could not be written here; use -o FILE');
  else lines.push(`repeat: npx faultline replay ${quoted(trail)}`);
  lines.push(`paste:  npx faultline replay ${path} --schedule ${quoted(line)}`);
  lines.push(`search: npx faultline explore ${path}`);
  return lines;
}

/** As a word for the shell. */
export function quoted(path: string): string {
  return /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
