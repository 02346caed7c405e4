/**
 * Anonymous memory of 2.6.15 (mm/memory.c): every page of ptes has a spinlock of its own, page_table_lock is left for the
 * levels above and for vma->anon_vma (commit 4c21e2f2441d, "split page table lock", Hugh Dickins, 2005-10-29).
 *
 * A pte is read without a lock first; whoever takes the lock afterwards looks again. rss is an atomic counter. The zero
 * page is counted like a page of a file: its struct page is a line that all CPUs write to. Whether a page may be reused
 * is asked of its mapcount, and do_wp_page gives up its mapping of the old page before it has switched the pte: B22,
 * mended in 2008 (see patches/2008-06-22-cow-rmap-order.ts).
 *
 * After the tree of that commit and 2.6.18. Left out: what kernel/memory.ts leaves out, page_mkwrite, and the pauses of
 * copy_pte_range and zap_pte_range for those who wait for the lock.
 */
import { atomic_add_return, atomic_dec, atomic_inc, READ_ONCE, xchg } from '../../machine/memory.ts';
import type { Coroutine, Step } from '../../machine/step.ts';
import { might_sleep } from '../../machine/thread.ts';
import { charge, work } from '../../machine/work.ts';
import { trylock_page, unlock_page } from '../../sync/pagelock.ts';
import { spin_lock, spin_unlock, type Spinlock } from '../../sync/spinlock.ts';
import { do_page_fault } from '../fault.ts';
import { type FaultPath2_6, path2_6, type ZapDetails } from '../fault-path.ts';
import { filemap_nopage } from '../filemap.ts';
import { mark } from '../marks.ts';
import {
  copy_cow_page,
  is_kept,
  is_shared,
  mapFilePage,
  maybe_mkwrite,
  pte_of_child,
  set_pte,
  vm_page_prot,
  ZERO_PAGE,
} from '../memory.ts';
import { copy_vma, free_pgtables, remove_vma, vma_link_file } from '../mmap.ts';
import { type MmuGather, tlb_flush_mmu, tlb_gather_mmu, tlb_remove_page } from '../mmu_gather.ts';
import {
  alloc_page_vma,
  clear_user_highpage,
  page_cache_get,
  page_cache_release,
  put_page_testzero,
} from '../page_alloc.ts';
import { TestSetPageDirty } from '../page-flags.ts';
import {
  mk_pte,
  page_size,
  pgd_none,
  pgd_present,
  pmd_addr_end,
  pmd_offset,
  page_of_ptes,
  pmd_present,
  pud_present,
  pgd_populate,
  pmd_populate,
  pud_populate,
  pte_dirty,
  pte_file,
  pte_mkdirty,
  pte_mkyoung,
  pte_none,
  pte_offset_map,
  pte_page,
  pte_pfn,
  pte_present,
  pte_unmap,
  pte_write,
  pte_wrprotect,
  type PtePage,
  type Ptep,
  update_mmu_cache,
} from '../pgtable.ts';
import {
  anon_vma_link,
  anon_vma_prepare,
  PageAnon,
  page_add_anon_rmap,
  page_dup_rmap,
  page_remove_rmap,
} from '../rmap.ts';
import {
  type Address,
  type Mm,
  type Page,
  VM_FAULT_MINOR,
  VM_FAULT_OOM,
  VM_NONLINEAR,
  type VmFault,
  type Vma,
} from '../structs.ts';
import { lru_cache_add_active } from '../swap.ts';
import { flush_tlb_mm, flush_tlb_page } from '../tlb.ts';
import { filemap_sync_pte_range, truncate2_6 } from '../truncate.ts';

const HANDLE_MM_FAULT = work('handle_mm_fault');
const PMD_ALLOC = work('pmd_alloc_one');
const PTE_ALLOC = work('pte_alloc_one');
const SET_ANON_PTE = work('set_anon_pte');
const ZAP_PTE = work('zap_pte');
const COPY_PTE = work('copy_one_pte', 40);
const COPY_VMA = work('copy_vma');
const FREE_PTE_PAGE = work('free_pte_page');

function inc_rss({ rss, file_rss }: Mm, anon: boolean): Step {
  return atomic_inc(anon ? rss : file_rss);
}

export function pte_lockptr(_mm: Mm, { ptl }: PtePage): Spinlock {
  return ptl;
}

/** The page's pte, with the lock of its page of ptes held. */
export function* pte_offset_map_lock(mm: Mm, pmd: PtePage, address: Address): Coroutine<Ptep> {
  const pte = pte_offset_map(mm, pmd, address);
  yield* spin_lock(pmd.ptl);
  return pte;
}

