/**
 * The timed driver: runs coroutines on CPUs with clocks. The CPU with the least (time, rank) acts; its step takes
 * effect at that time, costs what the state of the hardware says, and its thread runs on to its next step. Private
 * work in between is added to the clock in one piece (lazy) or piece by piece (eager); because order is by (time,
 * rank) and never by insertion, both give the same run to the bit.
 *
 * Spinning waiters keep their CPU and are handed the lock in order of arrival; sleeping waiters give their CPU to the
 * next thread in its queue. Threads stay on the CPU they were started on; where the profile has a scheduler, new ones that
 * float are started where that puts them (`balance.ts`), and user programs give way after a time slice. Without one nobody
 * is preempted but those who poll.
 *
 * Those who sleep for a time are woken by a timer, which comes before all CPUs that act at that time. A device (a birth
 * with `device`) goes on at the same kind of moments: it has no CPU, and takes time only where it asks for a delay.
 */
import { keep, letGo, mayUse, mustAsk } from '../../machine/ask.ts';
import type { Lead } from '../../machine/lead.ts';
import { observePlain, type PlainObserver, type Words } from '../../machine/memory.ts';
import { type Profile, TICKS_PER_NS } from '../../machine/profile.ts';
import {
  ANYBODY,
  BLOCKED,
  CLEAR,
  type Counted,
  DELAY,
  DMA,
  INSTRUCTION_ENDS,
  LOAD,
  LOCK,
  LOCK_SHARED,
  NOTHING,
  POLL,
  READ,
  READERS,
  type Shared,
  type Shortcut,
  SPAWN,
  type Step,
  type StepKind,
  STOP,
  SYNCHRONIZE,
  takeShortcuts,
  TRAP,
  TRYLOCK,
  UNLOCK,
  UNLOCK_SHARED,
  WAIT,
  WALK,
  type Walk,
} from '../../machine/step.ts';
import { type Birth, EXIT, Misuse, now, setRunning, SYSTEM, Thread, USER, woken } from '../../machine/thread.ts';
import { account, chargeTicks, OWED, owe, setPrices, STEPS } from '../../machine/work.ts';
import { Balancer, type Look, type Waiting } from './balance.ts';
import { clock, done, due, firstTimer, moment } from './cells.ts';
import { Hardware, longer, workPrices } from './hardware.ts';
import { type LockRow, LockTable } from './locks.ts';
import { Lookahead, Overtaken } from './lookahead.ts';
import { type Pace, PacedHardware } from './pace.ts';
import { CpuQueue } from './queue.ts';
import { Timers } from './timers.ts';
import type { Watcher } from './watch.ts';

export interface TimedOptions {
  readonly profile: Profile;
  readonly cpus: number;
  /** Of what is random: the moments at which idle CPUs look for work. Default: 1. */
  readonly seed?: number;
  /** Synchronise after every single charge instead of adding them up: slower, same result. */
  readonly eager?: boolean;
  /** Keep the order of steps, as thread ids, for a replay under the controlled driver. */
  readonly recordOrder?: boolean;
  /** Sees everything that happens. */
  readonly watcher?: Watcher;
  /** What is to take another time than the profile says. */
  readonly pace?: Pace;
  /** What can be foreseen of the threads (see lookahead.ts): saves stops. If it turns out otherwise, `Overtaken` is thrown. */
  readonly lead?: Lead | undefined;
  /** Called about every `every` steps with the virtual time in ns; for progress displays. */
  readonly progress?: { readonly every: number; readonly report: (nowNs: number) => void };
}

export interface TimedResult {
  /** Nanoseconds from the start to the last step. */
  readonly wallNs: number;
  /** CPU time of all threads. Spinning is CPU time, sleeping is not. */
  readonly userNs: number;
  readonly systemNs: number;
  /** The part of it in which address spaces were torn down, where the workload says when that is. */
  readonly exitNs: number;
  /** CPU time spent zeroing pages, and the part of it spent waiting for a memory bus. */
  readonly clearNs: number;
  readonly busWaitNs: number;
  readonly steps: number;
  readonly locks: readonly LockRow[];
  /** Cache lines that CPUs fetched, and how long they waited for them. */
  readonly lines: readonly { readonly name: string; readonly moves: number; readonly stallNs: number }[];
  /** Thread id of each step in the order in which they took effect; empty unless asked for. */
  readonly order: readonly number[];
  readonly threads: readonly Thread[];
  /** Threads that wait for ever, with what they wait for; empty when all have ended. */
  readonly stuck: readonly Thread[];
}

/** A small integer for V8: a count down from it is fast. */
const MANY = 2 ** 30;

/** A lock that sleepers wait for in line. */
type Queueing = Counted & { readonly queue?: readonly unknown[] };

/** Run the threads to the end. */
export function runTimed(births: readonly Birth[], options: TimedOptions): TimedResult {
  const machine = new TimedMachine(options);
  try {
    return machine.run(births);
  } finally {
    observePlain(null);
    takeShortcuts(null);
    mustAsk();
    setPrices(new Float64Array(0), null);
  }
}

