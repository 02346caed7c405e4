/** A result in words and pictures, for a terminal: verdicts, and the simplest counterexample in lanes. */
import pc from 'picocolors';
import type { Program } from '../drivers/controlled/execution.ts';
import type { Exploration } from '../drivers/controlled/tally.ts';
import { drawDeadlock } from '../report/deadlock.ts';
import { drawDataRace } from '../report/kcsan.ts';
import { type Colors, drawLanes, laneOf, witnessLines } from '../report/lanes.ts';
import { drawSpin } from '../report/liveness.ts';
import { drawPass } from '../report/pass.ts';
import { type Counterexample, counterexampleOf } from './counterexample.ts';
import { record, type Recording } from './record.ts';
import { cleanVerdict, countOf, coverage, wordFor } from './verdict.ts';
import { plural } from '../machine/plural.ts';

export interface DrawOptions {
  /** Columns of the terminal; default 80. */
  readonly width?: number;
  /** Default: none. */
  readonly colors?: Colors;
}

/** Every option. */
interface Drawn {
  readonly width: number;
  readonly colors: Colors;
}

function withDefaults({ width = 80, colors = pc.createColors(false) }: DrawOptions): Drawn {
  return { width, colors };
}

/** One line for each rule that was broken, and one for the rest: Never, Sometimes, Always. */
export function drawVerdicts(result: Exploration, options: DrawOptions = {}): string[] {
  const { colors } = withDefaults(options);
  const { failures, executions, unreached } = result;
  const missing = unreached.map((name) => colors.red(`never reached: ${name} (${coverage(result)})`));
  if (failures.length === 0) return [colors.green(`any rule broken: ${cleanVerdict(result)}`), ...missing];
  const width = Math.max(...failures.map(({ rule }) => rule.length), 'anything else'.length);
  return [
    ...failures.map(
      (failure) =>
        `${colors.red(failure.rule.padEnd(width))}  ${wordFor(failure, executions)}  ${countOf(failure, result)}`,
    ),
    `${'anything else'.padEnd(width)}  ${cleanVerdict(result)}`,
    `seen: ${coverage(result)}`,
    ...missing,
  ];
}

/** Steps in lanes, what is wrong with them, and the deadlock or the data race if it is one. */
export function drawRecording(recording: Recording, options: DrawOptions = {}): string[] {
  const { steps, found, execution, recorder, deadlock, races } = recording;
  const { width, colors } = withDefaults(options);
  const lanes = execution.threads.map(laneOf);
  const lines = [
    ...recording.choices.map((choice) => colors.bold(`before the first step: ${choice}`)),
    drawLanes(steps, { width, lanes, colors }),
    '',
    ...witnessLines(found, { width, colors }),
  ];
  const stackOf = recorder.stackOf.bind(recorder);
  if (deadlock !== null) {
    lines.push('', drawDeadlock(deadlock, { width, steps, stackOf }));
  }
  if (races.length > 0) {
    const { threads } = execution;
    const { beforeFirst } = recorder;
    lines.push('', drawDataRace(races[0], { width, steps, beforeFirst, threads, stackOf }));
  }
  return lines;
}

/** A counterexample, and beside it the nearest schedule that passes. */
export function drawCounterexample(shown: Counterexample, options: DrawOptions = {}): string[] {
  const { width, colors } = withDefaults(options);
  const { found, recording, preemptions, fewest, pass } = shown;
  const { steps } = recording;
  const what = `${plural(steps.length, 'step')}, ${plural(preemptions, 'preemption')}`;
  const lines = [
    colors.bold(`counterexample: ${found.rule} (${what}${fewest ? ': the fewest' : ''})`),
    '',
    ...drawRecording(recording, options),
    '',
  ];
  if (pass === null) return lines;
  const { overtaken, moved } = pass;
  return [...lines, ...drawPass({ failing: steps, passing: pass.recording.steps, overtaken, moved, width })];
}

/** Why an execution was cut off at the step bound; no lines if none was. */
export function drawCutOff(program: () => Program, { spin }: Exploration, options: DrawOptions = {}): string[] {
  if (spin === null) return [];
  const { width, colors } = withDefaults(options);
  if (spin.kind === 'long') return [drawSpin(spin, { width, colors, lanes: [], steps: [] })];
  const { steps, execution } = record(program, spin.schedule);
  const lanes = execution.threads.map(laneOf);
  return [drawSpin(spin, { width, colors, lanes, steps })];
}

/** What an exploration of a program has come to: verdicts and, if a rule is broken, a counterexample to the first. */
export function explain(program: () => Program, result: Exploration, options: DrawOptions = {}): string {
  const lines = [...drawVerdicts(result, options), ...drawCutOff(program, result, options)];
  const [failure] = result.failures;
  if (failure === undefined) return lines.join('\n');
  const shown = counterexampleOf(program, failure);
  lines.push('', ...drawCounterexample(shown, options), `schedule: ${shown.line}`);
  if (shown.pass !== null) lines.push(`passes:   ${shown.pass.line}`);
  return lines.join('\n');
}