export function pte_unmap_unlock(pte: Ptep, pmd: PtePage): Step {
  pte_unmap(pte);
  return spin_unlock(pmd.ptl);
}

/** By the time we get here, mmap_sem is held for reading. Nothing else is held while the tables are walked. */
function* handle_mm_fault(mm: Mm, vma: Vma, address: Address, write_access: boolean): Coroutine<VmFault> {
  charge(HANDLE_MM_FAULT);
  mm.system.counters.pgfault++;
  if ((yield* pmd_present(mm, address)) === 0) yield* pte_alloc(mm, address);
  const ptes = page_of_ptes(mm, address)!;
  const pte = pte_offset_map(mm, ptes, address);
  return yield* path2_6(mm).handle_pte_fault(mm, vma, address, write_access, pte, ptes);
}

/** A page of ptes is allocated first; somebody else may have put one in by the time page_table_lock is had. */
export function* pte_alloc(mm: Mm, address: Address): Coroutine {
  if ((yield* pud_present(mm, address)) === 0) yield* pmd_alloc(mm, address);
  might_sleep();
  charge(PTE_ALLOC);
  yield* spin_lock(mm.page_table_lock);
  if (page_of_ptes(mm, address) === undefined) yield* pmd_populate(mm, address);
  yield* spin_unlock(mm.page_table_lock);
}

/** A pmd table likewise. */
export function* pmd_alloc(mm: Mm, address: Address): Coroutine {
  might_sleep();
  charge(PMD_ALLOC);
  const unfolded = mm.pgd.pudMask > 0;
  if (unfolded && (yield* pgd_present(mm, address)) === 0) yield* pud_alloc(mm, address);
  yield* spin_lock(mm.page_table_lock);
  if (pmd_offset(mm, address) === undefined) yield* pud_populate(mm, address);
  yield* spin_unlock(mm.page_table_lock);
}

/** A pud table likewise: on machines of four levels. */
function* pud_alloc(mm: Mm, address: Address): Coroutine {
  charge(PMD_ALLOC);
  yield* spin_lock(mm.page_table_lock);
  if (pgd_none(mm, address)) yield* pgd_populate(mm, address);
  yield* spin_unlock(mm.page_table_lock);
}

/** What the pte says is read without a lock; a present one is looked at again under its lock. */
function* handle_pte_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  write_access: boolean,
  pte: Ptep,
  pmd: PtePage,
): Coroutine<VmFault> {
  const kernel = path2_6(mm);
  const entry = yield* READ_ONCE(pte);
  if (pte_none(entry)) return yield* kernel.do_no_page(mm, vma, address, write_access, pte, pmd);
  yield* spin_lock(pmd.ptl);
  const same = pte.plain === entry;
  if (same && write_access && !pte_write(entry)) return yield* kernel.do_wp_page(mm, vma, address, pte, pmd, entry);
  if (same) {
    const flagged = write_access ? pte_mkdirty(pte_mkyoung(entry)) : pte_mkyoung(entry);
    if (flagged !== entry) yield* set_pte(pte, flagged);
    yield* update_mmu_cache(vma, address, flagged);
  }
  yield* pte_unmap_unlock(pte, pmd);
  return VM_FAULT_MINOR;
}

function do_no_page(
  mm: Mm,
  vma: Vma,
  address: Address,
  write_access: boolean,
  page_table: Ptep,
  pmd: PtePage,
): Coroutine<VmFault> {
  if (vma.vm_file === null) {
    return path2_6(mm).do_anonymous_page(mm, vma, page_table, pmd, write_access, address);
  }
  pte_unmap(page_table);
  return mapFilePage(mm, vma, address, write_access, pmd);
}

