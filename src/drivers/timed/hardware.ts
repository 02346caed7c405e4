/**
 * What time an access takes, from the state of the hardware: who has the line, how far away that is, whether a
 * transfer is under way, how much of a memory bus is taken. All times are ticks (see TICKS_PER_NS).
 */
import { type Line, MEMORY } from '../../machine/memory.ts';
import type { PageLine, Shared } from '../../machine/step.ts';
import { coreOf, type Cost, hops, nodeOf, otherOf, type Profile, TICKS_PER_NS } from '../../machine/profile.ts';
import { Misuse, type Thread } from '../../machine/thread.ts';
import { allWork } from '../../machine/work.ts';
import { clock, done, MOST_CPUS, resetCells } from './cells.ts';
import { LineQueue } from './line-queue.ts';

function ticks(cost: Cost): number {
  return Math.round(cost.value * TICKS_PER_NS);
}

/** Prices of private work by work id. Throws if there is work that the profile has no price for. */
export function workPrices(profile: Profile): Float64Array {
  return Float64Array.from(allWork(), ({ name, assumedNs }) => {
    const ns = profile.work[name]?.value ?? assumedNs;
    if (ns === null) {
      throw new Misuse(`profile ${profile.name} has no cost for the work '${name}': work('${name}', 40) assumes 40 ns`);
    }
    return Math.round(ns * TICKS_PER_NS);
  });
}

export class Hardware {
  readonly wakeup: number;
  /** Part of a transfer in which a lock's line serves nobody else, for each that spins; 0: `contention` says it. */
  private readonly perSpinner: number;
  private readonly flat: number;
  /** Times that a lock's line crosses from the CPU that releases it to the one that has spun for it. */
  private readonly handOverMoves: number;
  /** Ticks spent zeroing, and of these waiting for the bus. */
  readonly clearing = new Float64Array(2);
  /** Lines that have moved from one CPU to another, in order of the first time. */
  readonly moved: Line[] = [];
  /** For a CPU to use a line that it has. */
  hit: number;
  private readonly fromMemory: number;
  private readonly cpus: number;
  private readonly nodes: number;
  private readonly node: Uint16Array;
  /** Ticks to move a line between two nodes, [from * nodes + to]. */
  private readonly transfer: Float64Array;
  private readonly startSame: number;
  private readonly startOther: number;
  /** On an idle CPU no thread begins to run earlier than so long after somebody has seen to it. */
  readonly soonest: number;
  /** So far a CPU may be ahead that reads what its caches keep: before it is due no CPU reads AGE pages. */
  readonly lead: number;
  protected clearLocal: number;
  protected clearRemote: number;
  /** Part of the time of zeroing in which it keeps the bus busy. */
  private readonly busShare: number;
  /** Tick at which each node's memory bus is free. */
  private readonly busFree: Float64Array;
  /** The same of its memory, whoever uses it, and how long one KiB keeps it busy. */
  private readonly memoryFree: Float64Array;
  protected memoryPerKib: number;

  constructor(profile: Profile, cpus: number) {
    this.cpus = cpus;
    if (cpus > MOST_CPUS) throw new RangeError(`there are more than ${MOST_CPUS} CPUs`);
    resetCells();
    this.wakeup = ticks(profile.wakeup);
    this.perSpinner = busyPerSpinner(profile);
    this.handOverMoves = profile.spinlocks === undefined ? 1 : MOVES[profile.spinlocks.kind];
    this.flat = profile.spinlocks === undefined ? ticks(profile.contention) : 0;
    this.hit = ticks(profile.lineHit);
    this.fromMemory = ticks(profile.lineMemory);
    this.node = Uint16Array.from({ length: cpus }, (_, cpu) => nodeOf(profile, cpu));
    this.nodes = nodeOf(profile, cpus - 1) + 1;
    this.transfer = transferTicks(profile, this.nodes);
    this.startSame = ticks(profile.start[0]);
    this.startOther = ticks(profile.start[1]);
    this.soonest = Math.min(this.wakeup, this.startSame, this.startOther);
    this.clearLocal = ticks(profile.clear.local);
    this.clearRemote = ticks(profile.clear.remote);
    this.busShare = profile.clear.bus.value / profile.clear.local.value;
    this.busFree = new Float64Array(this.nodes);
    this.memoryFree = new Float64Array(this.nodes);
    this.memoryPerKib = profile.clear.memory === undefined ? 0 : ticks(profile.clear.memory);
    const { loop, local, remote, bus } = profile.read ?? { ...profile.clear, loop: profile.clear.local };
    this.read = { loop: ticks(loop), local: ticks(local), remote: ticks(remote), bus: ticks(bus) };
    const pages = profile.read === undefined ? 0 : profile.geometry.cacheBytes / profile.geometry.pageBytes;
    this.lead = Math.floor((AGE - 1) * this.read.loop * (profile.geometry.pageBytes / 1024));
    this.caches = new PageCaches(this.nodes, Math.floor(pages), profile.cpusPerNode);
    this.core = Uint16Array.from({ length: cpus }, (_, cpu) => coreOf(profile, cpu));
    this.other = Uint16Array.from({ length: cpus }, (_, cpu) => otherOf(profile, cpu));
    this.computes = new Float64Array(Math.max(cpus, profile.cpus));
    this.paceOfTwo = profile.cores?.pace.value ?? 1;
    this.second = profile.cores?.second.value ?? 0;
    this.anyOrder = profile.lineOrder === 'any';
  }

