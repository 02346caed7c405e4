/**
 * Where new threads run: the scheduler of 2.6, as far as a program sees it that starts its threads and waits for them.
 *
 * `pull` (2.6.10, load_balance of idle CPUs): a new thread waits on its creator's CPU. Each idle CPU looks around on its
 * own node every few milliseconds, and on all nodes at intervals that double from `far[0]` to `far[1]` while it looks in
 * vain. At what moment of these a program starts is random. It takes half of what its node lacks to the average, and
 * nothing if no node has more than a thread to a CPU: two threads stay on one node. `fork` (2.6.12, sched_balance_self): a
 * new thread starts on the node and CPU of its creator's scheduling domain that has the fewest threads; then as with `pull`.
 *
 * A thread that has run a moment ago is not moved: its cache is hot.
 *
 * Left out: busy CPUs that balance (once in 25 s), priorities, the tick of the clock.
 */
import { type Cost, nodeOf, type Profile, type Scheduler, TICKS_PER_NS } from '../../machine/profile.ts';
import type { Thread } from '../../machine/thread.ts';

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A moment at which an idle CPU looks for work: on its own node, or on all. */
export interface Look {
  readonly time: number;
  readonly cpu: number;
  readonly far: boolean;
}

/** Who is on each CPU, and who waits for it. */
export interface Waiting {
  readonly current: readonly (Thread | null)[];
  readonly runqueue: readonly Thread[][];
  /** Since when a thread waits, by thread id, in ticks. */
  readonly since: Float64Array;
}

export class Balancer {
  readonly slice: number;
  private readonly threads: Waiting;
  /** So long after it has run, a thread is not moved. */
  private readonly hot: number;
  private readonly scheduler: Scheduler;
  private readonly cpus: number;
  private readonly perNode: number;
  private readonly node: number[];
  private readonly near: number;
  private readonly far: readonly [number, number];
  /** Of the moments at which a CPU looks at its own node. */
  private readonly phase: number[];
  /** When each CPU looked at all nodes last, how long it waits until it does again, since when it is idle. */
  private readonly last: number[];
  private readonly interval: number[];
  private readonly idleSince: number[];

  constructor(profile: Profile, scheduler: Scheduler, cpus: number, seed: number, threads: Waiting) {
    const random = randomNumbers(seed);
    this.threads = threads;
    const all = Array.from({ length: cpus }, (_, cpu) => cpu);
    this.scheduler = scheduler;
    this.cpus = cpus;
    this.perNode = profile.cpusPerNode;
    this.node = all.map((cpu) => nodeOf(profile, cpu));
    this.slice = ticksOf(scheduler.slice);
    this.hot = ticksOf(scheduler.hot);
    this.near = ticksOf(scheduler.near);
    this.far = [ticksOf(scheduler.far[0]), ticksOf(scheduler.far[1])];
    this.phase = all.map(() => Math.floor(random() * this.near));
    this.last = all.map(() => -Math.floor(random() * this.far[1]));
    this.interval = all.map(() => this.far[1]);
    this.idleSince = all.map(() => 0);
  }

  /** Where a new thread begins. */
  placeNew(creator: number): number {
    if (this.scheduler.placement === 'pull') return creator;
    const load = this.load();
    const domainOf = (cpu: number): number => Math.floor(this.node[cpu] / this.scheduler.nodesPerDomain);
    const ring = Array.from({ length: this.cpus }, (_, i) => (creator + i) % this.cpus);
    const near = ring.filter((cpu) => domainOf(cpu) === domainOf(creator));
    const node = least(near, load, (cpu) => this.node[cpu]);
    return least(
      near.filter((cpu) => this.node[cpu] === node),
      load,
      (cpu) => cpu,
    );
  }

  /** Threads of each CPU, those that wait for it included. */
  private load(): number[] {
    const { runqueue, current } = this.threads;
    return runqueue.map((queue, cpu) => queue.length + (current[cpu] === null ? 0 : 1));
  }

  /** The CPU has nothing to do from `time` on. */
  becomesIdle(cpu: number, time: number): void {
    this.idleSince[cpu] = time;
  }

