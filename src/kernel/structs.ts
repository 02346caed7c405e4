/**
 * The structures of the fault path, fields grouped by the lock that guards them. Those of files are in fs.ts.
 *
 * Left out: swap, memory control groups, NUMA policies, prio trees. Layout: `mmap_sem` and `page_table_lock` share the first line of `mm_struct`, `rss` is on
 * the next; on 128-byte lines that is where 2.6.10 puts them.
 */
import { Cell, Line, Ref, Words } from '../machine/memory.ts';
import type { Geometry } from '../machine/profile.ts';
import { ADD, ANYBODY, CLEAR, COPY, DMA, LOAD, type PageLine, Step, type StepKind } from '../machine/step.ts';
import { KernelBug, running } from '../machine/thread.ts';
import { type PageLock, PageLocks } from '../sync/pagelock.ts';
import { RwSemaphore } from '../sync/rwsem.ts';
import type { Smp } from '../sync/smp.ts';
import { Spinlock } from '../sync/spinlock.ts';
import type { Tlb } from '../sync/tlb.ts';
import type { FaultPath } from './fault-path.ts';
import type { Disk, File, Inode } from './fs.ts';
import { PageTables } from './pgtable.ts';
import type { TableReads } from './table-reads.ts';

/** Bytes; user addresses of the model stay below 2^53. */
export type Address = number;
/** Result of a fault handler: one of the VM_FAULT codes. */
export type VmFault = number;

/** Codes of 2.6.9–2.6.12 (kernel-facts §3: include/linux/mm.h of 2.6.9). */
export const VM_FAULT_OOM = -1;
export const VM_FAULT_SIGBUS = 0;
export const VM_FAULT_MINOR = 1;
export const VM_FAULT_MAJOR = 2;

export const VM_READ = 1;
export const VM_WRITE = 2;
export const VM_EXEC = 4;
/** madvise(MADV_RANDOM). */
export const VM_RAND_READ = 8;
/** MAP_SHARED: stores are stores to the file. */
export const VM_SHARED = 16;
/** Arranged by remap_file_pages: addresses and offsets do not run in parallel. */
export const VM_NONLINEAR = 32;

/** What is set when the kernel is built, and by sysctl. */
export interface Config {
  /** Ptes are reached by an atomic kmap. */
  readonly HIGHPTE: boolean;
  /** Entries of a pagevec: 14 in 2.6.11, 16 in 2.6.9; 2.6.10 is between the two. */
  readonly PAGEVEC_SIZE: number;
  /** Free pages are poisoned: whoever uses what they hold is found. */
  readonly DEBUG_PAGEALLOC: boolean;
  /** Allocations of a page that may fail, each one here or there; the controlled driver tries them all. */
  readonly FAIL_PAGE_ALLOC: number;
  /** /proc/sys/vm/max_prealloc_order of the later prefault patches; null: what the patch sets. */
  readonly max_prealloc_order: number | null;
  /** Pages that readahead reads at a time, beginning with the one that is missing. */
  readonly ra_pages: number;
  /** Fault-around maps 2^n pages at most: constant 4 of the first patches, debugfs in 3.15. */
  readonly FAULT_AROUND_ORDER: number;
  /** Bytes that fault-around maps at most (debugfs, later kernels); null: what the kernel sets. */
  readonly fault_around_bytes: number | null;
  /** Pages of files count with the task that maps them, which adds them to rss now and then (3.14). Off for checks: they look at rss. */
  readonly SPLIT_RSS_COUNTING: boolean;
  /**
   * find_vma of 3.14 keeps the vma that it found last in the mm, where threads overwrite each other's. Off: a hint changes
   * nothing but the time, and would only give the explorer more orders to look at.
   */
  readonly mmap_cache: boolean;
}

export const defaultConfig: Config = {
  HIGHPTE: false,
  PAGEVEC_SIZE: 14,
  DEBUG_PAGEALLOC: false,
  FAIL_PAGE_ALLOC: 0,
  max_prealloc_order: null,
  ra_pages: 1,
  FAULT_AROUND_ORDER: 4,
  fault_around_bytes: null,
  SPLIT_RSS_COUNTING: false,
  mmap_cache: false,
};

