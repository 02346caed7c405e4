/**
 * Known bad: prefault V2 with nothing repaired but the pointer that its read path loses. Now it writes the ptes that it
 * should, and nobody has looked whether they are none.
 *
 * Breaks: a pte is filled once per fault (and with it the store, the page and rss).
 */
import type { Coroutine } from '../../machine/step.ts';
import { spin_unlock } from '../../sync/spinlock.ts';
import type { Change2_6 } from '../change.ts';
import { set_pte, vm_page_prot, ZERO_PAGE } from '../memory.ts';
import { anonPrefaultV2, batch_end } from '../patches/2004-12-13-anon-prefault-v2.ts';
import { page_align } from '../patches/anon-prefault.ts';
import {
  mk_pte,
  page_size,
  pte_offset_map,
  type PtePage,
  type Ptep,
  pte_unmap,
  pte_wrprotect,
  update_mmu_cache,
} from '../pgtable.ts';
import { current } from '../sched.ts';
import { type Address, type Mm, VM_FAULT_MINOR, type VmFault, type Vma } from '../structs.ts';

function* do_anonymous_page(
  mm: Mm,
  vma: Vma,
  page_table: Ptep,
  pmd: PtePage,
  write_access: boolean,
  addr: Address,
): Coroutine<VmFault> {
  const posted = anonPrefaultV2.replaces.do_anonymous_page!;
  if (write_access) return yield* posted(mm, vma, page_table, pmd, write_access, addr);
  addr = page_align(mm, addr);
  const end_addr = batch_end(mm, vma, addr);
  const entry = pte_wrprotect(mk_pte(ZERO_PAGE(mm), vm_page_prot));
  for (;;) {
    yield* set_pte(page_table, entry);
    pte_unmap(page_table);
    yield* update_mmu_cache(vma, addr, entry);
    addr += page_size(mm);
    if (addr >= end_addr) break;
    page_table = pte_offset_map(mm, pmd, addr); // posted: the answer is dropped
  }
  current().anon_fault_next_addr = addr;
  yield* spin_unlock(mm.page_table_lock);
  return VM_FAULT_MINOR;
}

export const prefaultV2PointerOnly: Change2_6 = {
  name: 'prefault-v2-pointer-only',
  base: 'v2.6.10',
  on: ['v2.6.10', 'anon-prefault-v2'],
  about: 'anon-prefault-v2 with the lost pointer repaired, and no look at the ptes',
  replaces: { do_anonymous_page },
};
