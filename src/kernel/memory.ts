/**
 * Faults, zapping and fork of 2.6.10 (mm/memory.c): one spinlock per address space, taken before the walk and dropped
 * while a page is allocated and zeroed, or found in the page cache.
 *
 * After the trees of 2.6.9 and 2.6.11 and the pre-image of the prefault V2 patch (2.6.10-rc3-bk7); no
 * pristine 2.6.10 was at hand. Left out: swap, vmas that are not linear, hugetlb, and the flush when a pte gets more rights
 * (whoever has the old translation walks again).
 */
import { charge, work } from '../machine/work.ts';
import { type Coroutine, NOTHING, type Step } from '../machine/step.ts';
import { might_sleep } from '../machine/thread.ts';
import { READ_ONCE, WRITE_ONCE, xchg } from '../machine/memory.ts';
import { trylock_page, unlock_page } from '../sync/pagelock.ts';
import { spin_lock, spin_unlock, type Spinlock } from '../sync/spinlock.ts';
import { type FaultPath2_6, path2_6, type ZapDetails } from './fault-path.ts';
import { filemap_nopage } from './filemap.ts';
import { do_page_fault } from './fault.ts';
import { mark } from './marks.ts';
import { copy_vma, remove_vm_struct, vma_link_file } from './mmap.ts';
import { type MmuGather, tlb_finish_mmu, tlb_gather_mmu, tlb_remove_page } from './mmu_gather.ts';
import {
  alloc_page_vma,
  clear_user_highpage,
  copy_user_highpage,
  page_cache_get,
  page_cache_release,
} from './page_alloc.ts';
import { TestSetPageDirty } from './page-flags.ts';
import {
  _PAGE_ACCESSED,
  _PAGE_PRESENT,
  mk_pte,
  page_size,
  pgd_none,
  pgd_populate,
  pmd_addr_end,
  pmd_offset,
  page_of_ptes,
  pmd_populate,
  pte_dirty,
  pte_mkclean,
  pte_mkdirty,
  pte_mkold,
  pte_mkwrite,
  pte_mkyoung,
  pte_none,
  pte_offset_map,
  pte_page,
  pte_present,
  pte_unmap,
  pte_wrprotect,
  pte_write,
  type PtePage,
  type Ptep,
  pud_populate,
  update_mmu_cache,
} from './pgtable.ts';
import {
  anon_vma_link,
  anon_vma_prepare,
  PageAnon,
  page_add_anon_rmap,
  page_add_file_rmap,
  page_check_address,
  page_check_done,
  page_dup_rmap,
  page_remove_rmap,
} from './rmap.ts';
import {
  type Address,
  type Mm,
  type Page,
  VM_FAULT_MINOR,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  VM_SHARED,
  VM_WRITE,
  type VmFault,
  type Vma,
  ZERO_PFN,
} from './structs.ts';
import { lru_cache_add_active } from './swap.ts';
import { flush_tlb_mm, flush_tlb_page } from './tlb.ts';
import { truncate2_6 } from './truncate.ts';

const HANDLE_MM_FAULT = work('handle_mm_fault');
const PMD_ALLOC = work('pmd_alloc_one');
const PTE_ALLOC = work('pte_alloc_one');
const SET_ANON_PTE = work('set_anon_pte');
const SET_FILE_PTE = work('set_file_pte', 100);
const ZAP_PTE = work('zap_pte');
const COPY_PTE = work('copy_one_pte', 40);
const COPY_VMA = work('copy_vma');
const FREE_PTE_PAGE = work('free_pte_page');

/** A pte change that hardware walkers may see at once. */
export const set_pte = WRITE_ONCE;

/** Protection of a page mapped for `vma`; write permission is added by maybe_mkwrite. */
export const vm_page_prot = _PAGE_PRESENT | _PAGE_ACCESSED;

/** Protection of a page of a file: in a shared mapping that may be written, a read fault makes it writable too. */
export function page_prot(vma: Vma): number {
  return is_shared(vma) && (vma.vm_flags & VM_WRITE) !== 0 ? pte_mkwrite(vm_page_prot) : vm_page_prot;
}

