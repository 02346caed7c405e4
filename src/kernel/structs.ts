/**
 * The structures of the fault path, fields grouped by the lock that guards them.
 *
 * Left out: everything the fault path of an anonymous page does not touch (swap, memory control groups, NUMA
 * policies, prio trees). Layout: `mmap_sem` and `page_table_lock` share the first line of `mm_struct`, `rss` is on
 * the next; on 128-byte lines that is where 2.6.10 puts them.
 */
import { Cell, Line, Ref, Words } from '../machine/memory.ts';
import type { Geometry } from '../machine/profile.ts';
import { CLEAR, COPY, Step } from '../machine/step.ts';
import { KernelBug, running } from '../machine/thread.ts';
import { PageLock } from '../sync/pagelock.ts';
import { RwSemaphore } from '../sync/rwsem.ts';
import type { Smp } from '../sync/smp.ts';
import { Spinlock } from '../sync/spinlock.ts';
import type { Tlb } from '../sync/tlb.ts';
import type { FaultPath } from './fault-path.ts';
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
}

export const defaultConfig: Config = {
  HIGHPTE: false,
  PAGEVEC_SIZE: 14,
  DEBUG_PAGEALLOC: false,
  FAIL_PAGE_ALLOC: 0,
  max_prealloc_order: null,
};

/** What is counted of a run: its faults, and calls of update_mmu_cache with and without a pte behind the address. */
export interface Counters {
  /** Page faults taken; Linux counts them per CPU and adds them up in /proc/vmstat. */
  pgfault: number;
  update_mmu_cache: number;
  update_mmu_cache_absent: number;
}

const COUNT = 0;
const MAPCOUNT = 1;
/** Index of a page's first data word. */
export const DATA = 2;
/** Words of a page that programs can tell apart; the rest of its bytes are not modelled. */
export const PAGE_WORDS = 16;

/** `value` of a CLEAR that poisons a page: it is free, and nobody may use what it holds. Costs nothing. */
const POISON_BYTES = 0;

/** A page frame and its `struct page`. */
export class Page extends Words {
  readonly pfn: number;
  readonly zone: Zone;
  reserved = false;
  /** vma->anon_vma of a mapped anonymous page, 0 otherwise. */
  mapping = 0;
  /** Where a mapped anonymous page is, as a virtual page number: vm_pgoff counts from address 0. */
  index = 0;
  /** Free, and whoever looks at what it holds, or changes that, uses it after it was freed. */
  private poisoned = false;
  private count = 0;
  private mapcount = 0;
  private word0 = 0;
  private otherWords: number[] | null = null;
  private pg_locked: PageLock | null = null;
  /** CPU whose cache has the line of the struct page. */
  private owner = -1;

  constructor(pfn: number, zone: Zone) {
    super();
    this.pfn = pfn;
    this.zone = zone;
  }
  /** References of all kinds; the page is freed at 0. */
  get _count(): Ref {
    return new Ref(this, COUNT);
  }
  /** Ptes that map the page (Linux stores one less). */
  get _mapcount(): Ref {
    return new Ref(this, MAPCOUNT);
  }
  /** PG_locked. */
  get lock(): PageLock {
    return (this.pg_locked ??= new PageLock(`page ${this.pfn} lock`));
  }
  /** One of the PAGE_WORDS words the page holds. */
  contents(word: number): Ref {
    return new Ref(this, DATA + word);
  }
  describe(index: number): string {
    if (index >= DATA) return `page ${this.pfn}[${index - DATA}]`;
    return `page ${this.pfn}->${index === COUNT ? '_count' : '_mapcount'}`;
  }
  get(index: number): number {
    if (index === COUNT) return this.count;
    if (index === MAPCOUNT) return this.mapcount;
    return index === DATA ? this.word0 : (this.otherWords?.[index - DATA] ?? 0);
  }
  set(index: number, value: number): void {
    if (index === COUNT) this.count = value;
    else if (index === MAPCOUNT) this.mapcount = value;
    else if (index === DATA) this.word0 = value;
    else (this.otherWords ??= new Array<number>(PAGE_WORDS).fill(0))[index - DATA] = value;
  }
  /** What the page holds; with COPY and CLEAR it goes from page to page. */
  getContents(): readonly number[] {
    return [this.word0, ...(this.otherWords ?? [])];
  }
  setContents([first, ...others]: readonly number[]): void {
    this.word0 = first;
    this.otherWords = others.length === 0 ? null : others;
  }
  /** The page is free from this step on. */
  get poisonStep(): Step {
    return new Step(CLEAR, this, DATA, POISON_BYTES);
  }
  /** Nothing refers to it, nothing maps it, and it is zeroed: there is nothing to say of it. */
  get isFresh(): boolean {
    return this.count === 0 && this.mapcount === 0 && this.word0 === 0 && this.otherWords === null;
  }
  override label(step: Step): string {
    if (step.kind === COPY) return `copy from page ${this.pfn}`;
    if (step.kind !== CLEAR) return super.label(step);
    return `${step.value === POISON_BYTES ? 'free' : 'clear'} page ${this.pfn}`;
  }
  override perform(step: Step): number {
    if (step.kind === CLEAR) {
      this.word0 = 0;
      this.otherWords = null;
      this.poisoned = step.value === POISON_BYTES;
      return 0;
    }
    if (this.poisoned && step.index >= DATA) {
      throw new KernelBug('use after free', `${running.name}: ${this.label(step)}, and page ${this.pfn} is free`);
    }
    return step.kind === COPY ? 0 : super.perform(step);
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

  constructor(node: number, pages: number, pageBytes: number) {
    this.node = node;
    this.pageBytes = pageBytes;
    this.lock = new Spinlock(`zone${node}.lock`, '&zone->lock');
    this.free_pages = new Cell(`zone${node}.free_pages`, this.lock.ownLine(), pages);
    this.lru_lock = new Spinlock(`zone${node}.lru_lock`, '&zone->lru_lock');
    this.nr_active = new Cell(`zone${node}.nr_active`, this.lru_lock.ownLine());
  }
}

/** Pages a CPU keeps for itself, per zone; touched with interrupts off, by nobody else. */
export interface PerCpuPages {
  readonly list: Page[];
}

/** [vm_start, vm_end) of an address space. Anonymous and private here. */
export class Vma {
  readonly vm_mm: Mm;
  readonly name: string;
  readonly vm_start: Address;
  readonly vm_end: Address;
  readonly vm_flags: number;
  /** Number of its anon_vma, 0 for none yet. Published under page_table_lock, read without it. */
  readonly anon_vma: Cell;

  constructor(mm: Mm, name: string, start: Address, end: Address, flags: number) {
    this.vm_mm = mm;
    this.name = name;
    this.vm_start = start;
    this.vm_end = end;
    this.vm_flags = flags;
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
  /** Later kernels: pages that are not anonymous, which here is the zero page. */
  readonly file_rss: Cell;
  /** Threads that use the address space. */
  readonly mm_users: Cell;
  /** Tags its entries in TLBs. */
  readonly asid: number;
  /** CPUs that have run one of its threads, and may have its translations. */
  readonly cpu_vm_mask = new Set<number>();
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
    this.pgd = new PageTables(this, system.geometry);
    this.free_area_cache = system.mmap_base;
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
  /** [cpu][zone] */
  readonly pageset: readonly (readonly PerCpuPages[])[];
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
}

/** The page every untouched address reads from. */
export const ZERO_PFN = 0;
