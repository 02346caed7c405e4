/**
 * Known bad: private stores to files, in 3.17 and with DAX.
 */
import type { Coroutine } from '../../machine/step.ts';
import { atomic_inc } from '../../machine/memory.ts';
import { unlock_page } from '../../sync/pagelock.ts';
import type { Change3_17 } from '../change.ts';
import { alloc_page_vma, copy_user_highpage, page_cache_release } from '../page_alloc.ts';
import { SetPageUptodate } from '../page-flags.ts';
import { cowFault } from '../patches/2014-09-25-dax-cow-fault.ts';
import { WITH_DAX } from '../patches/dax.ts';
import type { PtePage } from '../pgtable.ts';
import type { Address, Mm, Page, VmFault, Vma } from '../structs.ts';
import { pte_offset_map_lock, pte_unmap_unlock, set_anon_pte } from '../v3.14/memory.ts';
import { path3_17 } from '../v3.14/path.ts';
import { VM_FAULT_ERROR, VM_FAULT_NOPAGE, VM_FAULT_OOM, VM_FAULT_RETRY } from '../v3.14/vm-fault.ts';
import { set_copy } from '../v3.17/memory.ts';

/** Whatever the pte is. */
function* set_copy_blindly(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  _orig_pte: number,
  new_page: Page,
): Coroutine<boolean> {
  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  yield* atomic_inc(mm.rss);
  yield* set_anon_pte(mm, vma, address, pte, new_page);
  yield* pte_unmap_unlock(pte, pmd);
  return true;
}

/** Two threads copy one page: the copy of the second takes the place of the first one's. Breaks: no store is lost (I5, I11). */
export const cowNoPteSame: Change3_17 = {
  name: 'cow-no-pte-same',
  base: 'v3.17',
  on: ['v3.17', ...WITH_DAX],
  about: 'do_cow_fault does not look at the pte again under its lock',
  replaces: { do_cow_fault: cowFault(undefined, set_copy_blindly) },
};

/** Truncation may come between the copy and its pte. Breaks: nothing is mapped behind the end of the file (I7). */
function* do_cow_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  const { system } = mm;
  if (yield* system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
  const new_page = yield* alloc_page_vma(vma, address);
  if (new_page === null) return VM_FAULT_OOM;

  const { ret, page } = yield* path3_17(mm).__do_fault(vma, address, pgoff, flags, null);
  if ((ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY)) !== 0) {
    yield* page_cache_release(system, new_page);
    return ret;
  }
  yield* copy_user_highpage(new_page, page!);
  yield* unlock_page(page!.lock); // 3.17 does so when the copy is mapped
  yield* page_cache_release(system, page!);
  yield* SetPageUptodate(new_page);

  const same = yield* set_copy(mm, vma, address, pmd, orig_pte, new_page);
  if (!same) yield* page_cache_release(system, new_page);
  return ret;
}

export const cowPageUnlocked: Change3_17 = {
  name: 'cow-page-unlocked',
  base: 'v3.17',
  about: 'do_cow_fault unlocks the page of the file before its copy is mapped',
  replaces: { do_cow_fault },
};