  /** Ticks per KiB. */
  protected read: Readonly<Record<'loop' | 'local' | 'remote' | 'bus', number>>;
  private readonly caches: PageCaches;
  /** Did the last `load` bring a page to the caches of a node, and what had to leave them? */
  fetched = false;
  left: PageLine | null = null;
  private readonly core: Uint16Array;
  /** By CPU: the other one of its core. */
  readonly other: Uint16Array;
  /** Until when the thread of each CPU computes. */
  private readonly computes: Float64Array;
  /** Of each of two threads that compute on one core. */
  private readonly paceOfTwo: number;
  private readonly second: number;
  private readonly anyOrder: boolean;
  /** Tick at which the transfer of the line of a struct page ends, by its number. */
  private pageFreeAt = new Float64Array(1024);

  private between(from: number, to: number): number {
    return this.transfer[this.node[from] * this.nodes + this.node[to]];
  }

  /** Ticks for `cpu` to get a line that `before` had (MEMORY: nobody). */
  protected fetch(before: number, cpu: number): number {
    if (before === cpu || (before >= 0 && this.core[before] === this.core[cpu])) return 0;
    return before === MEMORY ? this.fromMemory : this.between(before, cpu);
  }

  /** `cpu` uses word `index` of a structure now, whose line `before` had (MEMORY: nobody). */
  touch(object: Shared, _index: number, before: number, cpu: number): void {
    const now = clock[cpu];
    if (this.hasLeft(object, before)) {
      done[0] = now;
      return;
    }
    const line = object.pageLine();
    done[0] = line === null ? now + this.fetch(before, cpu) : this.transferOf(line, before, cpu);
  }

  /**
   * The node that used a page last has none of it in its caches any more, so that its struct page will not be there either.
   * Programs, and those who tear their mappings down, go through them in sequence: the next one is fetched ahead.
   */
  private hasLeft(object: Shared, before: number): boolean {
    return this.caches.pages > 0 && (before === MEMORY || !this.caches.has(object.pageLine(), this.node[before]));
  }

  /**
   * Will the line of a struct page cost the CPU the same in a moment, if nobody uses it until then? That depends on whether the
   * page is in the caches of the node that has the line. `willBeRead`: it may come there.
   */
  isSettled(page: PageLine, cpu: number, willBeRead: boolean): boolean {
    const before = page.owner;
    if (before === MEMORY || before === cpu || this.caches.pages === 0) return true;
    const node = this.node[before];
    return this.caches.has(page, node) ? !this.caches.isOld(page, node) : !willBeRead;
  }

  /** Is the page in the caches of the CPU's node, for longer than the lead that a CPU may have? */
  keeps(page: PageLine | null, cpu: number): boolean {
    const node = this.node[cpu];
    return this.caches.has(page, node) && !this.caches.isOld(page!, node);
  }

  nodeOf(cpu: number): number {
    return this.node[cpu];
  }

  /** One transfer of a line at a time. */
  private transferOf(line: PageLine, before: number, cpu: number): number {
    const now = clock[cpu];
    const { pfn } = line;
    if (pfn >= this.pageFreeAt.length) this.pageFreeAt = longer(this.pageFreeAt, pfn);
    const freeAt = this.pageFreeAt[pfn];
    const start = freeAt > now ? freeAt : now;
    const end = start + this.fetch(before, cpu);
    this.pageFreeAt[pfn] = end;
    return end;
  }

  /** For a CPU to use what is confined to it, or to readers: it is in its cache. */
  privateTicks(object: Shared, _cpu: number): number {
    return object.line === null ? 0 : this.hit;
  }

  /** `cpu` uses a line that others may want at the same time now. A transfer occupies the line. */
  access(line: Line, cpu: number, exclusive: boolean): void {
    if (line.owner === cpu && !(exclusive && line.copies !== null)) done[0] = clock[cpu] + this.hit;
    else if (exclusive) this.transferTo(line, cpu);
    else this.share(line, cpu);
  }

