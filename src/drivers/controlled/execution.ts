/**
 * One execution of a program under control: at any moment some threads are enabled, each with its pending step; the
 * caller says who acts. No clock, no CPUs that are shared: every thread may be held up at every step for ever.
 */
import { type Attendant, attendedBy } from '../../machine/choice.ts';
import * as steps from '../../machine/step.ts';
import { type Coroutine, nextSerial, type Shortcut, type Step, takeShortcuts } from '../../machine/step.ts';
import * as machine from '../../machine/thread.ts';
import { Birth, KernelBug, Misuse, running, setRunning, Thread } from '../../machine/thread.ts';
import type { PlainLog } from './data-race.ts';
import { deadlockViolation } from './deadlock.ts';

// V8 folds the constants of a module where it uses them; what it imports it loads and checks each time.
const { BLOCKED, LOCK, SPAWN, STOP, WALK } = steps;
const { woken } = machine;

/** A rule that does not hold, with what shows it. */
export interface Violation {
  /** Short stable name: `lost store`, `deadlock`. */
  readonly rule: string;
  readonly witness: string;
}

/** What a check answers: violations, or one in a word; nothing if all is well. */
export type Verdict = Iterable<Violation> | string | null | undefined | void;

/** A program to explore. It is built afresh for every execution, with all the cells and locks it uses. */
export interface Program {
  /** The threads, by name or one by one; thread n runs on CPU n if it is not said. */
  readonly threads: readonly Birth[] | Readonly<Record<string, () => Coroutine>>;
  /**
   * Rules that must hold after every step. Under a reducing strategy a rule may look at one word at a time: a state that
   * exists only in an order of commuting steps that was not chosen is not visited.
   */
  afterStep?(threads: readonly Thread[]): Verdict;
  /** Rules that must hold when all threads have ended. */
  atEnd?(threads: readonly Thread[]): Verdict;
  /** The final state in words, for telling outcomes apart. */
  outcome?(): string;
  /** Marks (`reachable`, `sometimes`) that some execution must come by. */
  readonly reachable?: readonly string[];
}

export interface Found extends Violation {
  /** Number of steps done when it was seen. */
  readonly step: number;
}

/** A choice that was made, as `choose` asked for it. */
export interface Choice {
  readonly n: number;
  readonly what: string;
  readonly answer: number;
  /** Id of the thread that asked. */
  readonly thread: number;
}

/** Answers a question that is not about order with a number from 0 to `n` - 1. */
export type Answers = (n: number, what: string) => number;

/** Who acts next: one of the enabled threads. Null: nobody can, or the execution is not worth going on with. */
export interface Chooser {
  choose(execution: Execution): Thread | null;
}

/** How an execution ended: nobody can act; it was given up; it was cut off at the step bound. */
export type Ending = 'over' | 'redundant' | 'cut off';

const NOBODY: readonly Thread[] = [];
const NO_NAMES: readonly string[] = [];
const NO_CHOICES: readonly Choice[] = [];
const NO_MARKS: ReadonlySet<string> = new Set();

export class Execution implements Attendant, Shortcut {
  readonly threads: Thread[] = [];
  /** Ids of the threads in the order in which they have acted. */
  readonly schedule: number[] = [];
  choices: readonly Choice[] = NO_CHOICES;
  /** First violation of each rule, in the order in which they were seen. */
  readonly found: Found[] = [];
  /** Marks that were reached. */
  reached: ReadonlySet<string> = NO_MARKS;
  /** True when kernel text has thrown: threads that could have gone on did not. */
  crashed = false;
  /** The step that was performed last, and its reply. */
  step: Step | null = null;
  reply = 0;
  /** Threads that it let go on: it ended their queued step, or it started them. */
  released: readonly Thread[] = NOBODY;
  /** Objects with a smaller serial number were made before the execution. */
  readonly firstSerial: number;
  private readonly program: Program;
  private readonly rules: ((threads: readonly Thread[]) => Verdict) | null;
  private readonly answers: Answers | null;
  private readonly checked: number;
  private readonly log: PlainLog | null;
  /** While `run` runs: who chooses, and the thread whose private code runs. */
  private chooses: Chooser | null = null;
  private acting: Thread | null = null;
  private maxSteps = 0;
  /** A thread is stopped at every step after so many: the rules are asked there. */
  private goesThrough = 0;
  /** Somebody else has been chosen, in the middle of the private code of `acting`. */
  private hasChosen = false;
  private chosen: Thread | null = null;
  private finished = false;

