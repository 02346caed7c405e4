/**
 * Faults and zapping of 3.14 (mm/memory.c), as far as 3.17 has them too; fork is that of 2.6.15, and what 3.14 does for files
 * is in do-fault.ts.
 *
 * A pte is read without a lock; whoever takes the lock of its page of ptes looks again (`pte_same`). The zero page is not
 * counted. A shared mapping of a file is mapped read-only at first, so that the file system learns of the first store.
 *
 * Left out: what kernel/memory.ts leaves out, huge pages, NUMA hints, memory control groups, KSM, soft dirty bits,
 * notifiers; the pauses of zap_pte_range: a gather that is full is flushed under the pte lock. Anonymous pages are found as
 * in 2.6.10, by a list under a spinlock that a child shares, not by the chains under a rwsem of 2.6.34 and later.
 */
import { atomic_add_return, atomic_inc, READ_ONCE, xchg } from '../../machine/memory.ts';
import type { Coroutine, Step } from '../../machine/step.ts';
import { KernelBug, running } from '../../machine/thread.ts';
import { charge, work } from '../../machine/work.ts';
import { mutex_lock, mutex_unlock } from '../../sync/mutex.ts';
import { lock_page, trylock_page, unlock_page } from '../../sync/pagelock.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import type { ZapDetails } from '../fault-path.ts';
import type { AddressSpace } from '../fs.ts';
import { mark } from '../marks.ts';
import { copy_cow_page, is_kept, maybe_mkwrite, set_pte, vm_page_prot, ZERO_PAGE } from '../memory.ts';
import { free_pgtables, remove_vma } from '../mmap.ts';
import {
  type MmuGather,
  tlb_flush_mmu,
  tlb_flush_mmu_tlbonly,
  tlb_gather_mmu,
  tlb_remove_page,
} from '../mmu_gather.ts';
import { alloc_page_vma, clear_user_highpage, page_cache_get, page_cache_release } from '../page_alloc.ts';
import { TestSetPageDirty } from '../page-flags.ts';
import {
  linear_page_index,
  mk_pte,
  page_size,
  pgoff_to_pte,
  pmd_addr_end,
  page_of_ptes,
  pmd_present,
  pte_dirty,
  pte_file,
  pte_mkdirty,
  pte_mkyoung,
  pte_none,
  pte_offset_map,
  pte_page,
  pte_present,
  pte_unmap,
  pte_write,
  pte_wrprotect,
  type PtePage,
  type Ptep,
  update_mmu_cache,
} from '../pgtable.ts';
import { page_add_anon_rmap, page_remove_rmap, PageAnon } from '../rmap.ts';
import { check_sync_rss_stat } from '../rss.ts';
import { type Address, type Mm, type Page, VM_SHARED, VM_WRITE, type VmFault, type Vma } from '../structs.ts';
import { lru_cache_add_active } from '../swap.ts';
import { flush_tlb_page } from '../tlb.ts';
import { part_of } from '../truncate.ts';
import { pte_alloc, pte_offset_map_lock, pte_unmap_unlock } from '../v2.6.15/memory.ts';
import { type FaultHandler, mkwrite_of, path3 } from './path.ts';
import {
  FAULT_FLAG_MKWRITE,
  FAULT_FLAG_WRITE,
  VM_FAULT_ERROR,
  VM_FAULT_LOCKED,
  VM_FAULT_MINOR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_WRITE,
} from './vm-fault.ts';

const HANDLE_MM_FAULT = work('handle_mm_fault');
const SET_ANON_PTE = work('set_anon_pte');
const ZAP_PTE = work('zap_pte');
const FREE_PTE_PAGE = work('free_pte_page');

export { pte_offset_map_lock, pte_unmap_unlock };

/** By the time we get here, mmap_sem is held for reading; a handler that answers VM_FAULT_RETRY has dropped it. */
export function* handle_mm_fault(mm: Mm, vma: Vma, address: Address, flags: number): Coroutine<VmFault> {
  if (vma.freed) throw new KernelBug('use after free', `${running.name} uses vma ${vma.name}, and it is freed`);
  charge(HANDLE_MM_FAULT);
  mm.system.counters.pgfault++;
  yield* check_sync_rss_stat(mm);
  if ((yield* pmd_present(mm, address)) === 0) yield* pte_alloc(mm, address);
  const ptes = page_of_ptes(mm, address)!;
  const pte = pte_offset_map(mm, ptes, address);
  return yield* path3(mm).handle_pte_fault(mm, vma, address, pte, ptes, flags);
}

