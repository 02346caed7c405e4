/**
 * "Page fault scalability patch V13", eight parts, Christoph Lameter, linux-kernel, 2004-12-16, in outline.
 *
 * Claim: anonymous faults need no page_table_lock where a pte can be exchanged by cmpxchg, and scale with the CPUs.
 * Replaces: the fault path. Whoever loses a cmpxchg gives its page back; rmap, LRU and rss come after it has been won,
 * so that reclaim never finds a page before its pte is there (Marcelo Tosatti).
 *
 * Where this differs: missing tables are populated with page_table_lock held for a moment (in the mail by cmpxchg on
 * ia64), and rss is atomic, as in V10 (V13 adds up counters of the tasks).
 *
 * What is wrong with it: do_wp_page takes a reference to the page of a pte that is present, without the lock. By then
 * the page may have been freed and be somebody else's (Nick Piggin, 2005-02: B27). Only none can become present
 * without a lock.
 */
import { atomic_inc, cmpxchg, READ_ONCE } from '../../machine/memory.ts';
import type { Coroutine, Step } from '../../machine/step.ts';
import { charge, work } from '../../machine/work.ts';
import { trylock_page, unlock_page } from '../../sync/pagelock.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import type { Change } from '../change.ts';
import { path2_6 } from '../fault-path.ts';
import { mark } from '../marks.ts';
import {
  can_share_swap_page,
  copy_cow_page,
  mapFilePage,
  maybe_mkwrite,
  set_pte,
  vm_page_prot,
  ZERO_PAGE,
} from '../memory.ts';
import { alloc_page_vma, clear_user_highpage, page_cache_get, page_cache_release } from '../page_alloc.ts';
import {
  mk_pte,
  page_of_ptes,
  pmd_present,
  pte_mkdirty,
  pte_mkyoung,
  pte_none,
  pte_offset_map,
  pte_page,
  pte_unmap,
  pte_write,
  pte_wrprotect,
  type PtePage,
  type Ptep,
  update_mmu_cache,
} from '../pgtable.ts';
import { page_add_anon_rmap, page_remove_rmap } from '../rmap.ts';
import { type Address, type Mm, type Page, VM_FAULT_MINOR, VM_FAULT_OOM, type VmFault, type Vma } from '../structs.ts';
import { lru_cache_add_active } from '../swap.ts';
import { flush_tlb_page } from '../tlb.ts';
import { pte_alloc } from '../v2.6.15/memory.ts';

const HANDLE_MM_FAULT = work('handle_mm_fault');
const SET_ANON_PTE = work('set_anon_pte');

function* handle_mm_fault(mm: Mm, vma: Vma, address: Address, write_access: boolean): Coroutine<VmFault> {
  charge(HANDLE_MM_FAULT);
  mm.system.counters.pgfault++;
  if ((yield* pmd_present(mm, address)) === 0) yield* pte_alloc(mm, address);
  const ptes = page_of_ptes(mm, address)!;
  const pte = pte_offset_map(mm, ptes, address);
  return yield* path2_6(mm).handle_pte_fault(mm, vma, address, write_access, pte, ptes);
}

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
  if (write_access && !pte_write(entry)) return yield* kernel.do_wp_page(mm, vma, address, pte, pmd, entry);
  const flagged = write_access ? pte_mkdirty(pte_mkyoung(entry)) : pte_mkyoung(entry);
  // If somebody else was there first the CPU will fault again.
  if (flagged !== entry && (yield* cmpxchg(pte, entry, flagged)) === entry)
    yield* update_mmu_cache(vma, address, flagged);
  pte_unmap(pte);
  return VM_FAULT_MINOR;
}

/** Faults on files take page_table_lock when they have a page. */
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

function inc_rss({ rss }: Mm): Step {
  return atomic_inc(rss);
}

