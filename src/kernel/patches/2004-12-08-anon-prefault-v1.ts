/**
 * "Anticipatory prefaulting in the page fault handler V1", Christoph Lameter, linux-kernel, 2004-12-08, against
 * 2.6.10-rc3-bk3 (its text after the quotation in Adam Litke's reply).
 *
 * Claim: faults in sequence are anticipated, which reduces their number by a factor of 8.
 * Replaces: do_anonymous_page.
 *
 * What is wrong with it: predicted reads map the zero page over whatever is there (B1), and map the first pte a second
 * time without undoing the first (B2); if no page can be allocated the fault reports success (B3); the order grows for
 * ever (B4). At order 31 the test `1 << order < PAGEVEC_SIZE` holds again, and the length, an int, is shifted out of
 * its range: nothing in C says what comes out. Here, as on ia64 with its registers of 64 bits, it is large; on 32 bits
 * the shift counts modulo 32.
 */
import type { Coroutine } from '../../machine/step.ts';
import { spin_unlock } from '../../sync/spinlock.ts';
import type { Change } from '../change.ts';
import { set_pte, v2_6_10, vm_page_prot, ZERO_PAGE } from '../memory.ts';
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
import { type Address, type Mm, VM_FAULT_MINOR, VM_FAULT_OOM, type VmFault, type Vma } from '../structs.ts';
import { allocate_batch, clamp, map_batch, page_align } from './anon-prefault.ts';

function* do_anonymous_page(
  mm: Mm,
  vma: Vma,
  page_table: Ptep,
  pmd: PtePage,
  write_access: boolean,
  addr: Address,
): Coroutine<VmFault> {
  const task = current();
  addr = page_align(mm, addr);
  if (task.anon_fault_next_addr !== addr) {
    task.anon_fault_next_addr = addr + page_size(mm);
    task.anon_fault_order = 0;
    return yield* v2_6_10.do_anonymous_page(mm, vma, page_table, pmd, write_access, addr);
  }
  const order = task.anon_fault_order + 1;
  const end_addr = clamp(vma, addr, addr + batch_bytes(mm, order));
  task.anon_fault_next_addr = end_addr;
  task.anon_fault_order = order;
  if (write_access) {
    pte_unmap(page_table);
    yield* spin_unlock(mm.page_table_lock);
    if (yield* mm.system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
    const pages = yield* allocate_batch(vma, addr, end_addr);
    yield* map_batch(vma, pmd, addr, pages);
  } else {
    for (; addr < end_addr; addr += page_size(mm)) {
      page_table = pte_offset_map(mm, pmd, addr);
      const entry = pte_wrprotect(mk_pte(ZERO_PAGE(mm), vm_page_prot));
      yield* set_pte(page_table, entry);
      pte_unmap(page_table);
      yield* update_mmu_cache(vma, addr, entry);
    }
  }
  yield* spin_unlock(mm.page_table_lock);
  return VM_FAULT_MINOR;
}

/** `1 << order` is an int; so is the length that is shifted. */
function batch_bytes(mm: Mm, order: number): number {
  const { config, geometry } = mm.system;
  if (1 << order >= config.PAGEVEC_SIZE) return config.PAGEVEC_SIZE * page_size(mm);
  return geometry.wordBits === 64 ? 2 ** (order + geometry.pageShift) : 1 << (order + geometry.pageShift);
}

export const anonPrefaultV1: Change = {
  name: 'anon-prefault-v1',
  base: 'v2.6.10',
  about: 'do_anonymous_page maps a batch if faults come in sequence',
  mail: {
    date: '2004-12-08',
    subject: 'Anticipatory prefaulting in the page fault handler V1',
    author: 'Christoph Lameter',
    url: 'https://lore.kernel.org/r/Pine.LNX.4.58.0412080920240.27156@schroedinger.engr.sgi.com',
    claim: 'a sequence of faults is reduced by a factor of 8',
  },
  replaces: { do_anonymous_page },
};