  /**
   * `answers` is asked what is not about order. `known` are violations that an execution which had the first
   * `checked` steps in common has seen until then: the rules are not asked again. `log` is told of plain accesses.
   */
  constructor(
    make: () => Program,
    answers: Answers | null = null,
    known: readonly Found[] = [],
    checked = 0,
    log: PlainLog | null = null,
  ) {
    if (woken.length > 0) woken.length = 0;
    this.firstSerial = nextSerial();
    setRunning(machine.nobody);
    this.program = make();
    this.rules = this.program.afterStep === undefined ? null : (threads) => this.program.afterStep!(threads);
    this.answers = answers;
    if (known.length > 0) this.found.push(...known);
    this.checked = checked;
    this.log = log;
    log?.begin(this, checked);
    const { threads } = this.program;
    const births = Array.isArray(threads) ? (threads as readonly Birth[]) : birthsOf(threads as never);
    attendedBy(this);
    log?.listen();
    try {
      for (const birth of births) this.start(birth, null);
    } finally {
      log?.leave();
      attendedBy(null);
    }
  }

  /** Number of steps done. */
  get length(): number {
    return this.schedule.length;
  }

  isEnabled(thread: Thread): boolean {
    const step = thread.pending;
    if (step === null || thread.asleep || this.crashed) return false;
    return step.kind < LOCK || step.object.ready(step, thread);
  }

  /** Threads that may act, by id. Empty means that the execution is over. */
  enabled(): Thread[] {
    return this.threads.filter((thread) => this.isEnabled(thread));
  }

  /** Let the pending step of `thread` take effect. The thread must be enabled. */
  perform(thread: Thread): void {
    attendedBy(this);
    this.log?.listen();
    try {
      this.act(thread);
    } finally {
      this.log?.leave();
      attendedBy(null);
    }
  }

  private act(thread: Thread): void {
    const step = thread.pending!;
    this.schedule.push(thread.id);
    this.step = step;
    this.reply = 0;
    this.released = NOBODY;
    setRunning(thread);
    try {
      this.reply = step.object.perform(step, thread);
      if (step.kind === SPAWN) this.released = [this.start(step.object as Birth, (step.object as Birth).exitStep)];
      if (this.reply === BLOCKED) thread.asleep = true;
      else this.goOn(thread);
      if (woken.length > 0) this.release();
      if (this.rules !== null && this.schedule.length > this.checked) this.ask(this.rules);
    } catch (error) {
      this.crash(error);
    }
  }

  private ask(rules: (threads: readonly Thread[]) => Verdict): void {
    this.log?.leave();
    this.report(rules(this.threads));
    this.log?.listen();
  }

  private goOn(thread: Thread): void {
    this.acting = thread;
    thread.resume(this.reply);
    this.acting = null;
  }

  /**
   * Let the chooser choose until nobody can act, or the chooser gives up, or after `maxSteps` steps. A thread that is
   * chosen again while it runs is not stopped: its step takes effect at once (`now`).
   */
  run(chooser: Chooser, maxSteps: number): Ending {
    this.chooses = chooser;
    this.maxSteps = maxSteps;
    this.goesThrough = this.rules === null ? maxSteps : Math.min(this.checked, maxSteps);
    attendedBy(this);
    takeShortcuts(this);
    this.log?.listen();
    try {
      return this.loop(chooser);
    } finally {
      this.log?.leave();
      takeShortcuts(null);
      attendedBy(null);
      this.chooses = null;
    }
  }

  private loop(chooser: Chooser): Ending {
    while (!this.crashed) {
      if (this.schedule.length >= this.maxSteps) return this.over ? this.ended() : 'cut off';
      const thread: Thread | null = this.hasChosen ? this.chosen : chooser.choose(this);
      this.hasChosen = false;
      if (thread === null) return this.over ? this.ended() : 'redundant';
      this.act(thread);
    }
    return 'over';
  }

  private ended(): Ending {
    this.log?.leave();
    this.finish();
    return 'over';
  }

