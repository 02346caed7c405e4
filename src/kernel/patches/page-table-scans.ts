/** What the patches of 2004-08-07 have in common: the paths that walk, over whatever finds the pages of ptes. */
import type { Coroutine } from '../../machine/step.ts';
import { charge, work } from '../../machine/work.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import type { Replaces } from '../change.ts';
import { path2_6, type ZapDetails } from '../fault-path.ts';
import { copy_one_pte, pmd_alloc, zap_pte } from '../memory.ts';
import { type MmuGather, tlb_finish_mmu, tlb_gather_mmu } from '../mmu_gather.ts';
import {
  type PageTables,
  pmd_offset,
  type PmdPage,
  pmd_populate,
  type PtePage,
  page_size,
  table_number,
} from '../pgtable.ts';
import {
  next_inuse_pte,
  cursorCovers,
  pte_walk_descend,
  pte_walk_descend_and_create,
  pte_walk_move_and_create,
  parkCursor,
  PteWalkState,
  unparkCursor,
  readsOf,
  type TableScan,
} from '../pte-walk.ts';
import { remove_vm_struct } from '../mmap.ts';
import type { Address, Mm, VmFault, Vma } from '../structs.ts';
import type { TableReads } from '../table-reads.ts';

const HANDLE_MM_FAULT = work('handle_mm_fault');
const FREE_PTE_PAGE = work('free_pte_page');

/** Looks at entries of a pmd table for pages of ptes with numbers in [table, end): the first one. */
export type ScanPmd = (
  pgd: PageTables,
  pmd: PmdPage,
  table: number,
  end: number,
  reads: TableReads,
) => PtePage | undefined;

/** Every entry. */
export const everyEntry: ScanPmd = (pgd, pmd, table, end, reads) => {
  const folded = pgd.pmdMask === 0;
  for (; table < end; table++) {
    const index = table & pgd.pmdMask;
    if (!folded) reads.read(pmd, index * pgd.geometry.pmdEntryBytes, 'pmd');
    if (pmd[index] !== undefined) return pmd[index];
  }
  return undefined;
};

/** Pages of ptes by way of the arrays, each level in turn, but pmd tables as `scanPmd` does it. */
export function nextByArrays(scanPmd: ScanPmd): TableScan['next'] {
  return (mm, address, end) => {
    const { pgd } = mm;
    const { pmdShift, pgdShift } = pgd;
    const reads = readsOf(mm);
    const limit = Math.ceil(end / pgd.tableBytes);
    let table = table_number(mm, address);
    while (table < limit) {
      const pud = pudAt(pgd, table, reads);
      const pmd = pud && pmdAt(pgd, pud, table, reads);
      const shift = pud === undefined ? pgdShift : pmdShift;
      const next = ((table >> shift) + 1) << shift;
      const found = pmd && scanPmd(pgd, pmd, table, Math.min(next, limit), reads);
      if (found !== undefined) return found;
      table = next;
    }
    return undefined;
  };
}

function pudAt({ entries, pgdShift, geometry }: PageTables, table: number, reads: TableReads) {
  reads.read(entries, (table >> pgdShift) * geometry.pgdEntryBytes, 'pgd');
  return entries[table >> pgdShift];
}

function pmdAt(
  { pmdShift, pudMask, geometry }: PageTables,
  pud: readonly (PmdPage | undefined)[],
  table: number,
  reads: TableReads,
) {
  const index = (table >> pmdShift) & pudMask;
  if (pudMask > 0) reads.read(pud, index * geometry.pgdEntryBytes, 'pud');
  return pud[index];
}

/** The arrays of 2.6.10, each entry of a range looked at. */
export const plainScan: TableScan = {
  next: nextByArrays(everyEntry),
  find: (mm, address) => {
    const { pgd } = mm;
    const table = table_number(mm, address);
    const reads = readsOf(mm);
    const pud = pudAt(pgd, table, reads);
    const pmd = pud && pmdAt(pgd, pud, table, reads);
    return pmd && everyEntry(pgd, pmd, table, table + 1, reads);
  },
  *allocate(mm, address) {
    if (pmd_offset(mm, address) === undefined) yield* pmd_alloc(mm, address);
  },
  populate: pmd_populate,
};