export function is_shared(vma: Vma): boolean {
  return (vma.vm_flags & VM_SHARED) !== 0;
}

export function maybe_mkwrite(pte: number, vma: Vma): number {
  return (vma.vm_flags & VM_WRITE) !== 0 ? pte_mkwrite(pte) : pte;
}

export function ZERO_PAGE(mm: Mm): Page {
  return mm.system.mem_map[ZERO_PFN];
}

function inc_rss({ rss }: Mm): Coroutine {
  rss.plain++;
  return NOTHING;
}

function pte_lockptr({ page_table_lock }: Mm): Spinlock {
  return page_table_lock;
}

/** By the time we get here, mmap_sem is held for reading. Takes page_table_lock; every leaf drops it. */
export function* handle_mm_fault(mm: Mm, vma: Vma, address: Address, write_access: boolean): Coroutine<VmFault> {
  charge(HANDLE_MM_FAULT);
  mm.system.counters.pgfault++;
  yield* spin_lock(mm.page_table_lock);
  if (pmd_offset(mm, address) === undefined) yield* pmd_alloc(mm, address);
  const ptes = page_of_ptes(mm, address) ?? (yield* pte_alloc_map(mm, address));
  const pte = pte_offset_map(mm, ptes, address);
  return yield* path2_6(mm).handle_pte_fault(mm, vma, address, write_access, pte, ptes);
}

/** Allocate a pmd table with page_table_lock dropped; somebody else may have put one in meanwhile. */
export function* pmd_alloc(mm: Mm, address: Address): Coroutine {
  if (pgd_none(mm, address)) yield* pud_alloc(mm, address);
  yield* spin_unlock(mm.page_table_lock);
  might_sleep();
  charge(PMD_ALLOC);
  yield* spin_lock(mm.page_table_lock);
  if (pmd_offset(mm, address) === undefined) yield* pud_populate(mm, address);
}

/** Allocate a pud table, likewise: on machines of four levels. */
export function* pud_alloc(mm: Mm, address: Address): Coroutine {
  yield* spin_unlock(mm.page_table_lock);
  might_sleep();
  charge(PMD_ALLOC);
  yield* spin_lock(mm.page_table_lock);
  if (pgd_none(mm, address)) yield* pgd_populate(mm, address);
}

/** Allocate a page of ptes, likewise. */
function* pte_alloc_map(mm: Mm, address: Address): Coroutine<PtePage> {
  yield* spin_unlock(mm.page_table_lock);
  might_sleep();
  charge(PTE_ALLOC);
  yield* spin_lock(mm.page_table_lock);
  if (page_of_ptes(mm, address) === undefined) yield* pmd_populate(mm, address);
  return page_of_ptes(mm, address)!;
}

/** Caller holds page_table_lock. */
export function handle_pte_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  write_access: boolean,
  pte: Ptep,
  pmd: PtePage,
): Coroutine<VmFault> {
  const entry = pte.plain;
  if (pte_none(entry)) return path2_6(mm).do_no_page(mm, vma, address, write_access, pte, pmd);
  if (write_access && !pte_write(entry)) return path2_6(mm).do_wp_page(mm, vma, address, pte, pmd, entry);
  return ptep_set_access_flags(mm, vma, address, write_access, pte, entry);
}

/** Caller holds page_table_lock. A vma without `nopage` is anonymous memory. */
export function do_no_page(
  mm: Mm,
  vma: Vma,
  address: Address,
  write_access: boolean,
  page_table: Ptep,
  pmd: PtePage,
): Coroutine<VmFault> {
  if (vma.vm_file !== null) return unlocked_no_page(mm, vma, address, write_access, page_table, pmd);
  return path2_6(mm).do_anonymous_page(mm, vma, page_table, pmd, write_access, address);
}

function* unlocked_no_page(
  mm: Mm,
  vma: Vma,
  address: Address,
  write_access: boolean,
  page_table: Ptep,
  pmd: PtePage,
): Coroutine<VmFault> {
  pte_unmap(page_table);
  yield* spin_unlock(mm.page_table_lock);
  return yield* mapFilePage(mm, vma, address, write_access, pmd);
}