/** What the pte says is read without a lock; a present one is looked at again under its lock. */
export function* handle_pte_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  pte: Ptep,
  pmd: PtePage,
  flags: number,
): Coroutine<VmFault> {
  const path = path3(mm);
  const entry = yield* READ_ONCE(pte);
  if (pte_file(entry)) return yield* path.do_nonlinear_fault(mm, vma, address, pte, pmd, flags, entry);
  if (pte_none(entry)) {
    if (vma.vm_file !== null) return yield* path.do_linear_fault(mm, vma, address, pte, pmd, flags, entry);
    return yield* path.do_anonymous_page(mm, vma, address, pte, pmd, flags);
  }
  yield* spin_lock(pmd.ptl);
  const write = (flags & FAULT_FLAG_WRITE) !== 0;
  const same = pte.plain === entry; // pte_same
  if (same && write && !pte_write(entry)) return yield* path.do_wp_page(mm, vma, address, pte, pmd, entry);
  if (same) {
    const flagged = write ? pte_mkdirty(pte_mkyoung(entry)) : pte_mkyoung(entry);
    if (flagged !== entry) yield* set_pte(pte, flagged);
    yield* update_mmu_cache(vma, address, flagged);
  }
  yield* pte_unmap_unlock(pte, pmd);
  return VM_FAULT_MINOR;
}