  private transferTo(line: Line, cpu: number): void {
    this.moveTo(line, cpu);
    line.owner = cpu;
    line.version++;
  }

  /** The line comes to a CPU, when it is that one's turn. */
  private moveTo(line: Line, cpu: number): void {
    const waited = this.anyOrder && (line.queue !== null || line.freeAt > clock[cpu]);
    const end = waited ? this.inAnyOrder(line, cpu) : this.inTurn(line, cpu);
    this.note(line, end - clock[cpu]);
    done[0] = end;
  }

  private inTurn(line: Line, cpu: number): number {
    line.freeAt = this.startOn(line, cpu) + this.fetch(line.owner, cpu) + this.hit;
    return line.freeAt;
  }

  /**
   * Those that wait are served in an order that is the hardware's: what a transfer takes is the mean over those that may
   * come before. If the other thread of the core waits already, the line may stay for this one too.
   */
  private inAnyOrder(line: Line, cpu: number): number {
    const now = clock[cpu];
    const queue = ((line.queue as LineQueue | null) ??= new LineQueue(this.nodes, this.cpus));
    const node = this.node[cpu];
    const core = this.core[cpu];
    const waiting = queue.waiting(now);
    const withOther = queue.servedAt(core);
    if (withOther > now && queue.isShared(this.second)) return withOther + this.hit;
    const from = waiting === 0 ? this.fetch(line.owner, cpu) : this.fetchFrom(queue, node);
    const end = this.startOn(line, cpu) + from + this.hit;
    line.freeAt = end;
    queue.add(end, node, core);
    return end;
  }

  /** Ticks for a node to get a line from whoever waits for it. */
  protected fetchFrom(queue: LineQueue, node: number): number {
    return queue.mean(this.transfer, node);
  }

  private startOn(line: Line, cpu: number): number {
    return line.freeAt > clock[cpu] ? line.freeAt : clock[cpu];
  }

  /** Read a line and keep a shared copy of it. */
  private share(line: Line, cpu: number): void {
    line.copies ??= new Int32Array(this.cpus);
    if (line.copies[cpu] === line.version) {
      done[0] = clock[cpu] + this.hit;
      return;
    }
    line.copies[cpu] = line.version;
    this.moveTo(line, cpu);
  }

  /** A CPU has waited for the line. */
  private note(line: Line, ticks: number): void {
    if (line.moves++ === 0) this.moved.push(line);
    line.stall += ticks;
  }

  /**
   * The next holder of a spinning lock gets it at `now[0]`. The line moves to it, as often as the kind of lock has it, and
   * once it has served the `others` that spin: `waiters` are these, if it is a lock they all want.
   */
  handOver(line: Line, cpu: number, now: Float64Array, others: number, waiters: readonly Thread[]): void {
    const reads = this.perSpinner > 0 && others > 0 ? this.readsOf(line, waiters) : 0;
    const moves = this.handOverMoves * this.fetch(line.owner, cpu);
    const end = now[0] + moves + reads + this.flat * others + this.hit;
    this.note(line, end - now[0]);
    line.owner = cpu;
    line.freeAt = end;
    done[0] = end;
  }

  /** How long all who spin on the line keep it busy with reading it again. */
  protected readsOf(line: Line, waiters: readonly Thread[]): number {
    const from = line.owner < 0 ? 0 : this.node[line.owner] * this.nodes;
    let sum = 0;
    for (const { cpu } of waiters) sum += this.transfer[from + this.node[cpu]];
    return Math.round(sum * this.perSpinner);
  }

  /** `cpu` zeroes `bytes` on memory node `home`. Its bus serves one such job at a time. */
  clear(cpu: number, bytes: number, home: number): void {
    const now = clock[cpu];
    const node = this.node[cpu];
    let start = this.busFree[node] > now ? this.busFree[node] : now;
    if (this.memoryPerKib > 0) {
      if (this.memoryFree[home] > start) start = this.memoryFree[home];
      this.memoryFree[home] = start + Math.round((bytes / 1024) * this.memoryPerKib);
    }
    const alone = (bytes / 1024) * (home === node ? this.clearLocal : this.clearLocal + this.clearRemote);
    const end = start + alone;
    this.busFree[node] = start + Math.round(alone * this.busShare);
    this.clearing[0] += end - now;
    this.clearing[1] += start - now;
    done[0] = end;
  }

  /** `cpu` reads the `bytes` of an object on memory node `home`. A node's memory serves one such job at a time. */
  load(object: Shared, cpu: number, bytes: number, home: number): void {
    const now = clock[cpu];
    const node = this.node[cpu];
    const { loop, local, remote, bus } = this.read;
    let end = now + this.slowed(cpu, Math.round((bytes / 1024) * loop));
    const page = object.pageLine();
    this.fetched = !this.caches.has(page, node);
    this.left = null;
    if (this.fetched) {
      if (page !== null) this.left = this.caches.add(page, node);
      const start = this.busFree[home] > now ? this.busFree[home] : now;
      this.busFree[home] = start + Math.round((bytes / 1024) * bus);
      const there = start + Math.round((bytes / 1024) * (home === node ? local : local + remote));
      if (there > end) end = there;
    }
    done[0] = end;
  }

