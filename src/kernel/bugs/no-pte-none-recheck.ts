/**
 * Known bad: do_anonymous_page without its second look at the pte. While page_table_lock was dropped to allocate,
 * another thread may have mapped a page at the same address, and even stored into it. Whoever comes second maps its
 * own page over the first.
 *
 * Breaks: a pte is filled once per fault (and with it the store, the page and rss).
 */
import type { Coroutine } from '../../machine/step.ts';
import { charge, work } from '../../machine/work.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import type { Change } from '../change.ts';
import { maybe_mkwrite, set_pte, v2_6_10, vm_page_prot } from '../memory.ts';
import { alloc_page_vma, clear_user_highpage } from '../page_alloc.ts';
import {
  mk_pte,
  pte_mkdirty,
  pte_offset_map,
  type PtePage,
  type Ptep,
  pte_unmap,
  update_mmu_cache,
} from '../pgtable.ts';
import { page_add_anon_rmap } from '../rmap.ts';
import { type Address, type Mm, VM_FAULT_MINOR, VM_FAULT_OOM, type VmFault, type Vma } from '../structs.ts';
import { lru_cache_add_active } from '../swap.ts';

const SET_ANON_PTE = work('set_anon_pte');

function* do_anonymous_page(
  mm: Mm,
  vma: Vma,
  page_table: Ptep,
  pmd: PtePage,
  write_access: boolean,
  addr: Address,
): Coroutine<VmFault> {
  if (!write_access) return yield* v2_6_10.do_anonymous_page(mm, vma, page_table, pmd, write_access, addr);
  pte_unmap(page_table);
  yield* spin_unlock(mm.page_table_lock);

  if (yield* mm.system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
  const page = yield* alloc_page_vma(vma, addr);
  if (page === null) return VM_FAULT_OOM;
  yield* clear_user_highpage(page);

  yield* spin_lock(mm.page_table_lock);
  page_table = pte_offset_map(mm, pmd, addr);
  // here 2.6.10 looks whether the pte is still none
  mm.rss.plain++;
  charge(SET_ANON_PTE);
  const entry = maybe_mkwrite(pte_mkdirty(mk_pte(page, vm_page_prot)), vma);
  yield* lru_cache_add_active(mm.system, page);
  yield* page_add_anon_rmap(page, vma, addr);
  yield* set_pte(page_table, entry);
  pte_unmap(page_table);
  yield* update_mmu_cache(vma, addr, entry);
  yield* spin_unlock(mm.page_table_lock);
  return VM_FAULT_MINOR;
}

export const noPteNoneRecheck: Change = {
  name: 'no-pte-none-recheck',
  base: 'v2.6.10',
  about: 'do_anonymous_page maps its page without looking whether the pte is still none',
  replaces: { do_anonymous_page },
};
