/** `faultline replay`: a recorded schedule again, compared step by step with its recording. */
import type { Program } from '../drivers/controlled/execution.ts';
import { Divergence } from '../drivers/controlled/replay.ts';
import { parseSchedule, type Schedule, ScheduleError } from '../drivers/controlled/schedule.ts';
import { visible } from '../export/escape.ts';
import { drawRecording } from '../explain/explain.ts';
import { record, type Recording } from '../explain/record.ts';
import { plural } from '../machine/plural.ts';
import { benchmarkOf, type Scenario } from '../scenario/read.ts';
import { buildWorld, checkedProgram } from '../scenario/world.ts';
import type { TraceStep } from '../trace/step.ts';
import { EXIT, UsageError } from './exit.ts';
import { exportFiles, type ExportOptions, exportRecording, nameFor, stepExportsOf, withExports } from './export.ts';
import type { Io } from './io.ts';
import { type CommonOptions, looksLikeScenario } from './options.ts';
import { filesOf, readPatched, withPatches } from './patch.ts';
import { meaningOf, readTrail, type Trail } from './trail.ts';
import { refuseOverwriting } from './write.ts';

export interface ReplayOptions extends CommonOptions, ExportOptions {
  /** A schedule in one line, instead of a trail. */
  readonly schedule?: string;
}

export async function replayCommand(given: Io, file: string, options: ReplayOptions): Promise<number> {
  const io = withExports(given, options);
  stepExportsOf(options); // wrong ones are told before anything is run
  return options.schedule === undefined
    ? replayTrail(io, file, options)
    : replayLine(io, file, options.schedule, options);
}

/** A schedule as it was pasted: exit 1 if a rule is broken, else 0. */
async function replayLine(io: Io, file: string, line: string, options: ReplayOptions): Promise<number> {
  const scenario = await readPatched(file, options);
  const benchmark = benchmarkOf(scenario);
  if (benchmark !== null) throw new UsageError(`${scenario.path} is a ${benchmark} scenario: it has no schedules`);
  refuseOverwriting(filesOf(scenario), exportFiles(options));
  const make = (): Program => checkedProgram(buildWorld(scenario));
  const recording = record(make, read(make, line));
  const { found, execution, steps } = recording;
  exportRecording(io, options, nameFor(scenario), recording);
  if (options.format === 'table') {
    io.out([io.colors.bold(visible(scenario.path)), '', ...drawRecording(recording, io), ''].join('\n'));
    const end = execution.over ? 'all threads have come to their end' : 'there is more to do';
    io.out(
      `${found.length === 0 ? `no rule is broken; ${end}` : `broken: ${found.map(({ rule }) => rule).join(', ')}`}\n`,
    );
  } else {
    const result = { schema: 'faultline.replay/1', reproduced: null, over: execution.over, steps, found };
    io.out(`${JSON.stringify(result, null, options.format === 'json' ? 2 : 0)}\n`);
  }
  return found.length === 0 ? EXIT.ok : EXIT.finding;
}

function read(make: () => Program, line: string): Schedule {
  try {
    return parseSchedule(make, line);
  } catch (error) {
    if (error instanceof ScheduleError) throw new UsageError(error.message);
    throw error;
  }
}

async function replayTrail(io: Io, file: string, options: ReplayOptions): Promise<number> {
  if (looksLikeScenario(file)) {
    throw new UsageError(`${file} is a scenario, not a trail: --schedule 'T1:7 T2:9 T1' must say who acts when`);
  }
  const trail = readTrail(file);
  const { patch = [] } = options;
  const patches = patch.length > 0 ? patch : (trail.patches ?? []).map(({ path }) => path);
  const scenario = await withPatches(trail.scenario.path, patches);
  refuseOverwriting([file, ...filesOf(scenario)], exportFiles(options));
  const changed = changeOf(trail, scenario);
  let recording: Recording;
  try {
    recording = record(() => checkedProgram(buildWorld(scenario)), trail.schedule);
  } catch (error) {
    if (!(error instanceof Divergence)) throw error;
    return refuse(io, file, options, changed, `step ${error.at}: ${error.message}${recordedAt(trail, error.at)}`);
  }
  const parted =
    firstDifference(trail, recording.steps) ?? answerDifference(trail, recording) ?? endDifference(trail, recording);
  if (changed !== null || parted !== null)
    return refuse(io, file, options, changed, parted ?? 'none: every step is the same');
  exportRecording(io, options, `${nameFor(scenario)}: ${trail.expect.rule}`, recording);
  report(io, trail, recording, options);
  return EXIT.finding;
}

