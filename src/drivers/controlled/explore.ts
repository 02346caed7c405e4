/** Run a program under a strategy until the strategy has nothing left to try, or a budget is spent. */
import { ClassCounter } from './classes.ts';
import { RaceSearch } from './data-race.ts';
import { Execution, type Found, type Program } from './execution.ts';
import { portfolio } from './portfolio.ts';
import { findSpin, type Long, type Spin } from './spin.ts';
import type { Strategy } from './strategy.ts';
import { type Exploration, type SavedTally, Tally } from './tally.ts';

export interface ExploreOptions {
  /** How to search; default `portfolio()`. */
  readonly strategy?: Strategy;
  /** Stop after this many executions; default no limit. */
  readonly maxExecutions?: number;
  /** Stop this many executions after the first one that breaks a rule; default no limit. */
  readonly afterFailure?: number;
  /**
   * Leave an execution after this many steps, and say so; default 10,000. If threads spin there, the search ends: every
   * number of rounds would be an execution of its own.
   */
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

/** What is kept from one execution of a strategy to the next. */
interface Memory {
  readonly member: Strategy;
  isNew: boolean;
  found: readonly Found[];
  readonly races: RaceSearch;
}

const DEFAULT_MAX_STEPS = 10_000;

/** A search, one execution at a time. */
export class Search {
  readonly tally: Tally;
  readonly strategy: Strategy;
  private readonly program: () => Program;
  private readonly options: ExploreOptions;
  private readonly counter: ClassCounter | null;
  /** What is known from the execution before; of each strategy, if several take turns. */
  private readonly memories = new Map<Strategy, Memory>();
  private memory: Memory | null = null;
  private readonly answer = (n: number): number => this.strategy.answer(n);
  private exhausted = false;
  /** Why the first execution that was cut off did not end. */
  private spin: Spin | Long | null = null;

  /** `from`: where another search with the same program and options was interrupted. */
  constructor(program: () => Program, options: ExploreOptions = {}, from: Checkpoint | null = null) {
    this.program = program;
    this.options = options;
    this.strategy = options.strategy ?? portfolio();
    const counts = options.countClasses === true && this.strategy.byClasses !== true;
    this.counter = counts ? new ClassCounter(from?.classes ?? []) : null;
    this.tally = new Tally(from?.tally);
    if (from !== null) this.strategy.restore(from.state);
    if (this.tally.cutOffSchedule !== null) this.spin = findSpin(program, this.tally.cutOffSchedule);
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
    const memory = this.memoryOf(member);
    // After an interruption nothing is remembered of the first steps, also if the strategy has them in common.
    const kept = memory.isNew ? 0 : strategy.kept;
    memory.isNew = false;
    const { races } = memory;
    const execution = new Execution(this.program, this.answer, before(memory.found, kept), kept, races.log);
    const watcher = this.counter ?? (member.orderOf === undefined ? races : null);
    const chooser = watcher === null ? strategy : watcher.watching(strategy);
    const ending = execution.run(chooser, options.maxSteps ?? DEFAULT_MAX_STEPS);
    if (ending === 'over') this.counter?.add(execution);
    const keeper = this.counter ?? member;
    races.report(execution, kept, keeper.orderOf?.(execution) ?? null);
    tally.add(execution, ending, member.claim === strategy.claim);
    strategy.end(execution);
    if (ending === 'cut off') this.spin ??= findSpin(this.program, tally.cutOffSchedule!);
    memory.found = execution.found;
    options.progress?.(this);
    return true;
  }

  private memoryOf(member: Strategy): Memory {
    if (this.memory?.member === member) return this.memory;
    let memory = this.memories.get(member);
    if (memory === undefined) {
      memory = { member, isNew: true, found: [], races: new RaceSearch(this.program) };
      this.memories.set(member, memory);
    }
    return (this.memory = memory);
  }

  private spent(): boolean {
    const { maxExecutions = Infinity, afterFailure = Infinity } = this.options;
    const { total, firstFailure } = this.tally;
    const spins = this.spin !== null && this.spin.kind !== 'long' && this.spin.kind !== 'busy';
    return spins || total >= maxExecutions || total - firstFailure >= afterFailure;
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
      spin: this.spin,
    });
  }

  /** All that is needed to go on later. */
  save(): Checkpoint {
    const { strategy, tally, counter } = this;
    return structuredClone({
      strategy: strategy.name,
      state: strategy.save(),
      tally: tally.save(),
      classes: counter === null ? null : [...counter.seen],
    });
  }
}

/** Violations seen in the first `steps` steps; 0: everything is looked at again. */
function before(known: readonly Found[], steps: number): readonly Found[] {
  if (known.length === 0) return known;
  return steps === 0 ? [] : known.filter(({ step }) => step <= steps);
}

/** Explore a program to the end, or as far as the budget goes. */
export function explore(program: () => Program, options: ExploreOptions = {}): Exploration {
  const search = new Search(program, options);
  while (search.advance());
  return search.result();
}
