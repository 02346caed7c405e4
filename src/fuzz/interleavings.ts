/** Interleavings of one program as an arbitrary. */
import { Arbitrary, type Random, type Stream, stream, Value } from 'fast-check';
import { preemptionBounded } from '../drivers/controlled/bounded.ts';
import { Execution } from '../drivers/controlled/execution.ts';
import { pct, random, urw } from '../drivers/controlled/random.ts';
import type { Schedule } from '../drivers/controlled/schedule.ts';
import { less, measure, simplifications } from '../drivers/controlled/shrink.ts';
import type { Strategy } from '../drivers/controlled/strategy.ts';
import { goOn, Interleaving, MAX_STEPS, perform, type Run, runWish } from './interleaving.ts';
import { type Resolved, resolve, type Subject } from './subject.ts';

export interface InterleavingOptions {
  /** Leave an execution after this many steps; default 10,000. */
  readonly maxSteps?: number;
  /** Executions to spend on simpler variants of one that fails; default 2,000. */
  readonly moves?: number;
  /** Then, executions to spend on the search for one with fewer preemptions; default 20,000. */
  readonly search?: number;
}

/** So many steps are paid for as one more execution: a thread that spins is not tried as often as others. */
const LONG = 500;

type Limits = Required<InterleavingOptions>;

export function limitsOf({ maxSteps = MAX_STEPS, moves = 2_000, search = 20_000 }: InterleavingOptions): Limits {
  return { maxSteps, moves, search };
}

/** How far the shrinking of an interleaving has come. */
export interface Progress {
  /** Executions left for moves. */
  readonly moves: number;
  /** There is no failing one with fewer preemptions, as far as was looked. */
  readonly searched: boolean;
}

/** Interleavings of a subject: made with a sampler, and made smaller as our own counterexamples are. */
export class Interleavings {
  readonly subject: Resolved;
  readonly limits: Limits;
  private lengths: Lengths | null = null;

  constructor(subject: Resolved, limits: Limits) {
    this.subject = subject;
    this.limits = limits;
  }

  /** All chance comes from `mrng`, so that fast-check's seed and path stand for the interleaving. */
  generate(mrng: Random): Interleaving {
    const { program } = this.subject;
    this.lengths ??= lengthsOf(program, this.limits.maxSteps);
    const pick = SAMPLERS[mrng.nextInt(0, SAMPLERS.length - 1)];
    return this.run(pick(mrng.nextInt(-0x80000000, 0x7fffffff), this.lengths));
  }

  /** Simpler interleavings, most promising first; each comes with how far the shrinking is if that one is taken. */
  *smaller(from: Interleaving, progress: Progress): Generator<readonly [Interleaving, Progress]> {
    let { moves } = progress;
    for (const schedule of wishes(from)) {
      if (moves-- <= 0) break;
      const candidate = this.wish(schedule);
      if ((candidate.over || !from.over) && less(measure(candidate), measure(from)))
        yield [candidate, { moves, searched: progress.searched }];
    }
    if (progress.searched || !from.over) return;
    for (const candidate of this.upTo(from.preemptions - 1, this.limits.search))
      yield [candidate, { moves: this.limits.moves, searched: true }];
  }

  /** Every interleaving with at most `bound` preemptions, those with fewer first. */
  *upTo(bound: number, budget: number): Generator<Interleaving> {
    for (let left = budget, preemptions = 0; preemptions <= bound; preemptions++) {
      for (const strategy = preemptionBounded(preemptions); strategy.begin();) {
        const candidate = this.run(strategy);
        left -= 1 + Math.floor(candidate.steps / LONG);
        if (left < 0) return;
        if (candidate.over && candidate.preemptions === preemptions) yield candidate;
      }
    }
  }

  /** Of the threads that there are from the beginning. */
  get threadNames(): string[] {
    return new Execution(this.subject.program).threads.map(({ name }) => name);
  }

  wish(schedule: Schedule): Interleaving {
    return runWish(this.subject, schedule, this.limits.maxSteps);
  }

  private run(strategy: Strategy): Interleaving {
    return new Interleaving(this.subject, sample(this.subject.program, strategy, this.limits.maxSteps));
  }
}

/** Simpler schedules; the first lets threads simply go on once every rule is broken. */
function* wishes({ schedule, found, decided }: Interleaving): Iterable<Schedule> {
  const { threads, answers } = schedule;
  if (found.length > 0 && decided < threads.length) yield { threads: threads.slice(0, decided), answers };
  yield* simplifications(schedule);
}

function sample(program: Resolved['program'], strategy: Strategy, maxSteps: number): Run {
  const run = perform(
    program,
    (execution) => strategy.choose(execution),
    (n) => strategy.answer(n),
    maxSteps,
  );
  strategy.end(run.execution);
  return run;
}

/** Steps of an execution, and of each of its threads. */
interface Lengths {
  readonly all: number;
  readonly byThread: readonly number[];
}

/** What samplers go by. It depends on the program alone: a value must be the same whichever came before it. */
function lengthsOf(program: Resolved['program'], maxSteps: number): Lengths {
  const strategy = begun(random(), []);
  const runs = [perform(program, goOn, () => 0, maxSteps), sample(program, strategy, maxSteps)];
  const ended = runs.filter(({ execution }) => execution.over);
  const all = (ended.length === 0 ? runs : ended).map(({ execution }) => execution);
  const byThread: number[] = [];
  for (const { threads, schedule } of all) {
    for (const { id } of threads) {
      byThread[id] = Math.max(byThread[id] ?? 0, schedule.filter((one) => one === id).length);
    }
  }
  return { all: Math.max(...all.map(({ length }) => length)), byThread };
}

type Sampling = (seed: number, lengths: Lengths) => Strategy;

const PCT =
  (depth: number): Sampling =>
  (seed, { all }) =>
    begun(pct(depth, seed), [all]);

/** Few context switches more often than many. */
const SAMPLERS: readonly Sampling[] = [
  ...[PCT(2), PCT(2), PCT(2), PCT(3), PCT(3), PCT(5)],
  (seed, { byThread }) => begun(urw(seed), byThread),
  (seed) => begun(random(seed), []),
];

function begun(strategy: Strategy, learned: readonly number[]): Strategy {
  strategy.restore({ next: 0, learned: [...learned] });
  strategy.begin();
  return strategy;
}

class InterleavingArbitrary extends Arbitrary<Interleaving> {
  private readonly all: Interleavings;

  constructor(all: Interleavings) {
    super();
    this.all = all;
  }

  generate(mrng: Random): Value<Interleaving> {
    return new Value(this.all.generate(mrng), this.beginning);
  }

  canShrinkWithoutContext(value: unknown): value is Interleaving {
    return value instanceof Interleaving && value.subject.key === this.all.subject.key;
  }

  shrink(value: Interleaving, context: unknown): Stream<Value<Interleaving>> {
    const progress = (context as Progress | undefined) ?? this.beginning;
    return stream(values(this.all.smaller(value, progress)));
  }

  private get beginning(): Progress {
    return { moves: this.all.limits.moves, searched: false };
  }
}

function* values<T>(pairs: Iterable<readonly [T, unknown]>): Generator<Value<T>> {
  for (const [value, context] of pairs) yield new Value(value, context);
}

/**
 * The interleavings of a program or a scenario: `fc.property(interleavings(program), (run) => run.check())`. What fails
 * is made as simple as by our own search: few preemptions, few context switches, few steps.
 */
export function interleavings(subject: Subject, options: InterleavingOptions = {}): Arbitrary<Interleaving> {
  return new InterleavingArbitrary(new Interleavings(resolve(subject), limitsOf(options)));
}
