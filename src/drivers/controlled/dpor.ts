/**
 * Source-DPOR with sleep sets (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014): one execution for every class of
 * executions that differ in more than the order of commuting steps.
 *
 * Stateless: a branch is reached by running the program again from the start. Every step that is new is compared with
 * those before it; each race asks for the other order at the place where the two parted, unless a thread that can begin
 * that order is going to be tried there already. Sleep sets keep what has been tried from being tried again further
 * down; an execution in which only sleeping threads are enabled is left, it would repeat another.
 *
 * A choice that is not about order belongs to the step during which it was made: all answers are tried there.
 */
import * as steps from '../../machine/step.ts';
import type { Thread } from '../../machine/thread.ts';
import * as effects from './effect.ts';
import { machineRelation, type Mode } from './effect.ts';
import { type Execution, NotTheSame } from './execution.ts';
import { type Effect, Order } from './order.ts';
import * as sets from './states.ts';
import { States } from './states.ts';
import type { Strategy } from './strategy.ts';

// V8 folds the constants of a module where it uses them; what it imports it loads and checks each time.
const { isOnAll, MODES } = effects;
const { ASLEEP, BACKTRACK, ENABLED, highest, SETS, SETTLED } = sets;
const { BLOCKED, LOCK } = steps;

/** The path of a search, as plain data. */
export interface SavedPath {
  readonly started: boolean;
  readonly chosen: readonly number[];
  readonly states: readonly (readonly number[])[];
  readonly answers: readonly { readonly at: number; readonly n: number; readonly value: number }[];
}

/** Answers given, with the step during which they were asked for; -1: before the first. */
interface Answer {
  readonly at: number;
  readonly n: number;
  value: number;
}

export class DporStrategy implements Strategy {
  readonly name: string = 'source-DPOR';
  readonly claim = 'all';
  readonly byClasses = true;
  kept = 0;
  protected readonly order: Order;
  private readonly conflict: Uint8Array;
  /** States on the path: the thread chosen in each, and what is known of every thread. */
  private chosen: number[] = [];
  private readonly states = new States();
  private depth = 0;
  private answers: Answer[] = [];
  private answered = 0;
  /** The step that is being taken. */
  private at = -1;
  private settled = 0;
  private started = false;
  private restored = false;

  constructor(relation = machineRelation) {
    this.conflict = relation.inConflict;
    this.order = new Order(relation);
  }

  begin(): boolean {
    if (this.started && !this.backtrack()) return false;
    this.started = true;
    if (this.restored) this.kept = 0; // the order of the path is not known yet
    this.restored = false;
    this.order.takeBack(this.kept);
    this.settled = this.kept;
    this.answered = 0;
    this.at = -1;
    return true;
  }

  /** Find the last state, or the last question, at which something is left to try. */
  private backtrack(): boolean {
    const { answers, chosen, states } = this;
    for (;;) {
      const top = this.depth - 1;
      const answer = answers.length === 0 ? undefined : answers[answers.length - 1];
      if (answer !== undefined && answer.at >= top) {
        if (++answer.value < answer.n) {
          this.kept = Math.max(0, answer.at);
          return true;
        }
        answers.pop();
        continue;
      }
      if (top < 0) return false;
      states.put(ASLEEP, top, chosen[top]);
      const next = states.next(top);
      if (next >= 0) {
        chosen[top] = next;
        this.kept = top;
        return true;
      }
      this.depth--;
    }
  }

  /** All that is needed to go on later. */
  save(): SavedPath {
    return {
      started: this.started,
      chosen: this.chosen.slice(0, this.depth),
      states: Array.from({ length: this.depth }, (_, at) => this.states.save(at, this.chosen[at])),
      answers: this.answers.map((answer) => ({ ...answer })),
    };
  }

  /** Go on from there. Races of the path are looked at again, and find everything asked for already. */
  restore(saved: unknown): void {
    const { started, chosen, states, answers } = saved as SavedPath;
    this.started = started;
    this.restored = started;
    this.depth = chosen.length;
    chosen.forEach((thread, at) => (this.chosen[at] = thread));
    states.forEach((state, at) => this.states.restore(at, state));
    this.answers.push(...answers.map((answer) => ({ ...answer })));
  }