export function* do_anonymous_page(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  flags: number,
): Coroutine<VmFault> {
  pte_unmap(page_table);
  if ((flags & FAULT_FLAG_WRITE) === 0) return yield* map_zero_page(mm, vma, pmd, address);
  if (yield* mm.system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
  const page = yield* alloc_page_vma(vma, address);
  if (page === null) return VM_FAULT_OOM;
  yield* clear_user_highpage(page);

  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  if (!pte_none(pte.plain)) {
    mark('anonymous fault raced');
    yield* pte_unmap_unlock(pte, pmd);
    yield* page_cache_release(mm.system, page);
    return VM_FAULT_MINOR;
  }
  yield* atomic_inc(mm.rss); // MM_ANONPAGES
  yield* set_anon_pte(mm, vma, address, pte, page);
  yield* pte_unmap_unlock(pte, pmd);
  return VM_FAULT_MINOR;
}

function* map_zero_page(mm: Mm, vma: Vma, pmd: PtePage, address: Address): Coroutine<VmFault> {
  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  if (pte_none(pte.plain)) {
    const entry = pte_wrprotect(mk_pte(ZERO_PAGE(mm), vm_page_prot));
    yield* set_pte(pte, entry);
    yield* update_mmu_cache(vma, address, entry);
  } else mark('anonymous fault raced');
  yield* pte_unmap_unlock(pte, pmd);
  return VM_FAULT_MINOR;
}

/** A page that nobody else knows yet is mapped. Caller holds the lock of the page of ptes. */
export function* set_anon_pte(mm: Mm, vma: Vma, address: Address, pte: Ptep, page: Page): Coroutine {
  charge(SET_ANON_PTE);
  yield* page_add_anon_rmap(page, vma, address); // page_add_new_anon_rmap
  yield* lru_cache_add_active(mm.system, page);
  const entry = maybe_mkwrite(pte_mkdirty(mk_pte(page, vm_page_prot)), vma);
  yield* set_pte(pte, entry);
  yield* update_mmu_cache(vma, address, entry);
}

/** Caller holds the lock of the page of ptes; it is dropped to wait, to allocate, and on return. */
export function* do_wp_page(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  orig_pte: number,
): Coroutine<VmFault> {
  const old_page = pte_page(mm, orig_pte);
  const shared_writable = (vma.vm_flags & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE);
  if (old_page.reserved) {
    // No struct page: the zero page, or memory that is a file.
    if (shared_writable) return yield* wp_page_reuse(vma, address, page_table, pmd, orig_pte);
  } else if (PageAnon(old_page)) {
    const pte = yield* lock_page_of_pte(mm, address, page_table, pmd, orig_pte, old_page);
    if (pte === null) return VM_FAULT_MINOR;
    const reuse = yield* reuse_swap_page(old_page);
    yield* unlock_page(old_page.lock);
    if (reuse) return yield* wp_page_reuse(vma, address, pte, pmd, orig_pte);
    page_table = pte;
  } else if (shared_writable) return yield* wp_page_shared(mm, vma, address, page_table, pmd, orig_pte, old_page);
  return yield* wp_page_copy(mm, vma, address, page_table, pmd, orig_pte, old_page);
}

/** The page lock, for which the lock of the ptes may have to be dropped. Null: the pte is another one then; all is dropped. */
function* lock_page_of_pte(
  mm: Mm,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  orig_pte: number,
  page: Page,
): Coroutine<Ptep | null> {
  if ((yield* trylock_page(page.lock)) === 1) return page_table;
  yield* page_cache_get(page);
  yield* pte_unmap_unlock(page_table, pmd);
  yield* lock_page(page.lock);
  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  const same = pte.plain === orig_pte;
  if (!same) {
    mark('write protection fault raced');
    yield* unlock_page(page.lock);
    yield* pte_unmap_unlock(pte, pmd);
  }
  yield* page_cache_release(mm.system, page);
  return same ? pte : null;
}

/** Only one pte maps an anonymous page. Caller holds the page lock. */
function* reuse_swap_page(page: Page): Coroutine<boolean> {
  return (yield* READ_ONCE(page._mapcount)) <= 1;
}

/** The page stays where it is and becomes writable. Caller holds the lock of the page of ptes. */
function* wp_page_reuse(vma: Vma, address: Address, pte: Ptep, pmd: PtePage, orig_pte: number): Coroutine<VmFault> {
  const entry = maybe_mkwrite(pte_mkdirty(pte_mkyoung(orig_pte)), vma);
  yield* set_pte(pte, entry); // ptep_set_access_flags
  yield* update_mmu_cache(vma, address, entry);
  yield* pte_unmap_unlock(pte, pmd);
  return VM_FAULT_WRITE;
}

/**
 * The first store to a page of a file that is mapped shared: the file system is asked, with no lock held, and the page is
 * dirty before whoever writes it to the disk can see a pte that is.
 */
function* wp_page_shared(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  orig_pte: number,
  page: Page,
): Coroutine<VmFault> {
  const page_mkwrite = mkwrite_of(vma);
  yield* page_cache_get(page);
  if (page_mkwrite !== null) {
    yield* pte_unmap_unlock(page_table, pmd);
    const answer = yield* do_page_mkwrite(page_mkwrite, vma, page, address);
    if (answer === 0 || (answer & (VM_FAULT_ERROR | VM_FAULT_NOPAGE)) !== 0) {
      yield* page_cache_release(mm.system, page);
      return answer;
    }
    page_table = yield* pte_offset_map_lock(mm, pmd, address);
    if (page_table.plain !== orig_pte) {
      mark('write protection fault raced');
      yield* unlock_page(page.lock);
      yield* pte_unmap_unlock(page_table, pmd);
      yield* page_cache_release(mm.system, page);
      return VM_FAULT_MINOR;
    }
  }
  const fault = yield* wp_page_reuse(vma, address, page_table, pmd, orig_pte);
  if (page_mkwrite === null) yield* wait_on_page_locked(page); // who cleans the page is done with it then
  yield* TestSetPageDirty(page);
  if (page_mkwrite !== null) yield* unlock_page(page.lock);
  yield* page_cache_release(mm.system, page);
  return fault;
}

/** Until nobody has it locked; here by having it for a moment. */
export function* wait_on_page_locked(page: Page): Coroutine {
  yield* lock_page(page.lock);
  yield* unlock_page(page.lock);
}

/** vm_ops->page_mkwrite: the page is locked if the answer has VM_FAULT_LOCKED. 0: it has gone, the fault is to be made again. */
export function* do_page_mkwrite(
  page_mkwrite: FaultHandler,
  vma: Vma,
  page: Page,
  address: Address,
): Coroutine<VmFault> {
  const vmf = {
    virtual_address: address,
    pgoff: page.index,
    flags: FAULT_FLAG_WRITE | FAULT_FLAG_MKWRITE,
    cow_page: null,
    page,
    max_pgoff: 0,
    pte: null,
  };
  const answer = yield* page_mkwrite(vma, vmf);
  if ((answer & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_LOCKED)) !== 0) return answer;
  yield* lock_page(page.lock);
  if (page.mapping !== 0) return answer | VM_FAULT_LOCKED;
  yield* unlock_page(page.lock);
  return 0;
}

