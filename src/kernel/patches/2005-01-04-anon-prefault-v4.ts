/**
 * "Anticipatory prefaulting in the page fault handler V4", Christoph Lameter, linux-kernel, 2005-01-04, against
 * 2.6.10-bk7.
 *
 * Claim: as V2, and /proc/sys/vm/max_prealloc_order (4) limits the batches.
 * Replaces: do_anonymous_page.
 *
 * What is so as posted: the read path keeps its pointer and stops at the first pte that is not none, but does not undo
 * the mapping of that one (B7: with HIGHPTE the task does not survive its next fault). When the limit is reached the
 * order goes back to 0 instead of staying there (B8): with a limit of 3 batches go 1, 2, 4, 8, 1, 2, 4, 8, …
 */
import type { Coroutine } from '../../machine/step.ts';
import { spin_unlock } from '../../sync/spinlock.ts';
import type { Change } from '../change.ts';
import { set_pte, vm_page_prot, ZERO_PAGE } from '../memory.ts';
import {
  mk_pte,
  page_size,
  pte_none,
  pte_offset_map,
  type PtePage,
  type Ptep,
  pte_unmap,
  pte_wrprotect,
  update_mmu_cache,
} from '../pgtable.ts';
import { current } from '../sched.ts';
import { type Address, type Mm, VM_FAULT_MINOR, VM_FAULT_OOM, type VmFault, type Vma } from '../structs.ts';
import { batch_end } from './2004-12-13-anon-prefault-v2.ts';
import { allocate_batch, map_batch, page_align } from './anon-prefault.ts';

const sysctl_max_prealloc_order = 4;

function* do_anonymous_page(
  mm: Mm,
  vma: Vma,
  page_table: Ptep,
  pmd: PtePage,
  write_access: boolean,
  addr: Address,
): Coroutine<VmFault> {
  addr = page_align(mm, addr);
  const end_addr = limited_batch_end(mm, vma, addr);
  if (write_access) {
    pte_unmap(page_table);
    yield* spin_unlock(mm.page_table_lock);
    if (yield* mm.system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
    const pages = yield* allocate_batch(vma, addr, end_addr);
    if (pages.length === 0 && addr < end_addr) return VM_FAULT_OOM;
    yield* map_batch(vma, pmd, addr, pages);
    addr += pages.length * page_size(mm);
  } else {
    const entry = pte_wrprotect(mk_pte(ZERO_PAGE(mm), vm_page_prot));
    for (;;) {
      yield* set_pte(page_table, entry);
      pte_unmap(page_table);
      yield* update_mmu_cache(vma, addr, entry);
      addr += page_size(mm);
      if (addr >= end_addr) break;
      page_table = pte_offset_map(mm, pmd, addr);
      if (!pte_none(page_table.plain)) break; // and the mapping stays
    }
  }
  current().anon_fault_next_addr = addr;
  yield* spin_unlock(mm.page_table_lock);
  return VM_FAULT_MINOR;
}

/** As in V2, but an order at its limit counts as a wrong prediction. */
function limited_batch_end(mm: Mm, vma: Vma, addr: Address): Address {
  const task = current();
  const limit = mm.system.config.max_prealloc_order ?? sysctl_max_prealloc_order;
  if (task.anon_fault_order < limit) return batch_end(mm, vma, addr);
  task.anon_fault_order = 0;
  return addr + page_size(mm);
}

export const anonPrefaultV4: Change = {
  name: 'anon-prefault-v4',
  base: 'v2.6.10',
  about: 'do_anonymous_page maps a batch if faults come in sequence, fourth version',
  mail: {
    date: '2005-01-04',
    subject: 'Anticipatory prefaulting in the page fault handler V4',
    author: 'Christoph Lameter',
    url: 'https://lore.kernel.org/r/Pine.LNX.4.58.0501041628320.1980@schroedinger.engr.sgi.com',
    claim: 'the order of batches can be limited, and an eighth of the faults is left',
  },
  replaces: { do_anonymous_page },
  knobs: { do_anonymous_page: 'max_prealloc_order' },
};
