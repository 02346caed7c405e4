/**
 * Known bad: __pte_alloc does not look at the pmd again when it has page_table_lock. Two threads have found no page of ptes;
 * whoever comes second puts in its own, and what the first has mapped meanwhile is gone with the other one.
 *
 * Breaks: a store is lost; a page is mapped in a table that nobody finds.
 */
import type { Coroutine } from '../../machine/step.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import type { Change3_17 } from '../change.ts';
import { pmd_populate, pmd_present, pud_present } from '../pgtable.ts';
import type { Address, Mm, VmFault, Vma } from '../structs.ts';
import { pmd_alloc } from '../v2.6.15/memory.ts';
import { v3_17 } from '../v3.17/memory.ts';

function* handle_mm_fault(mm: Mm, vma: Vma, address: Address, flags: number): Coroutine<VmFault> {
  if ((yield* pmd_present(mm, address)) === 0) yield* pte_alloc(mm, address);
  return yield* v3_17.handle_mm_fault(mm, vma, address, flags);
}

function* pte_alloc(mm: Mm, address: Address): Coroutine {
  if ((yield* pud_present(mm, address)) === 0) yield* pmd_alloc(mm, address);
  yield* spin_lock(mm.page_table_lock);
  yield* pmd_populate(mm, address);
  yield* spin_unlock(mm.page_table_lock);
}

export const pteAllocNoRecheck: Change3_17 = {
  name: 'pte-alloc-no-recheck',
  base: 'v3.17',
  about: 'a page of ptes is put in without looking whether another thread was quicker',
  replaces: { handle_mm_fault },
};