/** What is counted of a run: its faults, and calls of update_mmu_cache with and without a pte behind the address. */
export interface Counters {
  /** Calls of handle_mm_fault; Linux counts them per CPU and adds them up in /proc/vmstat. */
  pgfault: number;
  /** min_flt and maj_flt of all tasks: a fault that is made again, because it has dropped mmap_sem, counts once. */
  faultsTaken: number;
  update_mmu_cache: number;
  update_mmu_cache_absent: number;
}

const COUNT = 0;
const MAPCOUNT = 1;
const MAPPING = 2;
/** page->flags, a word each. */
export const PG_uptodate = 3;
export const PG_dirty = 4;
export const PG_writeback = 5;
export const PG_readahead = 6;
export const PG_hwpoison = 7;
const FIELDS = [
  '_count',
  '_mapcount',
  'mapping',
  'PG_uptodate',
  'PG_dirty',
  'PG_writeback',
  'PG_readahead',
  'PG_hwpoison',
];
/** Index of a page's first data word. */
export const DATA = 8;
/** Words of a page that programs can tell apart; the rest of its bytes are not modelled. */
export const PAGE_WORDS = 16;

/** `value` of a CLEAR that poisons a page: it is free from this step on, and nobody may use what it holds. Costs nothing. */
export const POISON_BYTES = 0;

/** What a page holds, as its words are kept: the first one, and what is in each of the others, or all one by one. */
export interface Contents {
  readonly word0: number;
  readonly rest: number | readonly number[];
}
const ZEROS: Contents = { word0: 0, rest: 0 };
/** The same value in each word. */
export function filledWith(value: number): Contents {
  return { word0: value, rest: value };
}

/** page->flags that no step is about: it belongs to nobody who could free it. */
const PG_RESERVED = 1 << 29;
/** It is free: whoever looks at what it holds, or changes that, uses it after it was freed. */
const POISONED = 1 << 30;

/**
 * A page frame and its `struct page`. There may be millions: each field counts. What each fault uses comes first, in the order
 * in which they are set, so that it is on few of the cache lines of whoever runs this.
 */
export class Page extends Words implements PageLine {
  /**
   * What the page belongs to: 0 nothing, -n the anon_vma n of a mapped anonymous page, n the address_space n of a page in
   * a page cache. Guarded by the page lock there; those who look without it read `_mapping`.
   */
  mapping = 0;
  private count = 0;
  private mapcount = 0;
  /** A bit for each of the flags. */
  private flags = 0;
  private pg_locked: PageLock | null = null;
  /** CPU whose cache has the line of the struct page. */
  owner = -1;
  inCaches = 0;
  readonly pfn: number;
  readonly zone: Zone;
  /**
   * Its offset in the file, in pages; of a mapped anonymous page where it is, as a virtual page number: vm_pgoff counts
   * from address 0.
   */
  index: number;
  /** The block it was read from and is written to (buffer heads); 0: none. Guarded by the page lock. */
  block: number;
  /** What it holds (`Contents`); most programs use its first word only. */
  private word0: number;
  private rest: number | number[];

