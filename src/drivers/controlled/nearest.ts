/**
 * The passing schedule that is nearest to a failing one: one step comes before another that it came after, and
 * everything else as far as it can stays as it was.
 *
 * First each race is turned round by itself, the latest first; a thread that waits for ever races with those who got
 * there before. If that is never enough, whole runs of a thread change places.
 */
import type { Thread } from '../../machine/thread.ts';
import { OrderWatch } from './classes.ts';
import { Execution, type Program } from './execution.ts';
import { recorded } from './replay.ts';
import { fromRuns, runsOf, type Schedule } from './schedule.ts';
import { attempt, BUDGET, roomFor, type ShrinkOptions } from './shrink.ts';

/** Steps of the longest schedule of which whole runs change places: each step of one is held against each of another. */
const LONGEST_MOVED = 5_000;

export interface NearestPass {
  /** Runs to its end, and no rule is broken. */
  readonly schedule: Schedule;
  /** Position, in the failing schedule, of the step that now comes later. */
  readonly overtaken: number;
  /** Position, in the passing schedule, of the step that comes before it. */
  readonly moved: number;
}

interface Wish {
  readonly schedule: Schedule;
  readonly overtaken: number;
  readonly moved: number;
}

/** Null: no single reordering makes the schedule pass, or none that was tried before the steps were spent. */
export function nearestPass(
  program: () => Program,
  failing: Schedule,
  { maxSteps, steps = BUDGET }: Pick<ShrinkOptions, 'maxSteps' | 'steps'> = {},
): NearestPass | null {
  const most = roomFor(failing, maxSteps);
  let left = steps;
  for (const wish of wishes(program, failing)) {
    if (left <= 0) return null;
    const passed = attempt(program, wish.schedule, null, most);
    left -= passed?.schedule.threads.length ?? most;
    if (passed !== null && passed.found.length === 0 && cameTrue(passed.schedule, wish)) {
      return { ...wish, schedule: passed.schedule };
    }
  }
  return null;
}

function* wishes(program: () => Program, failing: Schedule): Iterable<Wish> {
  const watch = new OrderWatch();
  yield* racesTurned(program, failing, watch);
  if (failing.threads.length <= LONGEST_MOVED) yield* runsMoved(failing, watch);
}

/** Did everything go as wished, up to the step that was moved? */
function cameTrue(passed: Schedule, { schedule, moved }: Wish): boolean {
  return schedule.threads.slice(0, moved + 1).every((id, at) => passed.threads[at] === id);
}

/** Each race the other way round, the latest first: the later two schedules part, the nearer they are. */
function* racesTurned(program: () => Program, failing: Schedule, watch: OrderWatch): Iterable<Wish> {
  const execution = new Execution(program, recorded(failing));
  /** By their first step: the second ones, and who does them. */
  const races = new Map<number, { readonly second: number; readonly thread: number }[]>();
  const note = (found: number, second: number, thread: number): void => {
    for (const first of watch.order.raceAt.subarray(0, found)) {
      const known = races.get(first);
      if (known === undefined) races.set(first, [{ second, thread }]);
      else known.push({ second, thread });
    }
  };
  for (const [at, id] of failing.threads.entries()) {
    const found = watch.take(execution, execution.threads[id]);
    note(found, at, id);
    execution.perform(execution.threads[id]);
  }
  watch.settle(execution);
  const waits = ({ pending, asleep }: Thread): boolean => pending !== null && !asleep;
  for (const thread of execution.threads.filter(waits)) {
    note(watch.racesOf(execution, thread), failing.threads.length, thread.id);
  }
  for (const first of [...races.keys()].sort((a, b) => b - a)) {
    const turns = races.get(first)!.map(({ second, thread }) => turned(failing, first, second, thread, watch));
    yield* turns.sort((a, b) => a.moved - b.moved);
  }
}

/** What need not come after `first` goes on, then the step of `thread` at `second`, then the rest. */
function turned(
  { threads, answers }: Schedule,
  first: number,
  second: number,
  thread: number,
  watch: OrderWatch,
): Wish {
  const between = Array.from({ length: second - first - 1 }, (_, i) => first + 1 + i);
  const free = between.filter((at) => !watch.order.before(first, at)).map((at) => threads[at]);
  const late = between.filter((at) => watch.order.before(first, at)).map((at) => threads[at]);
  const rest = threads.slice(second + 1);
  const wish = [...threads.slice(0, first), ...free, thread, threads[first], ...late, ...rest];
  return { schedule: { threads: wish, answers }, overtaken: first, moved: first + free.length };
}

/** Each run of a thread before one of another thread; what they have to do with each other is what changes places. */
function runsMoved({ threads, answers }: Schedule, { order }: OrderWatch): Wish[] {
  const runs = runsOf(threads);
  const starts = runs.map((_, i) => fromRuns(runs.slice(0, i)).length);
  const wishes: Wish[] = [];
  for (let i = runs.length - 2; i >= 0; i--) {
    for (let j = i + 1; j < runs.length; j++) {
      if (runs[i].thread === runs[j].thread) continue;
      const meeting = firstConflict(runs[i].steps, starts[i], runs[j].steps, starts[j]);
      if (meeting === null) continue;
      const wish = [...runs.slice(0, i), runs[j], ...runs.slice(i, j), ...runs.slice(j + 1)];
      const moved = starts[i] + meeting.second - starts[j];
      wishes.push({ schedule: { threads: fromRuns(wish), answers }, overtaken: meeting.first, moved });
    }
  }
  return wishes;

  function firstConflict(steps: number, from: number, others: number, otherFrom: number) {
    for (let first = from; first < from + steps; first++) {
      for (let second = otherFrom; second < otherFrom + others; second++) {
        if (order.inConflict(first, second)) return { first, second };
      }
    }
    return null;
  }
}