function* do_anonymous_page(
  mm: Mm,
  vma: Vma,
  page_table: Ptep,
  pmd: PtePage,
  write_access: boolean,
  addr: Address,
): Coroutine<VmFault> {
  if (!write_access) {
    const entry = pte_wrprotect(mk_pte(ZERO_PAGE(mm), vm_page_prot));
    if ((yield* cmpxchg(page_table, 0, entry)) === 0) yield* update_mmu_cache(vma, addr, entry);
    pte_unmap(page_table);
    return VM_FAULT_MINOR;
  }
  pte_unmap(page_table);
  if (yield* mm.system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
  const page = yield* alloc_page_vma(vma, addr);
  if (page === null) return VM_FAULT_OOM;
  yield* clear_user_highpage(page);

  const pte = pte_offset_map(mm, pmd, addr);
  const won = yield* map_by_cmpxchg(vma, addr, pte, page);
  if (!won) {
    mark('anonymous fault raced');
    yield* page_cache_release(mm.system, page);
  }
  pte_unmap(pte);
  return VM_FAULT_MINOR;
}

/** Map a new page where there is none. False: somebody else was first. */
export function* map_by_cmpxchg(vma: Vma, addr: Address, pte: Ptep, page: Page): Coroutine<boolean> {
  const mm = vma.vm_mm;
  const entry = maybe_mkwrite(pte_mkdirty(mk_pte(page, vm_page_prot)), vma);
  charge(SET_ANON_PTE);
  if ((yield* cmpxchg(pte, 0, entry)) !== 0) return false;
  yield* page_add_anon_rmap(page, vma, addr);
  yield* lru_cache_add_active(mm.system, page);
  yield* atomic_inc(mm.rss);
  yield* update_mmu_cache(vma, addr, entry);
  return true;
}

/** Nothing but mmap_sem is held. */
function* do_wp_page(
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
    if (reuse) {
      const entry = maybe_mkwrite(pte_mkdirty(pte_mkyoung(pte)), vma);
      if ((yield* cmpxchg(page_table, pte, entry)) === pte) yield* update_mmu_cache(vma, address, entry);
      pte_unmap(page_table);
      return VM_FAULT_MINOR;
    }
  }
  pte_unmap(page_table);
  if (!old_page.reserved) yield* page_cache_get(old_page); // is it still ours?

  const new_page = (yield* mm.system.kernel.anon_vma_prepare(vma)) ? null : yield* alloc_page_vma(vma, address);
  if (new_page === null) {
    yield* page_cache_release(mm.system, old_page);
    return VM_FAULT_OOM;
  }
  yield* copy_cow_page(old_page, new_page);

  yield* spin_lock(mm.page_table_lock);
  page_table = pte_offset_map(mm, pmd, address);
  const same = (yield* READ_ONCE(page_table)) === pte;
  if (same) yield* path2_6(mm).switch_to_copy(mm, vma, address, page_table, old_page, new_page);
  else mark('write protection fault raced');
  pte_unmap(page_table);
  yield* page_cache_release(mm.system, same ? old_page : new_page);
  if (!old_page.reserved) yield* page_cache_release(mm.system, old_page);
  yield* spin_unlock(mm.page_table_lock);
  return VM_FAULT_MINOR;
}

/** Caller holds page_table_lock. */
function* switch_to_copy(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  old_page: Page,
  new_page: Page,
): Coroutine {
  if (old_page.reserved) yield* atomic_inc(mm.rss);
  else yield* page_remove_rmap(old_page);
  const entry = maybe_mkwrite(pte_mkdirty(mk_pte(new_page, vm_page_prot)), vma);
  yield* set_pte(page_table, entry);
  yield* flush_tlb_page(vma, address);
  yield* update_mmu_cache(vma, address, entry);
  yield* lru_cache_add_active(mm.system, new_page);
  yield* page_add_anon_rmap(new_page, vma, address);
}

export const pageFaultScalability: Change = {
  name: 'page-fault-scalability',
  base: 'v2.6.10',
  about: 'anonymous faults exchange their pte by cmpxchg, without page_table_lock',
  mail: {
    date: '2004-12-16',
    subject: 'page fault scalability patch V13 [0/8]: Overview',
    author: 'Christoph Lameter',
    url: 'https://lore.kernel.org/r/Pine.LNX.4.58.0412161931460.11341@schroedinger.engr.sgi.com',
    claim: 'several threads of an address space fault at once without waiting for each other',
  },
  replaces: {
    handle_mm_fault,
    handle_pte_fault,
    do_no_page,
    do_anonymous_page,
    do_wp_page,
    switch_to_copy,
    inc_rss,
  },
};
