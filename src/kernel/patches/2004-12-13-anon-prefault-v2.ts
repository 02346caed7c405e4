/**
 * "Re: Anticipatory prefaulting in the page fault handler V2", Christoph Lameter, linux-kernel, 2004-12-13, against
 * 2.6.10-rc3-bk7.
 *
 * Claim: each prediction that comes true doubles the batch, up to 8 pages by default; the number of faults goes down by
 * a factor of 8.
 * Replaces: do_anonymous_page.
 *
 * What is so as posted: the order is set back to 3 when a batch is a whole pagevec, so that a long sequence of writes
 * goes 1, 2, 4, 8, 14, 14, … pages with 14 entries (B9). A predicted read drops what pte_offset_map answers: it writes
 * the first pte again and again, tells the MMU of the next addresses all the same, and leaves their ptes as they are
 * (B5, B6). So 64 reads in sequence take 64 faults. A predicted write to the last pages of an address space of 32 bits is
 * one of a batch whose end has wrapped: it maps nothing, and the next fault is predicted too (B11).
 */
import type { Coroutine } from '../../machine/step.ts';
import { spin_unlock } from '../../sync/spinlock.ts';
import type { Change2_6 } from '../change.ts';
import { set_pte, vm_page_prot, ZERO_PAGE } from '../memory.ts';
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
import {
  type Address,
  type Mm,
  VM_FAULT_MINOR,
  VM_FAULT_OOM,
  VM_RAND_READ,
  type VmFault,
  type Vma,
} from '../structs.ts';
import { allocate_batch, clamp, map_batch, page_align } from './anon-prefault.ts';

function* do_anonymous_page(
  mm: Mm,
  vma: Vma,
  page_table: Ptep,
  pmd: PtePage,
  write_access: boolean,
  addr: Address,
): Coroutine<VmFault> {
  addr = page_align(mm, addr);
  const end_addr = batch_end(mm, vma, addr);
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
      pte_offset_map(mm, pmd, addr); // and nobody looks at what it answers
    }
  }
  current().anon_fault_next_addr = addr;
  yield* spin_unlock(mm.page_table_lock);
  return VM_FAULT_MINOR;
}

/** One page, or if the fault is where it was predicted a batch. */
export function batch_end(mm: Mm, vma: Vma, addr: Address): Address {
  const task = current();
  if ((vma.vm_flags & VM_RAND_READ) !== 0 || task.anon_fault_next_addr !== addr) {
    task.anon_fault_order = 0;
    return addr + page_size(mm);
  }
  const order = ++task.anon_fault_order;
  const { PAGEVEC_SIZE } = mm.system.config;
  if (1 << order < PAGEVEC_SIZE) return clamp(vma, addr, addr + page_size(mm) * 2 ** order);
  task.anon_fault_order = 3;
  return clamp(vma, addr, addr + PAGEVEC_SIZE * page_size(mm));
}

export const anonPrefaultV2: Change2_6 = {
  name: 'anon-prefault-v2',
  base: 'v2.6.10',
  about: 'do_anonymous_page maps a batch if faults come in sequence, second version',
  mail: {
    date: '2004-12-13',
    subject: 'Re: Anticipatory prefaulting in the page fault handler V2',
    author: 'Christoph Lameter',
    url: 'https://lore.kernel.org/r/Pine.LNX.4.58.0412131730410.817@schroedinger.engr.sgi.com',
    claim: 'a large continuous allocation takes an eighth of the faults',
  },
  replaces: { do_anonymous_page },
};
