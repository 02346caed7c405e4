/** Threads, the CPU they run on, and the thread that runs now. */
import { Cell, WRITE_ONCE } from './memory.ts';
import * as kinds from './step.ts';
import { type Coroutine, ENTER, entered, FAULTED, Shared, Step, type StepDraft, type Walk } from './step.ts';

// V8 folds the constants of a module where it uses them; what it imports it loads and checks each time.
const { SPAWN, WALK } = kinds;

/** Modes of a CPU, for User and System time; EXIT is system time in which an address space is torn down. */
export const USER = 0;
export const SYSTEM = 1;
export const EXIT = 2;

/** Names of signals. */
export const SIGNALS: Readonly<Record<number, string>> = { 7: 'SIGBUS', 9: 'SIGKILL (out of memory)', 11: 'SIGSEGV' };

/** A lock a thread holds, in the order taken. */
export interface Held {
  readonly lock: Shared;
  readonly shared: boolean;
  /** Holders of a spinning lock must not sleep. */
  readonly spins: boolean;
}

const NOTHING_HELD: Held[] = [];

export class Thread {
  // What each stop looks at comes first: where there are many threads, a cache line less counts.
  /** The step the thread will do next; null when it has ended. */
  pending: Step | null = null;
  /** Timed driver: where flat text writes down the step that it asks for, each over the one before. */
  rewritten: StepDraft | null = null;
  /** What runs: the program, or the handler of its fault, or what one of them has called by `enter`. */
  private body: Coroutine<unknown>;
  /** Those who wait for what they have called so. */
  private readonly callers: Coroutine<unknown>[] = [];
  /** How many were waiting when a fault handler began to run. */
  private callersBefore = 0;
  /** Rank of the CPU the thread runs on. Changes under the timed driver only, while it does not run. */
  cpu: number;
  /** Whose time is being spent. */
  mode: typeof USER | typeof SYSTEM | typeof EXIT = USER;
  /** Stops at every step: somebody between the thread and its driver wants to see them all. */
  stepwise = false;
  /** Timed driver: waits on its CPU, burning it. */
  spinning = false;
  /** Locks held, in the order taken: the first `heldCount` entries. The array never shrinks, that would cost. */
  private heldStack: Held[] = NOTHING_HELD;
  private heldCount = 0;
  /** How often that has changed. */
  heldChanges = 0;
  /** What the kernel keeps with the thread, made when it is first asked for. */
  task: object | null = null;
  readonly id: number;
  readonly name: string;
  /** Controlled driver: its step has joined a queue. */
  asleep = false;
  /** Timed driver: the reply the thread is resumed with when its CPU gets to it. */
  reply = 0;
  /** Timed driver: may be moved to another CPU; it has done more than poll. */
  floats = false;
  hasRun = false;
  /** Timed driver: its time slice was over before its step took effect. */
  preempted = false;
  /** The program, while a fault handler runs. */
  private interrupted: Coroutine<unknown> | null = null;
  private faulting: Walk | null = null;
  /** Done once the body has returned: tells those who join. */
  private lastStep: Step | null;

  constructor(id: number, name: string, cpu: number, body: Coroutine, lastStep: Step | null = null) {
    this.id = id;
    this.name = name;
    this.cpu = cpu;
    this.body = body;
    this.lastStep = lastStep;
  }

  /** The locks the thread holds, in the order taken. */
  get held(): readonly Held[] {
    return this.heldStack.slice(0, this.heldCount);
  }

  /** Write into the thread's book that it holds a lock. */
  takes(entry: Held): void {
    if (this.heldStack === NOTHING_HELD) this.heldStack = [entry];
    else this.heldStack[this.heldCount] = entry;
    this.heldCount++;
    this.heldChanges++;
  }

  /** Strike the latest such entry out; false if there is none. */
  drops(entry: Held): boolean {
    const stack = this.heldStack;
    let at = this.heldCount - 1;
    while (at >= 0 && stack[at] !== entry) at--;
    if (at < 0) return false;
    this.heldCount--;
    this.heldChanges++;
    for (; at < this.heldCount; at++) stack[at] = stack[at + 1];
    return true;
  }

  /** A spinning lock that the thread holds, if any. */
  spinlockHeld(): Held | null {
    for (let i = 0; i < this.heldCount; i++) if (this.heldStack[i].spins) return this.heldStack[i];
    return null;
  }

  /** Run the thread's private code with the reply to its pending step, up to its next one. */
  resume(reply: number): void {
    setRunning(this);
    const { pending } = this;
    if (pending === null || pending.kind < WALK) this.advance(reply);
    else if (pending.kind === WALK) this.walked(pending as Walk, reply);
    else if (this.faulting !== null && this.interrupted === null) this.trap(this.faulting);
    else this.advance(reply);
  }

  /** The MMU has made its walk: go on with the access, or end it and trap. */
  private walked(walk: Walk, entry: number): void {
    if (walk.translates(entry)) {
      this.advance(entry);
      return;
    }
    this.faulting = walk;
    const { trapStep } = walk;
    if (trapStep !== null && trapStep.next().done !== true) this.pending = trapStep;
    else this.trap(walk);
  }

