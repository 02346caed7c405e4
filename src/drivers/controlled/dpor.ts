/**
 * Source-DPOR with sleep sets (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014): one execution for every class of
 * executions that differ in more than the order of commuting steps.
 *
 * Stateless: a branch is reached by running the program again from the start. After every execution its races are
 * looked at; each asks for the other order at the place where the two parted, unless a thread that can begin that
 * order is going to be tried there already. Sleep sets keep what has been tried from being tried again further down;
 * an execution in which only sleeping threads are enabled is left, it would repeat another.
 */
import type { Thread } from '../../machine/thread.ts';
import { machineRelation, type Relation } from './effect.ts';
import type { Event, Execution } from './execution.ts';
import { Order, type Race } from './order.ts';
import type { Strategy } from './strategy.ts';

/** A state on the path that is being explored. */
interface Frame {
  chosen: number;
  /** Threads to be tried here. */
  readonly backtrack: Set<number>;
  /** Threads whose step, taken here, would repeat an execution: on entry, and those tried since. */
  readonly sleep: Set<number>;
  readonly enabled: readonly number[];
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
  private readonly relation: Relation;

  constructor(relation = machineRelation) {
    this.relation = relation;
  }

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
    if (this.depth === this.stack.length && !this.enter(enabled)) return null;
    const frame = this.stack[this.depth++];
    const chosen = execution.threads[frame.chosen];
    this.sleep = this.stillAsleep(execution, frame.sleep, chosen);
    this.last = chosen;
    return chosen;
  }

  /** A state not seen before: go on with the same thread if it can, else with the first that is awake. */
  private enter(enabled: readonly Thread[]): boolean {
    const awake = enabled.filter((thread) => !this.sleep.has(thread.id));
    if (awake.length === 0) return false;
    const chosen = this.last !== null && awake.includes(this.last) ? this.last : awake[0];
    this.stack.push({
      chosen: chosen.id,
      backtrack: new Set([chosen.id]),
      sleep: this.sleep,
      enabled: enabled.map((thread) => thread.id),
    });
    return true;
  }

  /** Sleeping threads whose step commutes with the one chosen go on sleeping. */
  protected stillAsleep(execution: Execution, sleep: ReadonlySet<number>, chosen: Thread): Set<number> {
    const { effectOf, dependent } = this.relation;
    const effect = effectOf(chosen.pending!);
    const asleep = new Set<number>();
    for (const id of sleep) {
      if (id !== chosen.id && !dependent(effect, effectOf(execution.threads[id].pending!))) asleep.add(id);
    }
    return asleep;
  }

  end(execution: Execution): void {
    const { events, threads } = execution;
    const order = new Order(events, threads.length, this.relation);
    for (let i = 0; i < events.length; i++) for (const race of order.add()) this.ask(race);
    for (const thread of threads) this.blocked(execution, order, thread);
    if (execution.crashed && events.length > 0) this.crashed(events);
  }

  /** Make sure that the other order is tried where the two parted, here or in an execution that has been seen. */
  protected ask({ at, initials }: Race): void {
    const { backtrack, sleep, enabled } = this.stack[at];
    const able = initials.filter((thread) => enabled.includes(thread));
    if (able.length === 0 || able.some((thread) => backtrack.has(thread) || sleep.has(thread))) return;
    backtrack.add(able[able.length - 1]);
  }

  /**
   * A thread that waits for ever races with those who got there first. So does one that waits when an execution is
   * left: for whom it waits may be asleep because its next step ends in a crash, after which nobody gets anywhere.
   */
  protected blocked(execution: Execution, order: Order, thread: Thread): void {
    const step = thread.pending;
    if (step === null || execution.isAsleep(thread) || execution.isEnabled(thread)) return;
    for (const race of order.races(thread, step, this.relation.effectOf(step))) this.ask(race);
  }

  /**
   * Kernel text has thrown and nobody went on, so what the others would have done has not been seen to race with
   * anything. Whoever threw commutes with them: let them go first, while it sleeps. If it had its lock from the last
   * step, it took part in the crash by joining the queue, and is held up there too.
   */
  protected crashed(events: readonly Event[]): void {
    const last = events.length - 1;
    this.holdUp(last);
    for (const thread of events[last].released) {
      const arrival = events.findLastIndex((event) => event.thread === thread);
      if (arrival >= 0) this.holdUp(arrival);
    }
  }

  /** Try somebody else where the thread that was chosen may be held up. */
  private holdUp(at: number): void {
    const { chosen, backtrack, sleep, enabled } = this.stack[at];
    const others = enabled.filter((thread) => thread !== chosen && !sleep.has(thread));
    if (others.length > 0 && !others.some((thread) => backtrack.has(thread))) backtrack.add(others[0]);
  }
}
