/**
 * Make a failing schedule simple. Candidates are run, not reasoned about: one is taken if the same rule is broken with
 * fewer preemptions, or as many and fewer context switches, or as many and fewer steps. In the end a search of all
 * schedules with fewer preemptions says whether there are any that fail.
 *
 * A candidate is a wish. Where the thread that should act cannot, its turn is left out; when the wishes are used up,
 * threads go on one after the other. So every candidate is an execution of the program.
 */
import { preemptionBounded } from './bounded.ts';
import { Execution, type Found, NotTheSame, type Program } from './execution.ts';
import { Search } from './explore.ts';
import { DATA_RACE, RaceWatch } from './data-race.ts';
import { deadlockViolation, DeadlockWatch } from './deadlock.ts';
import { recorded } from './replay.ts';
import { contextSwitches, fromRuns, type Run, runsOf, type Schedule, scheduleOf } from './schedule.ts';

/** An execution that breaks the rule, up to the step at which that is decided. */
export interface Shrunk {
  readonly found: Found;
  readonly schedule: Schedule;
  readonly preemptions: number;
  readonly contextSwitches: number;
  /** True: no schedule with fewer preemptions breaks the rule. False: the budget was spent before that was known. */
  readonly fewest: boolean;
}

export interface ShrinkOptions {
  /** Executions to spend on moves; default 2,000. */
  readonly moves?: number;
  /** Executions to spend on the search for fewer preemptions; default 20,000. */
  readonly search?: number;
  /** Steps to spend on moves, and again on the search: an execution may be long. Default 5,000,000. */
  readonly steps?: number;
  /** Leave an execution after this many steps, and after no fewer than twice those of the schedule; see `roomFor`. */
  readonly maxSteps?: number;
}

/** Steps that may be spent on one thing to be found out about a schedule. */
export const BUDGET = 5_000_000;
const MAX_STEPS = 100_000;
const MAX_STEPS_OF_SEARCH = 10_000;

/** Steps after which an execution that a schedule is changed into is left: whatever the limit, it may grow. */
export function roomFor({ threads }: Schedule, limit = MAX_STEPS): number {
  return Math.max(limit, 2 * threads.length);
}

/** What a run of a wish came to. */
export interface Attempt {
  readonly schedule: Schedule;
  readonly preemptions: number;
  readonly found: readonly Found[];
  readonly outcome: string;
  /** How many threads there are in the end. */
  readonly threads: number;
}

/** Run a wish to the end, or up to the step at which `rule` is broken. Null: it does not end in `maxSteps`. */
export function attempt(
  program: () => Program,
  wish: Schedule,
  rule: string | null,
  maxSteps = MAX_STEPS,
): Attempt | null {
  const races = rule === null || rule === DATA_RACE ? new RaceWatch() : null;
  const execution = new Execution(program, recorded(wish), [], 0, races?.log ?? null);
  const watch = new DeadlockWatch();
  let preemptions = 0;
  let last: Execution['threads'][number] | null = null;
  let next = 0;
  const broken = (): Found | undefined => execution.found.find((found) => found.rule === rule);
  while (!execution.over && broken() === undefined) {
    if (execution.length >= maxSteps) return null;
    let thread = execution.threads[wish.threads[next] ?? -1];
    if (next < wish.threads.length) {
      next++;
      if (thread === undefined || !execution.isEnabled(thread)) continue;
    } else thread = last !== null && execution.isEnabled(last) ? last : execution.enabled()[0];
    if (last !== null && last !== thread && execution.isEnabled(last)) preemptions++;
    races?.beforeStep(thread, execution);
    execution.perform(thread);
    races?.afterStep(execution);
    last = thread;
    if (rule === 'deadlock') {
      watch.afterStep(thread, execution);
      if (watch.found !== null) break; // the circle is closed: it will not open again
    }
  }
  races?.atEnd(execution);
  if (broken() === undefined && watch.found === null) execution.finish();
  else if (watch.found !== null) execution.report([deadlockViolation(execution.threads)]);
  return {
    schedule: scheduleOf(execution),
    preemptions,
    found: execution.found,
    outcome: execution.outcome(),
    threads: execution.threads.length,
  };
}

/** Schedules that are simpler than this one, most promising first. */
export function* simplifications({ threads, answers }: Schedule): Iterable<Schedule> {
  const runs = runsOf(threads);
  if (runs.length > 1) for (const wish of reordered(runs)) yield { threads: fromRuns(wish), answers };
  for (let i = answers.length - 1; i >= 0; i--) {
    if (answers[i] !== 0) yield { threads, answers: answers.map((answer, k) => (k === i ? 0 : answer)) };
  }
}

