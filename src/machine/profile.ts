/** The shape of a hardware profile: every cost with its unit, where it is from, and how far to believe it. */

/** One figure. `measured`: somebody printed it. `calibrated`: from unpatched tables. `assumed`: neither. */
export interface Cost {
  readonly value: number;
  readonly unit: 'ns' | 'ns/KiB' | 'ns/waiter' | 'MiB' | 'ms' | 'share';
  readonly status: 'measured' | 'calibrated' | 'assumed';
  readonly source: string;
}

/** Sizes of pages and page tables. */
export interface Geometry {
  readonly pageShift: number;
  /** 2^pageShift */
  readonly pageBytes: number;
  /** Entries of a table of each level; a level of one entry is folded into the one above it. */
  readonly ptrsPerPte: number;
  readonly ptrsPerPmd: number;
  readonly ptrsPerPud: number;
  readonly ptrsPerPgd: number;
  /** Those of a pgd that are for user addresses. */
  readonly userPtrsPerPgd: number;
  readonly pteBytes: number;
  readonly pmdEntryBytes: number;
  /** Of a pgd, and of a pud. */
  readonly pgdEntryBytes: number;
  /** Bytes of a cache line. */
  readonly lineBytes: number;
  /** Bytes of a CPU's largest cache. */
  readonly cacheBytes: number;
  /** Bits of a long, and of a register. */
  readonly wordBits: 32 | 64;
  /** Data translations that a CPU keeps. */
  readonly tlbEntries: number;
  /** update_mmu_cache loads the TLB (sparc64), or a table that works like one (ppc64). */
  readonly softwareTlb?: true;
}

/** Where a process has its parts, in bytes from the lowest user address. */
export interface ProcessLayout {
  readonly text: number;
  readonly data: number;
  readonly libs: number;
  /** First byte above it. */
  readonly stackTop: number;
  readonly source: string;
}

/** How spinlocks of the machine's kernels hand over, and what that does to the line of the lock. */
export interface Spinlocks {
  /**
   * `test-and-set`: all who spin read the line again after each release, and the one that wins stands behind them when it
   * asks for the line a second time, to write. `ticket`: they read it again too, but whose turn it is waits for half of
   * them only, and need not write.
   * `queued`: each spins on a line of its own.
   */
  readonly kind: 'test-and-set' | 'ticket' | 'queued';
  /** Part of a transfer's time in which the line serves nobody else: reads of one line overlap but for this. */
  readonly busy: Cost;
}

/** How threads that are not bound to a CPU come to one. */
export interface Scheduler {
  /** `pull`: new ones wait on their creator's CPU until an idle one comes for them. `fork`: they start on the idlest near by. */
  readonly placement: 'pull' | 'fork';
  /** Time slice: a user program gives way after it, if others wait for its CPU. */
  readonly slice: Cost;
  /** So long after it has run, a thread is not moved. */
  readonly hot: Cost;
  /** How often an idle CPU looks for work on its own node. */
  readonly near: Cost;
  /** How often on all nodes: at first, and after looking in vain time and again. */
  readonly far: readonly [Cost, Cost];
  /** Nodes of one scheduling domain: `fork` looks no further. */
  readonly nodesPerDomain: number;
}

/** Two CPUs on a core: those of a node are numbered core by core, then once more. */
export interface Cores {
  /** The pace of each of two programs that compute on one core, as a part of that of one alone. */
  readonly pace: Cost;
  /** When a line comes to a core, and both of its threads have asked for it: how often the second one gets it before it goes. */
  readonly second: Cost;
}

/** A cost that calibration may set, between bounds. */
export interface FreeCost {
  /** Where it is in the profile: `clear.local`, `work.zap_pte`. */
  readonly path: string;
  readonly min: number;
  readonly max: number;
}

export interface Profile {
  readonly name: string;
  readonly title: string;
  readonly cpus: number;
  /** CPUs that share one memory bus and one memory node. */
  readonly cpusPerNode: number;
  readonly geometry: Geometry;
  readonly layout: ProcessLayout;
  /** Free memory of a node before allocation spills to the next. */
  readonly memoryPerNode: Cost;
  /** An atomic operation on a line the CPU already owns. */
  readonly lineHit: Cost;
  /** A line from another CPU's cache: [same bus, another node, each further hop]. */
  readonly lineTransfer: readonly [Cost, Cost, Cost];
  /** Cores with two threads. Left out: each CPU is a core. */
  readonly cores?: Cores;
  /** Which of those that wait for a line gets it next: `any` of them; left out: the one that came first. */
  readonly lineOrder?: 'any';
  /** A line from memory. */
  readonly lineMemory: Cost;
  /** Added to the hand-over of a spinning lock for each CPU that spins on it, where `spinlocks` says nothing. */
  readonly contention: Cost;
  readonly spinlocks?: Spinlocks;
  /** Zeroing memory: alone on a bus with local memory; the part that occupies the bus; the extra for another node. */
  readonly clear: {
    readonly local: Cost;
    readonly bus: Cost;
    readonly remote: Cost;
    /** The part that occupies the memory of the node it is on, whoever zeroes; none if it is left out. */
    readonly memory?: Cost;
  };
  /**
   * Reading memory: what the program itself takes, and beside that, what comes from memory of the node, the extra for
   * another one, and what part of that occupies the memory. Caches of a node keep what was read. Left out: as zeroing.
   */
  readonly read?: { readonly loop: Cost; readonly local: Cost; readonly remote: Cost; readonly bus: Cost };
  /** From the wake-up of a sleeper until it runs. */
  readonly wakeup: Cost;
  /** From clone() until the new thread runs: on the creator's node, on another. Only the first counts with a scheduler. */
  readonly start: readonly [Cost, Cost];
  readonly scheduler?: Scheduler;
  /** What calibration may set; all else is measured, or assumed and left alone. */
  readonly free?: readonly FreeCost[];
  /** Private work by name, each per unit. */
  readonly work: Readonly<Record<string, Cost>>;
}

/** Ticks of virtual time: 100 ps, so that sums of nanosecond costs stay exact integers in a double. */
export const TICKS_PER_NS = 10;

/** Memory node of a CPU. */
export function nodeOf(profile: Profile, cpu: number): number {
  return Math.floor(cpu / profile.cpusPerNode);
}

/** Core of a CPU; where a core has one CPU, that. */
export function coreOf(profile: Profile, cpu: number): number {
  const { cores, cpusPerNode } = profile;
  if (cores === undefined) return cpu;
  const perNode = cpusPerNode / 2;
  return nodeOf(profile, cpu) * perNode + ((cpu % cpusPerNode) % perNode);
}

/** The other CPU of its core; where a core has one CPU, that. */
export function otherOf({ cores, cpusPerNode }: Profile, cpu: number): number {
  if (cores === undefined) return cpu;
  const at = cpu % cpusPerNode;
  return cpu - at + ((at + cpusPerNode / 2) % cpusPerNode);
}

/** Router hops between two nodes: 0 on the same node, then the levels of a fat tree with two nodes a brick. */
export function hops(a: number, b: number): number {
  let distance = 0;
  while (a !== b) {
    a >>= 1;
    b >>= 1;
    distance++;
  }
  return distance;
}
