/**
 * One execution of a program under control: at any moment some threads are enabled, each with its pending step; the
 * caller says who acts. No clock, no CPUs that are shared: every thread may be held up at every step for ever.
 */
import { BLOCKED, SPAWN, type Step } from '../../machine/step.ts';
import { type Birth, KernelBug, Thread, woken } from '../../machine/thread.ts';
import { type Effect, effectOf } from './effect.ts';

/** A rule that does not hold, with what shows it. */
export interface Violation {
  /** Short stable name: `lost store`, `deadlock`. */
  readonly rule: string;
  readonly witness: string;
}

/** A program to explore, built afresh for every execution. */
export interface Program {
  readonly threads: readonly Birth[];
  /**
   * Rules that must hold after every step. Under a reducing strategy a rule may look at one word at a time: a state that
   * exists only in an order of commuting steps that was not chosen is not visited.
   */
  afterStep?(threads: readonly Thread[]): Iterable<Violation>;
  /** Rules that must hold when all threads have ended. */
  atEnd?(threads: readonly Thread[]): Iterable<Violation>;
  /** The final state in words, for telling outcomes apart. */
  outcome?(): string;
}

/** A step that has taken effect. */
export interface Event {
  readonly thread: Thread;
  readonly step: Step;
  readonly effect: Effect;
  readonly reply: number;
  /** Threads that this step let go on: it ended their queued step, or it started them. */
  readonly released: readonly Thread[];
}

export interface Found extends Violation {
  /** Number of steps done when it was seen. */
  readonly step: number;
}

export class Execution {
  readonly threads: Thread[] = [];
  readonly events: Event[] = [];
  /** First violation of each rule, in the order in which they were seen. */
  readonly found: Found[] = [];
  /** True when nothing more can or should happen. */
  over = false;
  /** True when kernel text has thrown: threads that could have gone on did not. */
  crashed = false;
  private readonly program: Program;
  /** Threads whose step has joined a queue. */
  private readonly asleep = new Set<Thread>();

  constructor(program: Program) {
    this.program = program;
    woken.length = 0;
    for (const birth of program.threads) this.start(birth, null);
    if (!this.over && this.enabled().length === 0) this.finish();
  }

  isEnabled(thread: Thread): boolean {
    const step = thread.pending;
    return step !== null && !this.over && !this.asleep.has(thread) && step.object.ready(step, thread);
  }

  /** Threads that may act, by id. Empty means that the execution is over. */
  enabled(): Thread[] {
    return this.threads.filter((thread) => this.isEnabled(thread));
  }

  isAsleep(thread: Thread): boolean {
    return this.asleep.has(thread);
  }

  /** Let the pending step of `thread` take effect. The thread must be enabled. */
  perform(thread: Thread): Event {
    const step = thread.pending!;
    const effect = effectOf(step);
    let reply = 0;
    const released: Thread[] = [];
    const event = { thread, step, effect, reply, released };
    this.events.push(event);
    this.guarded(() => {
      reply = step.object.perform(step, thread);
      event.reply = reply;
      if (step.kind === SPAWN) released.push(this.start(step.object as Birth, (step.object as Birth).exitStep));
      if (reply === BLOCKED) this.asleep.add(thread);
      else thread.resume(reply);
      for (const sleeper of woken.splice(0)) {
        this.asleep.delete(sleeper);
        released.push(sleeper);
        sleeper.resume(0);
      }
      this.report(this.program.afterStep?.(this.threads));
    });
    if (!this.over && this.enabled().length === 0) this.finish();
    return event;
  }

  private start(birth: Birth, lastStep: Step | null): Thread {
    const thread = new Thread(this.threads.length, birth.name, birth.cpu, birth.body(), lastStep);
    this.threads.push(thread);
    this.guarded(() => {
      thread.resume(0);
    });
    return thread;
  }

  /** Kernel text that throws has found a bug; the machine is dead then. */
  private guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const rule = error instanceof KernelBug ? error.rule : 'exception';
      this.report([{ rule, witness: error.message }]);
      this.over = true;
      this.crashed = true;
    }
  }

  private report(violations: Iterable<Violation> | undefined): void {
    for (const { rule, witness } of violations ?? []) {
      if (!this.found.some((known) => known.rule === rule)) {
        this.found.push({ rule, witness, step: this.events.length });
      }
    }
  }

  /** Nobody can act: all have ended, or those who have not wait for ever. */
  private finish(): void {
    this.over = true;
    const stuck = this.threads.filter((thread) => thread.pending !== null);
    if (stuck.length > 0) this.report([{ rule: 'deadlock', witness: stuck.map(describeWait).join('; ') }]);
    else this.report(this.program.atEnd?.(this.threads));
  }

  /** The final state in words. */
  outcome(): string {
    return this.program.outcome?.() ?? '';
  }
}

/** What a thread that cannot go on waits for, and what it holds. */
export function describeWait(thread: Thread): string {
  const { object, index } = thread.pending!;
  const owner = (object as { owner?: Thread | null }).owner;
  const held = thread.held.map((h) => h.lock.describe(0));
  const by = owner === undefined || owner === null ? '' : owner === thread ? ' (its own)' : ` (held by ${owner.name})`;
  return `${thread.name} waits for ${object.describe(index)}${by}, holds ${held.length > 0 ? held.join(', ') : 'nothing'}`;
}