class TimedMachine implements PlainObserver, Shortcut, Waiting {
  private readonly hardware: Hardware;
  private readonly locks = new LockTable();
  private readonly queue: CpuQueue;
  private readonly timers = new Timers();
  readonly current: (Thread | null)[];
  readonly runqueue: Thread[][];
  /** The thread whose private code may go on without a stop: that of the CPU that is due. */
  private unstopped: Thread | null = null;
  /** The CPU whose step is being done, -1 between steps; it is in the queue. */
  private acting = -1;
  /** CPUs that have something to do again and are not in the queue yet. */
  private readonly arrivals: Int32Array;
  private arrived = 0;
  /** Charges not paid yet, per CPU: (mode, ticks) pairs. Empty unless eager. */
  private readonly debts: number[][];
  private readonly charges: number[] | null;
  /** Steps that no other CPU sees are done before they are due. */
  private readonly runsAhead: boolean;
  /** And without asking: they cost the same wherever they are, and nobody watches. */
  private readonly asksLess: boolean;
  /** Threads may read ahead of their time: see `mayRead`. */
  private readonly readsAhead: boolean;
  private readonly lookahead: Lookahead | null;
  private readonly threads: Thread[] = [];
  /** Threads that are handlers of interrupts: they come before those that wait. */
  private readonly handlers = new Set<Thread>();
  /** Threads of devices, and whether one of them runs. */
  private readonly devices = new Set<Thread>();
  private inDevice = false;
  /** Null: threads start where they are told to, and have no time slices. */
  private readonly balancer: Balancer | null;
  /** Its place among the timers, and what it will do then; null: nobody waits for it. */
  private readonly balancing = new Thread(-1, 'balancer', 0, NOTHING);
  private look: Look | null = null;
  /** When the slice of each CPU's thread is over. */
  private readonly sliceEnd: Float64Array;
  /** Since when a thread waits or may run, by thread id. */
  since = new Float64Array(64);
  private readonly order: number[] | null;
  private readonly progress: TimedOptions['progress'];
  private readonly watcher: Watcher | null;
  /** Steps until something is said of progress, or until they are counted; and those that have been counted. */
  private uncounted: number;
  private counted = 0;
  private readonly every: number;
  private end = 0;

  constructor(options: TimedOptions) {
    const { profile, cpus } = options;
    this.hardware =
      options.pace === undefined ? new Hardware(profile, cpus) : this.pacedHardware(options, options.pace);
    this.sliceEnd = new Float64Array(cpus);
    this.queue = new CpuQueue(cpus);
    this.current = Array.from({ length: Math.max(cpus, profile.cpus) }, () => null);
    this.runqueue = Array.from({ length: cpus }, () => []);
    const { scheduler } = profile;
    this.balancer = scheduler === undefined ? null : new Balancer(profile, scheduler, cpus, options.seed ?? 1, this);
    this.debts = Array.from({ length: cpus }, () => []);
    this.arrivals = new Int32Array(cpus);
    this.charges = options.eager === true ? [] : null;
    this.order = options.recordOrder === true ? [] : null;
    this.runsAhead = options.eager !== true && options.recordOrder !== true;
    this.asksLess = this.runsAhead && options.pace === undefined && options.watcher === undefined;
    this.readsAhead = this.asksLess && this.balancer === null && profile.cores !== undefined;
    const { lead } = options;
    this.lookahead = lead && this.asksLess ? new Lookahead(lead, this.hardware, cpus) : null;
    this.progress = options.progress;
    this.watcher = options.watcher ?? null;
    this.every = options.progress?.every ?? MANY;
    this.uncounted = this.every;
    setPrices(workPrices(profile), this.charges);
    observePlain(this);
    takeShortcuts(this.charges === null ? this : null);
  }

  private pacedHardware({ profile, cpus }: TimedOptions, pace: Pace): Hardware {
    return new PacedHardware(profile, cpus, pace, (cpu) => this.current[cpu]);
  }

  run(births: readonly Birth[]): TimedResult {
    for (const birth of births) this.start(birth, null, 0);
    this.queueArrivals();
    const { queue } = this;
    while (queue.size > 0 || firstTimer[0] < Infinity) {
      if (queue.isDue()) {
        this.acting = queue.first();
        if (queue.isAhead(this.acting)) queue.advance(this.acting);
        else while (this.actOnce(this.acting));
      } else this.ring();
    }
    return this.result();
  }

  /** The first of the timers. */
  private ring(): void {
    this.acting = -1;
    moment[0] = firstTimer[0];
    const thread = this.timers.take();
    if (thread === this.balancing) this.balance();
    else if (this.devices.has(thread)) this.actDevice(thread);
    else {
      this.count(thread);
      this.wakeUp(thread, 0);
    }
    this.queueArrivals();
  }

  /** A device begins, or its delay is over, or its step takes effect: at no cost. */
  private actDevice(thread: Thread): void {
    const step = thread.pending;
    if (step === null || step.kind === DELAY) {
      if (step !== null) this.count(thread);
      this.proceedDevice(thread, 0);
    } else if (!step.object.ready(step, thread)) {
      this.since[thread.id] = moment[0];
      this.queueUp(thread, step);
    } else {
      const reply = this.effectOfDevice(thread, step);
      if (reply === BLOCKED) this.since[thread.id] = moment[0];
      else this.proceedDevice(thread, reply);
    }
  }