  constructor(pfn: number, zone: Zone, reserved = false) {
    super();
    this.pfn = pfn;
    this.zone = zone;
    this.index = 0;
    this.block = 0;
    this.word0 = 0;
    this.rest = 0;
    if (reserved) this.flags = PG_RESERVED;
  }
  get reserved(): boolean {
    return (this.flags & PG_RESERVED) !== 0;
  }
  override get home(): number {
    return this.zone.node;
  }
  /** References of all kinds; the page is freed at 0. */
  get _count(): Ref {
    return new Ref(this, COUNT);
  }
  /** Ptes that map the page (Linux stores one less). */
  get _mapcount(): Ref {
    return new Ref(this, MAPCOUNT);
  }
  get _mapping(): Ref {
    return new Ref(this, MAPPING);
  }
  /** One of the flags. */
  flag(flag: number): Ref {
    return new Ref(this, flag);
  }
  /** A flag as it is, for checks. */
  has(flag: number): boolean {
    return (this.flags & (1 << flag)) !== 0;
  }
  /** PG_locked. */
  get lock(): PageLock {
    return (this.pg_locked ??= this.zone.pageLocks.take(this));
  }
  /** Nobody has the lock, and nobody asks for it: it need not be there. */
  dropLock(): void {
    this.pg_locked = null;
  }
  /** One of the PAGE_WORDS words the page holds. */
  contents(word: number): Ref {
    return new Ref(this, DATA + word);
  }
  describe(index: number): string {
    if (index >= DATA) return `${this.name}[${index - DATA}]`;
    return `${this.name}->${FIELDS[index]}`;
  }
  protected get name(): string {
    return `page ${this.pfn}`;
  }
  get(index: number): number {
    if (index === DATA) return this.word0;
    if (index > DATA) return typeof this.rest === 'number' ? this.rest : this.rest[index - DATA];
    if (index === COUNT) return this.count;
    if (index === MAPCOUNT) return this.mapcount;
    return index === MAPPING ? this.mapping : (this.flags >> index) & 1;
  }
  set(index: number, value: number): void {
    if (index === DATA) this.word0 = value;
    else if (index > DATA) this.words()[index - DATA] = value;
    else if (index === COUNT) this.count = value;
    else if (index === MAPCOUNT) this.mapcount = value;
    else if (index === MAPPING) this.mapping = value;
    else this.flags = value === 0 ? this.flags & ~(1 << index) : this.flags | (1 << index);
  }
  /** All but the first one, each in its place. */
  private words(): number[] {
    if (typeof this.rest === 'number') this.rest = new Array<number>(PAGE_WORDS).fill(this.rest);
    return this.rest;
  }
  /** What the page holds; with COPY, CLEAR and DMA it goes from page to page. */
  getContents(): Contents {
    const { word0, rest } = this;
    return { word0, rest };
  }
  setContents({ word0, rest }: Contents): void {
    this.word0 = word0;
    this.rest = typeof rest === 'number' ? rest : [...rest];
  }
  /** Nobody has it any more: whoever gets it next finds no trace of its past. */
  forget(): void {
    this.mapping = 0;
    this.block = 0;
    this.flags &= PG_RESERVED | POISONED;
  }
  /** Nothing refers to it, nothing maps it, and it is zeroed: there is nothing to say of it. */
  get isFresh(): boolean {
    return this.count === 0 && this.mapcount === 0 && this.word0 === 0 && this.rest === 0;
  }
  override label(step: Step): string {
    const { kind, index, value } = step;
    if (kind === COPY) return `copy from ${this.name}`;
    if (kind === LOAD) return `read all of ${this.name}`;
    if (kind === DMA) return `device writes ${this.name}`;
    if (kind !== CLEAR) return super.label(step);
    if (index > DATA) return `clear ${this.describe(index)} and behind`;
    return `${value === POISON_BYTES ? 'free' : 'clear'} ${this.name}`;
  }
  override show(index: number, value: number): string {
    if (index !== MAPPING) return super.show(index, value);
    return value === 0 ? 'none' : value < 0 ? `anon_vma ${-value}` : `file ${value}`;
  }
  override perform(step: Step): number {
    if (step.kind === CLEAR && step.index === DATA) {
      this.setContents(ZEROS);
      this.flags = step.value === POISON_BYTES ? this.flags | POISONED : this.flags & ~POISONED;
      return 0;
    }
    if (step.kind === DMA && step.index === DATA && this.count > 0) this.flags &= ~POISONED; // it is somebody's again
    if (step.index >= DATA) this.mustBeUsed(step);
    if (step.kind === CLEAR) this.words().fill(0, step.index - DATA);
    return step.kind === COPY || step.kind === LOAD || step.kind === DMA || step.kind === CLEAR
      ? 0
      : super.perform(step);
  }
  override use(kind: StepKind, index: number, value: number, other: number): number {
    if (index >= DATA && (this.flags & POISONED) !== 0) this.mustBeUsed(new Step(kind, this, index, value, other));
    return super.use(kind, index, value, other);
  }
  private mustBeUsed(step: Step): void {
    if ((this.flags & POISONED) === 0) return;
    throw new KernelBug('use after free', `${running.name}: ${this.label(step)}, and ${this.name} is free`);
  }
  override pageLine(): this {
    return this;
  }
  get place(): number {
    return this.mapping > 0 ? this.index : -1;
  }
  lendTo(cpu: number): boolean {
    const { pg_locked } = this;
    if (cpu !== ANYBODY && (this.waiters !== null || (pg_locked !== null && !pg_locked.isOf(cpu)))) return false;
    this.confinedTo = cpu;
    if (pg_locked !== null) pg_locked.confinedTo = cpu;
    return true;
  }
  override claim(index: number, cpu: number): number {
    if (index >= DATA) return cpu;
    const before = this.owner;
    this.owner = cpu;
    return before;
  }
}