  /** Part of the search that is done, as far as can be seen from here: what is left to try grows on the way. */
  get done(): number {
    let done = 0;
    let share = 1;
    for (let at = 0; at < this.depth; at++) {
      const alternatives = this.states.list(BACKTRACK, at);
      const tried = alternatives.filter((id) => this.states.has(ASLEEP, at, id)).length;
      share /= Math.max(1, alternatives.length);
      done += tried * share;
    }
    return done;
  }

  choose(execution: Execution): Thread | null {
    const at = execution.schedule.length;
    this.at = at;
    if (at >= this.kept) return this.further(execution, at);
    // A step that the execution has in common with the one before it.
    const thread = execution.threads[this.chosen[at]];
    if (thread === undefined || !execution.isEnabled(thread)) throw notTheSame(at);
    return thread;
  }

  private further(execution: Execution, at: number): Thread | null {
    this.settle(execution);
    if (at === this.depth && !this.enter(execution)) return null;
    const id = this.chosen[at];
    const thread = execution.threads[id];
    const effect = this.order.effectOf(execution, thread.pending!);
    this.states.modes[this.states.modesOf(at) + id] = effect.mode;
    this.askForRaces(id, effect);
    this.order.add(id);
    return thread;
  }

  answer(n: number): number {
    const known = this.answers[this.answered++];
    if (known === undefined) {
      this.answers.push({ at: this.at, n, value: 0 });
      return 0;
    }
    if (known.n !== n) throw notTheSame(this.at);
    return known.value;
  }

  /**
   * A state not seen before: go on with the same thread if it can, else with the first that is awake. Whoever was asleep
   * goes on sleeping if its step commutes with the one that has led here.
   */
  private enter(execution: Execution): boolean {
    if (execution.crashed) return false; // nobody is enabled
    const { depth, states } = this;
    states.makeRoom(depth, execution.threads.length);
    const last = depth === 0 ? -1 : this.chosen[depth - 1];
    let first = -1;
    let goesOn = false;
    for (let word = states.words - 1; word >= 0; word--) {
      const mine = last >> 5 === word ? 1 << last : 0;
      const awake = this.enterWord(execution, word, ~mine);
      if (awake !== 0) first = 32 * word + highest(awake & -awake);
      if ((awake & mine) !== 0) goesOn = true;
    }
    if (first < 0) return false;
    if (goesOn) first = last;
    states.put(BACKTRACK, depth, first);
    this.chosen[depth] = first;
    this.depth++;
    return true;
  }

  /**
   * The same of 32 threads; replies which of them are enabled and awake. `others` have not acted: those of them that do
   * not wait for anybody are not looked at again.
   */
  private enterWord(execution: Execution, word: number, others: number): number {
    const { threads } = execution;
    const { modes, sets, words } = this.states;
    const row = (this.depth + 1) * words + word;
    const at = row * SETS;
    const before = at - words * SETS;
    let asleep = 0;
    for (let rest = sets[before + ASLEEP] & others; rest !== 0;) {
      const bit = highest(rest);
      rest ^= 1 << bit;
      const mode = modes[(row - words) * 32 + bit];
      if (!this.staysAsleep(execution, threads[32 * word + bit], mode)) continue;
      modes[row * 32 + bit] = mode;
      asleep |= 1 << bit;
    }
    let settled = sets[before + SETTLED] & others;
    let enabled = sets[before + ENABLED] & settled;
    for (let rest = firstBits(threads.length - 32 * word) & ~settled; rest !== 0;) {
      const bit = highest(rest);
      rest ^= 1 << bit;
      const thread = threads[32 * word + bit];
      const { pending } = thread;
      if (pending === null) settled |= 1 << bit;
      else if (execution.isEnabled(thread)) {
        enabled |= 1 << bit;
        if (pending.kind < LOCK) settled |= 1 << bit;
      }
    }
    sets[at + ENABLED] = enabled;
    sets[at + SETTLED] = settled;
    sets[at + BACKTRACK] = 0;
    sets[at + ASLEEP] = asleep;
    return enabled & ~asleep;
  }

