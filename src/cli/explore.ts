/** `faultline explore`: the interleavings of a scenario, a verdict, and the simplest schedule that fails. */
import { allInterleavings, delayBounded, preemptionBounded } from '../drivers/controlled/bounded.ts';
import { sourceDpor } from '../drivers/controlled/dpor.ts';
import { Search } from '../drivers/controlled/explore.ts';
import { portfolio } from '../drivers/controlled/portfolio.ts';
import { pct, random, urw } from '../drivers/controlled/random.ts';
import { formatSchedule } from '../drivers/controlled/schedule.ts';
import type { Strategy } from '../drivers/controlled/strategy.ts';
import type { Exploration } from '../drivers/controlled/tally.ts';
import { drawCutOff, drawVerdicts } from '../explain/explain.ts';
import { asExpected, countOf, coverage, wordFor } from '../explain/verdict.ts';
import { plural } from '../machine/plural.ts';
import { visible } from '../export/escape.ts';
import { wrap } from '../report/wrap.ts';
import { judge } from '../scenario/judge.ts';
import { benchmarkOf, type Scenario } from '../scenario/read.ts';
import { buildWorld, type CheckedProgram, checkedProgram } from '../scenario/world.ts';
import { CheckpointFile, checkpointPath, refuseOther, type SearchKey } from './checkpoint.ts';
import { drawStored, storedCounterexample, type StoredCounterexample } from './counterexample.ts';
import { EXIT, UsageError } from './exit.ts';
import { exploreLine, type SearchOptions } from './explore-line.ts';
import { exportFiles, type ExportOptions, exportRecording, nameFor, stepExportsOf, withExports } from './export.ts';
import { jsonHead, kernelName, quoted } from './heading.ts';
import type { Io } from './io.ts';
import { liveness } from './liveness.ts';
import { type CommonOptions, version } from './options.ts';
import { filesOf, readPatched } from './patch.ts';
import { roughly, runSearch, timeLeft } from './search.ts';
import { refuseOverwriting } from './write.ts';

export interface ExploreCommandOptions extends CommonOptions, SearchOptions, ExportOptions {
  readonly requireComplete?: boolean;
  /** Exit 0 if the result is what the scenario expects, found bugs included. */
  readonly check?: boolean;
  readonly outcomes?: boolean;
  readonly estimate?: boolean;
  readonly liveness?: boolean;
  /** True: from the usual place. */
  readonly resume?: string | true;
  readonly checkpoint?: string;
  /** Where to write the trail. */
  readonly output?: string;
}

const SAMPLES = 10_000;
/** Without a budget, a search that has found something goes on for so many executions: it may never end. */
const AFTER_FAILURE = 20_000;

/** Where they are not given. */
const BOUND = 2;
const DEPTH = 3;

function strategyFor({
  strategy,
  seed,
  bound = BOUND,
  depth = DEPTH,
  executions = SAMPLES,
}: ExploreCommandOptions): Strategy {
  switch (strategy) {
    case 'portfolio':
      return portfolio(seed);
    case 'dpor':
      return sourceDpor();
    case 'bounded':
      return preemptionBounded(bound);
    case 'delay':
      return delayBounded(bound);
    case 'pct':
      return pct(depth, seed, executions);
    case 'urw':
      return urw(seed, executions);
    case 'random':
      return random(seed, executions);
    case 'all':
      return allInterleavings();
  }
}

/** Options that would do nothing are mistaken for ones that do. */
function refuseIdle(options: ExploreCommandOptions): void {
  const { strategy, bound, depth, estimate: estimated, liveness: cycles } = options;
  if (bound !== undefined && strategy !== 'bounded' && strategy !== 'delay') {
    throw new UsageError(`--bound is for --strategy bounded and delay: ${strategy} has no bound`);
  }
  if (depth !== undefined && strategy !== 'pct') {
    throw new UsageError(`--depth is for --strategy pct: ${strategy} has no depth`);
  }
  if (estimated === true && cycles === true) {
    throw new UsageError('--estimate and --liveness are two things to do: choose one');
  }
  if (estimated !== true && cycles !== true) return;
  const { outcomes, resume, checkpoint, output, maxSteps, export: exported } = options;
  const verdicts = { outcomes, resume, checkpoint, output, 'max-steps': maxSteps, export: (exported ?? []).length > 0 };
  const idle = Object.entries(verdicts).find(([, value]) => value !== undefined && value !== false);
  if (idle !== undefined)
    throw new UsageError(`--${idle[0]} does nothing with --${cycles === true ? 'liveness' : 'estimate'}`);
}