/**
 * The part of do_no_page that is about files. The page is found without any lock but mmap_sem, and is not locked: that it has
 * been truncated meanwhile is told by truncate_count, which is looked at again under the lock of the pte.
 */
export function* mapFilePage(
  mm: Mm,
  vma: Vma,
  address: Address,
  write_access: boolean,
  pmd: PtePage,
): Coroutine<VmFault> {
  const kernel = path2_6(mm);
  const { truncate_count } = vma.vm_file!.f_mapping;
  const anon = write_access && !is_shared(vma);
  for (;;) {
    const sequence = yield* READ_ONCE(truncate_count);
    const { page, type } = yield* kernel.filemap_nopage(vma, address);
    if (page === null) return VM_FAULT_SIGBUS;
    const new_page = anon ? yield* early_cow(vma, address, page) : page;
    if (new_page === null) return VM_FAULT_OOM;

    const ptl = kernel.pte_lockptr(mm, pmd);
    yield* spin_lock(ptl);
    const truncated = (yield* READ_ONCE(truncate_count)) !== sequence;
    const pte = pte_offset_map(mm, pmd, address);
    const raced = !truncated && !pte_none(pte.plain);
    if (!truncated && !raced) yield* install_file_page(mm, vma, address, pte, new_page, write_access, anon);
    pte_unmap(pte);
    if (raced) {
      mark('file fault raced');
      yield* page_cache_release(mm.system, new_page);
    }
    yield* spin_unlock(ptl);
    if (!truncated) return type;
    yield* page_cache_release(mm.system, new_page);
    mark('truncation seen');
  }
}

/** A private copy, made before the lock is taken; the page of the file is given back. Null: out of memory. */
export function* early_cow(vma: Vma, address: Address, page: Page): Coroutine<Page | null> {
  const { system } = vma.vm_mm;
  const failed = yield* system.kernel.anon_vma_prepare(vma);
  const copy = failed ? null : yield* alloc_page_vma(vma, address);
  if (copy !== null) yield* copy_user_highpage(copy, page);
  yield* page_cache_release(system, page);
  return copy;
}

/** Caller holds the lock of the pte, which is none. The reference to the page is the pte's from now on. */
function* install_file_page(
  mm: Mm,
  vma: Vma,
  address: Address,
  pte: Ptep,
  page: Page,
  write_access: boolean,
  anon: boolean,
): Coroutine {
  yield* path2_6(mm).inc_rss(mm, anon);
  charge(SET_FILE_PTE);
  const protection = mk_pte(page, page_prot(vma));
  const entry = write_access ? maybe_mkwrite(pte_mkdirty(protection), vma) : protection;
  yield* set_pte(pte, entry);
  if (anon) {
    yield* lru_cache_add_active(mm.system, page);
    yield* page_add_anon_rmap(page, vma, address);
  } else yield* page_add_file_rmap(page);
  yield* update_mmu_cache(vma, address, entry);
}