/** Caller holds the lock of the page of ptes, which is dropped. */
function* wp_page_copy(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  orig_pte: number,
  old_page: Page,
): Coroutine<VmFault> {
  const counted = !old_page.reserved;
  if (counted) yield* page_cache_get(old_page);
  yield* pte_unmap_unlock(page_table, pmd);

  const new_page = (yield* mm.system.kernel.anon_vma_prepare(vma)) ? null : yield* alloc_page_vma(vma, address);
  if (new_page === null) {
    if (counted) yield* page_cache_release(mm.system, old_page);
    return VM_FAULT_OOM;
  }
  yield* copy_cow_page(old_page, new_page);

  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  const same = pte.plain === orig_pte;
  if (same) yield* switch_to_copy(mm, vma, address, pte, old_page, new_page);
  else mark('write protection fault raced');
  yield* pte_unmap_unlock(pte, pmd);
  if (!same) yield* page_cache_release(mm.system, new_page);
  if (same && counted) yield* page_cache_release(mm.system, old_page); // what the pte referred to
  if (counted) yield* page_cache_release(mm.system, old_page);
  return same ? VM_FAULT_WRITE : VM_FAULT_MINOR;
}

/** No TLB has the old page when the new one is mapped, and it counts as mapped until then. */
function* switch_to_copy(mm: Mm, vma: Vma, address: Address, pte: Ptep, old_page: Page, new_page: Page): Coroutine {
  if (!PageAnon(old_page)) {
    if (!old_page.reserved) yield* atomic_add_return(-1, mm.file_rss);
    yield* atomic_inc(mm.rss);
  }
  yield* xchg(pte, 0); // ptep_clear_flush
  yield* flush_tlb_page(vma, address);
  yield* set_anon_pte(mm, vma, address, pte, new_page);
  if (!old_page.reserved) yield* page_remove_rmap(old_page);
}

/**
 * Remove every pte in [address, end), with the lock of the page of ptes held. Pages are freed after the next flush, which 3.14
 * makes when the lock has been dropped: a page that was dirty may be cleaned meanwhile, and stored to after that (B23).
 */
export function* zap_pte_range(
  tlb: MmuGather,
  vma: Vma,
  pmd: PtePage,
  address: Address,
  end: Address,
  details: ZapDetails | null,
): Coroutine {
  yield* spin_lock(pmd.ptl);
  yield* zap_ptes(tlb, vma, pmd, address, end, details);
  yield* spin_unlock(pmd.ptl);
}

/**
 * From 3.15 on TLBs are flushed before the lock is dropped if a page was dirty (commit 1cf35d47712d). page_mkclean waits for
 * that, if it comes as far as the lock: of a page that counts as mapped no longer it does not look for ptes.
 */
export function* zap_pte_range_flushed(
  tlb: MmuGather,
  vma: Vma,
  pmd: PtePage,
  address: Address,
  end: Address,
  details: ZapDetails | null,
): Coroutine {
  yield* spin_lock(pmd.ptl);
  const dirty = yield* zap_ptes(tlb, vma, pmd, address, end, details);
  if (dirty) yield* tlb_flush_mmu_tlbonly(tlb);
  yield* spin_unlock(pmd.ptl);
}

/** What zap_pte counts. `delayed`: pages of files that were dirty, and are to count as mapped for now; null: none are. */
interface Zapped {
  anon: number;
  file: number;
  dirty: boolean;
  readonly delayed: Page[] | null;
}

/** Was a page of a file dirty? */
export function* zap_ptes(
  tlb: MmuGather,
  vma: Vma,
  pmd: PtePage,
  address: Address,
  end: Address,
  details: ZapDetails | null,
  delayed: Page[] | null = null,
): Coroutine<boolean> {
  const { mm } = tlb;
  const size = page_size(mm);
  const zapped: Zapped = { anon: 0, file: 0, dirty: false, delayed };
  for (; address < end; address += size) {
    const ptep = pte_offset_map(mm, pmd, address);
    if (!pte_none(ptep.plain)) yield* zap_pte(tlb, vma, address, ptep, details, zapped);
    pte_unmap(ptep);
  }
  if (zapped.anon > 0) yield* atomic_add_return(-zapped.anon, mm.rss); // add_mm_rss_vec
  if (zapped.file > 0) yield* atomic_add_return(-zapped.file, mm.file_rss);
  return zapped.dirty;
}