/** Free pages of one memory node, and its LRU. */
export class Zone {
  readonly node: number;
  readonly pageBytes: number;
  readonly lock: Spinlock;
  /** Written under `lock`, read without. */
  readonly free_pages: Cell;
  /** Guarded by `lock`: pages that were used and freed, the last one first; frames never used are made on demand. */
  readonly free_list: Page[] = [];
  readonly lru_lock: Spinlock;
  /** Guarded by `lru_lock`. */
  readonly nr_active: Cell;
  readonly pageLocks = new PageLocks();

  constructor(node: number, pages: number, pageBytes: number) {
    this.node = node;
    this.pageBytes = pageBytes;
    this.lock = new Spinlock(`zone${node}.lock`, '&zone->lock');
    this.free_pages = new Cell(`zone${node}.free_pages`, this.lock.ownLine(), pages);
    this.lru_lock = new Spinlock(`zone${node}.lru_lock`, '&zone->lru_lock');
    this.nr_active = new Cell(`zone${node}.nr_active`, this.lru_lock.ownLine());
  }
}

/**
 * Pages a CPU keeps for itself, touched with interrupts off, by nobody else. Which page a thread gets depends on what others of
 * its CPU do: whoever touches a list does `useStep` first.
 */
export class PerCpuPages extends Words {
  /** By memory node. */
  readonly lists: readonly Page[][];
  readonly useStep = new Step(ADD, this, 0, 0);
  private readonly name: string;

  constructor(cpu: number, nodes: number) {
    super();
    this.lists = Array.from({ length: nodes }, () => []);
    this.name = `CPU${cpu}.pageset`;
    this.confinedTo = cpu;
  }
  get(): number {
    return 0;
  }
  set(): void {
    // `useStep` adds nothing
  }
  describe(): string {
    return this.name;
  }
  /** It goes without saying. */
  override label(): string {
    return '';
  }
}

/** [vm_start, vm_end) of an address space. */
export class Vma {
  readonly vm_mm: Mm;
  readonly name: string;
  readonly vm_start: Address;
  readonly vm_end: Address;
  vm_flags: number;
  /** Null: anonymous memory. */
  readonly vm_file: File | null;
  /** Offset of vm_start in the file, in pages. */
  readonly vm_pgoff: number;
  /** Number of its anon_vma, 0 for none yet. Published under page_table_lock, read without it. */
  readonly anon_vma: Cell;
  /** It is no longer in the list, and has been freed: whoever uses it has kept it too long. */
  freed = false;

  constructor(
    mm: Mm,
    name: string,
    start: Address,
    end: Address,
    flags: number,
    file: File | null = null,
    pgoff: number = 0,
  ) {
    this.vm_mm = mm;
    this.name = name;
    this.vm_start = start;
    this.vm_end = end;
    this.vm_flags = flags;
    this.vm_file = file;
    this.vm_pgoff = pgoff;
    this.anon_vma = new Cell(`${name}.anon_vma`);
  }
}

/** What leads from an anonymous page to the vmas that may map it. Linux points to it, here it has a number. */
export class AnonVma {
  readonly number: number;
  readonly lock: Spinlock;
  /** Guarded by `lock`. */
  readonly head: Vma[] = [];

  /** `name` is that of the vma it was made for. */
  constructor(number: number, name: string) {
    this.number = number;
    this.lock = new Spinlock(`${name}.anon_vma->lock`, '&anon_vma->lock');
  }
}

/** CPUs, in the order in which they were added: mostly it is the same one again. */
class CpuMask extends Set<number> {
  private latest = -1;

  override add(cpu: number): this {
    if (cpu === this.latest) return this;
    this.latest = cpu;
    return super.add(cpu);
  }
}