  private effectOfDevice(thread: Thread, step: Step): number {
    const { kind, object } = step;
    const page = this.lookahead === null ? null : object.onLineOf().pageLine();
    if (page !== null) throw new Overtaken(page); // devices cannot be seen coming
    if (object.confinedTo !== ANYBODY) checkConfined(step, DEVICE);
    this.count(thread);
    this.watcher?.step(thread, moment[0], moment[0]);
    const reply = object.perform(step, thread);
    if (reply === BLOCKED) return reply;
    if (kind >= LOCK && kind <= UNLOCK_SHARED) this.note(kind, object, reply);
    if (object.waiters !== null) this.grant(object);
    if (woken.length > 0) this.wakeAll(object);
    if (kind === SPAWN) this.spawn(object as Birth, thread.cpu);
    return reply;
  }

  /** What a device does by itself costs nothing. */
  private proceedDevice(thread: Thread, reply: number): void {
    this.inDevice = true;
    this.watcher?.resumes(thread, moment[0], true);
    const before = account.slice();
    mustAsk();
    thread.resume(reply);
    account.set(before);
    this.inDevice = false;
    if (this.charges !== null) this.charges.length = 0;
    const { pending } = thread;
    if (pending === null) this.end = Math.max(this.end, moment[0]);
    else this.timers.add(pending.kind === DELAY ? moment[0] + delayTicks(pending) : moment[0], thread);
  }

  /** One step, or one debt, of the CPU that is due. True if it is still the one that is due. */
  private actOnce(rank: number): boolean {
    const thread = this.current[rank]!;
    const step = thread.pending;
    due[0] = clock[rank];
    this.lookahead?.givesBack(rank);
    if (this.charges !== null && this.debts[rank].length > 0) this.payOne(rank);
    else if (step === null) {
      // It has come to its end ahead of its time.
    } else if (step.kind < WALK) {
      const words = step.object as Words;
      this.goOn(rank, thread, this.effectOnWord(rank, thread, step, words), words);
      const next = thread.pending;
      // It runs still. Nearly all stops end here.
      if (next !== null && next.kind !== WALK) return this.advance(rank);
    } else this.act(rank, thread);
    if (this.runsAhead)
      while (this.current[rank] === thread && this.isPrivateWalk(thread.pending, rank)) this.act(rank, thread);
    if (this.readsAhead && thread.pending?.kind === LOAD) this.readOn(rank);
    if (thread.pending === null && this.paid(rank)) this.ended(rank);
    const next = this.current[rank];
    if (next !== null && !next.spinning) return this.advance(rank);
    this.queue.pop();
    return this.queueArrivals();
  }

  private advance(rank: number): boolean {
    const due = this.queue.advance(rank);
    return this.arrived === 0 ? due : this.queueArrivals();
  }

  /** The only step that kernel text stops for though no other CPU can see it: the CPU traps. */
  private isPrivateWalk(step: Step | null, rank: number): boolean {
    return step !== null && step.kind === WALK && this.isPrivate(step, rank);
  }

  /** A step that no other CPU can see, or that sees of others only what nobody changes: it need not be due. */
  private isPrivate(step: Step, rank: number): boolean {
    const { confinedTo } = step.object;
    return confinedTo === rank || (confinedTo === READERS && step.kind === READ);
  }

  /** The two threads of a core read, ahead of their time: they go on in turn, as long as nobody else has to do with that. */
  private readOn(rank: number): void {
    let cpu = this.hardware.other[rank];
    for (;;) {
      const thread = this.current[cpu];
      if (thread === null || thread.pending?.kind !== LOAD || !this.mayRead(thread.pending.object, cpu)) return;
      this.goOn(cpu, thread, this.readStep(cpu, thread, thread.pending));
      cpu = this.hardware.other[cpu];
    }
  }

  /**
   * May a thread read a page ahead of its time? If that is in the caches of its node, and will stay there, only the other thread of
   * the core makes a difference. That one has done all it does before; or the core is idle, and stays so for a while.
   */
  private mayRead(object: Shared, cpu: number): boolean {
    const { hardware } = this;
    if (!hardware.keeps(object.pageLine(), cpu)) return false;
    const ahead = clock[cpu] - due[0];
    const other = hardware.other[cpu];
    const its = this.current[other];
    if (its === null) return ahead < hardware.soonest;
    if (its.spinning || ahead > hardware.lead) return false;
    return clock[other] > clock[cpu] || (clock[other] === clock[cpu] && other > cpu);
  }

  private paid(rank: number): boolean {
    return this.charges === null || this.debts[rank].length === 0;
  }

  /** Put CPUs that have come to life in the queue, after the one that acted has found its new place. */
  private queueArrivals(): false {
    this.acting = -1;
    for (let i = 0; i < this.arrived; i++) this.queue.push(this.arrivals[i]);
    this.arrived = 0;
    return false;
  }