/** The paths of 2.6.10 that walk page tables, by iterator. */
export function pathsOver(scan: TableScan) {
  /** By the time we get here, mmap_sem is held for reading. Takes page_table_lock; every leaf drops it. */
  function* handle_mm_fault(mm: Mm, vma: Vma, address: Address, write_access: boolean): Coroutine<VmFault> {
    charge(HANDLE_MM_FAULT);
    mm.system.counters.pgfault++;
    readsOf(mm).begin('fault');
    yield* spin_lock(mm.page_table_lock);
    const walk = new PteWalkState(mm, scan);
    yield* pte_walk_descend_and_create(walk, address);
    return yield* path2_6(mm).handle_pte_fault(mm, vma, address, write_access, walk.pte!, walk.ptes!);
  }

  /** As that of 2.6.10: caller holds dst->page_table_lock, and src->mmap_sem for writing. */
  function* copy_page_range(dst: Mm, src: Mm, vma: Vma): Coroutine<boolean> {
    const { vm_start, vm_end } = vma;
    const parent = new PteWalkState(src, scan);
    const child = new PteWalkState(dst, scan);
    yield* spin_lock(src.page_table_lock);
    readsOf(src).begin('copy');
    for (pte_walk_descend(parent, vm_start, vm_end); parent.vaddr < vm_end; next_inuse_pte(parent)) {
      if (cursorCovers(child, parent.vaddr)) {
        yield* pte_walk_move_and_create(child, parent.vaddr);
      } else {
        // To make tables one may sleep. Nobody unmaps in between: the cursor finds its pte again, if an older one.
        parkCursor(parent);
        parkCursor(child);
        yield* spin_unlock(src.page_table_lock);
        if (yield* pte_walk_move_and_create(child, parent.vaddr)) return true;
        yield* spin_lock(src.page_table_lock);
        unparkCursor(parent);
      }
      yield* copy_one_pte(dst, vma, child.pte!, parent.pte!);
    }
    parkCursor(child);
    yield* spin_unlock(src.page_table_lock);
    return false;
  }

  /** Remove all translations of [start, end). Caller holds page_table_lock. */
  function* zapRange(tlb: MmuGather, start: Address, end: Address, details: ZapDetails | null = null): Coroutine {
    const walk = new PteWalkState(tlb.mm, scan);
    readsOf(tlb.mm).begin('zap');
    for (pte_walk_descend(walk, start, end); walk.vaddr < end; next_inuse_pte(walk)) {
      yield* zap_pte(tlb, walk.pte!, details);
    }
  }

  function* zap_page_range(
    { vm_mm }: Vma,
    address: Address,
    size: number,
    details: ZapDetails | null = null,
  ): Coroutine {
    const tlb = tlb_gather_mmu(vm_mm, false);
    yield* spin_lock(vm_mm.page_table_lock);
    yield* zapRange(tlb, address, address + size, details);
    yield* tlb_finish_mmu(tlb);
    yield* spin_unlock(vm_mm.page_table_lock);
  }

  function* unmap_region(mm: Mm, vmas: readonly Vma[]): Coroutine {
    const tlb = tlb_gather_mmu(mm, false);
    yield* spin_lock(mm.page_table_lock);
    for (const { vm_start, vm_end } of vmas) yield* zapRange(tlb, vm_start, vm_end);
    yield* tlb_finish_mmu(tlb);
    yield* spin_unlock(mm.page_table_lock);
  }

  function* exit_mmap(mm: Mm): Coroutine {
    const tlb = tlb_gather_mmu(mm, true);
    yield* spin_lock(mm.page_table_lock);
    for (const { vm_start, vm_end } of mm.mmap) yield* zapRange(tlb, vm_start, vm_end);
    clear_page_tables(mm);
    yield* tlb_finish_mmu(tlb);
    mm.pgd.clear();
    const vmas = mm.mmap.splice(0);
    mm.dead = true;
    yield* spin_unlock(mm.page_table_lock);
    for (const vma of vmas) yield* remove_vm_struct(vma);
  }

  /** Free every page of ptes there is below the user's end of the address space: 2.6.10 looks for them in all tables. */
  function clear_page_tables(mm: Mm): void {
    const { tableBytes } = mm.pgd;
    const end = userEnd(mm);
    readsOf(mm).begin('free');
    for (let address = 0; address < end; address += tableBytes) {
      const ptes = scan.next(mm, address, end);
      if (ptes === undefined) break;
      charge(FREE_PTE_PAGE);
      address = ptes.base * page_size(mm);
    }
  }

  return { handle_mm_fault, copy_page_range, zap_page_range, unmap_region, exit_mmap } satisfies Replaces;
}

/** USER_PTRS_PER_PGD entries of the pgd map what is below. */
export function userEnd({ pgd }: Mm): Address {
  return pgd.geometry.userPtrsPerPgd * 2 ** pgd.pgdShift * pgd.tableBytes;
}