  private trap(walk: Walk): void {
    this.interrupted = this.body;
    this.callersBefore = this.callers.length;
    this.body = walk.fault();
    this.advance(0);
  }

  private called(): IteratorResult<unknown, unknown> {
    this.callers.push(this.body);
    this.body = entered;
    return (entered as Iterator<Step>).next();
  }

  /** What a coroutine returns goes to its caller as it is, like a reply. */
  private returned(value: unknown): IteratorResult<unknown, unknown> {
    this.body = this.callers.pop()!;
    return this.body.next(value as number);
  }

  private advance(reply: number): void {
    let { done, value }: IteratorResult<unknown, unknown> = this.body.next(reply);
    while (done === true ? this.callers.length > this.callersBefore : value === ENTER) {
      ({ done, value } = done === true ? this.returned(value) : this.called());
    }
    if (done !== true) {
      this.pending = value as Step;
    } else if (this.interrupted !== null) {
      this.callersBefore = 0;
      this.returnFromFault(value as number);
    } else {
      this.pending = this.lastStep;
      this.lastStep = null;
    }
  }

  /** Back to the user program, unless a signal kills the thread. */
  private returnFromFault(signal: number | void): void {
    const walk = this.faulting!;
    this.body = this.interrupted!;
    this.interrupted = null;
    this.faulting = null;
    this.pending = null;
    this.advance(this.handled(walk, signal));
  }

  /** What a walk replies after its fault, unless a signal kills the thread. */
  handled(walk: Walk, signal: number | void): number {
    if (signal === 0) return FAULTED;
    if (walk.catches(Number(signal))) return -Number(signal);
    const name = SIGNALS[Number(signal)] ?? `signal ${String(signal)}`;
    throw new KernelBug('killed by signal', `${this.name} is killed by ${name} at ${walk.object.describe(walk.index)}`);
  }
}

/** Back to the private code of `thread`, after that of others has run in the middle of it. */
export function setRunning(thread: Thread): void {
  if (here.running === thread) return; // V8 keeps a book of what old objects and modules are made to point to
  running = thread;
  here.running = thread;
}

/** A condition that in Linux would be a BUG(), an oops, or a report of a debugging option. */
export class KernelBug extends Error {
  /** Short stable name of the broken rule. */
  readonly rule: string;
  constructor(rule: string, witness: string) {
    super(witness);
    this.name = 'KernelBug';
    this.rule = rule;
  }
}

/** What is run breaks the rules of the machine, not those of the kernel: no finding, whoever wrote it must mend it. */
export class Misuse extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Misuse';
  }
}

/** The thread whose private code runs; Linux's `current`. */
export let running: Thread = new Thread(-1, 'nobody', 0, (function* (): Coroutine {})());

// V8 folds an object that a module keeps to itself where it is used; what a variable of a module holds it asks each time.
const here = { running };
/** The thread that runs, for what is used often. */
export const now: { readonly running: Thread } = here;

/** Runs where no thread does, as while a world is built. */
export const nobody: Thread = running;

export function smp_processor_id(): number {
  return here.running.cpu;
}

/** Threads woken by the step being performed; the driver drains it after each step. */
export const woken: Thread[] = [];

/** End the queued step of `thread`; its reply is 0. */
export function wake(thread: Thread): void {
  woken.push(thread);
}

/** Linux's CONFIG_DEBUG_SPINLOCK_SLEEP: nobody sleeps while holding a spinlock. */
export function might_sleep(): void {
  const held = here.running.spinlockHeld();
  if (held === null) return;
  throw new KernelBug('sleeping while atomic', `${running.name} may sleep while it holds ${held.lock.describe(0)}`);
}

/** A thread to be started by `yield spawn(birth)`; `yield wait_for(birth.exited, 1)` joins it. */
export class Birth extends Shared {
  readonly name: string;
  /** Where it runs; if it `floats`, where it starts unless there is a scheduler. */
  readonly cpu: number;
  readonly body: () => Coroutine;
  readonly floats: boolean;
  private exitedCell: Cell | null = null;

  constructor(name: string, cpu: number, body: () => Coroutine, floats = false) {
    super();
    this.name = name;
    this.cpu = cpu;
    this.body = body;
    this.floats = floats;
  }

  /** 1 when the thread has ended. */
  get exited(): Cell {
    return (this.exitedCell ??= new Cell(`${this.name}.exited`));
  }
  /** The last step of the thread. */
  get exitStep(): Step {
    return WRITE_ONCE(this.exited, 1);
  }

  describe(): string {
    return this.name;
  }
  label(): string {
    return `start ${this.name}`;
  }
  ready(): boolean {
    return true;
  }
  /** The driver creates the thread; there is no other effect. */
  perform(): number {
    return 0;
  }
}

/** Start a thread; it is runnable when the step has taken effect. */
export function spawn(birth: Birth): Step {
  return new Step(SPAWN, birth);
}