  private result(): TimedResult {
    return {
      wallNs: this.end / TICKS_PER_NS,
      userNs: account[USER] / TICKS_PER_NS,
      systemNs: (account[SYSTEM] + account[EXIT]) / TICKS_PER_NS,
      exitNs: account[EXIT] / TICKS_PER_NS,
      clearNs: this.hardware.clearing[0] / TICKS_PER_NS,
      busWaitNs: this.hardware.clearing[1] / TICKS_PER_NS,
      steps: this.counted + this.every - this.uncounted + account[STEPS],
      locks: this.locks.rows(),
      lines: this.hardware.moved.map(({ name, moves, stall }) => ({ name, moves, stallNs: stall / TICKS_PER_NS })),
      order: this.order ?? [],
      threads: this.threads,
      stuck: this.threads.filter((thread) => thread.pending !== null),
    };
  }

  /** Let the pending step of the CPU's thread take effect now, or block the thread. */
  private act(rank: number, thread: Thread): void {
    const step = thread.pending!;
    if (step.kind <= WALK) {
      // Of words there is always one to be had, and no slice ends there.
      this.goOn(rank, thread, this.effectOnWord(rank, thread, step, step.object as Words));
      return;
    }
    if (step.kind !== LOAD && !step.object.ready(step, thread)) {
      this.lookahead?.uses(thread, step.object.onLineOf());
      this.block(rank, thread, step);
      return;
    }
    if (step.kind === DELAY) {
      this.watcher?.stops(thread, clock[rank]);
      this.timers.add(clock[rank] + delayTicks(step), thread);
      this.giveUpCpu(rank);
      return;
    }
    const reply = this.effect(rank, thread, step);
    if (reply === BLOCKED) {
      this.since[thread.id] = moment[0];
      const { queue } = step.object as Queueing;
      if (queue !== undefined) this.locks.queued(step.object as Queueing, queue.length);
      this.watcher?.stops(thread, moment[0]);
      this.giveUpCpu(rank);
      return;
    }
    if (this.balancer !== null && this.sliceOver(rank, step.kind, step.value)) {
      this.rotate(rank, thread, reply);
      return;
    }
    this.goOn(rank, thread, reply);
  }

  /** With the private code of the thread, and with steps that need no stop. */
  private goOn(rank: number, thread: Thread, reply: number, words: Words | null = null): void {
    this.unstopped = thread;
    if (this.asksLess) {
      mayUse(rank, this.hardware.hit);
      if (words !== null) this.keepPage(words, thread);
    }
    this.proceed(rank, thread, reply);
    this.unstopped = null;
    mustAsk();
  }

  /**
   * Kernel text asks for a step: if its CPU is still the one that is due, the step takes effect without stopping the
   * coroutine. Saves most of the suspensions, and changes no result: the eager mode stops at every step.
   */
  now(step: Step): number {
    const thread = now.running;
    const { kind, object } = step;
    if (kind === LOAD) return this.load(object, step.index, step.value, step.other);
    if (thread !== this.unstopped || thread.stepwise || kind > CLEAR) return STOP;
    const ahead = object.confinedTo !== ANYBODY && this.runsAhead && this.isPrivate(step, thread.cpu);
    if (ahead && this.watcher === null) {
      if (kind <= WALK) return this.privateWord(step, thread);
      const mayEndSlice = step.value === INSTRUCTION_ENDS;
      if (kind <= UNLOCK_SHARED && !mayEndSlice && object.waiters === null) return this.privateLock(step, thread);
    }
    if (kind === WALK || kind === WAIT || kind === POLL || !admits(step)) return STOP;
    const rank = thread.cpu;
    this.payBill(rank);
    if (this.balancer !== null && this.sliceOver(rank, kind, step.value)) return STOP;
    if (!ahead && !this.isDue(rank)) return STOP;
    if (this.watcher !== null) thread.pending = step;
    const reply = this.effect(rank, thread, step);
    setRunning(thread);
    this.watcher?.resumes(thread, clock[rank], false);
    return reply;
  }

  /** The same of a LOAD, without the step. */
  load(page: Shared, index: number, bytes: number, home: number): number {
    const thread = now.running;
    if (thread !== this.unstopped || thread.stepwise || this.watcher !== null) return STOP;
    const rank = thread.cpu;
    this.payBill(rank);
    if (this.lookahead === null && page.confinedTo !== ANYBODY) return STOP; // may it? that is looked at there
    if (this.balancer !== null && this.sliceOver(rank, LOAD, 0)) return STOP;
    if (!this.isDue(rank) && !(this.readsAhead && this.mayRead(page, rank))) return STOP;
    return this.read(rank, thread, page as Words, index, bytes, home);
  }