  /**
   * How long a CPU computes, if it would take `alone` without the other thread of its core. When that one will be done has been
   * said already, so that whoever begins later pays for both: it gets what is left of the core.
   */
  private slowed(cpu: number, alone: number): number {
    if (this.paceOfTwo === 1) return alone;
    const now = clock[cpu];
    const both = Math.max(0, this.computes[this.other[cpu]] - now);
    const left = 2 * this.paceOfTwo - 1;
    const lasts = Math.round(left * both >= alone ? alone / left : alone + (1 - left) * both);
    this.computes[cpu] = now + lasts;
    return lasts;
  }

  /** Time from clone() on CPU `from` until the new thread runs on CPU `to`. */
  startDelay(from: number, to: number): number {
    return this.node[from] === this.node[to] ? this.startSame : this.startOther;
  }
}

/**
 * Who releases takes the line back from those that spin, who spins reads it, and who finds a test-and-set lock free has to
 * make the line its own.
 */
const MOVES = { 'test-and-set': 3, ticket: 2, queued: 2 } as const;

/** The winner of a test-and-set lock stands behind all who read the line again, that of a ticket lock behind half. */
function busyPerSpinner({ spinlocks }: Profile): number {
  if (spinlocks === undefined || spinlocks.kind === 'queued') return 0;
  return spinlocks.kind === 'ticket' ? spinlocks.busy.value / 2 : spinlocks.busy.value;
}

/** Pages that each CPU may bring to the caches of its node before one goes that is not old. */
const AGE = 8;

/** What the caches of each node have of pages that were read: the last so many that came from memory. */
class PageCaches {
  private readonly rings: (PageLine | undefined)[][];
  private readonly next: number[];
  readonly pages: number;
  /** One that leaves after so many others is old: in the lead that a CPU may have (here, and in lookahead.ts) no CPU reads more. */
  private readonly lastPages: number;
  /** Of which nodes each page is old, by number, a bit each. */
  private old = new Uint32Array(1024);

  constructor(nodes: number, pages: number, cpus: number) {
    this.pages = pages;
    this.lastPages = AGE * cpus;
    this.rings = Array.from({ length: nodes }, () => []);
    this.next = this.rings.map(() => 0);
  }
  has(page: PageLine | null, node: number): boolean {
    return page !== null && node <= 30 && (page.inCaches & (1 << node)) !== 0;
  }
  /** Will it go soon? */
  isOld({ pfn }: PageLine, node: number): boolean {
    return this.lastPages >= this.pages || (pfn < this.old.length && (this.old[pfn] & (1 << node)) !== 0);
  }
  /** The one that came first goes: replies that one. */
  add(page: PageLine, node: number): PageLine | null {
    if (this.pages === 0 || node > 30) return null;
    const ring = this.rings[node];
    const at = this.next[node];
    const gone = ring[at];
    if (gone !== undefined) gone.inCaches &= ~(1 << node);
    ring[at] = page;
    page.inCaches |= 1 << node;
    this.next[node] = (at + 1) % this.pages;
    this.age(page, ring[(at + this.lastPages) % this.pages], 1 << node);
    return gone ?? null;
  }
  private age(young: PageLine, old: PageLine | undefined, bit: number): void {
    if (young.pfn < this.old.length) this.old[young.pfn] &= ~bit;
    if (old === undefined || old === young) return;
    if (old.pfn >= this.old.length) this.old = longer(this.old, old.pfn);
    this.old[old.pfn] |= bit;
  }
}

/** The same with room for number `n`. */
export function longer<T extends Float64Array | Int32Array | Uint32Array | Uint16Array | Int16Array>(
  array: T,
  n: number,
): T {
  const result = new (array.constructor as new (length: number) => T)(Math.max(n + 1, 2 * array.length));
  result.set(array);
  return result;
}

function transferTicks(profile: Profile, nodes: number): Float64Array {
  const [sameBus, otherNode, furtherHop] = profile.lineTransfer.map(ticks) as [number, number, number];
  const table = new Float64Array(nodes * nodes);
  for (let from = 0; from < nodes; from++) {
    for (let to = 0; to < nodes; to++) {
      const distance = hops(from, to);
      table[from * nodes + to] = distance === 0 ? sameBus : otherNode + (distance - 1) * furtherHop;
    }
  }
  return table;
}
