/** `faultline explore`: the interleavings of a scenario, a verdict, and the shortest schedule that fails. */
import { boundedStrategy } from '../drivers/controlled/bounded.ts';
import { DporStrategy } from '../drivers/controlled/dpor.ts';
import { describeWait } from '../drivers/controlled/execution.ts';
import { type Exploration, explore as search, type Failure } from '../drivers/controlled/explore.ts';
import { randomStrategy } from '../drivers/controlled/random.ts';
import type { Strategy } from '../drivers/controlled/strategy.ts';
import { drawLanes, witnessLines } from '../report/lanes.ts';
import { catalog } from '../scenario/catalog.ts';
import { judge } from '../scenario/judge.ts';
import { readScenario, type Scenario } from '../scenario/read.ts';
import { buildWorld, type CheckedProgram, checkedProgram } from '../scenario/world.ts';
import { EXIT, UsageError } from './exit.ts';
import { jsonHead, kernelName } from './heading.ts';
import type { Io } from './io.ts';
import { type CommonOptions, scenarioPath, type STRATEGIES } from './options.ts';
import { progress } from './progress.ts';
import { record, type Recording, trailOf, writeTrail } from './trail.ts';
import { cleanVerdict, coverage, wordFor } from './verdict.ts';

export interface ExploreCommandOptions extends CommonOptions {
  readonly strategy: (typeof STRATEGIES)[number];
  readonly bound: number;
  readonly executions?: number;
  readonly maxSteps?: number;
  readonly requireComplete?: boolean;
  /** Exit 0 if the result is what the scenario expects, found bugs included. */
  readonly check?: boolean;
  /** Where to write the trail. */
  readonly output?: string;
}

const SHORTEST_SEARCH = 20_000;
const RANDOM_EXECUTIONS = 10_000;

function strategyFor(options: ExploreCommandOptions): Strategy {
  if (options.strategy === 'random') return randomStrategy(options.seed, options.executions ?? RANDOM_EXECUTIONS);
  return options.strategy === 'bounded' ? boundedStrategy(options.bound) : new DporStrategy();
}

export function explore(io: Io, file: string, options: ExploreCommandOptions): number {
  const scenario = readScenario(scenarioPath(file), catalog());
  if (scenario.pft !== null) {
    throw new UsageError(
      `${scenario.path} is a pft scenario, for the clock: use 'faultline run', or give it vmas and threads`,
    );
  }
  const bar = progress(io, options.quiet);
  const make = (): CheckedProgram => checkedProgram(buildWorld(scenario));
  const result = search(make, {
    strategy: strategyFor(options),
    ...(options.executions === undefined ? {} : { maxExecutions: options.executions }),
    ...(options.maxSteps === undefined ? {} : { maxSteps: options.maxSteps }),
    progress: (executions) => {
      bar.update(() => `${executions} executions`);
    },
  });
  bar.done();
  const problems = judge(scenario.expect, result);
  const shown = result.failures[0] === undefined ? null : counterexample(scenario, make, result.failures[0], options);
  if (options.format === 'table') io.out(text(io, scenario, result, shown, problems));
  else
    io.out(
      `${JSON.stringify(json(scenario, result, shown, problems, options), null, options.format === 'json' ? 2 : 0)}\n`,
    );
  return exitCode(result, problems, options);
}

function exitCode(result: Exploration, problems: readonly string[], options: ExploreCommandOptions): number {
  if (options.requireComplete === true && !result.complete && result.failures.length === 0) return EXIT.inconclusive;
  if (options.check === true) return problems.length > 0 ? EXIT.finding : EXIT.ok;
  return result.failures.length > 0 || problems.length > 0 ? EXIT.finding : EXIT.ok;
}

interface Counterexample {
  readonly failure: Failure;
  /** True if no schedule with fewer preemptions fails. */
  readonly fewest: boolean;
  readonly recording: Recording;
  readonly trail: string | null;
}

/** The schedule with the fewest preemptions that breaks the rule, drawn and stored. */
function counterexample(
  scenario: Scenario,
  make: () => CheckedProgram,
  known: Failure,
  options: ExploreCommandOptions,
): Counterexample {
  const { failure, fewest } = shortest(make, known);
  const recording = record(scenario, failure.schedule);
  const trail = trailOf(scenario, failure, failure.preemptions, recording, failure.schedule);
  return { failure, fewest, recording, trail: store(trail, options.output) };
}

function store(trail: ReturnType<typeof trailOf>, path: string | undefined): string | null {
  try {
    return writeTrail(trail, path);
  } catch (error) {
    if (path !== undefined) throw new UsageError(`cannot write ${path}: ${(error as Error).message}`);
    return null; // a read-only folder: the drawing is all there is
  }
}