  /** The same without a step: of a kind below WALK. */
  word(kind: StepKind, object: Shared, index: number, value: number, other: number): number {
    const thread = now.running;
    if (thread !== this.unstopped || thread.stepwise || this.watcher !== null) return STOP;
    const words = object as Words;
    const rank = thread.cpu;
    const { confinedTo } = words;
    if (confinedTo !== ANYBODY) return this.ownWord(kind, words, index, value, other, thread);
    this.payBill(rank);
    const { lookahead } = this;
    if (this.isDue(rank)) lookahead?.uses(thread, words);
    else if (lookahead === null || !lookahead.lends(thread, words)) return STOP;
    this.useWord(words, index, rank, kind !== READ);
    this.spend(rank, thread);
    const reply = words.use(kind, index, value, other);
    if (thread.mode === EXIT) lookahead?.givesBack(rank); // nothing else is done with the page there
    this.keepPage(words, thread);
    if (words.waiters !== null) {
      this.grant(words);
      setRunning(thread);
    }
    return reply;
  }

  /** Does the CPU that runs come first still, so that the next step is its? */
  private isDue(rank: number): boolean {
    return this.arrived === 0 && this.queue.remains(rank);
  }

  /**
   * The thread has used a page, and its CPU is still the one that is due: as long as it is, it may use the page without asking. Who
   * tears mappings down does nothing else with it.
   */
  private keepPage(words: Words, { cpu, mode }: Thread): void {
    if (mode === EXIT || words.confinedTo !== ANYBODY || !this.asksLess || !this.isDue(cpu)) return;
    const page = words.pageLine();
    if (page !== null) keep(page, cpu, this.queue.room(cpu));
  }

  /** A walk of page tables that no other CPU sees, by a thread that traps by itself if it finds nothing. */
  walk(walk: Walk): number {
    const thread = now.running;
    if (thread !== this.unstopped || thread.stepwise || this.watcher !== null || walk.trapStep !== null) return STOP;
    const words = walk.object as Words;
    if (!this.runsAhead || words.confinedTo !== thread.cpu || words.waiters !== null) return STOP;
    owe(thread.mode, this.hardware.privateTicks(words, thread.cpu));
    this.count(thread);
    const entry = words.perform(walk);
    return walk.translates(entry) ? entry : TRAP;
  }

  /** What it is confined to is seen to by those who stop. */
  private ownWord(kind: StepKind, words: Words, index: number, value: number, other: number, thread: Thread): number {
    const { confinedTo } = words;
    const mine = confinedTo === thread.cpu && words.waiters === null;
    if (!this.runsAhead || !(mine || (confinedTo === READERS && kind === READ))) return STOP;
    owe(thread.mode, this.hardware.privateTicks(words, thread.cpu));
    this.count(thread);
    return words.use(kind, index, value, other);
  }

  /** A word that the CPU has to itself: what using it costs is paid with the next step that others see. */
  private privateWord(step: Step, thread: Thread): number {
    const words = step.object as Words;
    if (words.confinedTo !== READERS && words.waiters !== null) return STOP;
    if (step.kind === WALK && !finds(step as Walk, words)) return STOP;
    owe(thread.mode, this.hardware.privateTicks(words, thread.cpu));
    this.count(thread);
    return words.perform(step);
  }

  /** The same of a lock. */
  private privateLock(step: Step, thread: Thread): number {
    if (!admits(step)) return STOP;
    const lock = step.object as Counted;
    owe(thread.mode, this.hardware.privateTicks(lock, thread.cpu));
    this.count(thread);
    const reply = lock.perform(step, thread);
    this.passed(step, reply);
    return reply;
  }

  /** The lock table has the time at which it takes effect. */
  passed(step: Step, reply: number): void {
    const lock = step.object;
    const thread = now.running;
    moment[0] = clock[thread.cpu] + account[OWED];
    this.note(step.kind, lock, reply);
    if (woken.length === 0) return;
    this.wakeAll(lock);
    setRunning(thread);
  }

  /** The step takes effect on its object, and on those who wait for that. It must be ready. */
  private effect(rank: number, thread: Thread, step: Step): number {
    // Words and locks go separate ways so that each way sees few classes: V8 is faster that way.
    if (step.kind <= WALK) return this.effectOnWord(rank, thread, step, step.object as Words);
    if (step.kind <= UNLOCK_SHARED || step.kind === SYNCHRONIZE)
      return this.effectOnLock(rank, thread, step, step.object);
    return this.effectOtherwise(rank, thread, step);
  }

  private effectOnWord(rank: number, thread: Thread, step: Step, words: Words): number {
    this.lookahead?.uses(thread, words);
    if (words.confinedTo !== ANYBODY) this.useConfined(step, rank);
    else this.useWord(words, step.index, rank, step.kind !== READ && step.kind !== WALK);
    this.spend(rank, thread);
    const { kind } = step;
    const reply = kind < WALK ? words.use(kind, step.index, step.value, step.other) : words.perform(step);
    if (words.waiters !== null) this.grant(words);
    return reply;
  }

  private effectOnLock(rank: number, thread: Thread, step: Step, lock: Shared): number {
    this.lookahead?.uses(thread, lock.onLineOf());
    if (lock.confinedTo !== ANYBODY) this.useConfined(step, rank);
    else {
      const line = lock.line ?? lock.ownLine();
      if (line === null) this.usePart(lock.onLineOf(), 0, rank);
      else this.hardware.access(line, rank, true);
    }
    this.spend(rank, thread);
    const reply = lock.perform(step, thread);
    if (reply === BLOCKED) return reply;
    if (step.kind === TRYLOCK && reply === 0) this.lookahead?.misses(thread, lock.onLineOf());
    this.note(step.kind, lock, reply);
    if (lock.waiters !== null) this.grant(lock);
    if (woken.length > 0) this.wakeAll(lock);
    return reply;
  }

