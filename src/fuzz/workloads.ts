/**
 * Workloads and interleavings of them, generated and shrunk together. After a workload has become smaller its schedule
 * does not fit any more, so others are looked for: the old one as far as it goes, and later, when the schedule is as
 * simple as it gets, all those with no more preemptions than it has.
 */
import { Arbitrary, type Random, type Stream, stream, Value } from 'fast-check';
import type { Schedule } from '../drivers/controlled/schedule.ts';
import type { Interleaving } from './interleaving.ts';
import { type InterleavingOptions, Interleavings, limitsOf, type Progress } from './interleavings.ts';
import { type ScenarioOptions, scenarios, type WrittenScenario } from './scenarios.ts';
import { resolve, type Subject } from './subject.ts';

/** A workload and one interleaving of it. */
export interface Workload<T> {
  readonly workload: T;
  readonly run: Interleaving;
}

/** A scenario and one interleaving of it. */
export interface ScenarioRun {
  readonly scenario: WrittenScenario;
  readonly run: Interleaving;
  /** The text of the scenario file, with a line to repeat the interleaving. */
  toString(): string;
}

export interface WorkloadOptions extends InterleavingOptions {
  /** Executions to look for a failing one in a smaller workload; default 1,000. */
  readonly perWorkload?: number;
}

/** A workload as its arbitrary gave it, the interleaving, and how far its shrinking is. */
interface Whole<T> {
  readonly workload: Value<T>;
  readonly run: Interleaving;
  readonly progress: Progress;
}

class WorkloadArbitrary<T, Pair> extends Arbitrary<Pair> {
  private readonly workloads: Arbitrary<T>;
  private readonly subjectOf: (workload: T) => Subject;
  private readonly pair: (workload: T, run: Interleaving) => Pair;
  private readonly limits: ReturnType<typeof limitsOf>;
  private readonly perWorkload: number;

  constructor(
    workloads: Arbitrary<T>,
    subjectOf: (workload: T) => Subject,
    pair: (workload: T, run: Interleaving) => Pair,
    options: WorkloadOptions,
  ) {
    super();
    this.workloads = workloads;
    this.subjectOf = subjectOf;
    this.pair = pair;
    this.limits = limitsOf(options);
    this.perWorkload = options.perWorkload ?? 1_000;
  }

  generate(mrng: Random, biasFactor: number | undefined): Value<Pair> {
    const workload = this.workloads.generate(mrng, biasFactor);
    return this.value(workload, this.of(workload).generate(mrng), this.beginning);
  }

  /** What it consists of is known by context only. */
  canShrinkWithoutContext(_value: unknown): _value is Pair {
    return false;
  }

  shrink(_value: Pair, context: unknown): Stream<Value<Pair>> {
    return context === undefined ? stream(none()) : stream(this.smaller(context as Whole<T>));
  }

  private *smaller({ workload, run, progress }: Whole<T>): Generator<Value<Pair>> {
    for (const lesser of this.lessThan(workload)) {
      const all = this.of(lesser);
      for (const schedule of carriedOver(run, all.threadNames))
        yield this.value(lesser, all.wish(schedule), this.beginning);
    }
    for (const [simpler, next] of this.of(workload).smaller(run, progress)) yield this.value(workload, simpler, next);
    for (const lesser of this.lessThan(workload)) {
      for (const other of this.of(lesser).upTo(run.preemptions, this.perWorkload))
        yield this.value(lesser, other, { ...this.beginning, searched: true });
    }
  }

  private lessThan({ value_: value, context }: Value<T>): Iterable<Value<T>> {
    return this.workloads.shrink(value, context);
  }

  private of({ value_: value }: Value<T>): Interleavings {
    return new Interleavings(resolve(this.subjectOf(value)), this.limits);
  }

  private get beginning(): Progress {
    return { moves: this.limits.moves, searched: false };
  }

  private value(workload: Value<T>, run: Interleaving, progress: Progress): Value<Pair> {
    const whole: Whole<T> = { workload, run, progress };
    return new Value(this.pair(workload.value_, run), whole);
  }
}

function* none<T>(): Generator<T> {}

/** The schedule of `run` for other threads: those of the same names, or of the same numbers. */
function* carriedOver({ schedule, execution }: Interleaving, names: readonly string[]): Iterable<Schedule> {
  const ids = execution.threads.map(({ name }) => names.indexOf(name));
  if (ids.some((id, i) => id !== i && id >= 0))
    yield { ...schedule, threads: schedule.threads.map((id) => ids[id]).filter((id) => id >= 0) };
  yield schedule;
}

/**
 * Workloads and their interleavings: `subjectOf` says which program or scenario a workload is. Both are made smaller
 * where a property fails.
 */
export function workloadInterleavings<T>(
  workloads: Arbitrary<T>,
  subjectOf: (workload: T) => Subject,
  options: WorkloadOptions = {},
): Arbitrary<Workload<T>> {
  return new WorkloadArbitrary(workloads, subjectOf, (workload, run) => ({ workload, run }), options);
}

/** Random scenarios and their interleavings: `fc.property(scenarioInterleavings(), ({ run }) => run.check())`. */
export function scenarioInterleavings(options: ScenarioOptions & WorkloadOptions = {}): Arbitrary<ScenarioRun> {
  return new WorkloadArbitrary(scenarios(options), (scenario) => scenario, scenarioRun, options);
}

function scenarioRun(scenario: WrittenScenario, run: Interleaving): ScenarioRun {
  const rules = run.found.map(({ rule }) => `# ${rule}\n`).join('');
  const toString = (): string => `\n${scenario.yaml}# faultline replay FILE --schedule '${run.line}'\n${rules}`;
  return { scenario, run, toString };
}
