/**
 * The structures of the fault path, fields grouped by the lock that guards them.
 *
 * Left out: everything the fault path of an anonymous page does not touch (swap, memory control groups, NUMA
 * policies, prio trees). Layout: `mmap_sem` and `page_table_lock` share the first line of `mm_struct`, `rss` is on
 * the next; on 128-byte lines that is where 2.6.10 puts them.
 */
import { Cell, Line, Ref, Words } from '../machine/memory.ts';
import type { Geometry } from '../machine/profile.ts';
import { CLEAR, type Step } from '../machine/step.ts';
import { PageLock } from '../sync/pagelock.ts';
import { RwSemaphore } from '../sync/rwsem.ts';
import { Spinlock } from '../sync/spinlock.ts';
import type { FaultPath } from './fault-path.ts';
import { PageTables } from './pgtable.ts';

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

const COUNT = 0;
const MAPCOUNT = 1;
/** Index of a page's first data word. */
export const DATA = 2;
/** Words of a page that programs can tell apart; the rest of its bytes are not modelled. */
export const PAGE_WORDS = 16;

/** A page frame and its `struct page`. */
export class Page extends Words {
  readonly pfn: number;
  readonly zone: Zone;
  reserved = false;
  /** vma->anon_vma of a mapped anonymous page, 0 otherwise. */
  mapping = 0;
  /** Where a mapped anonymous page is, as a virtual page number: vm_pgoff counts from address 0. */
  index = 0;
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
  /** Nothing refers to it, nothing maps it, and it is zeroed: there is nothing to say of it. */
  get isFresh(): boolean {
    return this.count === 0 && this.mapcount === 0 && this.word0 === 0 && this.otherWords === null;
  }
  override label(step: Step): string {
    return step.kind === CLEAR ? `clear page ${this.pfn}` : super.label(step);
  }
  override perform(step: Step): number {
    if (step.kind !== CLEAR) return super.perform(step);
    this.word0 = 0;
    this.otherWords = null;
    return 0;
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
  readonly rss: Cell;
  /** Threads that use the address space. */
  readonly mm_users: Cell;
  /** Set when exit_mmap has run. */
  dead = false;

  constructor(name: string, system: System) {
    this.name = name;
    this.system = system;
    const first = new Line(`${name} mm_struct[0]`);
    const second = new Line(`${name} mm_struct[1]`);
    this.mmap_sem = new RwSemaphore(`${name}.mmap_sem`, '&mm->mmap_sem', first);
    this.page_table_lock = new Spinlock(`${name}.page_table_lock`, '&mm->page_table_lock', first);
    this.mm_users = new Cell(`${name}.mm_users`, first, 1);
    this.rss = new Cell(`${name}.rss`, second);
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
  readonly PAGEVEC_SIZE: number;
  /** Pages a mmu_gather holds before it flushes. */
  readonly FREE_PTE_NR: number;
  readonly mms: Mm[];
  /** Page faults taken; Linux counts them per CPU and adds them up in /proc/vmstat. */
  pgfault: number;
  /** anon_vmas made so far. */
  anon_vmas: number;
  /** Those in use, by number. */
  readonly anonVmas: Map<number, AnonVma>;
}

/** The page every untouched address reads from. */
export const ZERO_PFN = 0;