/** An address space. */
export class Mm {
  readonly name: string;
  readonly system: System;
  /** Readers fault, writers change the list of vmas. */
  readonly mmap_sem: RwSemaphore;
  /** Guarded by mmap_sem, ordered by address. */
  readonly mmap: Vma[] = [];
  free_area_cache: Address;
  /** Guards the page tables, rss and vma->anon_vma. */
  readonly page_table_lock: Spinlock;
  readonly pgd: PageTables;
  /** All that counts in 2.6.10; anon_rss of later kernels. */
  readonly rss: Cell;
  /** Later kernels: pages that are not anonymous. */
  readonly file_rss: Cell;
  /** Where the vma begins that was found last, with the configuration of that name. On a line of its own, far from mmap_sem. */
  readonly mmap_cache: Cell;
  /** Threads that use the address space. */
  readonly mm_users: Cell;
  /** Tags its entries in TLBs. */
  readonly asid: number;
  /** CPUs that have run one of its threads, and may have its translations. */
  readonly cpu_vm_mask = new CpuMask();
  /** Set when exit_mmap has run. */
  dead = false;

  constructor(name: string, system: System) {
    this.name = name;
    this.system = system;
    this.asid = system.mms.length + 1;
    const first = new Line(`${name} mm_struct[0]`);
    const second = new Line(`${name} mm_struct[1]`);
    this.mmap_sem = new RwSemaphore(`${name}.mmap_sem`, '&mm->mmap_sem', first);
    this.page_table_lock = new Spinlock(`${name}.page_table_lock`, '&mm->page_table_lock', first);
    this.mm_users = new Cell(`${name}.mm_users`, first, 1);
    this.rss = new Cell(`${name}.rss`, second);
    this.file_rss = new Cell(`${name}.file_rss`, second);
    this.mmap_cache = new Cell(`${name}.mmap_cache`);
    this.pgd = new PageTables(this, system.geometry);
    this.free_area_cache = system.mmap_base;
  }
  /** Only threads on this CPU will ever use the address space, and no other looks into it. */
  confineTo(cpu: number): void {
    const { mmap_sem, page_table_lock, mmap_cache, mm_users, rss, file_rss, pgd } = this;
    mmap_cache.ownLine();
    for (const part of [mmap_sem, page_table_lock, mmap_cache, mm_users, rss, file_rss, pgd]) part.confinedTo = cpu;
  }
}

/** What in Linux is global: memory, per-CPU data, the kernel's own configuration. */
export interface System {
  readonly geometry: Geometry;
  readonly kernel: FaultPath;
  /** Where mmap starts to look for room. */
  readonly mmap_base: Address;
  /** All pages ever handed out, by pfn. Frames are numbered in the order of first use, over all nodes. */
  readonly mem_map: Page[];
  /** Memory nodes, and for each node the order in which an allocation tries them. */
  readonly zones: readonly Zone[];
  readonly zonelists: readonly (readonly Zone[])[];
  /** By CPU. */
  readonly pageset: readonly PerCpuPages[];
  /** Pages on their way to the LRU, by CPU. */
  readonly lru_add_active_pvecs: readonly Page[][];
  readonly cpu_to_node: readonly number[];
  /** Pages moved between a CPU's list and its zone at a time; a list is refilled when it holds `low` or fewer. */
  readonly pcp: { readonly low: number; readonly high: number; readonly batch: number };
  readonly config: Config;
  readonly smp: Smp;
  /** By CPU. */
  readonly tlbs: readonly Tlb[];
  /** Pages a mmu_gather holds before it flushes. */
  readonly FREE_PTE_NR: number;
  readonly mms: Mm[];
  /** What walks of page tables have read, by CPU. */
  readonly tableReads: readonly TableReads[];
  readonly counters: Counters;
  /** Allocations that have failed (FAIL_PAGE_ALLOC). */
  failedAllocations: number;
  /** anon_vmas made so far. */
  anon_vmas: number;
  /** Those in use, by number. */
  readonly anonVmas: Map<number, AnonVma>;
  /** Files, by the numbers of their address_spaces, from 1. */
  readonly inodes: Inode[];
  readonly disk: Disk;
}

/** The page every untouched address reads from. */
export const ZERO_PFN = 0;
