/**
 * Page tables of up to four levels and the values of ptes. A pte is one number: pfn and flags, 0 is `none`.
 *
 * There are always four: a level that a machine does not have is folded, its tables have one entry. So are the puds of
 * all machines but x86-64 (which has them in generic code since 2.6.11), and the pmds of i386 without PAE.
 *
 * All ptes of an address space are words of one object, `PageTables`, indexed by virtual page number. The MMU walks
 * by that index (a walk that ends at a missing table reads `none`), the kernel by way of pgd, pmd and `pte_offset_map`;
 * both name the same word.
 *
 * Tables are put in with page_table_lock held, and that is a step (`pmd_populate`). Who holds the lock looks at entries of upper
 * levels as they are (`pmd_offset`, `pmd_page`); who does not makes a step of that too (`pmd_present`).
 */
import { READ_ONCE, Ref, Words, WRITE_ONCE } from '../machine/memory.ts';
import { type Coroutine, NOTHING, type Step } from '../machine/step.ts';
import { KernelBug, running, smp_processor_id } from '../machine/thread.ts';
import type { Geometry } from '../machine/profile.ts';
import { charge, work } from '../machine/work.ts';
import { Spinlock } from '../sync/spinlock.ts';
import type { RadixTables } from './radix-tables.ts';
import { current, type Task } from './sched.ts';
import type { Address, Mm, Page, Vma } from './structs.ts';

export const _PAGE_PRESENT = 1;
export const _PAGE_RW = 2;
export const _PAGE_ACCESSED = 4;
export const _PAGE_DIRTY = 8;
/** In a pte that is not present, as on i386 the same bit. */
const _PAGE_FILE = _PAGE_DIRTY;
const PFN_SHIFT = 4;
/** More than any index of a pte. */
const NO_ENTRY = 2 ** 30;

/** A C `pte_t *`: which word of which address space's page tables. */
export type Ptep = Ref;

const WALK = work('page_table_walk');

export function pte_none(pte: number): boolean {
  return pte === 0;
}
export function pte_present(pte: number): boolean {
  return (pte & _PAGE_PRESENT) !== 0;
}
export function pte_write(pte: number): boolean {
  return (pte & _PAGE_RW) !== 0;
}
export function pte_pfn(pte: number): number {
  return pte >>> PFN_SHIFT;
}
/** The page a present pte points to. */
export function pte_page(mm: Mm, pte: number): Page {
  return mm.system.mem_map[pte_pfn(pte)];
}
export function mk_pte(page: Page, protection: number): number {
  return (page.pfn << PFN_SHIFT) | protection;
}
export function pte_wrprotect(pte: number): number {
  return pte & ~_PAGE_RW;
}
export function pte_dirty(pte: number): boolean {
  return (pte & _PAGE_DIRTY) !== 0;
}
export function pte_mkdirty(pte: number): number {
  return pte | _PAGE_DIRTY;
}
export function pte_mkyoung(pte: number): number {
  return pte | _PAGE_ACCESSED;
}
export function pte_mkwrite(pte: number): number {
  return pte | _PAGE_RW;
}
export function pte_young(pte: number): boolean {
  return (pte & _PAGE_ACCESSED) !== 0;
}
export function pte_mkold(pte: number): number {
  return pte & ~_PAGE_ACCESSED;
}

export function pte_mkclean(pte: number): number {
  return pte & ~_PAGE_DIRTY;
}
/** Not present, and it says which page of the file is to be here: in vmas that are not linear. */
export function pte_file(pte: number): boolean {
  return pte !== 0 && !pte_present(pte);
}
export function pgoff_to_pte(pgoff: number): number {
  return (pgoff << PFN_SHIFT) | _PAGE_FILE;
}
export function pte_to_pgoff(pte: number): number {
  return pte >>> PFN_SHIFT;
}

/** For traces and witnesses: `none`, `pfn 7 rw dirty`, `pfn 7 rw dirty old`, `file page 3`. */
export function show_pte(pte: number): string {
  if (pte === 0) return 'none';
  if (pte_file(pte)) return `file page ${pte_to_pgoff(pte)}`;
  const access = pte_write(pte) ? 'rw' : 'ro';
  return `pfn ${pte_pfn(pte)} ${access}${(pte & _PAGE_DIRTY) !== 0 ? ' dirty' : ''}${pte_young(pte) ? '' : ' old'}`;
}