export async function explore(given: Io, file: string, options: ExploreCommandOptions): Promise<number> {
  const io = withExports(given, options);
  refuseIdle(options);
  const scenario = await readPatched(file, options);
  stepExportsOf(options); // wrong ones are told before anything is run
  const benchmark = benchmarkOf(scenario);
  if (benchmark !== null) {
    throw new UsageError(
      `${scenario.path} is a ${benchmark} scenario, for the clock: use 'faultline run', or give it vmas and threads`,
    );
  }
  const make = (): CheckedProgram => checkedProgram(buildWorld(scenario));
  if (options.estimate === true) return estimate(io, scenario, make, options);
  if (options.liveness === true) return liveness(io, scenario, make, options);
  const checkpoint = checkpointFile(scenario, options);
  const written = [
    ...exportFiles(options),
    checkpoint.draft,
    ...(options.output === undefined ? [] : [options.output]),
  ];
  refuseOverwriting([...filesOf(scenario), checkpoint.path], written);
  const { search, interrupted, saved } = await runSearch(io, {
    program: make,
    options: {
      strategy: strategyFor(options),
      countClasses: options.strategy !== 'all',
      ...(options.executions === undefined ? { afterFailure: AFTER_FAILURE } : { maxExecutions: options.executions }),
      ...(options.maxSteps === undefined ? {} : { maxSteps: options.maxSteps }),
    },
    key: searchKey(scenario, options),
    file: checkpoint,
    resume: options.resume === undefined ? null : options.resume === true ? 'if there' : 'named',
    quiet: options.quiet,
  });
  if (interrupted !== null) {
    // at once: a second Ctrl-C may come before the verdict is drawn
    io.err(`faultline: interrupted after ${plural(search.tally.total, 'execution')}\n`);
    if (saved) io.err(`resume: ${resumeLine(file, checkpoint.path, options)}\n`);
  }
  const result = search.result();
  const problems = tell(io, scenario, make, result, options);
  if (interrupted !== null) return interrupted === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
  checkpoint.remove();
  return exitCode(result, problems, options);
}

/** Print what was found, store the counterexample; returns what is not as expected. */
function tell(
  io: Io,
  scenario: Scenario,
  make: () => CheckedProgram,
  result: Exploration,
  options: ExploreCommandOptions,
): readonly string[] {
  const problems = judge(scenario.expect, result);
  const failure = result.failures[0];
  const shown = failure === undefined ? null : storedCounterexample(scenario, make, failure, options);
  if (shown !== null) exportRecording(io, options, `${nameFor(scenario)}: ${shown.found.rule}`, shown.recording);
  if (options.format === 'table') io.out(text(io, scenario, make, result, shown, problems, options));
  else io.out(`${JSON.stringify(json(scenario, result, shown, problems, options), null, indent(options))}\n`);
  return problems;
}

const HEAD = 1000;

/** About how much there is to do, from the first executions. */
function estimate(io: Io, scenario: Scenario, make: () => CheckedProgram, options: ExploreCommandOptions): number {
  const search = new Search(make, { strategy: sourceDpor(), maxExecutions: HEAD });
  const start = performance.now();
  while (search.advance());
  const seconds = (performance.now() - start) / 1000;
  const { executions, complete } = search.result();
  const classes = complete ? executions : (search.estimate ?? executions);
  if (options.format !== 'table') {
    const head = jsonHead('faultline.estimate/1', scenario, options.seed);
    io.out(`${JSON.stringify({ ...head, classes, exact: complete }, null, indent(options))}\n`);
  } else if (complete) io.out(`${plural(classes, 'class', 'classes')}: that was all\n`);
  else {
    const time = timeLeft((seconds * classes) / executions);
    io.out(`about ${roughly(classes)} classes, about ${time} at ${roughly(executions / seconds)}/s here\n`);
    io.out(`(from the first ${executions}, a guess: often too low by a factor of ten and more)\n`);
  }
  return EXIT.ok;
}