  private useWord(words: Words, index: number, rank: number, exclusive: boolean): void {
    const line = words.line ?? words.ownLine();
    if (line === null) this.usePart(words, index, rank);
    else this.hardware.access(line, rank, exclusive);
  }

  /** The line of a word that has none of its own: it costs nothing where it is. */
  private usePart(object: Shared, index: number, rank: number): void {
    const before = object.claim(index, rank);
    if (before === rank) done[0] = clock[rank];
    else this.hardware.touch(object, index, before, rank);
  }

  private useConfined(step: Step, rank: number): void {
    checkConfined(step, rank);
    done[0] = clock[rank] + this.hardware.privateTicks(step.object, rank);
  }

  private effectOtherwise(rank: number, thread: Thread, step: Step): number {
    const { object } = step;
    if (step.kind === LOAD) return this.readStep(rank, thread, step);
    this.lookahead?.uses(thread, object);
    if (object.confinedTo !== ANYBODY) checkConfined(step, rank);
    if (step.kind === DMA) done[0] = clock[rank];
    else if (step.kind === CLEAR && step.value > 0) this.hardware.clear(rank, step.value, step.other);
    else if (step.kind !== SPAWN && object.ownLine() !== null) this.hardware.access(object.line!, rank, false);
    else done[0] = clock[rank];
    this.spend(rank, thread);
    const reply = object.perform(step, thread);
    if (step.kind === SPAWN) this.spawn(object as Birth, rank);
    return reply;
  }

  private readStep(rank: number, thread: Thread, step: Step): number {
    const { object, index, value, other } = step;
    if (this.lookahead === null && object.confinedTo !== ANYBODY) checkConfined(step, rank);
    return this.read(rank, thread, object as Words, index, value, other);
  }

  private read(rank: number, thread: Thread, words: Words, index: number, bytes: number, home: number): number {
    const { lookahead, hardware } = this;
    lookahead?.givesBack(rank); // time passes in which it does nothing with its page
    hardware.load(words, rank, bytes, home);
    if (lookahead !== null) {
      const page = words.pageLine();
      if (page !== null) lookahead.reads(thread, page, hardware.fetched);
      if (hardware.left !== null) lookahead.mustBeSettled(hardware.left, rank);
    }
    this.spend(rank, thread);
    return words.use(LOAD, index, bytes, home);
  }

  /** The step of the thread takes effect when the access it asked for is done; until then it has used its CPU. */
  private spend(rank: number, thread: Thread): void {
    const time = done[0];
    if (this.watcher !== null) this.watcher.step(thread, clock[rank], time);
    account[thread.mode] += time - clock[rank];
    clock[rank] = time;
    moment[0] = time;
    this.count(thread);
  }

  private count(thread: Thread): void {
    if (this.order !== null) this.order.push(thread.id);
    if (--this.uncounted === 0) this.countAll();
  }

  private countAll(): void {
    this.counted += this.every;
    this.uncounted = this.every;
    this.progress?.report(moment[0] / TICKS_PER_NS);
  }

  /** Write a lock operation that takes effect now into the lock table. */
  private note(kind: StepKind, lock: Shared, reply: number): void {
    if ((lock as Counted).lockClass === '') return;
    if (kind === UNLOCK) this.locks.released(lock as Counted, moment);
    else if (isLock(kind) || reply === 1) this.locks.acquired(lock as Counted, moment);
  }

  /** The thread of the CPU has no next step. */
  private ended(rank: number): void {
    this.end = Math.max(this.end, clock[rank]);
    this.watcher?.stops(this.current[rank]!, clock[rank]);
    this.giveUpCpu(rank);
  }

  /** Resume the thread; what it does before its next step is paid on its CPU's clock. */
  private proceed(rank: number, thread: Thread, reply: number): void {
    if (this.watcher !== null) this.watcher.resumes(thread, clock[rank], false);
    thread.resume(reply);
    if (this.charges === null) {
      this.payBill(rank);
      return;
    }
    this.debts[rank].push(...this.charges);
    this.charges.length = 0;
  }

  private payBill(rank: number): void {
    letGo(); // its clock moves on, so that there is less room
    const owed = account[OWED];
    if (owed === 0) return;
    clock[rank] += owed;
    account[OWED] = 0;
  }

  private payOne(rank: number): void {
    const debts = this.debts[rank];
    const [mode, ticks] = debts.splice(0, 2) as [number, number];
    account[mode] += ticks;
    clock[rank] += ticks;
  }

  /** The thread's step cannot take effect: it spins on its CPU, or sleeps. */
  private block(rank: number, thread: Thread, step: Step): void {
    const { object } = step;
    this.since[thread.id] = clock[rank];
    this.queueUp(thread, step);
    const polls = step.kind === POLL && this.runqueue[rank].length === 0;
    thread.spinning = polls || ((object as { spins?: boolean }).spins === true && !this.isInterrupted(rank));
    this.watcher?.stops(thread, clock[rank]);
    if (!thread.spinning) this.giveUpCpu(rank);
  }