/** One page full of ptes, a part of the address space's page tables. */
export class PtePage extends Words {
  readonly tables: PageTables;
  private lock: Spinlock | null = null;
  /** Virtual page number of entry 0. */
  override readonly base: number;
  /** Its ptes are so many of these, from `first` on. */
  private readonly room: Int32Array;
  private readonly first: number;
  /** Entries written so far. */
  writes = 0;
  /** Entries outside have never been set: for those who look at all. */
  private lowest = NO_ENTRY;
  private highest = -1;
  /** CPU that has each cache line of the page, plus one; 0 is memory. Kept where lines are followed. */
  private owners: Uint16Array | null = null;

  constructor(tables: PageTables, base: number) {
    super();
    this.tables = tables;
    this.serial = tables.serial;
    this.confinedTo = tables.confinedTo;
    this.base = base;
    const { room, first } = tables.takeRoom();
    this.room = room;
    this.first = first;
  }
  override get whole(): PageTables {
    return this.tables;
  }
  /** Split page-table lock: in Linux it is in the struct page of this page. */
  get ptl(): Spinlock {
    return (this.lock ??= this.confinedTo >= 0 ? this.tables.onlyLock : this.newLock());
  }
  private newLock(): Spinlock {
    return new Spinlock(`${this.tables.mm.name}.ptl[${this.base}]`, 'ptl');
  }
  /** Which entry maps `vpn`: an integer for V8 too. */
  entry(vpn: number): number {
    return (vpn - this.base) | 0;
  }
  get(index: number): number {
    return this.room[this.first + index];
  }
  set(index: number, pte: number): void {
    const task = running.task as Task | null;
    if (task !== null) {
      task.ptesWritten++;
      if (this.get(index) === 0 && pte !== 0) task.ptesMapped++;
    }
    this.writes++;
    this.room[this.first + index] = pte;
    if (index < this.lowest) this.lowest = index;
    if (index > this.highest) this.highest = index;
  }
  /** Visit every present pte as (vpn, pte). */
  forEachPresent(visit: (vpn: number, pte: number) => void): void {
    for (let i = this.lowest; i <= this.highest; i++) {
      const pte = this.get(i);
      if (pte_present(pte)) visit(this.base + i, pte);
    }
  }
  override claim(index: number, cpu: number): number {
    if (this.confinedTo >= 0) return cpu;
    const { geometry, lineShift } = this.tables;
    this.owners ??= new Uint16Array((geometry.ptrsPerPte >> lineShift) + 1);
    const line = index >> lineShift;
    const before = this.owners[line] - 1;
    this.owners[line] = cpu + 1;
    return before;
  }
  describe(index: number): string {
    return this.tables.describe(this.base + index);
  }
  override show(_index: number, pte: number): string {
    return show_pte(pte);
  }
}

/**
 * The entries of one upper level, for those who look without page_table_lock: 1 if there is a table below. Word n is about all
 * that table n of the level below maps. What it costs to get at their lines is counted with the walks.
 */
class TableEntries extends Words {
  private readonly tables: PageTables;
  private readonly level: 'pgd' | 'pud' | 'pmd';
  /** Pages of ptes below an entry, as a power of 2. */
  private readonly shift: number;

  constructor(tables: PageTables, level: 'pgd' | 'pud' | 'pmd', shift: number) {
    super();
    this.tables = tables;
    this.level = level;
    this.shift = shift;
    this.confinedTo = tables.confinedTo;
  }
  /** The entry for an address. */
  at(address: Address): Ref {
    return new Ref(this, table_number(this.tables.mm, address) >> this.shift);
  }
  get(index: number): number {
    return this.tables.has(this.level, index << this.shift) ? 1 : 0;
  }
  set(index: number): void {
    this.tables.populate(this.level, index << this.shift);
  }
  describe(index: number): string {
    const { mm, tableBytes } = this.tables;
    const start = index * 2 ** this.shift * tableBytes;
    const end = start + 2 ** this.shift * tableBytes;
    const vma = mm.mmap.find(({ vm_start, vm_end }) => vm_start < end && start < vm_end);
    if (vma === undefined) return `${this.level}[${index}]`;
    return `${this.level}[${vma.name}+${Math.max(0, start - vma.vm_start) / this.tables.geometry.pageBytes}]`;
  }
  override show(_index: number, present: number): string {
    return present === 0 ? 'none' : 'a table';
  }
}

/** A pmd table: one entry per page of ptes. */
export type PmdPage = (PtePage | undefined)[];
/** A pud table: one entry per pmd table. */
export type PudPage = (PmdPage | undefined)[];

