/** What a search has seen so far, and what can be said of it in the end. */
import { type Ending, Execution, type Found, type Program } from './execution.ts';
import { recorded } from './replay.ts';
import { contextSwitches, type Schedule, scheduleOf } from './schedule.ts';
import type { Long, Spin } from './spin.ts';
import type { Claim, Strategy } from './strategy.ts';

/** A rule that was broken, and the best schedule that shows it. */
export interface Failure extends Found {
  /** Executions that break it: with source-DPOR, classes. 0 if only samples beside it do, or those that were cut off. */
  readonly executions: number;
  readonly schedule: Schedule;
  /** Switches away from a thread that could have gone on. */
  readonly preemptions: number;
}

/** A final state and one way to get there. */
export interface Outcome {
  readonly outcome: string;
  readonly executions: number;
  readonly schedule: Schedule;
}

/** A mark (`reachable`, `sometimes`) and the executions that came by it, as with a `Failure`. */
export interface Reached {
  readonly name: string;
  readonly executions: number;
}

export interface Exploration {
  readonly strategy: string;
  /** What may be said of what was not seen. */
  readonly claim: Claim;
  /** Executions that ran to their end, those of samplers beside an exhaustive search not counted. */
  readonly executions: number;
  /** Executions up to the order of steps that commute; null if they were not counted (`countClasses`). */
  readonly classes: number | null;
  /** Executions of samplers beside an exhaustive search. */
  readonly sampled: number;
  /** Executions left early because they would have repeated another. */
  readonly redundant: number;
  /** Executions cut off by `maxSteps`, and why the first of them did not end. */
  readonly cutOff: number;
  readonly spin: Spin | Long | null;
  readonly steps: number;
  /** The strategy has nothing left to try, and nothing was cut off. */
  readonly exhausted: boolean;
  /** Every execution there is has been seen, up to the order of steps that commute. */
  readonly complete: boolean;
  readonly failures: readonly Failure[];
  readonly outcomes: readonly Outcome[];
  readonly reached: readonly Reached[];
  /** Marks that the program says must be reached, and were not. */
  readonly unreached: readonly string[];
}

type Draft = Omit<Failure, 'preemptions'>;

/** A tally as plain data. */
export interface SavedTally {
  readonly counts: Counts;
  readonly firstFailure: number | null;
  readonly cutOffSchedule: Schedule | null;
  readonly failures: readonly Draft[];
  readonly outcomes: readonly Outcome[];
  readonly reached: readonly Reached[];
  readonly mustReach: readonly string[];
}

