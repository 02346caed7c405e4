/**
 * The timed driver: runs coroutines on CPUs with clocks. The CPU with the least (time, rank) acts; its step takes
 * effect at that time, costs what the state of the hardware says, and its thread runs on to its next step. Private
 * work in between is added to the clock in one piece (lazy) or piece by piece (eager); because order is by (time,
 * rank) and never by insertion, both give the same run to the bit.
 *
 * Spinning waiters keep their CPU and are handed the lock in order of arrival; sleeping waiters give their CPU to the
 * next thread in its queue. Threads stay on the CPU they were started on and are not preempted.
 */
import { observePlain, type Words } from '../../machine/memory.ts';
import { type Profile, TICKS_PER_NS } from '../../machine/profile.ts';
import {
  BLOCKED,
  CLEAR,
  LOCK,
  LOCK_SHARED,
  POLL,
  READ,
  type Shared,
  SPAWN,
  type Step,
  type StepKind,
  UNLOCK,
  UNLOCK_SHARED,
  WALK,
} from '../../machine/step.ts';
import { type Birth, running, SYSTEM, Thread, USER, woken } from '../../machine/thread.ts';
import { bill, chargeTicks, setPrices } from '../../machine/work.ts';
import { Hardware, workPrices } from './hardware.ts';
import { type LockRow, LockTable } from './locks.ts';
import { CpuQueue } from './queue.ts';

export interface TimedOptions {
  readonly profile: Profile;
  readonly cpus: number;
  /** Synchronise after every single charge instead of adding them up: slower, same result. */
  readonly eager?: boolean;
  /** Keep the order of steps, as thread ids, for a replay under the controlled driver. */
  readonly recordOrder?: boolean;
  /** Called about every `every` steps with the virtual time in ns; for progress displays. */
  readonly progress?: { readonly every: number; readonly report: (nowNs: number) => void };
}

export interface TimedResult {
  /** Nanoseconds from the start to the last step. */
  readonly wallNs: number;
  /** CPU time of all threads. Spinning is CPU time, sleeping is not. */
  readonly userNs: number;
  readonly systemNs: number;
  /** CPU time spent zeroing pages, and the part of it spent waiting for a memory bus. */
  readonly clearNs: number;
  readonly busWaitNs: number;
  readonly steps: number;
  readonly locks: readonly LockRow[];
  /** Thread id of each step in the order in which they took effect; empty unless asked for. */
  readonly order: readonly number[];
  readonly threads: readonly Thread[];
  /** Threads that wait for ever, with what they wait for; empty when all have ended. */
  readonly stuck: readonly Thread[];
}

/** Run the threads to the end. */
export function runTimed(births: readonly Birth[], options: TimedOptions): TimedResult {
  const machine = new TimedMachine(options);
  try {
    return machine.run(births);
  } finally {
    observePlain(null);
    setPrices(new Float64Array(256), null);
  }
}

class TimedMachine {
  private readonly hardware: Hardware;
  private readonly locks = new LockTable();
  private readonly queue: CpuQueue;
  private readonly clock: Float64Array;
  private readonly current: (Thread | null)[];
  private readonly runqueue: Thread[][];
  /** Charges not paid yet, per CPU: (mode, ticks) pairs. Empty unless eager. */
  private readonly debts: number[][];
  private readonly charges: number[] | null;
  /** [USER, SYSTEM] */
  private readonly cpuTime = new Float64Array(2);
  private readonly threads: Thread[] = [];
  /** Since when a thread waits or may run, by thread id. */
  private since = new Float64Array(64);
  private readonly order: number[] | null;
  private readonly progress: TimedOptions['progress'];
  private steps = 0;
  private end = 0;

  constructor(options: TimedOptions) {
    const { profile, cpus } = options;
    this.hardware = new Hardware(profile, cpus);
    this.queue = new CpuQueue(cpus);
    this.clock = new Float64Array(cpus);
    this.current = new Array<Thread | null>(cpus).fill(null);
    this.runqueue = Array.from({ length: cpus }, () => []);
    this.debts = Array.from({ length: cpus }, () => []);
    this.charges = options.eager === true ? [] : null;
    this.order = options.recordOrder === true ? [] : null;
    this.progress = options.progress;
    setPrices(workPrices(profile), this.charges);
    observePlain((words, index, write) => {
      this.plain(words, index, write);
    });
  }

  run(births: readonly Birth[]): TimedResult {
    for (const birth of births) this.start(birth, null, 0, 0);
    const { queue, clock, current } = this;
    while (queue.size > 0) {
      const rank = queue.first();
      const thread = current[rank]!;
      do {
        if (this.debts[rank].length > 0) this.payOne(rank);
        else if (!this.act(rank, thread)) break;
      } while (queue.advance(clock[rank], rank));
    }
    return this.result();
  }

