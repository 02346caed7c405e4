/**
 * Walks over the ptes that are in use, whatever the tables above them look like: William Lee Irwin's iterator (linux-arch,
 * 2004-08-07), with a `TableScan` where the mail says "the number of levels can be abstracted easily".
 *
 *     for (pte_walk_descend(walk, start, end); walk.vaddr < end; next_inuse_pte(walk)) ...
 *
 * is his `for_each_inuse_pte`; as in C it can stop anywhere in between. The pte under the cursor is mapped; who sleeps or
 * stops before the end parks the cursor.
 */
import { might_sleep, smp_processor_id } from '../machine/thread.ts';
import type { Coroutine, Step } from '../machine/step.ts';
import { charge, work } from '../machine/work.ts';
import { spin_lock, spin_unlock } from '../sync/spinlock.ts';
import { page_size, pte_none, pte_offset_map, type PtePage, type Ptep, pte_unmap } from './pgtable.ts';
import type { Address, Mm } from './structs.ts';
import type { TableReads } from './table-reads.ts';

const PTE_ALLOC = work('pte_alloc_one');

/** How pages of ptes are found. Callers hold page_table_lock or, to look only, mmap_sem for writing. */
export interface TableScan {
  /** The first page of ptes that maps any of [address, end). */
  readonly next: (mm: Mm, address: Address, end: Address) => PtePage | undefined;
  /** The page of ptes that maps an address. */
  readonly find: (mm: Mm, address: Address) => PtePage | undefined;
  /** Make the tables above; caller holds page_table_lock, which is dropped meanwhile. */
  readonly allocate: (mm: Mm, address: Address) => Coroutine;
  /** Put a page of ptes in. Caller holds page_table_lock. */
  readonly populate: (mm: Mm, address: Address) => Coroutine | Step;
}

export class PteWalkState {
  readonly mm: Mm;
  readonly scan: TableScan;
  /** Where the cursor is: a page of ptes, the pte that is mapped, its address. */
  ptes: PtePage | undefined;
  pte: Ptep | null = null;
  vaddr: Address = 0;
  end: Address = 0;

  constructor(mm: Mm, scan: TableScan) {
    this.mm = mm;
    this.scan = scan;
  }
}

/** Where the reads of tables are counted. */
export function readsOf(mm: Mm): TableReads {
  return mm.system.tableReads[smp_processor_id()];
}

/** Go to the first pte in use in [start, end); `vaddr`, which is returned, is `end` if there is none. */
export function pte_walk_descend(walk: PteWalkState, start: Address, end: Address): Address {
  walk.end = end;
  walk.ptes = undefined;
  return seek(walk, start);
}

/** Go on to the next one. */
export function next_inuse_pte(walk: PteWalkState): Address {
  parkCursor(walk);
  return seek(walk, walk.vaddr + page_size(walk.mm));
}

/** The tables below the cursor and the pte are made if they are not there. Returns true if out of memory. */
export function pte_walk_descend_and_create(walk: PteWalkState, start: Address): Coroutine<boolean> {
  walk.ptes = undefined;
  return pte_walk_move_and_create(walk, start);
}

/** Go there, likewise. Caller holds page_table_lock, which is dropped to allocate, and no other spinlock. */
export function* pte_walk_move_and_create(walk: PteWalkState, vaddr: Address): Coroutine<boolean> {
  const { mm, scan } = walk;
  parkCursor(walk);
  if (!cursorCovers(walk, vaddr)) walk.ptes = scan.find(mm, vaddr) ?? (yield* create(scan, mm, vaddr));
  walk.vaddr = vaddr;
  unparkCursor(walk);
  return false; // page tables do not run out here
}

/** Is the address in the page of ptes that the cursor is in? */
export function cursorCovers({ mm, ptes }: PteWalkState, vaddr: Address): boolean {
  if (ptes === undefined) return false;
  const start = ptes.base * page_size(mm);
  return vaddr >= start && vaddr < start + mm.pgd.tableBytes;
}

/** The pte is no longer mapped: from here on the walker may sleep. */
export function parkCursor(walk: PteWalkState): void {
  if (walk.pte !== null) pte_unmap(walk.pte);
  walk.pte = null;
}

export function unparkCursor(walk: PteWalkState): void {
  walk.pte = pte_offset_map(walk.mm, walk.ptes!, walk.vaddr);
}

/** To the first pte in use from this address on. */
function seek(walk: PteWalkState, address: Address): Address {
  const { mm, end, scan } = walk;
  const size = page_size(mm);
  while (address < end) {
    if (!cursorCovers(walk, address)) walk.ptes = scan.next(mm, address, end);
    if (walk.ptes === undefined) break;
    const start = walk.ptes.base * size;
    const last = Math.min(end, start + mm.pgd.tableBytes);
    for (address = Math.max(address, start); address < last; address += size) {
      const pte = pte_offset_map(mm, walk.ptes, address);
      if (!pte_none(pte.plain)) {
        walk.pte = pte;
        return (walk.vaddr = address);
      }
      pte_unmap(pte);
    }
  }
  return (walk.vaddr = end);
}

/** A page of ptes; somebody else may have put one in while page_table_lock was dropped to allocate. */
function* create(scan: TableScan, mm: Mm, address: Address): Coroutine<PtePage> {
  yield* scan.allocate(mm, address);
  yield* spin_unlock(mm.page_table_lock);
  might_sleep();
  charge(PTE_ALLOC);
  yield* spin_lock(mm.page_table_lock);
  if (scan.find(mm, address) === undefined) yield* scan.populate(mm, address);
  return scan.find(mm, address)!;
}