/** Search with 0, 1, 2, ... preemptions until the rule breaks, as far as a small budget goes. */
function shortest(make: () => CheckedProgram, known: Failure): { failure: Failure; fewest: boolean } {
  let left = SHORTEST_SEARCH;
  for (let bound = 0; bound < known.preemptions; bound++) {
    const result = search(make, { strategy: boundedStrategy(bound), maxExecutions: left });
    const failure = result.failures.find(({ rule }) => rule === known.rule);
    if (failure !== undefined) return { failure, fewest: true };
    left -= result.executions;
    if (left <= 0) return { failure: known, fewest: false };
  }
  return { failure: known, fewest: true };
}

function text(
  io: Io,
  scenario: Scenario,
  result: Exploration,
  shown: Counterexample | null,
  problems: readonly string[],
): string {
  const lines = [
    io.colors.bold(scenario.path),
    `kernel ${kernelName(scenario)}, ${scenario.threads.length} threads, ${result.strategy}, ${result.steps.toLocaleString('en-US')} steps`,
    '',
  ];
  if (shown === null) lines.push(io.colors.green(`any invariant broken: ${cleanVerdict(result)}`));
  else lines.push(...verdicts(io, result), '', ...drawing(io, scenario, shown));
  if (problems.length > 0) lines.push('', ...problems.map((problem) => io.colors.red(`NOT AS EXPECTED: ${problem}`)));
  else lines.push('', result.complete ? 'as the scenario expects' : 'nothing so far that the scenario does not expect');
  return `${lines.join('\n')}\n`;
}

function verdicts(io: Io, result: Exploration): string[] {
  const width = Math.max(...result.failures.map(({ rule }) => rule.length));
  return [
    ...result.failures.map((failure) => {
      const word = wordFor(failure, result.executions);
      return `${io.colors.red(failure.rule.padEnd(width))}  ${word}  ${failure.executions} of ${result.executions}`;
    }),
    `${'anything else'.padEnd(width)}  ${cleanVerdict(result)}`,
    `seen: ${coverage(result)}`,
  ];
}

function drawing(io: Io, scenario: Scenario, { failure, fewest, recording, trail }: Counterexample): string[] {
  const lanes = recording.execution.threads.map(({ name, cpu }) => ({ thread: name, title: `CPU${cpu} ${name}` }));
  const what = `${failure.schedule.length} steps, ${failure.preemptions} preemption${failure.preemptions === 1 ? '' : 's'}`;
  const lines = [
    io.colors.bold(`counterexample: ${failure.rule} (${what}${fewest ? ', no schedule with fewer' : ''})`),
    '',
    drawLanes(recording.steps, { width: io.width, lanes, colors: io.colors }),
    '',
    ...witnessLines(recording.found, io),
    ...deadlock(recording),
    '',
  ];
  if (trail === null) lines.push('the trail could not be written here; use -o FILE');
  else lines.push(`repeat: npx faultline replay ${quoted(trail)}`);
  lines.push(`search: npx faultline explore ${quoted(scenario.path)}`);
  return lines;
}

/** Who waits for whom, with kernel backtraces. */
function deadlock({ execution, recorder }: Recording): string[] {
  if (!execution.found.some(({ rule }) => rule === 'deadlock')) return [];
  return execution.threads
    .filter((thread) => thread.pending !== null)
    .flatMap((thread) => [
      '',
      describeWait(thread),
      ...recorder.stackOf(thread).map(({ fn, file, line }) => `    ${fn} (${file}:${line})`),
    ]);
}

function quoted(path: string): string {
  return /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

function json(
  scenario: Scenario,
  result: Exploration,
  shown: Counterexample | null,
  problems: readonly string[],
  options: ExploreCommandOptions,
): object {
  return {
    ...jsonHead('faultline.explore/1', scenario, options.seed),
    strategy: result.strategy,
    executions: result.executions,
    redundant: result.redundant,
    cutOff: result.cutOff,
    steps: result.steps,
    complete: result.complete,
    coverage: coverage(result),
    rules: result.failures.map((failure) => ({
      rule: failure.rule,
      verdict: wordFor(failure, result.executions),
      executions: failure.executions,
      witness: failure.witness,
    })),
    outcomes: result.outcomes.length,
    counterexample:
      shown === null
        ? null
        : {
            rule: shown.failure.rule,
            preemptions: shown.failure.preemptions,
            fewest: shown.fewest,
            trail: shown.trail,
            steps: shown.recording.steps,
          },
    problems,
  };
}
