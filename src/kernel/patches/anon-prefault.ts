/**
 * What all versions of Lameter's anonymous prefault have in common: where a batch ends, and how a batch of new pages is
 * allocated and mapped. In the mails each version is one function; the arithmetic is theirs, off-by-ones included.
 */
import type { Coroutine } from '../../machine/step.ts';
import { charge, work } from '../../machine/work.ts';
import { spin_lock } from '../../sync/spinlock.ts';
import { mark } from '../marks.ts';
import { maybe_mkwrite, set_pte, vm_page_prot } from '../memory.ts';
import { alloc_page_vma, clear_user_highpage, page_cache_release } from '../page_alloc.ts';
import { pagevec_add, pagevec_init } from '../pagevec.ts';
import {
  mk_pte,
  page_size,
  pte_mkdirty,
  pte_none,
  pte_offset_map,
  type PtePage,
  pte_unmap,
  update_mmu_cache,
} from '../pgtable.ts';
import { page_add_anon_rmap } from '../rmap.ts';
import type { Address, Mm, Page, Vma } from '../structs.ts';
import { lru_cache_add_active } from '../swap.ts';

const SET_ANON_PTE = work('set_anon_pte');

/** addr & PAGE_MASK */
export function page_align(mm: Mm, addr: Address): Address {
  return Math.floor(addr / page_size(mm)) * page_size(mm);
}

/** What an unsigned long makes of a sum. With 64 bits nothing here is so large. */
function unsignedLong(mm: Mm, sum: Address): Address {
  return mm.system.geometry.wordBits === 32 ? sum % 2 ** 32 : sum;
}

/**
 * Not beyond the vma, and if the end is in another page of ptes (even at its very beginning), then down to that. An end
 * beyond the top of the address space is at its bottom, and the batch is empty (B11).
 */
export function clamp(vma: Vma, addr: Address, end: Address): Address {
  const span = vma.vm_mm.pgd.tableBytes; // PMD_SIZE
  const end_addr = Math.min(unsignedLong(vma.vm_mm, end), vma.vm_end);
  const floor = Math.floor(end_addr / span) * span;
  return Math.floor(addr / span) * span === floor ? end_addr : floor;
}

/** Allocate and zero pages for [addr, end), as many as there are. */
export function* allocate_batch(vma: Vma, addr: Address, end: Address): Coroutine<readonly Page[]> {
  const pv = pagevec_init(vma.vm_mm.system);
  for (let a = addr; a < end; a += page_size(vma.vm_mm)) {
    const page = yield* alloc_page_vma(vma, a);
    if (page === null) break;
    yield* clear_user_highpage(page);
    pagevec_add(pv, page);
  }
  return pv.pages;
}

/** Take page_table_lock, and map the pages one after the other, but where somebody else got there first. */
export function* map_batch(vma: Vma, pmd: PtePage, addr: Address, pages: readonly Page[]): Coroutine {
  const mm = vma.vm_mm;
  yield* spin_lock(mm.page_table_lock);
  for (const page of pages) {
    const page_table = pte_offset_map(mm, pmd, addr);
    if (!pte_none(page_table.plain)) {
      mark('anonymous fault raced');
      pte_unmap(page_table);
      yield* page_cache_release(mm.system, page);
    } else {
      const entry = maybe_mkwrite(pte_mkdirty(mk_pte(page, vm_page_prot)), vma);
      mm.rss.plain++;
      charge(SET_ANON_PTE);
      yield* lru_cache_add_active(mm.system, page);
      yield* page_add_anon_rmap(page, vma, addr);
      yield* set_pte(page_table, entry);
      pte_unmap(page_table);
      yield* update_mmu_cache(vma, addr, entry);
    }
    addr += page_size(mm);
  }
}