  private queueUp(thread: Thread, { kind, object }: Step): void {
    const waiters = (object.waiters ??= []);
    waiters.push(thread);
    if (kind === LOCK) this.locks.queued(object as Counted, waiters.length);
  }

  /** After a change of `object`: its waiters that are ready now go on, in order of arrival. */
  private grant(object: Shared): void {
    const waiters = object.waiters!;
    let i = 0;
    while (i < waiters.length) {
      const thread = waiters[i];
      const { kind } = thread.pending!;
      if (object.ready(thread.pending!, thread)) {
        if (i === 0) waiters.shift();
        else waiters.splice(i, 1);
        if (thread.spinning) this.grantSpinner(thread, object, kind === LOCK ? waiters.length : 0);
        else this.grantSleeper(thread, object);
      } else if (kind === LOCK) {
        break; // the others want the same lock
      } else {
        i++;
      }
    }
    // Its steps need not stop any more.
    if (waiters.length === 0 && object.waiters === waiters) object.waiters = null;
  }

  private grantSpinner(thread: Thread, object: Shared, others: number): void {
    const step = thread.pending!;
    const rank = thread.cpu;
    const released = moment[0];
    this.hardware.handOver(object.line ?? object.ownLine()!, rank, moment, others, object.waiters!);
    clock[rank] = this.since[thread.id];
    thread.spinning = false;
    this.watcher?.granted(thread, released);
    thread.hasRun = true;
    this.spend(rank, thread);
    const reply = object.perform(step, thread);
    if (step.kind === LOCK) {
      this.locks.waited(object as Counted, moment, this.since, thread.id);
      this.note(LOCK, object, reply);
    }
    mustAsk();
    this.proceed(rank, thread, reply);
    if (thread.pending === null && this.paid(rank)) this.ended(rank);
    else this.arrivals[this.arrived++] = rank;
    moment[0] = released;
  }

  private grantSleeper(thread: Thread, object: Shared): void {
    const step = thread.pending!;
    this.count(thread);
    const reply = object.perform(step, thread);
    if (step.kind === LOCK) {
      this.locks.waited(object as Counted, moment, this.since, thread.id);
      this.note(LOCK, object, reply);
    }
    this.wakeUp(thread, reply);
  }

  /** Sleepers whose queued step was ended by `object`. */
  private wakeAll(object: Shared): void {
    for (const thread of woken.splice(0)) {
      this.locks.waited(object as Counted, moment, this.since, thread.id);
      this.locks.acquired(object as Counted, moment);
      this.wakeUp(thread, 0);
    }
  }

  /** A sleeper's step is done: it runs on when its CPU gets to it. */
  private wakeUp(thread: Thread, reply: number): void {
    letGo(); // somebody may come earlier than it seemed
    this.watcher?.granted(thread, moment[0]);
    if (this.devices.has(thread)) {
      this.proceedDevice(thread, reply);
      return;
    }
    thread.reply = reply;
    this.enqueue(thread, moment[0] + this.hardware.wakeup);
  }

  private spawn(birth: Birth, rank: number): void {
    const cpu = birth.floats && this.balancer !== null ? this.balancer.placeNew(rank) : birth.cpu;
    const delay = isDevice(birth) ? 0 : this.hardware.startDelay(rank, this.balancer === null ? cpu : rank);
    this.start(birth, birth.exitStep, moment[0] + delay, cpu);
  }

  private start(birth: Birth, lastStep: Step | null, time: number, cpu = birth.cpu): void {
    const thread = new Thread(this.threads.length, birth.name, cpu, birth.body(), lastStep);
    thread.floats = birth.floats && this.balancer !== null;
    this.threads.push(thread);
    if ((birth as { interrupts?: boolean }).interrupts === true) this.handlers.add(thread);
    if (thread.id >= this.since.length) this.since = longer(this.since, thread.id);
    if (isDevice(birth)) {
      this.devices.add(thread);
      this.timers.add(time, thread);
    } else this.enqueue(thread, time);
  }

  /** The thread may run from `time` on. */
  private enqueue(thread: Thread, time: number): void {
    this.since[thread.id] = time;
    const rank = thread.cpu;
    const interrupts = this.handlers.has(thread);
    if (interrupts) this.runqueue[rank].unshift(thread);
    else this.runqueue[rank].push(thread);
    const current = this.current[rank];
    if (current !== null && current.spinning && (interrupts || current.pending!.kind === POLL)) {
      this.preempt(current, time);
    }
    if (this.current[rank] === null) this.schedule(rank);
    else if (thread.floats) this.lookLater();
  }

  /** Does the handler of an interrupt want the CPU? */
  private isInterrupted(rank: number): boolean {
    return this.handlers.size > 0 && this.runqueue[rank].some((thread) => this.handlers.has(thread));
  }

