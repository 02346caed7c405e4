/**
 * Faults on files in 3.14: one function for a read, a private write and a shared write (`__do_fault` of mm/memory.c). The
 * page comes back locked and stays so until its pte is set: whoever truncates it waits, and unmaps it then.
 */
import { atomic_inc } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { charge, work } from '../../machine/work.ts';
import { lock_page, unlock_page } from '../../sync/pagelock.ts';
import { mark } from '../marks.ts';
import { is_shared, maybe_mkwrite, set_pte, vm_page_prot } from '../memory.ts';
import { alloc_page_vma, copy_user_highpage, page_cache_release } from '../page_alloc.ts';
import { PageHWPoison, SetPageUptodate, TestSetPageDirty } from '../page-flags.ts';
import {
  linear_page_index,
  mk_pte,
  pte_mkdirty,
  pte_to_pgoff,
  pte_unmap,
  type PtePage,
  type Ptep,
  update_mmu_cache,
} from '../pgtable.ts';
import { page_add_file_rmap } from '../rmap.ts';
import { inc_file_rss } from '../rss.ts';
import type { Address, Mm, Page, VmFault, Vma } from '../structs.ts';
import { do_page_mkwrite, pte_offset_map_lock, pte_unmap_unlock, set_anon_pte } from './memory.ts';
import { fault_of, mkwrite_of, path3_14 } from './path.ts';
import {
  FAULT_FLAG_NONLINEAR,
  FAULT_FLAG_WRITE,
  VM_FAULT_ERROR,
  VM_FAULT_HWPOISON,
  VM_FAULT_LOCKED,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
  type VmFaultInfo,
} from './vm-fault.ts';

const SET_FILE_PTE = work('set_file_pte', 100);

export function do_linear_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  pte_unmap(page_table);
  return path3_14(mm).__do_fault(mm, vma, address, pmd, linear_page_index(vma, address), flags, orig_pte);
}

/** The pte says which page of the file is to be here. */
export function do_nonlinear_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  pte_unmap(page_table);
  const pgoff = pte_to_pgoff(orig_pte);
  return path3_14(mm).__do_fault(mm, vma, address, pmd, pgoff, flags | FAULT_FLAG_NONLINEAR, orig_pte);
}

export function* __do_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  const write = (flags & FAULT_FLAG_WRITE) !== 0;
  const anon = write && !is_shared(vma);
  let cow_page: Page | null = null;
  if (anon) {
    // Before the page is locked, so that it is locked for a shorter time.
    if (yield* mm.system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
    cow_page = yield* alloc_page_vma(vma, address);
    if (cow_page === null) return VM_FAULT_OOM;
  }

  const vmf = faultInfo(address, pgoff, flags);
  const ret = yield* lockedFault(vma, vmf);
  if ((ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY)) !== 0) {
    if (cow_page !== null) yield* page_cache_release(mm.system, cow_page);
    return ret;
  }
  const page = vmf.page!;
  if (cow_page !== null) {
    yield* copy_user_highpage(cow_page, page);
    yield* SetPageUptodate(cow_page);
  } else if (write) {
    const stop = yield* mkwrite_if_asked(vma, page, address);
    if (stop !== null) return stop;
  }

  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  const same = pte.plain === orig_pte; // pte_same
  if (same && cow_page !== null) {
    yield* atomic_inc(mm.rss);
    yield* set_anon_pte(mm, vma, address, pte, cow_page);
  } else if (same) yield* do_set_pte(vma, address, page, pte, write);
  else mark('file fault raced');
  yield* pte_unmap_unlock(pte, pmd);

  if (same && write && cow_page === null) yield* TestSetPageDirty(page);
  yield* unlock_page(page.lock);
  if (!same && cow_page !== null) yield* page_cache_release(mm.system, cow_page);
  if (!same || cow_page !== null) yield* page_cache_release(mm.system, page);
  return ret;
}

export function faultInfo(address: Address, pgoff: number, flags: number, cow_page: Page | null = null): VmFaultInfo {
  return { virtual_address: address, pgoff, flags, cow_page, page: null, max_pgoff: 0, pte: null };
}

/** vm_ops->fault; the page, if one comes back, is locked. */
export function* lockedFault(vma: Vma, vmf: VmFaultInfo): Coroutine<VmFault> {
  const ret = yield* fault_of(vma)(vma, vmf);
  if ((ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY)) !== 0) return ret;
  return yield* withPageLocked(vma, vmf.page!, ret);
}

/** What a handler has answered, and the page it has found, which is locked then unless it is poisoned. */
export function* withPageLocked(vma: Vma, page: Page, ret: VmFault): Coroutine<VmFault> {
  if ((yield* PageHWPoison(page)) === 1) {
    if ((ret & VM_FAULT_LOCKED) !== 0) yield* unlock_page(page.lock);
    yield* page_cache_release(vma.vm_mm.system, page);
    return VM_FAULT_HWPOISON;
  }
  if ((ret & VM_FAULT_LOCKED) === 0) yield* lock_page(page.lock);
  return ret;
}

/** The file system is asked with the page unlocked. Null: go on, the page is locked again; else what the fault answers. */
export function* mkwrite_if_asked(vma: Vma, page: Page, address: Address): Coroutine<VmFault | null> {
  const page_mkwrite = mkwrite_of(vma);
  if (page_mkwrite === null) return null;
  yield* unlock_page(page.lock);
  const answer = yield* do_page_mkwrite(page_mkwrite, vma, page, address);
  if (answer !== 0 && (answer & (VM_FAULT_ERROR | VM_FAULT_NOPAGE)) === 0) return null;
  yield* page_cache_release(vma.vm_mm.system, page);
  return answer;
}

/** Map a page of a file; the reference to it is the pte's from now on. Caller holds the lock of the page of ptes. */
export function* do_set_pte(vma: Vma, address: Address, page: Page, pte: Ptep, write: boolean): Coroutine {
  const mm = vma.vm_mm;
  charge(SET_FILE_PTE);
  yield* inc_file_rss(mm);
  yield* page_add_file_rmap(page);
  const protection = mk_pte(page, vm_page_prot);
  const entry = write ? maybe_mkwrite(pte_mkdirty(protection), vma) : protection;
  yield* set_pte(pte, entry);
  yield* update_mmu_cache(vma, address, entry);
}