function* reordered(runs: readonly Run[]): Iterable<Run[]> {
  // A thread's next run right after this one, or this one right before its next: a switch less.
  for (let i = 0; i < runs.length; i++) {
    const j = runs.findIndex((run, k) => k > i && run.thread === runs[i].thread);
    if (j < 0) continue;
    yield [...runs.slice(0, i + 1), runs[j], ...runs.slice(i + 1, j), ...runs.slice(j + 1)];
    yield [...runs.slice(0, i), ...runs.slice(i + 1, j), runs[i], ...runs.slice(j)];
  }
  // A run at the very end.
  for (let i = 0; i < runs.length; i++) yield [...runs.slice(0, i), ...runs.slice(i + 1)];
  // A run earlier, before its neighbour.
  for (let i = 1; i < runs.length; i++) yield [...runs.slice(0, i - 1), runs[i], runs[i - 1], ...runs.slice(i + 1)];
  // A switch earlier, however much: what is left of the run comes when its thread has its next.
  for (let i = 0; i + 1 < runs.length; i++) {
    for (let steps = 1; steps < runs[i].steps; steps++)
      yield [...runs.slice(0, i), { ...runs[i], steps }, ...runs.slice(i + 1)];
  }
  // A switch one step later.
  for (let i = 0; i + 1 < runs.length; i++) {
    const later = { ...runs[i], steps: runs[i].steps + 1 };
    yield [...runs.slice(0, i), later, ...runs.slice(i + 1)];
  }
}

export type Measure = readonly number[];

/** The less the better: preemptions, context switches, steps, answers out of the ordinary; then the same choice for all. */
export function measure({
  schedule: { threads, answers },
  preemptions,
}: Pick<Attempt, 'schedule' | 'preemptions'>): Measure {
  const odd = answers.filter((answer) => answer !== 0).length;
  return [preemptions, contextSwitches(threads), threads.length, odd, ...runsOf(threads).map(({ steps }) => -steps)];
}

export function less(a: Measure, b: Measure): boolean {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] < b[i];
  return a.length < b.length;
}

/** A simple schedule that breaks `rule`, from one that does. Throws NotTheSame if it does not do so again. */
export function shrink(program: () => Program, rule: string, schedule: Schedule, options: ShrinkOptions = {}): Shrunk {
  let best = byMoves(program, rule, schedule, options);
  let budget = options.search ?? 20_000;
  let steps = options.steps ?? BUDGET;
  let fewest = true;
  const maxSteps = roomFor(best.schedule, options.maxSteps ?? MAX_STEPS_OF_SEARCH);
  for (let bound = 0; bound < best.preemptions; bound++) {
    const search = new Search(program, { strategy: preemptionBounded(bound), maxExecutions: budget, maxSteps });
    while (!search.tally.isBroken(rule) && search.tally.steps < steps && search.advance());
    const result = search.result();
    const failure = result.failures.find((found) => found.rule === rule);
    if (failure !== undefined) {
      best = byMoves(program, rule, failure.schedule, options);
      break;
    }
    budget -= result.executions;
    steps -= result.steps;
    if (!result.exhausted) {
      fewest = false;
      break;
    }
  }
  const { preemptions } = best;
  return {
    found: breachOf(best, rule)!,
    schedule: best.schedule,
    preemptions,
    contextSwitches: contextSwitches(best.schedule.threads),
    fewest,
  };
}

/** One thread as long as it can, or a simpler schedule. */
function* simpler({ schedule, threads }: Attempt): Iterable<Schedule> {
  for (let id = 0; id < threads; id++) yield { ...schedule, threads: [id] };
  yield* simplifications(schedule);
}

function breachOf(attempted: Attempt | null, rule: string): Found | undefined {
  return attempted?.found.find((found) => found.rule === rule);
}

function byMoves(program: () => Program, rule: string, schedule: Schedule, options: ShrinkOptions): Attempt {
  let left = options.moves ?? 2_000;
  let steps = options.steps ?? BUDGET;
  const maxSteps = roomFor(schedule, options.maxSteps);
  const first = attempt(program, schedule, rule, maxSteps);
  if (first === null || breachOf(first, rule) === undefined) {
    throw new NotTheSame(`run again, the schedule that broke the rule '${rule}' does not break it`);
  }
  let best = first;
  for (let better = true; better && left > 0 && steps > 0;) {
    better = false;
    for (const wish of simpler(best)) {
      if (left-- <= 0 || steps <= 0) break;
      const candidate = attempt(program, wish, rule, maxSteps);
      steps -= candidate?.schedule.threads.length ?? maxSteps;
      if (candidate === null || breachOf(candidate, rule) === undefined) continue;
      if (!less(measure(candidate), measure(best))) continue;
      best = candidate;
      better = true;
      break;
    }
  }
  return best;
}