  private result(): TimedResult {
    return {
      wallNs: this.end / TICKS_PER_NS,
      userNs: this.cpuTime[USER] / TICKS_PER_NS,
      systemNs: this.cpuTime[SYSTEM] / TICKS_PER_NS,
      clearNs: this.hardware.clearTicks / TICKS_PER_NS,
      busWaitNs: this.hardware.busWaitTicks / TICKS_PER_NS,
      steps: this.steps,
      locks: this.locks.rows(),
      order: this.order ?? [],
      threads: this.threads,
      stuck: this.threads.filter((thread) => thread.pending !== null),
    };
  }

  /** Let the pending step of the CPU's thread take effect now. False: the CPU has left the queue or changed thread. */
  private act(rank: number, thread: Thread): boolean {
    const step = thread.pending!;
    // Words and locks go separate ways so that each way sees few classes: V8 is twice as fast that way.
    if (step.kind <= WALK) return this.actOnWord(rank, thread, step, step.object as Words);
    if (step.kind <= UNLOCK_SHARED) return this.actOnLock(rank, thread, step, step.object);
    return this.actOtherwise(rank, thread, step);
  }

  private actOnWord(rank: number, thread: Thread, step: Step, words: Words): boolean {
    const now = this.clock[rank];
    const { line } = words;
    const done =
      line === null
        ? now + this.hardware.fetch(words.claim(step.index, rank), rank)
        : this.hardware.access(line, rank, now, step.kind !== READ && step.kind !== WALK);
    this.spend(rank, thread, now, done);
    this.count(thread, done);
    this.proceed(rank, thread, words.perform(step));
    if (words.waiters !== null) this.grant(words, done);
    return thread.pending !== null || this.ended(rank);
  }

  private actOnLock(rank: number, thread: Thread, step: Step, lock: Shared): boolean {
    const now = this.clock[rank];
    if (!lock.ready(step, thread)) {
      this.locks.queued(lock, this.block(rank, thread, lock, (lock as { spins?: boolean }).spins === true));
      return false;
    }
    const done = this.hardware.access(lock.line!, rank, now, true);
    this.spend(rank, thread, now, done);
    this.count(thread, done);
    const reply = lock.perform(step, thread);
    if (reply === BLOCKED) {
      this.since[thread.id] = done;
      this.giveUpCpu(rank);
      return false;
    }
    this.note(step.kind, lock, reply, done);
    this.proceed(rank, thread, reply);
    if (lock.waiters !== null) this.grant(lock, done);
    if (woken.length > 0) this.wakeAll(lock, done);
    return thread.pending !== null || this.ended(rank);
  }

  private actOtherwise(rank: number, thread: Thread, step: Step): boolean {
    const now = this.clock[rank];
    const { object } = step;
    if (!object.ready(step, thread)) {
      this.block(rank, thread, object, step.kind === POLL);
      return false;
    }
    let done = now;
    if (step.kind === CLEAR) done = this.hardware.clear(rank, now, step.value, step.other);
    else if (step.kind !== SPAWN && object.line !== null) done = this.hardware.access(object.line, rank, now, false);
    this.spend(rank, thread, now, done);
    this.count(thread, done);
    const reply = object.perform(step, thread);
    if (step.kind === SPAWN) this.spawn(object as Birth, done, rank);
    this.proceed(rank, thread, reply);
    return thread.pending !== null || this.ended(rank);
  }

  /** The thread has used its CPU from `now` to `done`. */
  private spend(rank: number, thread: Thread, now: number, done: number): void {
    this.clock[rank] = done;
    this.cpuTime[thread.mode] += done - now;
  }

  private count(thread: Thread, done: number): void {
    this.steps++;
    if (this.order !== null) this.order.push(thread.id);
    if (this.progress !== undefined && this.steps % this.progress.every === 0) {
      this.progress.report(done / TICKS_PER_NS);
    }
  }

  /** Write a lock operation into the lock table. */
  private note(kind: StepKind, lock: Shared, reply: number, done: number): void {
    if (kind === UNLOCK) {
      this.locks.held(lock, done - lock.heldSince);
    } else if (kind === LOCK || kind === LOCK_SHARED || reply === 1) {
      this.locks.acquired(lock);
      lock.heldSince = done;
    }
  }

  /** The thread of the CPU has no next step. */
  private ended(rank: number): false {
    this.end = Math.max(this.end, this.clock[rank]);
    this.giveUpCpu(rank);
    return false;
  }

  /** Resume the thread; what it does before its next step is paid on its CPU's clock. */
  private proceed(rank: number, thread: Thread, reply: number): void {
    thread.resume(reply);
    if (this.charges !== null) {
      this.debts[rank].push(...this.charges);
      this.charges.length = 0;
      return;
    }
    const user = bill[USER];
    const system = bill[SYSTEM];
    this.cpuTime[USER] += user;
    this.cpuTime[SYSTEM] += system;
    this.clock[rank] += user + system;
    bill[USER] = 0;
    bill[SYSTEM] = 0;
  }

