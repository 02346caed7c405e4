/**
 * What time an access takes, from the state of the hardware: who has the line, how far away that is, whether a
 * transfer is under way, how much of a memory bus is taken. All times are ticks (see TICKS_PER_NS).
 */
import { type Line, MEMORY } from '../../machine/memory.ts';
import type { Shared } from '../../machine/step.ts';
import { type Cost, hops, nodeOf, type Profile, TICKS_PER_NS } from '../../machine/profile.ts';
import { Misuse, type Thread } from '../../machine/thread.ts';
import { allWork } from '../../machine/work.ts';

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
  /** Each CPU's own time. */
  readonly clock: Float64Array;
  /**
   * When the access that was asked for last is done. It is a cell, and not what the methods return, because V8 boxes
   * a double at every call that it does not inline.
   */
  readonly done = new Float64Array(1);
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
  protected hit: number;
  private readonly fromMemory: number;
  private readonly cpus: number;
  private readonly nodes: number;
  private readonly node: Uint16Array;
  /** Ticks to move a line between two nodes, [from * nodes + to]. */
  private readonly transfer: Float64Array;
  private readonly startSame: number;
  private readonly startOther: number;
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
    this.clock = new Float64Array(cpus);
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
    this.clearLocal = ticks(profile.clear.local);
    this.clearRemote = ticks(profile.clear.remote);
    this.busShare = profile.clear.bus.value / profile.clear.local.value;
    this.busFree = new Float64Array(this.nodes);
    this.memoryFree = new Float64Array(this.nodes);
    this.memoryPerKib = profile.clear.memory === undefined ? 0 : ticks(profile.clear.memory);
    this.homeFree = new Float64Array(this.nodes);
    this.atHome = profile.lineHome === undefined ? 0 : ticks(profile.lineHome);
    const read = profile.read ?? { ...profile.clear, cached: profile.clear.local };
    const { cached, local, remote, bus } = read;
    this.read = { cached: ticks(cached), local: ticks(local), remote: ticks(remote), bus: ticks(bus) };
    const pages = profile.read === undefined ? 0 : profile.geometry.cacheBytes / profile.geometry.pageBytes;
    this.caches = new PageCaches(this.nodes, Math.floor(pages));
  }

  /** Tick at which each node can arbitrate again, and how long it takes. */
  private readonly homeFree: Float64Array;
  private readonly atHome: number;
  /** Ticks per KiB. */
  protected read: Readonly<Record<'cached' | 'local' | 'remote' | 'bus', number>>;
  private readonly caches: PageCaches;

  private between(from: number, to: number): number {
    return this.transfer[this.node[from] * this.nodes + this.node[to]];
  }

  /** Ticks for `cpu` to get a line that `before` had (MEMORY: nobody). */
  protected fetch(before: number, cpu: number): number {
    if (before === cpu) return 0;
    return before === MEMORY ? this.fromMemory : this.between(before, cpu);
  }

  /** `cpu` uses a word of a structure now. */
  touch(object: Shared, index: number, cpu: number): void {
    const before = object.claim(index, cpu);
    const now = this.clock[cpu];
    if (before === cpu) {
      this.done[0] = now;
      return;
    }
    this.done[0] = object.lineFreeAt < 0 ? now + this.fetch(before, cpu) : this.transferOf(object, before, cpu);
  }

  /** One transfer of a line at a time; and one at a time of all that go from node to node by way of the line's home. */
  private transferOf(object: Shared, before: number, cpu: number): number {
    const now = this.clock[cpu];
    const { homeFree } = this;
    let start = object.lineFreeAt > now ? object.lineFreeAt : now;
    if (before !== MEMORY && this.atHome > 0 && this.node[before] !== this.node[cpu]) {
      const { home } = object;
      if (homeFree[home] > start) start = homeFree[home];
      homeFree[home] = start + this.atHome;
    }
    const end = start + this.fetch(before, cpu);
    object.lineFreeAt = end;
    return end;
  }

  /** For a CPU to use what is confined to it, or to readers: it is in its cache. */
  privateTicks(object: Shared, _cpu: number): number {
    return object.line === null ? 0 : this.hit;
  }

  /** `cpu` uses a line that others may want at the same time now. A transfer occupies the line. */
  access(line: Line, cpu: number, exclusive: boolean): void {
    if (line.owner === cpu && !(exclusive && line.copies !== null)) this.done[0] = this.clock[cpu] + this.hit;
    else if (exclusive) this.transferTo(line, cpu);
    else this.share(line, cpu);
  }

  private transferTo(line: Line, cpu: number): void {
    const end = this.startOn(line, cpu) + this.fetch(line.owner, cpu) + this.hit;
    this.note(line, end - this.clock[cpu]);
    line.owner = cpu;
    line.freeAt = end;
    line.version++;
    this.done[0] = end;
  }

  private startOn(line: Line, cpu: number): number {
    return line.freeAt > this.clock[cpu] ? line.freeAt : this.clock[cpu];
  }

  /** Read a line and keep a shared copy of it. */
  private share(line: Line, cpu: number): void {
    line.copies ??= new Int32Array(this.cpus);
    if (line.copies[cpu] === line.version) {
      this.done[0] = this.clock[cpu] + this.hit;
      return;
    }
    line.copies[cpu] = line.version;
    const end = this.startOn(line, cpu) + this.fetch(line.owner, cpu) + this.hit;
    line.freeAt = end;
    this.note(line, end - this.clock[cpu]);
    this.done[0] = end;
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
    this.done[0] = end;
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
    const now = this.clock[cpu];
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
    this.done[0] = end;
  }

  /** `cpu` reads the `bytes` of an object on memory node `home`. A node's memory serves one such job at a time. */
  load(object: Shared, cpu: number, bytes: number, home: number): void {
    const now = this.clock[cpu];
    const node = this.node[cpu];
    const { cached, local, remote, bus } = this.read;
    if (this.caches.has(object, node)) {
      this.done[0] = now + Math.round((bytes / 1024) * cached);
      return;
    }
    this.caches.add(object, node);
    const start = this.busFree[home] > now ? this.busFree[home] : now;
    this.busFree[home] = start + Math.round((bytes / 1024) * bus);
    this.done[0] = start + Math.round((bytes / 1024) * (home === node ? local : local + remote));
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

/** What the caches of each node have of pages that were read: the last so many that came from memory. */
class PageCaches {
  private readonly rings: (Shared | undefined)[][];
  private readonly next: number[];
  private readonly pages: number;

  constructor(nodes: number, pages: number) {
    this.pages = pages;
    this.rings = Array.from({ length: nodes }, () => []);
    this.next = this.rings.map(() => 0);
  }
  has(object: Shared, node: number): boolean {
    return node <= 30 && (object.inCaches & (1 << node)) !== 0;
  }
  /** The one that came first goes. */
  add(object: Shared, node: number): void {
    if (this.pages === 0 || node > 30) return;
    const ring = this.rings[node];
    const at = this.next[node];
    const gone = ring[at];
    if (gone !== undefined) gone.inCaches &= ~(1 << node);
    ring[at] = object;
    object.inCaches |= 1 << node;
    this.next[node] = (at + 1) % this.pages;
  }
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