/** Nothing but mmap_sem is held; the lock of the page of ptes is taken when there is a page to map. */
function* do_anonymous_page(
  mm: Mm,
  vma: Vma,
  page_table: Ptep,
  pmd: PtePage,
  write_access: boolean,
  address: Address,
): Coroutine<VmFault> {
  pte_unmap(page_table);
  if (!write_access) return yield* map_zero_page(mm, vma, pmd, address);
  if (yield* mm.system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
  const page = yield* alloc_page_vma(vma, address);
  if (page === null) return VM_FAULT_OOM;
  yield* clear_user_highpage(page);

  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  if (!pte_none(pte.plain)) {
    mark('anonymous fault raced');
    yield* page_cache_release(mm.system, page);
    yield* pte_unmap_unlock(pte, pmd);
    return VM_FAULT_MINOR;
  }
  yield* atomic_inc(mm.rss); // anon_rss
  charge(SET_ANON_PTE);
  yield* lru_cache_add_active(mm.system, page);
  yield* page_add_anon_rmap(page, vma, address);
  const entry = maybe_mkwrite(pte_mkdirty(mk_pte(page, vm_page_prot)), vma);
  yield* set_pte(pte, entry);
  yield* update_mmu_cache(vma, address, entry);
  yield* pte_unmap_unlock(pte, pmd);
  return VM_FAULT_MINOR;
}

/** The zero page is counted, its mapcount and rss too: three lines for a page that costs nothing. */
function* map_zero_page(mm: Mm, vma: Vma, pmd: PtePage, address: Address): Coroutine<VmFault> {
  const page = ZERO_PAGE(mm);
  yield* page_cache_get(page);
  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  if (!pte_none(pte.plain)) {
    mark('anonymous fault raced');
    yield* put_page_testzero(page);
    yield* pte_unmap_unlock(pte, pmd);
    return VM_FAULT_MINOR;
  }
  yield* atomic_inc(mm.file_rss);
  yield* page_dup_rmap(page); // page_add_file_rmap
  const entry = pte_wrprotect(mk_pte(page, vm_page_prot));
  yield* set_pte(pte, entry);
  yield* update_mmu_cache(vma, address, entry);
  yield* pte_unmap_unlock(pte, pmd);
  return VM_FAULT_MINOR;
}

/** Only one pte maps an anonymous page. Caller holds the page lock. */
export function* can_share_swap_page(page: Page): Coroutine<boolean> {
  return (yield* READ_ONCE(page._mapcount)) === 1;
}

/** A write to a page that is mapped read-only. Caller holds the lock of the page of ptes; it is dropped to allocate. */
export function* do_wp_page(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  orig_pte: number,
): Coroutine<VmFault> {
  const old_page = pte_page(mm, orig_pte);
  if (yield* reused(old_page)) {
    const entry = maybe_mkwrite(pte_mkdirty(pte_mkyoung(orig_pte)), vma);
    yield* set_pte(page_table, entry);
    yield* update_mmu_cache(vma, address, entry);
    yield* pte_unmap_unlock(page_table, pmd);
    return VM_FAULT_MINOR;
  }
  yield* page_cache_get(old_page);
  yield* pte_unmap_unlock(page_table, pmd);

  const new_page = (yield* mm.system.kernel.anon_vma_prepare(vma)) ? null : yield* alloc_page_vma(vma, address);
  if (new_page === null) {
    yield* put_old_page(mm, old_page);
    return VM_FAULT_OOM;
  }
  yield* copy_cow_page(old_page, new_page);

  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  const same = pte.plain === orig_pte;
  if (same) yield* path2_6(mm).switch_to_copy(mm, vma, address, pte, old_page, new_page);
  else mark('write protection fault raced');
  if (same)
    yield* put_old_page(mm, old_page); // what the pte referred to
  else yield* page_cache_release(mm.system, new_page);
  yield* put_old_page(mm, old_page);
  yield* pte_unmap_unlock(pte, pmd);
  return VM_FAULT_MINOR;
}

/** May the page be made writable where it is? */
function* reused(page: Page): Coroutine<boolean> {
  if (!PageAnon(page) || (yield* trylock_page(page.lock)) === 0) return false;
  const reuse = yield* can_share_swap_page(page);
  yield* unlock_page(page.lock);
  return reuse;
}

/** The zero page has a reference for ever. */
function* put_old_page(mm: Mm, page: Page): Coroutine {
  if (page.reserved) yield* put_page_testzero(page);
  else yield* page_cache_release(mm.system, page);
}

/** Caller holds the lock of the page of ptes. The old page counts as unmapped before its pte has been switched. */
export function* switch_to_copy(
  mm: Mm,
  vma: Vma,
  address: Address,
  pte: Ptep,
  old_page: Page,
  new_page: Page,
): Coroutine {
  yield* page_remove_rmap(old_page);
  yield* count_copy(mm, old_page);
  yield* establish_copy(mm, vma, address, pte, new_page);
}

/** The copy of the zero page, or of a page of a file, is one anonymous page more. */
export function* count_copy(mm: Mm, old_page: Page): Coroutine {
  if (PageAnon(old_page)) return;
  yield* atomic_inc(mm.rss);
  yield* atomic_dec(mm.file_rss);
}

export function* establish_copy(mm: Mm, vma: Vma, address: Address, pte: Ptep, new_page: Page): Coroutine {
  charge(SET_ANON_PTE);
  const entry = maybe_mkwrite(pte_mkdirty(mk_pte(new_page, vm_page_prot)), vma);
  yield* set_pte(pte, entry); // ptep_establish
  yield* flush_tlb_page(vma, address);
  yield* update_mmu_cache(vma, address, entry);
  yield* lru_cache_add_active(mm.system, new_page);
  yield* page_add_anon_rmap(new_page, vma, address);
}

/** Remove every pte in [address, end), with the lock of the page of ptes held. */
function* zap_pte_range(
  tlb: MmuGather,
  pmd: PtePage,
  address: Address,
  end: Address,
  details: ZapDetails | null,
): Coroutine {
  const { mm } = tlb;
  const size = page_size(mm);
  const rss = { anon: 0, file: 0 };
  yield* spin_lock(pmd.ptl);
  for (; address < end; address += size) {
    const ptep = pte_offset_map(mm, pmd, address);
    if (!pte_none(ptep.plain)) yield* zap_pte(tlb, ptep, details, rss);
    pte_unmap(ptep);
  }
  if (rss.anon !== 0) yield* atomic_add_return(rss.anon, mm.rss); // add_mm_rss
  if (rss.file !== 0) yield* atomic_add_return(rss.file, mm.file_rss);
  yield* spin_unlock(pmd.ptl);
}

function* zap_pte(
  tlb: MmuGather,
  ptep: Ptep,
  details: ZapDetails | null,
  rss: { anon: number; file: number },
): Coroutine {
  if (details !== null && (yield* is_kept(pte_page(tlb.mm, ptep.plain), details))) return;
  const pte = yield* xchg(ptep, 0);
  charge(ZAP_PTE);
  tlb.need_flush = true;
  const page = pte_page(tlb.mm, pte);
  if (PageAnon(page)) rss.anon--;
  else rss.file--;
  if (pte_dirty(pte) && !PageAnon(page) && !page.reserved) yield* TestSetPageDirty(page);
  yield* page_remove_rmap(page);
  if (page.reserved) yield* put_page_testzero(page);
  else yield* tlb_remove_page(tlb, page);
}

function* unmap_vmas(tlb: MmuGather, start: Address, end: Address, details: ZapDetails | null = null): Coroutine {
  let next: Address;
  for (let address = start; address < end; address = next) {
    next = pmd_addr_end(tlb.mm, address, end);
    const none = (yield* pmd_present(tlb.mm, address)) === 0;
    if (!none) yield* zap_pte_range(tlb, page_of_ptes(tlb.mm, address)!, address, next, details);
  }
}

function* zap_page_range(vma: Vma, address: Address, size: number, details: ZapDetails | null = null): Coroutine {
  const tlb = tlb_gather_mmu(vma.vm_mm, false);
  yield* unmap_vmas(tlb, address, address + size, details);
  yield* tlb_flush_mmu(tlb);
}

function* unmap_region(mm: Mm, vmas: readonly Vma[]): Coroutine {
  const tlb = tlb_gather_mmu(mm, false);
  for (const { vm_start, vm_end } of vmas) yield* unmap_vmas(tlb, vm_start, vm_end);
  yield* free_pgtables(vmas);
  yield* tlb_flush_mmu(tlb); // tlb_finish_mmu
}

function* exit_mmap(mm: Mm): Coroutine {
  const tlb = tlb_gather_mmu(mm, true);
  for (const { vm_start, vm_end } of mm.mmap) yield* unmap_vmas(tlb, vm_start, vm_end);
  charge(FREE_PTE_PAGE, mm.pgd.nr_ptes);
  yield* free_pgtables(mm.mmap);
  yield* tlb_flush_mmu(tlb);
  mm.pgd.clear();
  mm.dead = true;
  for (const vma of mm.mmap.splice(0)) yield* remove_vma(vma);
}

/** Caller holds the parent's mmap_sem for writing. Returns true if out of memory. */
export function* dup_mmap(mm: Mm, parent: Mm): Coroutine<boolean> {
  for (const vma of parent.mmap) {
    charge(COPY_VMA);
    const copy = copy_vma(mm, vma);
    yield* anon_vma_link(copy, vma);
    yield* vma_link_file(copy);
    mm.mmap.push(copy);
    yield* mm.system.kernel.copy_page_range(mm, parent, vma);
  }
  mm.free_area_cache = parent.free_area_cache;
  yield* flush_tlb_mm(parent);
  return false;
}

/**
 * The child gets the parent's translations, and neither may write to what both have. The lock of the child's page of
 * ptes is taken, then that of the parent's. What has never had an anonymous page is not copied if it can be faulted in: not so
 * what is not linear, or has no struct page.
 */
export function* copy_page_range(dst: Mm, src: Mm, vma: Vma): Coroutine<boolean> {
  const findable = (vma.vm_flags & VM_NONLINEAR) === 0 && vma.vm_file?.f_mapping.host.kind.dax !== true;
  if (findable && vma.anon_vma.value === 0) return false; // nobody can fault now
  let next: Address;
  for (let address = vma.vm_start; address < vma.vm_end; address = next) {
    next = pmd_addr_end(src, address, vma.vm_end);
    const src_ptes = page_of_ptes(src, address); // no fault puts one in now
    if (src_ptes === undefined) continue;
    if (page_of_ptes(dst, address) === undefined) yield* pte_alloc(dst, address);
    yield* copy_pte_range(dst, vma, page_of_ptes(dst, address)!, src_ptes, address, next);
  }
  return false;
}

function* copy_pte_range(
  dst: Mm,
  vma: Vma,
  dst_ptes: PtePage,
  src_ptes: PtePage,
  address: Address,
  end: Address,
): Coroutine {
  const src = vma.vm_mm;
  const size = page_size(src);
  const rss = { anon: 0, file: 0 };
  yield* spin_lock(dst_ptes.ptl);
  yield* spin_lock(src_ptes.ptl); // SINGLE_DEPTH_NESTING
  for (; address < end; address += size) {
    const dst_pte = pte_offset_map(dst, dst_ptes, address);
    const src_pte = pte_offset_map(src, src_ptes, address);
    if (!pte_none(src_pte.plain)) yield* copy_one_pte(vma, dst_pte, src_pte, rss);
    pte_unmap(src_pte);
    pte_unmap(dst_pte);
  }
  yield* spin_unlock(src_ptes.ptl);
  if (rss.anon > 0) yield* atomic_add_return(rss.anon, dst.rss);
  if (rss.file > 0) yield* atomic_add_return(rss.file, dst.file_rss);
  yield* spin_unlock(dst_ptes.ptl);
}

function* copy_one_pte(vma: Vma, dst_pte: Ptep, src_pte: Ptep, rss: { anon: number; file: number }): Coroutine {
  charge(COPY_PTE);
  const pte = src_pte.plain;
  if (pte_file(pte)) {
    yield* set_pte(dst_pte, pte);
    return;
  }
  const page = pte_page(vma.vm_mm, pte);
  if (pte_write(pte) && !is_shared(vma)) yield* set_pte(src_pte, pte_wrprotect(pte)); // ptep_set_wrprotect
  if (!page.reserved || vma.vm_mm.system.kernel.counts_zero_page === true) {
    yield* page_cache_get(page);
    yield* page_dup_rmap(page);
    if (PageAnon(page)) rss.anon++;
    else rss.file++;
  }
  yield* set_pte(dst_pte, pte_of_child(pte, vma));
}

/** The pte that maps the page there, with its lock held; null: none does. */
export function* page_check_address(page: Page, mm: Mm, address: Address): Coroutine<Ptep | null> {
  if ((yield* pmd_present(mm, address)) === 0) return null;
  const ptes = page_of_ptes(mm, address)!;
  const pte = yield* pte_offset_map_lock(mm, ptes, address);
  const entry = pte.plain;
  if (pte_present(entry) && pte_pfn(entry) === page.pfn) return pte;
  yield* pte_unmap_unlock(pte, ptes);
  return null;
}

export function* page_check_done(pte: Ptep): Coroutine {
  yield* pte_unmap_unlock(pte, pte.words as PtePage);
}

/** As filemap_sync of 2.6.10, a page of ptes at a time. */
function* msync_page_range(vma: Vma, start: Address, end: Address): Coroutine {
  const mm = vma.vm_mm;
  let next: Address;
  for (let address = start; address < end; address = next) {
    next = pmd_addr_end(mm, address, end);
    if ((yield* pmd_present(mm, address)) === 0) continue;
    const ptes = page_of_ptes(mm, address)!;
    yield* spin_lock(ptes.ptl);
    yield* filemap_sync_pte_range(vma, ptes, address, next);
    yield* spin_unlock(ptes.ptl);
  }
}

export const v2_6_15 = {
  do_page_fault,
  handle_mm_fault,
  handle_pte_fault,
  do_no_page,
  do_anonymous_page,
  do_wp_page,
  switch_to_copy,
  anon_vma_prepare,
  dup_mmap,
  copy_page_range,
  zap_page_range,
  unmap_region,
  remove_vma,
  exit_mmap,
  page_check_address,
  page_check_done,
  pte_lockptr,
  inc_rss,
  filemap_nopage,
  ...truncate2_6,
  filemap_sync: msync_page_range,
  madvise_need_mmap_write: true,
  counts_zero_page: true,
} satisfies FaultPath2_6;