/** What is no longer as it was recorded, in words; null if nothing. */
function changeOf(trail: Trail, scenario: Scenario): string | null {
  if (scenario.sha256 !== trail.scenario.sha256) {
    const change = firstChange(trail.scenario.meaning, meaningOf(scenario), '');
    if (change !== null) return `the scenario has changed: ${change}`;
  }
  const { patches: was = [] } = trail;
  const { own: is = [] } = scenario;
  if (was.length !== is.length) return `recorded with ${plural(was.length, 'patch', 'patches')}, now ${is.length}`;
  const other = is.findIndex(({ sha256 }, i) => sha256 !== was[i].sha256);
  if (other < 0) return null;
  const short = ({ sha256 }: { readonly sha256: string }): string => sha256.slice(0, 12);
  return `the patch has changed: ${is[other].path}: ${short(was[other])} -> ${short(is[other])}`;
}

function recordedAt(trail: Trail, at: number): string {
  const step = trail.steps[at - 1];
  return step === undefined ? '' : `; recorded: ${step.thread} ${step.step}`;
}

/** Where a run parts from its recording, in words; null if nowhere. */
function firstDifference(trail: Trail, steps: readonly TraceStep[]): string | null {
  for (const [i, recorded] of trail.steps.entries()) {
    const now = steps[i];
    const was = describe(recorded.thread, recorded.step, recorded.result, recorded.runnable);
    const is = now === undefined ? 'the run has ended' : describe(now.thread, now.label, now.result, now.runnable);
    if (was !== is) return `step ${i + 1}: recorded ${was}; now ${is}`;
  }
  if (trail.steps.length === steps.length) return null;
  return `the end: recorded ${plural(trail.steps.length, 'step')}, now ${steps.length}`;
}

/** Answers that nobody asked for, or that were not possible: a replay does without them. */
function answerDifference({ schedule }: Trail, { execution: { choices } }: Recording): string | null {
  const at = schedule.answers.findIndex((answer, i) => answer !== choices[i]?.answer);
  if (at < 0) return null;
  const now = at < choices.length ? `now ${choices[at].answer}` : 'now not asked for';
  return `answer ${at + 1}: recorded ${schedule.answers[at]}, ${now}`;
}

function describe(thread: string, step: string, result: string, runnable: readonly string[]): string {
  return `${thread} ${step}${result === '' ? '' : ` [${result}]`} (runnable: ${runnable.join(', ')})`;
}

function endDifference(trail: Trail, { found }: Recording): string | null {
  const same = found.find(({ rule }) => rule === trail.expect.rule);
  if (same === undefined) return `the end: recorded '${trail.expect.rule}', now nothing of the kind`;
  if (same.witness !== trail.expect.witness)
    return `the end: recorded '${trail.expect.witness}', now '${same.witness}'`;
  if (same.step !== trail.expect.step)
    return `the end: recorded '${same.rule}' after step ${trail.expect.step}, now after step ${same.step}`;
  return null;
}

/** The first place where two plain values differ: `threads.0.ops.0.first: 0 -> 1`. */
function firstChange(was: unknown, is: unknown, at: string): string | null {
  if (typeof was === 'object' && typeof is === 'object' && was !== null && is !== null) {
    const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
    for (const key of keys) {
      const inner = at === '' ? key : `${at}.${key}`;
      const change = firstChange((was as Record<string, unknown>)[key], (is as Record<string, unknown>)[key], inner);
      if (change !== null) return change;
    }
    return null;
  }
  return Object.is(was, is) ? null : `${at}: ${JSON.stringify(was)} -> ${JSON.stringify(is)}`;
}

function refuse(io: Io, file: string, options: CommonOptions, changed: string | null, difference: string): number {
  if (options.format === 'table') {
    const lines = [`faultline: ${file} does not fit its scenario any more`, changed, `first difference: ${difference}`];
    for (const line of lines) if (line !== null) io.err(`${visible(line)}\n`);
  } else {
    io.out(`${JSON.stringify({ schema: 'faultline.replay/1', reproduced: false, changed, difference })}\n`);
  }
  return EXIT.diverged;
}

function report(io: Io, trail: Trail, recording: Recording, options: CommonOptions): void {
  if (options.format !== 'table') {
    const result = { schema: 'faultline.replay/1', reproduced: true, steps: recording.steps, found: recording.found };
    io.out(`${JSON.stringify(result, null, options.format === 'json' ? 2 : 0)}\n`);
    return;
  }
  io.out([io.colors.bold(visible(trail.scenario.path)), '', ...drawRecording(recording, io), ''].join('\n'));
  io.out(
    `\nreproduced: ${trail.expect.rule}, ${trail.steps.length === 1 ? 'its step' : `all ${trail.steps.length} steps`} as recorded\n`,
  );
}
