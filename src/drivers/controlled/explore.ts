/** Run a program under a strategy until the strategy has nothing left to try, or a budget is spent. */
import { Execution, type Found, type Program } from './execution.ts';
import type { Strategy } from './strategy.ts';

export interface ExploreOptions {
  readonly strategy: Strategy;
  /** Stop after this many executions; default no limit. */
  readonly maxExecutions?: number;
  /** Leave an execution after this many steps, and say so; default 100,000. */
  readonly maxSteps?: number;
  /** Called after every execution. */
  readonly progress?: (executions: number) => void;
}

/** A rule that was broken, and the best schedule that shows it. */
export interface Failure extends Found {
  /** Executions that break it. */
  readonly executions: number;
  /** Ids of the threads in the order in which they act. */
  readonly schedule: readonly number[];
  readonly preemptions: number;
}

/** A final state and one way to get there. */
export interface Outcome {
  readonly outcome: string;
  readonly executions: number;
  readonly schedule: readonly number[];
}

export interface Exploration {
  readonly strategy: string;
  /** Executions that ran to their end; with DPOR, the number of classes. */
  readonly executions: number;
  /** Executions left early because they would have repeated another. */
  readonly redundant: number;
  /** Executions cut off by `maxSteps`. */
  readonly cutOff: number;
  readonly steps: number;
  /** Every execution there is has been seen, up to the order of steps that commute. */
  readonly complete: boolean;
  readonly failures: readonly Failure[];
  readonly outcomes: readonly Outcome[];
}

const DEFAULT_MAX_STEPS = 100_000;

export function explore(program: () => Program, options: ExploreOptions): Exploration {
  const { strategy } = options;
  const tally = new Tally();
  const maxSteps = options.maxSteps ?? DEFAULT_MAX_STEPS;
  const maxExecutions = options.maxExecutions ?? Infinity;
  let exhausted = false;
  while (tally.executions + tally.cutOff < maxExecutions) {
    if (!strategy.begin()) {
      exhausted = true;
      break;
    }
    const execution = new Execution(program());
    tally.add(execution, runOne(execution, strategy, maxSteps));
    strategy.end(execution);
    options.progress?.(tally.executions);
  }
  return tally.result(strategy.name, exhausted && strategy.exhaustive && tally.cutOff === 0);
}

type Ending = { readonly kind: 'over' | 'redundant' | 'cut off'; readonly preemptions: number };

function runOne(execution: Execution, strategy: Strategy, maxSteps: number): Ending {
  let preemptions = 0;
  let last = -1;
  while (!execution.over) {
    if (execution.events.length >= maxSteps) return { kind: 'cut off', preemptions };
    const thread = strategy.choose(execution, execution.enabled());
    if (thread === null) return { kind: 'redundant', preemptions };
    if (last >= 0 && thread.id !== last && execution.isEnabled(execution.threads[last])) preemptions++;
    last = thread.id;
    execution.perform(thread);
  }
  return { kind: 'over', preemptions };
}

/** What has been seen so far. */
class Tally {
  executions = 0;
  redundant = 0;
  cutOff = 0;
  steps = 0;
  readonly failures = new Map<string, Failure>();
  private readonly outcomes = new Map<string, Outcome>();

  add(execution: Execution, ending: Ending): void {
    this.steps += execution.events.length;
    if (ending.kind === 'redundant') {
      this.redundant++;
      return;
    }
    if (ending.kind === 'cut off') this.cutOff++;
    else this.executions++;
    const schedule = execution.events.map((event) => event.thread.id);
    for (const found of execution.found)
      this.addFailure({ ...found, executions: 1, schedule, preemptions: ending.preemptions });
    const outcome = execution.outcome();
    const known = this.outcomes.get(outcome);
    this.outcomes.set(outcome, {
      outcome,
      executions: (known?.executions ?? 0) + 1,
      schedule: known?.schedule ?? schedule,
    });
  }

  private addFailure(failure: Failure): void {
    const known = this.failures.get(failure.rule);
    const better = known === undefined || simpler(failure, known) ? failure : known;
    this.failures.set(failure.rule, { ...better, executions: (known?.executions ?? 0) + 1 });
  }

  result(strategy: string, complete: boolean): Exploration {
    return {
      strategy,
      executions: this.executions,
      redundant: this.redundant,
      cutOff: this.cutOff,
      steps: this.steps,
      complete,
      failures: [...this.failures.values()],
      outcomes: [...this.outcomes.values()],
    };
  }
}

/** Fewer preemptions first, then fewer steps. */
function simpler(a: Failure, b: Failure): boolean {
  if (a.preemptions !== b.preemptions) return a.preemptions < b.preemptions;
  return a.schedule.length < b.schedule.length;
}