  private payOne(rank: number): void {
    const debts = this.debts[rank];
    const [mode, ticks] = debts.splice(0, 2) as [number, number];
    this.cpuTime[mode] += ticks;
    this.clock[rank] += ticks;
  }

  /** The thread's step cannot take effect: it spins on its CPU, or sleeps. Returns the number of waiters. */
  private block(rank: number, thread: Thread, object: Shared, spins: boolean): number {
    this.since[thread.id] = this.clock[rank]!;
    const waiters = (object.waiters ??= []);
    waiters.push(thread);
    thread.spinning = spins && this.runqueue[rank].length === 0;
    if (thread.spinning) {
      this.queue.pop();
    } else {
      this.giveUpCpu(rank);
    }
    return waiters.length;
  }

  /** After a change of `object`: its waiters that are ready now go on, in order of arrival. */
  private grant(object: Shared, now: number): void {
    const waiters = object.waiters!;
    let i = 0;
    while (i < waiters.length) {
      const thread = waiters[i];
      const { kind } = thread.pending!;
      if (object.ready(thread.pending!, thread)) {
        waiters.splice(i, 1);
        if (thread.spinning) this.grantSpinner(thread, object, now, kind === LOCK ? waiters.length : 0);
        else this.grantSleeper(thread, object, now);
      } else if (kind === LOCK) {
        break; // the others want the same lock
      } else {
        i++;
      }
    }
    if (waiters.length === 0) object.waiters = null;
  }

  private grantSpinner(thread: Thread, object: Shared, now: number, others: number): void {
    const step = thread.pending!;
    const rank = thread.cpu;
    const done = this.hardware.handOver(object.line!, rank, now, others);
    const waited = done - this.since[thread.id];
    this.cpuTime[thread.mode] += waited;
    this.clock[rank] = done;
    this.current[rank] = thread;
    this.count(thread, done);
    const reply = object.perform(step, thread);
    if (step.kind === LOCK) {
      this.locks.waited(object, waited);
      this.note(LOCK, object, reply, done);
    }
    this.proceed(rank, thread, reply);
    this.queue.push(this.clock[rank], rank);
  }

  private grantSleeper(thread: Thread, object: Shared, now: number): void {
    const step = thread.pending!;
    this.count(thread, now);
    const reply = object.perform(step, thread);
    if (step.kind === LOCK) {
      this.locks.waited(object, now - this.since[thread.id]);
      this.note(LOCK, object, reply, now);
    }
    this.wakeUp(thread, now, reply);
  }

  /** Sleepers whose queued step was ended by `object`. */
  private wakeAll(object: Shared, now: number): void {
    for (const thread of woken.splice(0)) {
      this.locks.waited(object, now - this.since[thread.id]);
      this.locks.acquired(object);
      this.wakeUp(thread, now, 0);
    }
  }

  /** A sleeper's step is done: it runs on when its CPU gets to it. */
  private wakeUp(thread: Thread, now: number, reply: number): void {
    thread.reply = reply;
    this.enqueue(thread, now + this.hardware.wakeup);
  }

  private spawn(birth: Birth, now: number, rank: number): void {
    this.start(birth, birth.exitStep, now, this.hardware.startDelay(rank, birth.cpu));
  }

  private start(birth: Birth, lastStep: Step | null, now: number, delay: number): void {
    const thread = new Thread(this.threads.length, birth.name, birth.cpu, birth.body(), lastStep);
    this.threads.push(thread);
    if (thread.id >= this.since.length) this.since = grown(this.since);
    this.enqueue(thread, now + delay);
  }

  /** The thread may run from `time` on. */
  private enqueue(thread: Thread, time: number): void {
    this.since[thread.id] = time;
    const rank = thread.cpu;
    this.runqueue[rank].push(thread);
    if (this.current[rank] === null) this.schedule(rank);
  }

  /** An idle CPU takes the first thread of its queue that has something to do, and is put among those that are due. */
  private schedule(rank: number): void {
    for (let thread = this.runqueue[rank].shift(); thread !== undefined; thread = this.runqueue[rank].shift()) {
      this.clock[rank] = Math.max(this.clock[rank], this.since[thread.id]);
      this.proceed(rank, thread, thread.reply);
      if (thread.pending !== null) {
        this.current[rank] = thread;
        this.queue.push(this.clock[rank], rank);
        return;
      }
      this.end = Math.max(this.end, this.clock[rank]);
    }
  }

  /** The CPU that is due has nothing to run for its thread. */
  private giveUpCpu(rank: number): void {
    this.queue.pop();
    this.current[rank] = null;
    this.schedule(rank);
  }

  /** A plain access pays for its line at the thread's next step. */
  private plain(words: Words, index: number, write: boolean): void {
    const rank = running.cpu;
    const line = words.line;
    if (line === null) {
      chargeTicks(this.hardware.fetch(words.claim(index, rank), rank));
      return;
    }
    const now = this.clock[rank];
    chargeTicks(this.hardware.access(line, rank, now, write) - now);
  }
}

function grown(array: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}
