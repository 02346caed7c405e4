/**
 * Source-DPOR with sleep sets (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014): one execution for every class of
 * executions that differ in more than the order of commuting steps.
 *
 * Stateless: a branch is reached by running the program again from the start. After every execution its races are
 * looked at; each asks for the other order at the place where the two parted, unless a thread that can begin that
 * order is going to be tried there already. Sleep sets keep what has been tried from being tried again further down;
 * an execution in which only sleeping threads are enabled is left, it would repeat another.
 */
import type { Step } from '../../machine/step.ts';
import { POLL, WAIT } from '../../machine/step.ts';
import type { Thread } from '../../machine/thread.ts';
import { dependent, effectOf } from './effect.ts';
import type { Execution } from './execution.ts';
import { Order } from './order.ts';
import type { Strategy } from './strategy.ts';

/** A state on the path that is being explored. */
interface Frame {
  chosen: number;
  /** Threads to be tried here. */
  readonly backtrack: Set<number>;
  /** Threads whose step, taken here, would repeat an execution: on entry, and those tried since. */
  readonly sleep: Set<number>;
  readonly enabled: readonly number[];
  /** Steps that each thread has done so far, by id: says whether a pending step is the same as in another run. */
  readonly done: readonly number[];
}

export class DporStrategy implements Strategy {
  readonly name = 'source-DPOR';
  readonly exhaustive = true;
  private readonly stack: Frame[] = [];
  private depth = 0;
  /** Threads asleep in the state that is reached next. */
  private sleep = new Set<number>();
  private started = false;
  private last: Thread | null = null;

  begin(): boolean {
    this.depth = 0;
    this.sleep = new Set();
    this.last = null;
    if (!this.started) {
      this.started = true;
      return true;
    }
    for (let frame = this.stack.at(-1); frame !== undefined; frame = this.stack.at(-1)) {
      frame.sleep.add(frame.chosen);
      const { sleep } = frame;
      const next = [...frame.backtrack].find((thread) => !sleep.has(thread));
      if (next !== undefined) {
        frame.chosen = next;
        return true;
      }
      this.stack.pop();
    }
    return false;
  }

  choose(execution: Execution, enabled: readonly Thread[]): Thread | null {
    if (this.depth === this.stack.length && !this.enter(execution, enabled)) return null;
    const frame = this.stack[this.depth++];
    const chosen = execution.threads[frame.chosen];
    this.sleep = this.stillAsleep(execution, frame, chosen);
    this.last = chosen;
    return chosen;
  }

  /** A state not seen before: go on with the same thread if it can, else with the first that is awake. */
  private enter(execution: Execution, enabled: readonly Thread[]): boolean {
    const awake = enabled.filter((thread) => !this.sleep.has(thread.id));
    if (awake.length === 0) return false;
    const chosen = this.last !== null && awake.includes(this.last) ? this.last : awake[0];
    this.stack.push({
      chosen: chosen.id,
      backtrack: new Set([chosen.id]),
      sleep: this.sleep,
      enabled: enabled.map((thread) => thread.id),
      done: stepsDone(execution),
    });
    return true;
  }

  /** Sleeping threads whose step commutes with the one chosen go on sleeping. */
  private stillAsleep(execution: Execution, frame: Frame, chosen: Thread): Set<number> {
    const effect = effectOf(chosen.pending!);
    const asleep = new Set<number>();
    for (const id of frame.sleep) {
      if (id !== chosen.id && !dependent(effect, effectOf(execution.threads[id].pending!))) asleep.add(id);
    }
    return asleep;
  }

  end(execution: Execution): void {
    const { events, threads } = execution;
    const order = new Order(events, threads.length);
    const done = threads.map(() => 0);
    for (let later = 0; later < events.length; later++) {
      const { thread, step, effect } = events[later];
      if (conditional(step)) this.tryEarlier(order.unordered(thread, effect, later), thread, done[thread.id]);
      done[thread.id]++;
      for (const earlier of order.add()) {
        if (!conditional(step)) this.reverse(execution, order, earlier, later);
      }
    }
    for (const thread of threads) this.blocked(execution, order, thread, done[thread.id]);
  }

  /** Make sure that the order `later` before `earlier` is tried where they part. */
  private reverse(execution: Execution, order: Order, earlier: number, later: number): void {
    const rest = order.notAfter(earlier, later);
    this.ask(earlier, this.initials(execution, order, [...rest, later]));
  }

  /** Threads that can act first in a run of the events at these positions. */
  private initials(execution: Execution, order: Order, positions: readonly number[]): number[] {
    const first: number[] = [];
    positions.forEach((position, i) => {
      const { id } = execution.events[position].thread;
      if (positions.slice(0, i).every((p) => !order.before(p, position))) first.push(id);
    });
    return first;
  }

  private ask(at: number, candidates: readonly number[]): void {
    const { backtrack } = this.stack[at];
    if (candidates.some((thread) => backtrack.has(thread))) return;
    backtrack.add(candidates[candidates.length - 1]);
  }

  /** A step that waits for a value may have been possible before changes that came and went. */
  private tryEarlier(positions: readonly number[], thread: Thread, done: number): void {
    for (const at of positions) {
      const frame = this.stack[at];
      if (frame.done[thread.id] === done && frame.enabled.includes(thread.id)) frame.backtrack.add(thread.id);
    }
  }

  /** A thread that can never act again races with those who got there first. */
  private blocked(execution: Execution, order: Order, thread: Thread, done: number): void {
    const step = thread.pending;
    if (step === null || execution.isAsleep(thread) || execution.isEnabled(thread)) return;
    this.tryEarlier(order.unordered(thread, effectOf(step), execution.events.length), thread, done);
  }
}

function stepsDone(execution: Execution): number[] {
  const done = execution.threads.map(() => 0);
  for (const { thread } of execution.events) done[thread.id]++;
  return done;
}

function conditional(step: Step): boolean {
  return step.kind === WAIT || step.kind === POLL;
}