const PAGES_OF_A_SLAB = 64;

/** The `struct page` of a pmd table, of which patches use `index`: one word, here in halves of 32 bits. */
export class TablePage extends Words {
  private readonly name: string;
  private readonly halves = new Int32Array(2);

  constructor(name: string) {
    super();
    this.name = name;
  }
  get(half: number): number {
    return this.halves[half];
  }
  set(half: number, bits: number): void {
    this.halves[half] = bits;
  }
  /** What it costs to get at the line is counted with the walks. */
  override claim(_half: number, cpu: number): number {
    return cpu;
  }
  describe(half: number): string {
    return `${this.name}->index${half === 0 ? '' : ' (upper half)'}`;
  }
  override show(_half: number, bits: number): string {
    return `0x${(bits >>> 0).toString(16)}`;
  }
}

export class PageTables extends Words {
  readonly mm: Mm;
  readonly geometry: Geometry;
  /** The pgd: one entry per pud table. Guarded by page_table_lock. */
  readonly entries: (PudPage | undefined)[] = [];
  /** Bytes that one page of ptes maps. */
  readonly tableBytes: number;
  /** Take the number of a page of ptes apart into its pgd, pud and pmd index. */
  readonly pmdShift: number;
  readonly pmdMask: number;
  readonly pgdShift: number;
  readonly pudMask: number;
  /** Ptes on a cache line, as a power of 2. */
  readonly lineShift: number;
  /** What numbers of pages and of pages of ptes are made with: exact, they are powers of 2, and faster than to divide. */
  readonly perPageByte: number;
  private readonly perPte: number;
  /** The page of ptes that was asked for last: mostly it is asked for again. */
  private lastTable = -1;
  private lastLeaf: PtePage | undefined;
  /** Pages of ptes, nr_ptes of later kernels. */
  nr_ptes = 0;
  /** For patches: the struct pages of pmd tables; a tree that kernel text walks in the place of these arrays. */
  readonly tablePages = new Map<PmdPage, TablePage>();
  tree: RadixTables<PtePage> | null = null;

  private upper: Record<'pgd' | 'pud' | 'pmd', TableEntries> | null = null;
  private sharedLock: Spinlock | null = null;
  private slab: Int32Array | null = null;
  private slabUsed = 0;

  constructor(mm: Mm, geometry: Geometry) {
    super();
    this.mm = mm;
    this.geometry = geometry;
    this.tableBytes = geometry.pageBytes * geometry.ptrsPerPte;
    this.pmdShift = Math.log2(geometry.ptrsPerPmd);
    this.pmdMask = geometry.ptrsPerPmd - 1;
    this.pgdShift = this.pmdShift + Math.log2(geometry.ptrsPerPud);
    this.pudMask = geometry.ptrsPerPud - 1;
    this.lineShift = Math.log2(geometry.lineBytes / geometry.pteBytes);
    this.perPageByte = 1 / geometry.pageBytes;
    this.perPte = 1 / geometry.ptrsPerPte;
  }

  /** All pages of ptes of an address space that is confined to a CPU share a lock: nobody takes two, and nobody waits. */
  get onlyLock(): Spinlock {
    if (this.sharedLock === null) {
      this.sharedLock = new Spinlock(`${this.mm.name}.ptl`, 'ptl');
      this.sharedLock.ownLine();
      this.sharedLock.confinedTo = this.confinedTo;
    }
    return this.sharedLock;
  }
  /**
   * Zeros for a page of ptes, from entry `first` of an array on. Those of a confined address space share larger arrays: there may
   * be millions.
   */
  takeRoom(): { readonly room: Int32Array; readonly first: number } {
    const { ptrsPerPte } = this.geometry;
    if (this.confinedTo < 0) return { room: new Int32Array(ptrsPerPte), first: 0 };
    if (this.slab === null || this.slabUsed === this.slab.length) {
      this.slab = new Int32Array(ptrsPerPte * PAGES_OF_A_SLAB);
      this.slabUsed = 0;
    }
    this.slabUsed += ptrsPerPte;
    return { room: this.slab, first: this.slabUsed - ptrsPerPte };
  }