/** Caller holds page_table_lock; it is dropped to allocate, and on return. */
export function* do_anonymous_page(
  mm: Mm,
  vma: Vma,
  page_table: Ptep,
  pmd: PtePage,
  write_access: boolean,
  addr: Address,
): Coroutine<VmFault> {
  let entry = pte_wrprotect(mk_pte(ZERO_PAGE(mm), vm_page_prot));
  if (write_access) {
    pte_unmap(page_table);
    yield* spin_unlock(mm.page_table_lock);

    if (yield* mm.system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
    const page = yield* alloc_page_vma(vma, addr);
    if (page === null) return VM_FAULT_OOM;
    yield* clear_user_highpage(page);

    yield* spin_lock(mm.page_table_lock);
    page_table = pte_offset_map(mm, pmd, addr);
    const raced = !pte_none(page_table.plain);
    if (raced) {
      mark('anonymous fault raced');
      pte_unmap(page_table);
      yield* page_cache_release(mm.system, page);
      yield* spin_unlock(mm.page_table_lock);
      return VM_FAULT_MINOR;
    }
    mm.rss.plain++;
    charge(SET_ANON_PTE);
    entry = maybe_mkwrite(pte_mkdirty(mk_pte(page, vm_page_prot)), vma);
    yield* lru_cache_add_active(mm.system, page);
    yield* page_add_anon_rmap(page, vma, addr);
  }
  yield* set_pte(page_table, entry);
  pte_unmap(page_table);
  yield* update_mmu_cache(vma, addr, entry);
  yield* spin_unlock(mm.page_table_lock);
  return VM_FAULT_MINOR;
}

/** The pte was filled while we came here: bring its flags up to date and retry. Caller holds page_table_lock. */
function* ptep_set_access_flags(
  mm: Mm,
  vma: Vma,
  address: Address,
  write_access: boolean,
  pte: Ptep,
  entry: number,
): Coroutine<VmFault> {
  const flagged = write_access ? pte_mkdirty(pte_mkyoung(entry)) : pte_mkyoung(entry);
  if (flagged !== pte.plain) yield* set_pte(pte, flagged);
  yield* update_mmu_cache(vma, address, flagged);
  pte_unmap(pte);
  yield* spin_unlock(mm.page_table_lock);
  return VM_FAULT_MINOR;
}

/** Only one user of an anonymous page, by its count; 2.6.10 does not look at mapcount. Caller holds the page lock. */
export function* can_share_swap_page(page: Page): Coroutine<boolean> {
  return !page.reserved && (yield* READ_ONCE(page._count)) === 1;
}

/**
 * A write to a page that is mapped read-only: the zero page, or one that was shared at fork. Caller holds
 * page_table_lock; it is dropped to allocate, and on return.
 */
export function* do_wp_page(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  pte: number,
): Coroutine<VmFault> {
  const old_page = pte_page(mm, pte);
  if ((yield* trylock_page(old_page.lock)) === 1) {
    const reuse = yield* can_share_swap_page(old_page);
    yield* unlock_page(old_page.lock);
    if (reuse) return yield* ptep_set_access_flags(mm, vma, address, true, page_table, maybe_mkwrite(pte, vma));
  }
  pte_unmap(page_table);
  if (!old_page.reserved) yield* page_cache_get(old_page);
  yield* spin_unlock(mm.page_table_lock);

  if (yield* mm.system.kernel.anon_vma_prepare(vma)) return yield* no_new_page(mm, old_page);
  const new_page = yield* alloc_page_vma(vma, address);
  if (new_page === null) return yield* no_new_page(mm, old_page);
  yield* copy_cow_page(old_page, new_page);

  yield* spin_lock(mm.page_table_lock);
  page_table = pte_offset_map(mm, pmd, address);
  const same = page_table.plain === pte;
  if (same) yield* path2_6(mm).switch_to_copy(mm, vma, address, page_table, old_page, new_page);
  if (!same) mark('write protection fault raced');
  pte_unmap(page_table);
  yield* page_cache_release(mm.system, same ? old_page : new_page); // what the pte no longer refers to
  if (!old_page.reserved) yield* page_cache_release(mm.system, old_page);
  yield* spin_unlock(mm.page_table_lock);
  return VM_FAULT_MINOR;
}

function* no_new_page(mm: Mm, old_page: Page): Coroutine<VmFault> {
  yield* page_cache_release(mm.system, old_page);
  return VM_FAULT_OOM;
}

/** The zero page need not be copied. */
export function copy_cow_page(old_page: Page, new_page: Page): Step | Coroutine {
  return old_page.pfn === ZERO_PFN ? clear_user_highpage(new_page) : copy_user_highpage(new_page, old_page);
}

/** Caller holds page_table_lock. */
export function* switch_to_copy(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  old_page: Page,
  new_page: Page,
): Coroutine {
  if (old_page.reserved) mm.rss.plain++;
  else yield* page_remove_rmap(old_page);
  yield* break_cow(vma, new_page, address, page_table);
}

/** Map the copy, and wait until no TLB has the old page any more. Caller holds page_table_lock. */
function* break_cow(vma: Vma, new_page: Page, address: Address, page_table: Ptep): Coroutine {
  charge(SET_ANON_PTE);
  const entry = maybe_mkwrite(pte_mkdirty(mk_pte(new_page, vm_page_prot)), vma);
  yield* set_pte(page_table, entry);
  yield* flush_tlb_page(vma, address);
  yield* update_mmu_cache(vma, address, entry);
  yield* lru_cache_add_active(vma.vm_mm.system, new_page);
  yield* page_add_anon_rmap(new_page, vma, address);
}

/** Remove every pte in [address, end). Caller holds page_table_lock. */
export function* zap_pte_range(
  tlb: MmuGather,
  pmd: PtePage,
  address: Address,
  end: Address,
  details: ZapDetails | null = null,
): Coroutine {
  const { mm } = tlb;
  const size = page_size(mm);
  for (; address < end; address += size) {
    const ptep = pte_offset_map(mm, pmd, address);
    if (!pte_none(ptep.plain)) yield* zap_pte(tlb, ptep, details);
    pte_unmap(ptep);
  }
}

export function* zap_pte(tlb: MmuGather, ptep: Ptep, details: ZapDetails | null = null): Coroutine {
  if (details !== null && (yield* is_kept(pte_page(tlb.mm, ptep.plain), details))) return;
  const pte = yield* xchg(ptep, 0); // ptep_get_and_clear
  charge(ZAP_PTE);
  tlb.need_flush = true;
  const page = pte_page(tlb.mm, pte);
  if (!pte_present(pte) || page.reserved) return;
  if (pte_dirty(pte) && !PageAnon(page)) yield* TestSetPageDirty(page);
  tlb.freed++;
  yield* page_remove_rmap(page);
  yield* tlb_remove_page(tlb, page);
}

/** Private copies stay, and so do pages that are no longer in the cache. */
export function* is_kept(page: Page, { check_mapping }: ZapDetails): Coroutine<boolean> {
  return check_mapping !== null && (yield* READ_ONCE(page._mapping)) !== check_mapping.number;
}

/** Remove all translations of [start, end), which lies within the vma. Caller holds page_table_lock. */
export function* unmap_vmas(
  tlb: MmuGather,
  start: Address,
  end: Address,
  details: ZapDetails | null = null,
): Coroutine {
  let next: Address;
  for (let address = start; address < end; address = next) {
    next = pmd_addr_end(tlb.mm, address, end);
    const ptes = page_of_ptes(tlb.mm, address);
    if (ptes !== undefined) yield* zap_pte_range(tlb, ptes, address, next, details);
  }
}

/** Remove all translations of a part of a vma that stays. Caller holds mmap_sem, or the lock of mapping->i_mmap. */
export function* zap_page_range(
  vma: Vma,
  address: Address,
  size: number,
  details: ZapDetails | null = null,
): Coroutine {
  const mm = vma.vm_mm;
  const tlb = tlb_gather_mmu(mm, false);
  yield* spin_lock(mm.page_table_lock);
  yield* unmap_vmas(tlb, address, address + size, details);
  yield* tlb_finish_mmu(tlb);
  yield* spin_unlock(mm.page_table_lock);
}

/** Caller holds the parent's mmap_sem for writing. Returns true if out of memory. */
export function* dup_mmap(mm: Mm, parent: Mm): Coroutine<boolean> {
  let failed = false;
  for (const vma of parent.mmap) {
    charge(COPY_VMA);
    const copy = copy_vma(mm, vma);
    yield* anon_vma_link(copy, vma);
    yield* vma_link_file(copy);
    yield* spin_lock(mm.page_table_lock);
    mm.mmap.push(copy);
    failed = yield* mm.system.kernel.copy_page_range(mm, parent, vma);
    yield* spin_unlock(mm.page_table_lock);
    if (failed) break;
  }
  mm.free_area_cache = parent.free_area_cache;
  yield* flush_tlb_mm(parent);
  return failed;
}

/**
 * Fork: the child gets the parent's translations, and neither may write to what both have. Caller holds the parent's
 * mmap_sem for writing and the child's page_table_lock, which is dropped to allocate tables; the parent's is taken
 * inside of it, a page of ptes at a time. The caller flushes the parent's TLBs: until then its threads may write by way
 * of old translations. Returns true if out of memory.
 */
export function* copy_page_range(dst: Mm, src: Mm, vma: Vma): Coroutine<boolean> {
  let next: Address;
  for (let address = vma.vm_start; address < vma.vm_end; address = next) {
    next = pmd_addr_end(src, address, vma.vm_end);
    const src_ptes = page_of_ptes(src, address);
    if (src_ptes === undefined) continue;
    if (pmd_offset(dst, address) === undefined) yield* pmd_alloc(dst, address);
    const dst_ptes = page_of_ptes(dst, address) ?? (yield* pte_alloc_map(dst, address));
    yield* spin_lock(src.page_table_lock);
    yield* copy_pte_range(dst, vma, dst_ptes, src_ptes, address, next);
    yield* spin_unlock(src.page_table_lock);
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
  for (; address < end; address += size) {
    const dst_pte = pte_offset_map(dst, dst_ptes, address);
    const src_pte = pte_offset_map(src, src_ptes, address);
    if (!pte_none(src_pte.plain)) yield* copy_one_pte(dst, vma, dst_pte, src_pte);
    pte_unmap(src_pte);
    pte_unmap(dst_pte);
  }
}

/** Caller holds both page_table_locks. What both have of private memory is copied on write. */
export function* copy_one_pte(dst: Mm, vma: Vma, dst_pte: Ptep, src_pte: Ptep): Coroutine {
  charge(COPY_PTE);
  const pte = src_pte.plain;
  const page = pte_page(dst, pte);
  if (!page.reserved) {
    if (pte_write(pte) && !is_shared(vma)) yield* set_pte(src_pte, pte_wrprotect(pte)); // ptep_set_wrprotect
    yield* page_cache_get(page);
    dst.rss.plain++;
    yield* page_dup_rmap(page);
  }
  yield* set_pte(dst_pte, pte_of_child(pte, vma));
}

/** Old; and not dirty if it is shared, as the parent's says so. */
export function pte_of_child(pte: number, vma: Vma): number {
  return pte_mkold(is_shared(vma) ? pte_mkclean(pte) : pte_wrprotect(pte));
}

/** Remove all translations of vmas that are no longer in the list. Caller holds mmap_sem for writing. */
export function* unmap_region(mm: Mm, vmas: readonly Vma[]): Coroutine {
  const tlb = tlb_gather_mmu(mm, false);
  yield* spin_lock(mm.page_table_lock);
  for (const { vm_start, vm_end } of vmas) yield* unmap_vmas(tlb, vm_start, vm_end);
  yield* tlb_finish_mmu(tlb);
  yield* spin_unlock(mm.page_table_lock);
}

/** Tear an address space down. Nobody else uses it; page_table_lock is held throughout, as in 2.6.9. */
export function* exit_mmap(mm: Mm): Coroutine {
  const tlb = tlb_gather_mmu(mm, true);
  yield* spin_lock(mm.page_table_lock);
  for (const { vm_start, vm_end } of mm.mmap) yield* unmap_vmas(tlb, vm_start, vm_end);
  charge(FREE_PTE_PAGE, mm.pgd.nr_ptes);
  yield* tlb_finish_mmu(tlb);
  mm.pgd.clear();
  const vmas = mm.mmap.splice(0);
  mm.dead = true;
  yield* spin_unlock(mm.page_table_lock);
  for (const vma of vmas) yield* remove_vm_struct(vma);
}

export const v2_6_10 = {
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
  remove_vma: remove_vm_struct,
  exit_mmap,
  page_check_address,
  page_check_done,
  pte_lockptr,
  inc_rss,
  filemap_nopage,
  ...truncate2_6,
  madvise_need_mmap_write: true,
} satisfies FaultPath2_6;