function* zap_pte(
  tlb: MmuGather,
  vma: Vma,
  address: Address,
  ptep: Ptep,
  details: ZapDetails | null,
  zapped: Zapped,
): Coroutine {
  const entry = ptep.plain;
  if (pte_file(entry)) {
    if (details === null) yield* set_pte(ptep, 0);
    return;
  }
  const page = pte_page(tlb.mm, entry);
  // What has no struct page (vm_normal_page) is nobody's copy, and goes in any case.
  if (details !== null && !page.reserved && ((yield* is_kept(page, details)) || isElsewhere(page, details))) return;
  const pte = yield* xchg(ptep, 0); // ptep_get_and_clear_full
  charge(ZAP_PTE);
  tlb.need_flush = true;
  if (!pte_present(pte) || page.reserved) return;
  const linear = linear_page_index(vma, address);
  if (details?.nonlinear !== undefined && page.index !== linear) yield* set_pte(ptep, pgoff_to_pte(page.index));
  const dirty = !PageAnon(page) && pte_dirty(pte);
  if (PageAnon(page)) zapped.anon++;
  else zapped.file++;
  if (dirty) {
    zapped.dirty = true;
    yield* TestSetPageDirty(page);
  }
  if (dirty && zapped.delayed !== null) zapped.delayed.push(page);
  else yield* page_remove_rmap(page);
  yield* tlb_remove_page(tlb, page);
}

/** All ptes of a vma that is not linear are looked at: other pages of the file stay. */
function isElsewhere({ index }: Page, { nonlinear }: ZapDetails): boolean {
  return nonlinear !== undefined && (index < nonlinear.first || index > nonlinear.last);
}

/** Remove all translations of [start, end), which lies within the vma. */
function* unmap_page_range(
  tlb: MmuGather,
  vma: Vma,
  start: Address,
  end: Address,
  details: ZapDetails | null,
): Coroutine {
  const { mm } = tlb;
  let next: Address;
  for (let address = start; address < end; address = next) {
    next = pmd_addr_end(mm, address, end);
    if ((yield* pmd_present(mm, address)) === 0) continue;
    yield* path3(mm).zap_pte_range(tlb, vma, page_of_ptes(mm, address)!, address, next, details);
  }
}

export function* zap_page_range(
  vma: Vma,
  address: Address,
  size: number,
  details: ZapDetails | null = null,
): Coroutine {
  const tlb = tlb_gather_mmu(vma.vm_mm, false);
  yield* unmap_page_range(tlb, vma, address, address + size, details);
  yield* tlb_flush_mmu(tlb); // tlb_finish_mmu
}

export function* unmap_region(mm: Mm, vmas: readonly Vma[]): Coroutine {
  const tlb = tlb_gather_mmu(mm, false);
  for (const vma of vmas) yield* unmap_page_range(tlb, vma, vma.vm_start, vma.vm_end, null);
  yield* free_pgtables(vmas);
  yield* tlb_flush_mmu(tlb);
}

/** Nobody else uses the address space any more; by way of a file it can be found until the vma is unlinked. */
export function* exit_mmap(mm: Mm): Coroutine {
  const tlb = tlb_gather_mmu(mm, true);
  for (const vma of mm.mmap) yield* unmap_page_range(tlb, vma, vma.vm_start, vma.vm_end, null);
  charge(FREE_PTE_PAGE, mm.pgd.nr_ptes);
  yield* free_pgtables(mm.mmap);
  yield* tlb_flush_mmu(tlb);
  mm.pgd.clear();
  mm.dead = true;
  for (const vma of mm.mmap.splice(0)) yield* remove_vma(vma);
}

/** Caller holds i_mutex. Sleeps for the mutex: a fault that has it has to be waited for. */
export function* unmap_mapping_range(
  mapping: AddressSpace,
  first: number,
  last: number,
  even_cows: boolean,
): Coroutine {
  const check_mapping = even_cows ? null : mapping;
  const { kernel } = mapping.host.system;
  yield* kernel.i_mmap_lock_write(mapping);
  for (const vma of mapping.i_mmap) {
    const range = part_of(vma, first, last);
    if (range !== null) yield* kernel.zap_page_range(vma, ...range, { check_mapping });
  }
  for (const vma of mapping.i_mmap_nonlinear) {
    const size = vma.vm_end - vma.vm_start;
    const details = { check_mapping, nonlinear: { first, last } };
    yield* kernel.zap_page_range(vma, vma.vm_start, size, details);
  }
  yield* kernel.i_mmap_unlock_write(mapping);
}

export function i_mmap_lock_write(mapping: AddressSpace): Step {
  return mutex_lock(mapping.i_mmap_mutex);
}
export function i_mmap_unlock_write(mapping: AddressSpace): Step {
  return mutex_unlock(mapping.i_mmap_mutex);
}