  /** The entries of the upper levels, for those who look without a lock. */
  get unlocked(): Record<'pgd' | 'pud' | 'pmd', TableEntries> {
    return (this.upper ??= {
      pgd: new TableEntries(this, 'pgd', this.pgdShift),
      pud: new TableEntries(this, 'pud', this.pmdShift),
      pmd: new TableEntries(this, 'pmd', 0),
    });
  }
  /** Is there an entry of that level for a page of ptes, given by its number, and every level above? */
  has(level: 'pgd' | 'pud' | 'pmd', table: number): boolean {
    if (level === 'pgd') return this.entries[table >> this.pgdShift] !== undefined;
    const pmd = this.pmd(table);
    return level === 'pud' ? pmd !== undefined : pmd?.[table & this.pmdMask] !== undefined;
  }
  /** Put in a table for a page of ptes. Those above are there; but a folded pud table comes with its pmd table. */
  populate(level: 'pgd' | 'pud' | 'pmd', table: number): void {
    const { entries, pgdShift } = this;
    this.lastLeaf = undefined;
    if (level === 'pgd') entries[table >> pgdShift] = [];
    else if (level === 'pud') (entries[table >> pgdShift] ??= [])[(table >> this.pmdShift) & this.pudMask] = [];
    else {
      this.pmd(table)![table & this.pmdMask] = new PtePage(this, table * this.geometry.ptrsPerPte);
      this.nr_ptes++;
    }
  }

  /** The page of ptes that maps `vpn`, if every level above it is there. */
  leaf(vpn: number): PtePage | undefined {
    const table = Math.floor(vpn * this.perPte) | 0;
    if (table !== this.lastTable || this.lastLeaf === undefined) {
      this.lastTable = table;
      this.lastLeaf = this.pmd(table)?.[table & this.pmdMask];
    }
    return this.lastLeaf;
  }
  /** The pmd table that has the entry for a page of ptes, by the number of that. */
  pmd(table: number): PmdPage | undefined {
    return this.entries[table >> this.pgdShift]?.[(table >> this.pmdShift) & this.pudMask];
  }
  /** Where the MMU finds the pte of `vpn`: in its page of ptes, or here if there is none yet. */
  walk(vpn: number): Ref {
    const leaf = this.leaf(vpn);
    return leaf === undefined ? new Ref(this, vpn) : new Ref(leaf, leaf.entry(vpn));
  }
  get(vpn: number): number {
    const leaf = this.leaf(vpn);
    return leaf === undefined ? 0 : leaf.get(vpn - leaf.base);
  }
  set(vpn: number, pte: number): void {
    const leaf = this.leaf(vpn)!;
    leaf.set(vpn - leaf.base, pte);
  }
  override claim(vpn: number, cpu: number): number {
    const leaf = this.leaf(vpn);
    return leaf === undefined ? cpu : leaf.claim(vpn - leaf.base, cpu);
  }
  describe(vpn: number): string {
    const address = vpn * this.geometry.pageBytes;
    const vma = this.mm.mmap.find((v) => v.vm_start <= address && address < v.vm_end);
    if (vma === undefined) return `pte[${vpn}]`;
    return `pte[${vma.name}+${(address - vma.vm_start) / this.geometry.pageBytes}]`;
  }
  override show(_vpn: number, pte: number): string {
    return show_pte(pte);
  }
  /** Writes so far to ptes of the page that has the one of an address; for checks. */
  writesNear(address: Address): number {
    return this.leaf(Math.floor(address * this.perPageByte))?.writes ?? 0;
  }
  /** All tables have been freed. */
  clear(): void {
    this.entries.length = 0;
    this.lastLeaf = undefined;
    this.nr_ptes = 0;
    this.tablePages.clear();
    this.tree = null;
    this.slab = null;
  }
  /** Visit every present pte as (vpn, pte); for checks, not for kernel text. */
  forEachPresent(visit: (vpn: number, pte: number) => void): void {
    for (const pud of this.entries) {
      for (const pmd of pud ?? []) for (const leaf of pmd ?? []) leaf?.forEachPresent(visit);
    }
  }
}

export function page_size(mm: Mm): number {
  return mm.system.geometry.pageBytes;
}
/** Virtual page number of an address. */
export function page_number(mm: Mm, address: Address): number {
  return Math.floor(address * mm.pgd.perPageByte);
}
/** Offset in the file of what a vma that is linear has at an address, in pages. */
export function linear_page_index(vma: Vma, address: Address): number {
  return page_number(vma.vm_mm, address - vma.vm_start) + vma.vm_pgoff;
}
/** First address of the next page of ptes, or `end` if that comes first. */
export function pmd_addr_end(mm: Mm, address: Address, end: Address): Address {
  const span = mm.pgd.tableBytes;
  return Math.min(end, (Math.floor(address / span) + 1) * span);
}