  /** The thread that acts asks for its next step: if it is chosen again there is no need to stop it. */
  now(step: Step): number {
    const thread = this.acting;
    if (thread === null || thread !== running || thread.stepwise || this.chooses === null) return STOP;
    if (woken.length > 0) return STOP; // they go on first, and are to be chosen from
    if (!this.canGoThrough(step)) return STOP;
    thread.pending = step;
    const chosen = this.chooses.choose(this);
    if (chosen !== thread) {
      this.chosen = chosen;
      this.hasChosen = true;
      return STOP;
    }
    this.schedule.push(thread.id);
    this.step = step;
    this.released = NOBODY;
    try {
      return (this.reply = step.object.perform(step, thread));
    } catch (error) {
      this.reply = 0;
      this.crash(error); // the driver has seen it, not kernel text
      return STOP;
    }
  }

  /** Whoever wants to see steps has them made. */
  word(): number {
    return STOP;
  }
  load(): number {
    return STOP;
  }

  private canGoThrough({ kind, object }: Step): boolean {
    if (kind >= WALK) {
      if (kind === WALK || kind === SPAWN || (object as { queues?: boolean }).queues === true) return false;
    }
    return this.schedule.length < this.goesThrough;
  }

  /** Threads whose queued step has ended go on. */
  private release(): void {
    const released = woken.splice(0);
    this.released = [...this.released, ...released];
    for (const sleeper of released) {
      sleeper.asleep = false;
      sleeper.resume(0);
    }
  }

  choose(n: number, what: string): number {
    if (!Number.isInteger(n) || n < 1) throw new Error(`choose(${n}, '${what}'): there must be something to choose`);
    const answer = this.answers === null ? 0 : this.answers(n, what);
    this.choices = [...this.choices, { n, what, answer, thread: running.id }];
    return answer;
  }

  mark(name: string): void {
    if (!this.reached.has(name)) this.reached = new Set([...this.reached, name]);
  }

  private start(birth: Birth, lastStep: Step | null): Thread {
    const thread = new Thread(this.threads.length, birth.name, birth.cpu, birth.body(), lastStep);
    this.threads.push(thread);
    try {
      thread.resume(0);
    } catch (error) {
      this.crash(error);
    }
    return thread;
  }

  /** Kernel text that throws has found a bug; the machine is dead then. */
  private crash(error: unknown): void {
    if (!(error instanceof Error)) throw error;
    if (error instanceof NotTheSame || error instanceof Misuse) throw error;
    const rule = error instanceof KernelBug ? error.rule : 'exception';
    this.report([{ rule, witness: error.message }]);
    this.crashed = true;
  }

  /** Take note of violations; the first of each rule counts. `step`: they were there after so many steps already. */
  report(verdict: Verdict, step?: number): void {
    if (verdict === null || verdict === undefined) return;
    const violations = typeof verdict === 'string' ? [{ rule: verdict, witness: verdict }] : verdict;
    for (const { rule, witness } of violations) {
      if (this.found.some((known) => known.rule === rule)) continue;
      const found = { rule, witness, step: step ?? this.schedule.length };
      const later = step === undefined ? -1 : this.found.findIndex((known) => known.step >= step);
      if (later < 0) this.found.push(found);
      else this.found.splice(later, 0, found);
    }
  }

  /** Nobody can act: all have ended, or those who have not wait for ever, or the machine is dead. */
  get over(): boolean {
    for (const thread of this.threads) if (this.isEnabled(thread)) return false;
    return true;
  }

  /** To be called once, when it is over: asks for the rules that hold at the end. */
  finish(): void {
    if (this.finished || this.crashed) return;
    this.finished = true;
    if (!this.allEnded) this.report([deadlockViolation(this.threads)]);
    else this.report(this.program.atEnd?.(this.threads));
  }

  private get allEnded(): boolean {
    for (const thread of this.threads) if (thread.pending !== null) return false;
    return true;
  }

  /** The final state in words. */
  outcome(): string {
    return this.program.outcome?.() ?? '';
  }

  /** Marks that some execution must come by. */
  get mustReach(): readonly string[] {
    return this.program.reachable ?? NO_NAMES;
  }
}

function birthsOf(threads: Readonly<Record<string, () => Coroutine>>): Birth[] {
  return Object.entries(threads).map(([name, body], cpu) => new Birth(name, cpu, body));
}

/** The program does not do the same when it is run again with the same schedule. */
export class NotTheSame extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotTheSame';
  }
}