  /** Does the step of a sleeping thread, whose mode is given, commute with the last one? */
  protected staysAsleep(execution: Execution, { pending }: Thread, mode: number): boolean {
    const { events, length } = this.order;
    const mine = events[length - 1];
    const { object, index } = pending!;
    if (object.serial - execution.firstSerial !== mine.object) return true;
    if (this.conflict[mine.mode * MODES + mode] === 0) return true;
    return mine.index !== object.base + index && !isOnAll(mine.mode) && !isOnAll(mode as Mode);
  }

  /** Tell the order what came of the last step. */
  private settle(execution: Execution): void {
    if (this.order.length === this.settled) return;
    this.settled = this.order.length;
    this.order.settle(execution.reply === BLOCKED, this.released(execution));
  }

  /** Threads that the last step has let go on. */
  protected released(execution: Execution): readonly Thread[] {
    return execution.released;
  }

  orderOf(execution: Execution): Order {
    this.settle(execution);
    return this.order;
  }

  end(execution: Execution): void {
    this.settle(execution);
    for (const thread of execution.threads) if (thread.pending !== null) this.blocked(execution, thread);
    if (execution.crashed && execution.length > 0) this.crashed(execution);
  }

  private askForRaces(thread: number, effect: Effect): void {
    const { order } = this;
    const races = order.races(thread, effect);
    for (let n = 0; n < races; n++) {
      const at = order.raceAt[n];
      if (this.states.willBeTried(at, order.initialOf(at, thread))) continue;
      this.ask(at, order.initial, order.initials(at, thread, effect));
    }
  }

  /**
   * Make sure that the other order is tried where the two parted, here or in an execution that has been seen. The
   * first `count` of `initials` can begin it.
   */
  protected ask(at: number, initials: Int32Array, count: number): void {
    const { states } = this;
    let able = -1;
    for (let n = 0; n < count; n++) {
      const id = initials[n];
      if (!states.has(ENABLED, at, id)) continue;
      if (states.has(BACKTRACK, at, id) || states.has(ASLEEP, at, id)) return;
      able = id;
    }
    if (able >= 0) states.put(BACKTRACK, at, able);
  }

  /**
   * A thread that waits for ever races with those who got there first. So does one that waits when an execution is
   * left: for whom it waits may be asleep because its next step ends in a crash, after which nobody gets anywhere.
   */
  protected blocked(execution: Execution, thread: Thread): void {
    const step = thread.pending;
    if (step === null || thread.asleep || execution.isEnabled(thread)) return;
    this.askForRaces(thread.id, this.order.effectOf(execution, step));
  }

  /**
   * Kernel text has thrown and nobody went on, so what the others would have done has not been seen to race with
   * anything. Whoever threw commutes with them: let them go first, while it sleeps. If it had its lock from the last
   * step, it took part in the crash by joining the queue, and is held up there too.
   */
  protected crashed(execution: Execution): void {
    this.holdUp(execution.length - 1);
    for (const thread of this.released(execution)) {
      const arrival = execution.schedule.lastIndexOf(thread.id);
      if (arrival >= 0) this.holdUp(arrival);
    }
  }

  /** Try somebody else where the thread that was chosen may be held up. */
  private holdUp(at: number): void {
    const { chosen, states } = this;
    const others = states.list(ENABLED, at).filter((id) => id !== chosen[at] && !states.has(ASLEEP, at, id));
    if (others.length > 0 && !others.some((id) => states.has(BACKTRACK, at, id))) states.put(BACKTRACK, at, others[0]);
  }
}

/** One execution for every class; see the head of this file. */
export function sourceDpor(): Strategy {
  return new DporStrategy();
}

function notTheSame(at: number): NotTheSame {
  return new NotTheSame(
    `the program is not the same when it is run again: step ${at + 1} has changed. Everything must depend on the ` +
      'schedule alone: no clock, no random numbers, and nothing kept from one execution to the next.',
  );
}

/** So many bits, the lowest. */
function firstBits(count: number): number {
  if (count <= 0) return 0;
  return count >= 32 ? -1 : (1 << count) - 1;
}