/** Number of the page of ptes that maps an address; fits 31 bits, so that its parts are cheap to take. */
export function table_number(mm: Mm, address: Address): number {
  return Math.floor(address / mm.pgd.tableBytes) | 0;
}

/** Is there no pud table for an address? A folded one needs none. */
export function pgd_none(mm: Mm, address: Address): boolean {
  const { pudMask, entries, pgdShift } = mm.pgd;
  return pudMask > 0 && entries[table_number(mm, address) >> pgdShift] === undefined;
}
/** The pmd table for an address; undefined if there is none. */
export function pmd_offset(mm: Mm, address: Address): PmdPage | undefined {
  return mm.pgd.pmd(table_number(mm, address));
}
/** The page of ptes a pmd entry points to; undefined if it is none. */
export function pmd_page(mm: Mm, pmd: PmdPage, address: Address): PtePage | undefined {
  return pmd[table_number(mm, address) & mm.pgd.pmdMask];
}
/** The page of ptes for an address; undefined if there is none. */
export function page_of_ptes(mm: Mm, address: Address): PtePage | undefined {
  const pmd = pmd_offset(mm, address);
  return pmd && pmd_page(mm, pmd, address);
}
/** Look for a page of ptes without page_table_lock. Replies 0 if there is none. */
export function pmd_present(mm: Mm, address: Address): Step {
  return READ_ONCE(mm.pgd.unlocked.pmd.at(address));
}
/** Look for a pmd table. */
export function pud_present(mm: Mm, address: Address): Step {
  return READ_ONCE(mm.pgd.unlocked.pud.at(address));
}
/** Look for a pud table, where there are any. */
export function pgd_present(mm: Mm, address: Address): Step {
  return READ_ONCE(mm.pgd.unlocked.pgd.at(address));
}
/** Put in a pud table. Caller holds page_table_lock, here and below. */
export function pgd_populate(mm: Mm, address: Address): Step {
  return WRITE_ONCE(mm.pgd.unlocked.pgd.at(address), 1);
}
/** Put in a pmd table. */
export function pud_populate(mm: Mm, address: Address): Step {
  return WRITE_ONCE(mm.pgd.unlocked.pud.at(address), 1);
}
/** Put in a page of ptes. */
export function pmd_populate(mm: Mm, address: Address): Step {
  return WRITE_ONCE(mm.pgd.unlocked.pmd.at(address), 1);
}
export function pte_offset_map(mm: Mm, pmd: PtePage, address: Address): Ptep {
  charge(WALK);
  if (mm.system.config.HIGHPTE) current().preempt_count++;
  return new Ref(pmd, pmd.entry(page_number(mm, address)));
}
/** The pte so many entries behind another one: pointers to ptes are good for one page of them. */
export function pteAt(mm: Mm, pte: Ptep, offset: number): Ptep {
  return new Ref(pte.words, entryAt(mm, pte.index + offset));
}
function entryAt(mm: Mm, at: number): number {
  const index = at | 0; // an integer for V8 too
  const { ptrsPerPte } = mm.system.geometry;
  if (index >= 0 && index < ptrsPerPte) return index;
  throw new KernelBug(
    'pte pointer outside its page',
    `${running.name} looks at entry ${index} of a page of ${ptrsPerPte} ptes`,
  );
}
/** Undoes the atomic kmap of CONFIG_HIGHPTE. */
export function pte_unmap(pte: Ptep): void {
  if ((pte.words as PtePage).tables.mm.system.config.HIGHPTE) current().preempt_count--;
}
/** Loads the TLB on sparc64 and ppc64, whatever is in the page tables; nothing to do for data pages elsewhere. */
export function update_mmu_cache(vma: Vma, address: Address, pte: number): Coroutine {
  const { system, pgd } = vma.vm_mm;
  const vpn = page_number(vma.vm_mm, address);
  system.counters.update_mmu_cache++;
  if (pgd.get(vpn) === 0) system.counters.update_mmu_cache_absent++;
  return system.geometry.softwareTlb === true ? load_tlb(vma.vm_mm, vpn, pte) : NOTHING;
}
function* load_tlb({ system, asid }: Mm, vpn: number, pte: number): Coroutine {
  const tlb = system.tlbs[smp_processor_id()];
  yield* tlb.beginStep;
  tlb.load(asid, vpn, pte);
  yield* tlb.endStep;
}