  /** The first moment after `now` at which one of the idle CPUs looks where threads wait; null: none does. */
  nextLook(now: number): Look | null {
    const { runqueue, current } = this.threads;
    const nodes = new Set(this.node.filter((_, cpu) => runqueue[cpu].some((thread) => thread.floats)));
    if (nodes.size === 0) return null;
    let first: Look | null = null;
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      if (current[cpu] !== null) continue;
      const far = !nodes.has(this.node[cpu]);
      const time = far ? this.nextFar(cpu, now) : this.nextNear(cpu, now);
      if (first === null || time < first.time) first = { time, cpu, far };
    }
    return first;
  }

  private nextNear(cpu: number, now: number): number {
    return (Math.floor((now - this.phase[cpu]) / this.near) + 1) * this.near + this.phase[cpu];
  }

  /** Moments that have gone by found nothing to do, and each makes the CPU wait twice as long for the next. */
  private nextFar(cpu: number, now: number): number {
    let at = Math.max(this.last[cpu] + this.interval[cpu], this.idleSince[cpu]);
    while (at <= now) {
      this.waitsLonger(cpu, at);
      at = this.last[cpu] + this.interval[cpu];
    }
    return at;
  }

  private waitsLonger(cpu: number, at: number): void {
    this.last[cpu] = at;
    this.interval[cpu] = Math.min(2 * this.interval[cpu], this.far[1]);
  }

  /** What an idle CPU takes: these threads are on it from now on, and in no queue. */
  pull(look: Look): Thread[] {
    const { threads, node } = this.toPull(look);
    const pulled: Thread[] = [];
    while (pulled.length < threads) {
      const queue = this.longestQueue(node, look.time);
      if (queue === null) break;
      const at = queue.findLastIndex((thread) => this.mayMove(thread, look.time));
      const [thread] = queue.splice(at, 1);
      thread.cpu = look.cpu;
      pulled.push(thread);
    }
    if (pulled.length > 0) this.hasPulled(look);
    else this.lookedInVain(look);
    return pulled;
  }

  /** Of the queues of a node the longest that has a thread which may move; null: there is none. */
  private longestQueue(node: number, now: number): Thread[] | null {
    let found: Thread[] | null = null;
    this.threads.runqueue.forEach((queue, cpu) => {
      if (this.node[cpu] !== node || !queue.some((thread) => this.mayMove(thread, now))) return;
      if (found === null || queue.length > found.length) found = queue;
    });
    return found;
  }

  /** Nothing ties the thread to its CPU, not even a warm cache. */
  private mayMove(thread: Thread, now: number): boolean {
    if (!thread.floats) return false;
    return !thread.hasRun || now - this.threads.since[thread.id] >= this.hot;
  }

  /** How many threads an idle CPU would take, and from the queues of which node. */
  private toPull({ cpu, far }: Look): { threads: number; node: number } {
    const load = this.load();
    const home = this.node[cpu];
    if (!far) return { threads: 1, node: home };
    const ofNode = new Array<number>(this.node[this.cpus - 1] + 1).fill(0);
    load.forEach((threads, at) => (ofNode[this.node[at]] += threads / this.perNode));
    const most = Math.max(...ofNode);
    const mean = load.reduce((sum, threads) => sum + threads, 0) / this.cpus;
    if (most <= 1) return { threads: 0, node: home };
    const lacking = Math.min(most - mean, mean - ofNode[home]) * this.perNode;
    return { threads: Math.max(1, Math.floor(lacking + 1e-9)), node: ofNode.indexOf(most) };
  }

  private lookedInVain({ cpu, far, time }: Look): void {
    if (far) this.waitsLonger(cpu, time);
  }

  private hasPulled({ cpu, far, time }: Look): void {
    if (!far) return;
    this.last[cpu] = time;
    this.interval[cpu] = this.far[0];
  }
}

/** The group with the fewest threads to a CPU, the first in the order of `cpus` if several have. */
function least(cpus: readonly number[], load: readonly number[], groupOf: (cpu: number) => number): number {
  const sums = new Map<number, { threads: number; cpus: number }>();
  for (const cpu of cpus) {
    const sum = sums.get(groupOf(cpu)) ?? { threads: 0, cpus: 0 };
    sums.set(groupOf(cpu), { threads: sum.threads + load[cpu], cpus: sum.cpus + 1 });
  }
  let best = groupOf(cpus[0]);
  const mean = (group: number): number => sums.get(group)!.threads / sums.get(group)!.cpus;
  for (const group of sums.keys()) if (mean(group) < mean(best)) best = group;
  return best;
}

function ticksOf(cost: Cost): number {
  return Math.round(cost.value * (cost.unit === 'ms' ? 1e6 : 1) * TICKS_PER_NS);
}