/** The command that goes on: options that decide what the search is, and those about its result. */
function resumeLine(file: string, checkpoint: string, options: ExploreCommandOptions): string {
  const { patch, format, output } = options;
  const more = Object.entries({ format, output }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${quoted(value)}`],
  );
  if (options.check === true) more.push('--check');
  if (options.requireComplete === true) more.push('--require-complete');
  return exploreLine(file, patch, options, [...more, `--resume ${quoted(checkpoint)}`]);
}

function checkpointFile(scenario: Scenario, options: ExploreCommandOptions): CheckpointFile {
  const given = typeof options.resume === 'string' ? options.resume : options.checkpoint;
  if (given !== undefined && !options.resume) refuseOther(given);
  const key = searchKey(scenario, options);
  return new CheckpointFile(given ?? checkpointPath(key), key, given !== undefined);
}

export function searchKey(scenario: Scenario, options: ExploreCommandOptions): SearchKey {
  const { strategy, seed, bound = BOUND, depth = DEPTH, executions = null, maxSteps = null } = options;
  const patch = scenario.own?.map(({ name, sha256 }) => `${name} ${sha256.slice(0, 12)}`);
  return {
    version: version(),
    scenario,
    options: { strategy, seed, bound, depth, executions, 'max-steps': maxSteps, patch },
  };
}

function indent({ format }: ExploreCommandOptions): number {
  return format === 'json' ? 2 : 0;
}

function exitCode(result: Exploration, problems: readonly string[], options: ExploreCommandOptions): number {
  const { requireComplete = false, check = false } = options;
  if (problems.length > 0 || (!check && result.failures.length > 0)) return EXIT.finding;
  const conclusive = result.complete || (result.exhausted && result.claim === 'bounded' && !requireComplete);
  return conclusive ? EXIT.ok : EXIT.inconclusive;
}

function text(
  io: Io,
  scenario: Scenario,
  make: () => CheckedProgram,
  result: Exploration,
  shown: StoredCounterexample | null,
  problems: readonly string[],
  options: ExploreCommandOptions,
): string {
  const setting = `kernel ${kernelName(scenario)}, ${plural(scenario.threads.length, 'thread')}`;
  const lines = [
    io.colors.bold(visible(scenario.path)),
    ...wrap(`${setting}, ${result.strategy}, ${plural(result.steps, 'step')}`, io.width),
    '',
    ...drawVerdicts(result, io),
    ...finalStates(io, scenario, result, options),
  ];
  if (result.spin !== null) lines.push('', ...drawCutOff(make, result, io));
  if (shown !== null) lines.push('', ...drawStored(io, scenario, shown, options));
  if (problems.length > 0) lines.push('', ...problems.map((problem) => io.colors.red(`NOT AS EXPECTED: ${problem}`)));
  else lines.push('', asExpected(result));
  return `${lines.join('\n')}\n`;
}

/** What executions have ended in, and by which marks they came. */
function finalStates(io: Io, scenario: Scenario, result: Exploration, options: ExploreCommandOptions): string[] {
  const names = scenario.threads.map(({ name }) => name);
  const marks = result.reached.map((mark) => `reached: ${mark.name}, ${countOf(mark, result)}`);
  const states = plural(result.outcomes.length, 'distinct final state', 'distinct final states');
  if (options.outcomes !== true) return [...marks, states];
  return [
    ...marks,
    '',
    io.colors.bold(states),
    ...result.outcomes.flatMap(({ outcome, executions, schedule }, i) => [
      '',
      `${i + 1}. in ${plural(executions, 'execution')}, for one ${quoted(formatSchedule(schedule, names))}`,
      ...outcome.split('\n').map((line) => `   ${line}`),
    ]),
  ];
}

function json(
  scenario: Scenario,
  result: Exploration,
  shown: StoredCounterexample | null,
  problems: readonly string[],
  options: ExploreCommandOptions,
): object {
  const names = scenario.threads.map(({ name }) => name);
  const { strategy, executions, classes, sampled, redundant, cutOff, steps, complete, exhausted } = result;
  return {
    ...jsonHead('faultline.explore/2', scenario, options.seed),
    ...{ strategy, executions, classes, sampled, redundant, cutOff, steps, exhausted, complete },
    coverage: coverage(result),
    rules: result.failures.map((failure) => ({
      rule: failure.rule,
      verdict: wordFor(failure, executions),
      executions: failure.executions,
      witness: failure.witness,
    })),
    reached: result.reached,
    outcomes: result.outcomes.map((one) => ({ ...one, schedule: formatSchedule(one.schedule, names) })),
    counterexample: shown === null ? null : counterexampleJson(shown),
    problems,
  };
}

function counterexampleJson({
  found,
  preemptions,
  contextSwitches,
  fewest,
  trail,
  line,
  pass,
  recording,
}: StoredCounterexample) {
  return {
    ...{ rule: found.rule, preemptions, contextSwitches, fewest, trail, schedule: line },
    passing: pass === null ? null : { schedule: pass.line, overtaken: pass.overtaken + 1, moved: pass.moved + 1 },
    deadlock:
      recording.deadlock === null
        ? null
        : {
            at: recording.deadlock.at,
            cycle: recording.deadlock.cycle.map(({ thread, step, for: those }) => ({
              thread: thread.name,
              wants: step.object.label(step),
              waitsFor: those.map(({ name }) => name),
            })),
          },
    steps: recording.steps,
  };
}