  /** A program that polls gives way when another thread wants its CPU. Kernel text that spins does for interrupts. */
  private preempt(thread: Thread, time: number): void {
    account[thread.mode] += Math.max(0, time - this.since[thread.id]);
    thread.spinning = false;
    this.watcher?.stops(thread, Math.max(time, this.since[thread.id]));
    this.current[thread.cpu] = null;
  }

  /** A CPU without a thread takes the first of its queue. */
  private schedule(rank: number): void {
    const thread = this.runqueue[rank].shift();
    if (thread === undefined) {
      this.becomesIdle(rank);
      return;
    }
    this.current[rank] = thread;
    clock[rank] = Math.max(clock[rank], this.since[thread.id]);
    if (this.balancer !== null) this.sliceEnd[rank] = clock[rank] + this.balancer.slice;
    if (thread.preempted) thread.preempted = false;
    else {
      mustAsk();
      this.proceed(rank, thread, thread.reply);
    }
    if (thread.pending?.kind !== POLL) thread.hasRun = true; // who only polls has not begun
    if (thread.pending === null && this.paid(rank)) this.ended(rank);
    else if (rank !== this.acting) this.arrivals[this.arrived++] = rank;
  }

  /** Has a user program had its slice, while others wait for its CPU? It gives way between two accesses. */
  private sliceOver(rank: number, kind: StepKind, value: number): boolean {
    if (kind !== LOAD && (kind !== UNLOCK || value !== INSTRUCTION_ENDS)) return false;
    if (clock[rank] < this.sliceEnd[rank]) return false;
    return this.runqueue[rank].length > 0;
  }

  /** The thread goes to the end of its CPU's queue. */
  private rotate(rank: number, thread: Thread, reply: number): void {
    thread.reply = reply;
    this.since[thread.id] = clock[rank];
    this.runqueue[rank].push(thread);
    this.giveUpCpu(rank);
  }

  private becomesIdle(rank: number): void {
    if (this.balancer === null) return;
    this.balancer.becomesIdle(rank, clock[rank]);
    this.lookLater();
  }

  /** Threads wait on busy CPUs: when will an idle one find them? */
  private lookLater(): void {
    const look = this.balancer!.nextLook(moment[0]);
    if (look === null || (this.look !== null && this.look.time <= look.time)) return;
    this.look = look;
    this.timers.add(look.time, this.balancing);
  }

  /** An idle CPU looks for threads, and takes some. */
  private balance(): void {
    const { look } = this;
    if (look === null || look.time !== moment[0]) return; // another look has come before it
    this.look = null;
    if (this.current[look.cpu] === null) {
      for (const thread of this.balancer!.pull(look)) this.enqueue(thread, moment[0] + this.hardware.wakeup);
    }
    this.lookLater();
  }

  private giveUpCpu(rank: number): void {
    this.current[rank] = null;
    this.schedule(rank);
  }

  /** A plain access pays for its line at the thread's next step. */
  plain(words: Words, index: number, write: boolean): void {
    if (this.lookahead !== null && words.confinedTo !== now.running.cpu) this.lookahead.uses(now.running, words);
    if (words.confinedTo !== ANYBODY) checkPlain(words, index, write, this.inDevice);
    if (this.inDevice) return;
    const rank = now.running.cpu;
    this.watcher?.touches(words, index);
    if (words.confinedTo !== ANYBODY) {
      chargeTicks(this.hardware.privateTicks(words, rank));
      return;
    }
    this.useWord(words, index, rank, write);
    chargeTicks(done[0] - clock[rank]);
  }
}

/** Does the step take a lock, or wait for those who have it? */
function isLock(kind: StepKind): boolean {
  return kind === LOCK || kind === LOCK_SHARED || kind === SYNCHRONIZE;
}

/** May the step take effect, or is it one that waits for a lock? */
function admits(step: Step): boolean {
  return !isLock(step.kind) || (step.object as Counted & { admits(step: Step): boolean }).admits(step);
}

/** Does the walk find a translation? The TLB has it then; if not, the CPU traps. */
function finds(walk: Walk, words: Words): boolean {
  return walk.translates(walk.leaves(words.get(walk.index)));
}

/** In the place of a rank. */
const DEVICE = -3;

function checkConfined(step: Step, rank: number): void {
  const { confinedTo } = step.object;
  if (confinedTo === rank || (confinedTo === READERS && step.kind === READ)) return;
  const who = confinedTo === READERS ? 'to readers' : `to CPU ${confinedTo}`;
  throw new Misuse(`${now.running.name}: ${step.object.label(step)}, which is confined ${who}`);
}

function checkPlain(words: Words, index: number, write: boolean, device: boolean): void {
  const { confinedTo } = words;
  if ((confinedTo === now.running.cpu && !device) || (confinedTo === READERS && !write)) return;
  throw new Misuse(`${now.running.name} uses ${words.describe(index)}, which is confined`);
}

/** Does the thread run on no CPU? */
function isDevice(birth: Birth): boolean {
  return (birth as { device?: boolean }).device === true;
}

/** How long a DELAY lasts. */
function delayTicks(step: Step): number {
  return Math.round(step.value * TICKS_PER_NS);
}
