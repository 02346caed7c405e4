/** Run a program under a strategy until the strategy has nothing left to try, or a budget is spent. */
import { ClassCounter } from './classes.ts';
import { Execution, type Found, type Program } from './execution.ts';
import { portfolio } from './portfolio.ts';
import type { Strategy } from './strategy.ts';
import { type Exploration, type SavedTally, Tally } from './tally.ts';

export interface ExploreOptions {
  /** How to search; default `portfolio()`. */
  readonly strategy?: Strategy;
  /** Stop after this many executions; default no limit. */
  readonly maxExecutions?: number;
  /** Stop this many executions after the first one that breaks a rule; default no limit. */
  readonly afterFailure?: number;
  /** Leave an execution after this many steps, and say so; default 100,000. */
  readonly maxSteps?: number;
  /** Count the classes of the executions of a strategy that does not go by classes; costs time. Default false. */
  readonly countClasses?: boolean;
  /** Called after every execution. */
  readonly progress?: (search: Search) => void;
}

/** A search that was interrupted, as plain data. */
export interface Checkpoint {
  readonly strategy: string;
  readonly state: unknown;
  readonly tally: SavedTally;
  readonly classes: readonly number[] | null;
}

const DEFAULT_MAX_STEPS = 100_000;

/** A search, one execution at a time. */
export class Search {
  readonly tally: Tally;
  readonly strategy: Strategy;
  private readonly program: () => Program;
  private readonly options: ExploreOptions;
  private readonly counter: ClassCounter | null;
  /** What the execution before has found; of each strategy, if several take turns. */
  private readonly known = new Map<Strategy, readonly Found[]>();
  private readonly answer = (n: number): number => this.strategy.answer(n);
  private exhausted = false;

  /** `from`: where another search with the same program and options was interrupted. */
  constructor(program: () => Program, options: ExploreOptions = {}, from: Checkpoint | null = null) {
    this.program = program;
    this.options = options;
    this.strategy = options.strategy ?? portfolio();
    const counts = options.countClasses === true && this.strategy.byClasses !== true;
    this.counter = counts ? new ClassCounter(from?.classes ?? []) : null;
    this.tally = new Tally(from?.tally);
    if (from !== null) this.strategy.restore(from.state);
  }

  /** One execution more; false if there is none left or the budget is spent. */
  advance(): boolean {
    const { strategy, tally, options } = this;
    if (this.spent()) return false;
    if (!strategy.begin()) {
      this.exhausted = true;
      return false;
    }
    const member = strategy.member ?? strategy;
    const { kept } = strategy;
    const known = before(this.known.get(member) ?? [], kept);
    const execution = new Execution(this.program, this.answer, known, kept);
    const chooser = this.counter === null ? strategy : this.counter.watching(strategy);
    const ending = execution.run(chooser, options.maxSteps ?? DEFAULT_MAX_STEPS);
    if (ending === 'over') this.counter?.add(execution);
    tally.add(execution, ending, member.claim === strategy.claim);
    strategy.end(execution);
    this.known.set(member, execution.found);
    options.progress?.(this);
    return true;
  }

  private spent(): boolean {
    const { maxExecutions = Infinity, afterFailure = Infinity } = this.options;
    const { total, firstFailure } = this.tally;
    return total >= maxExecutions || total - firstFailure >= afterFailure;
  }

  /** About how many executions the whole search has; null if nothing can be said. */
  get estimate(): number | null {
    const done = this.strategy.done ?? 0;
    return done > 0 ? Math.max(this.tally.executions, Math.round(this.tally.executions / done)) : null;
  }

  result(): Exploration {
    return this.tally.result({
      strategy: this.strategy,
      exhausted: this.exhausted,
      program: this.program,
      classes: this.counter?.seen.size ?? null,
    });
  }

  /** All that is needed to go on later. */
  save(): Checkpoint {
    const { strategy, tally, counter } = this;
    return {
      strategy: strategy.name,
      state: strategy.save(),
      tally: tally.save(),
      classes: counter === null ? null : [...counter.seen],
    };
  }
}

/** Violations seen in the first `steps` steps. */
function before(known: readonly Found[], steps: number): readonly Found[] {
  return known.length === 0 ? known : known.filter(({ step }) => step <= steps);
}

/** Explore a program to the end, or as far as the budget goes. */
export function explore(program: () => Program, options: ExploreOptions = {}): Exploration {
  const search = new Search(program, options);
  while (search.advance());
  return search.result();
}