interface Counts {
  executions: number;
  sampled: number;
  redundant: number;
  cutOff: number;
  steps: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Tally {
  private readonly counts: Counts = { executions: 0, sampled: 0, redundant: 0, cutOff: 0, steps: 0 };
  /** Executions there were when a rule was broken first. */
  firstFailure = Infinity;
  cutOffSchedule: Schedule | null = null;
  private readonly failures = new Map<string, Mutable<Draft>>();
  private readonly outcomes = new Map<string, Mutable<Outcome>>();
  private readonly reached = new Map<string, number>();
  private mustReach: readonly string[] = [];

  constructor(saved?: SavedTally) {
    if (saved === undefined) return;
    Object.assign(this.counts, saved.counts);
    this.firstFailure = saved.firstFailure ?? Infinity;
    this.cutOffSchedule = saved.cutOffSchedule;
    this.mustReach = saved.mustReach;
    for (const failure of saved.failures) this.failures.set(failure.rule, { ...failure });
    for (const outcome of saved.outcomes) this.outcomes.set(outcome.outcome, { ...outcome });
    for (const { name, executions } of saved.reached) this.reached.set(name, executions);
  }

  get executions(): number {
    return this.counts.executions;
  }
  get sampled(): number {
    return this.counts.sampled;
  }
  get steps(): number {
    return this.counts.steps;
  }
  /** Number of rules that were broken. */
  get broken(): number {
    return this.failures.size;
  }
  /** Has an execution broken this rule? */
  isBroken(rule: string): boolean {
    return this.failures.has(rule);
  }
  /** Executions of any kind but those that were left. */
  get total(): number {
    return this.counts.executions + this.counts.sampled + this.counts.cutOff;
  }

  /** `counts`: the execution is one of those that verdicts are about, not a sample beside them. */
  add(execution: Execution, ending: Ending, counts: boolean): void {
    const n = counts && ending === 'over' ? 1 : 0;
    this.counts.steps += execution.length;
    if (ending === 'redundant') {
      this.counts.redundant++;
      // Whoever crashes may be asleep: what the others break before that is seen here only.
      for (const found of execution.found) this.addFailure(found, execution, 0);
      return;
    }
    if (ending === 'cut off') {
      this.counts.cutOff++;
      this.cutOffSchedule ??= scheduleOf(execution);
    } else if (counts) this.counts.executions++;
    else this.counts.sampled++;
    this.mustReach = execution.mustReach;
    for (const found of execution.found) this.addFailure(found, execution, n);
    if (execution.reached.size > 0) this.addMarks(execution.reached, n);
    if (ending === 'over') this.addOutcome(execution, n);
  }

  private addFailure(found: Found, execution: Execution, n: number): void {
    this.firstFailure = Math.min(this.firstFailure, this.total);
    const known = this.failures.get(found.rule);
    if (known === undefined) {
      this.failures.set(found.rule, { ...found, executions: n, schedule: scheduleOf(execution) });
      return;
    }
    known.executions += n;
    const switches = contextSwitches(execution.schedule);
    const least = contextSwitches(known.schedule.threads);
    if (switches < least || (switches === least && execution.length < known.schedule.threads.length)) {
      Object.assign(known, found, { schedule: scheduleOf(execution) });
    }
  }

  private addMarks(reached: ReadonlySet<string>, n: number): void {
    for (const name of reached) this.reached.set(name, (this.reached.get(name) ?? 0) + n);
  }

  private addOutcome(execution: Execution, n: number): void {
    const outcome = execution.outcome();
    const known = this.outcomes.get(outcome);
    if (known !== undefined) known.executions += n;
    else this.outcomes.set(outcome, { outcome, executions: n, schedule: scheduleOf(execution) });
  }

  result(search: {
    readonly strategy: Strategy;
    readonly exhausted: boolean;
    readonly program: () => Program;
    readonly classes: number | null;
    readonly spin: Spin | Long | null;
  }): Exploration {
    const { strategy, program } = search;
    const exhausted = search.exhausted && this.counts.cutOff === 0;
    return {
      strategy: strategy.name,
      claim: strategy.claim,
      ...this.counts,
      classes: strategy.byClasses ? this.counts.executions : search.classes,
      spin: search.spin,
      exhausted,
      complete: exhausted && strategy.claim === 'all',
      failures: [...this.failures.values()].map((draft) => ({
        ...draft,
        preemptions: preemptionsOf(program, draft.schedule),
      })),
      outcomes: [...this.outcomes.values()],
      reached: [...this.reached].map(([name, executions]) => ({ name, executions })),
      unreached: this.mustReach.filter((name) => !this.reached.has(name)),
    };
  }

  save(): SavedTally {
    return {
      counts: this.counts,
      firstFailure: this.firstFailure === Infinity ? null : this.firstFailure,
      cutOffSchedule: this.cutOffSchedule,
      failures: [...this.failures.values()],
      outcomes: [...this.outcomes.values()],
      reached: [...this.reached].map(([name, executions]) => ({ name, executions })),
      mustReach: this.mustReach,
    };
  }
}

/** Switches of a schedule away from threads that could have gone on. */
export function preemptionsOf(program: () => Program, schedule: Schedule): number {
  const execution = new Execution(program, recorded(schedule), [], Infinity);
  let preemptions = 0;
  let last = -1;
  for (const id of schedule.threads) {
    if (last >= 0 && id !== last && execution.isEnabled(execution.threads[last])) preemptions++;
    last = id;
    execution.perform(execution.threads[id]);
  }
  return preemptions;
}
