/**
 * "page fault scalability patch V13 [8/8]: Prefaulting using ptep_cmpxchg", Christoph Lameter, linux-kernel,
 * 2004-12-16; on top of the seven others.
 *
 * Claim: no pagevec is needed, so that batches may be larger; the largest is 8 pages unless max_prealloc_order says
 * otherwise.
 * Replaces: do_anonymous_page. A page at a time is allocated, zeroed and mapped; the batch ends at the first pte that is
 * not none, or that somebody else fills first. Batches go 1, 2, 4, 8, 8, …
 */
import { atomic_add_return, cmpxchg, READ_ONCE } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { charge, work } from '../../machine/work.ts';
import type { Change } from '../change.ts';
import { mark } from '../marks.ts';
import { maybe_mkwrite, vm_page_prot, ZERO_PAGE } from '../memory.ts';
import { alloc_page_vma, clear_user_highpage, page_cache_release } from '../page_alloc.ts';
import {
  mk_pte,
  page_size,
  pte_mkdirty,
  pte_none,
  pte_offset_map,
  pte_unmap,
  pte_wrprotect,
  type PtePage,
  type Ptep,
  update_mmu_cache,
} from '../pgtable.ts';
import { page_add_anon_rmap } from '../rmap.ts';
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
import { lru_cache_add_active } from '../swap.ts';
import { clamp, page_align } from './anon-prefault.ts';

const SET_ANON_PTE = work('set_anon_pte');
const sysctl_max_prealloc_order = 3;

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
  if (write_access && (yield* mm.system.kernel.anon_vma_prepare(vma))) return VM_FAULT_OOM;
  let count = 0;
  for (;;) {
    const page = write_access ? yield* alloc_page_vma(vma, addr) : ZERO_PAGE(mm);
    if (page === null && count === 0) return VM_FAULT_OOM;
    if (page === null) break;
    if (write_access) yield* clear_user_highpage(page);
    const protection = mk_pte(page, vm_page_prot);
    const entry = write_access ? maybe_mkwrite(pte_mkdirty(protection), vma) : pte_wrprotect(protection);
    charge(SET_ANON_PTE);
    if ((yield* cmpxchg(page_table, 0, entry)) !== 0) {
      mark('anonymous fault raced');
      if (write_access) yield* page_cache_release(mm.system, page);
      break;
    }
    if (write_access) {
      yield* page_add_anon_rmap(page, vma, addr);
      yield* lru_cache_add_active(mm.system, page);
      count++;
    }
    yield* update_mmu_cache(vma, addr, entry);
    pte_unmap(page_table);
    addr += page_size(mm);
    if (addr >= end_addr) break;
    page_table = pte_offset_map(mm, pmd, addr);
    if (!pte_none(yield* READ_ONCE(page_table))) break;
  }
  if (count > 0) yield* atomic_add_return(count, mm.rss);
  current().anon_fault_next_addr = addr;
  return VM_FAULT_MINOR;
}

function batch_end(mm: Mm, vma: Vma, addr: Address): Address {
  const task = current();
  if ((vma.vm_flags & VM_RAND_READ) !== 0 || task.anon_fault_next_addr !== addr) {
    task.anon_fault_order = 0;
    return addr + page_size(mm);
  }
  const limit = mm.system.config.max_prealloc_order ?? sysctl_max_prealloc_order;
  task.anon_fault_order = Math.min(task.anon_fault_order + 1, limit);
  return clamp(vma, addr, addr + page_size(mm) * 2 ** task.anon_fault_order);
}

export const anonPrefaultCmpxchg: Change = {
  name: 'anon-prefault-cmpxchg',
  base: 'v2.6.10',
  on: ['v2.6.10', 'page-fault-scalability'],
  about: 'page-fault-scalability and then batches, one cmpxchg a page',
  mail: {
    date: '2004-12-16',
    subject: 'page fault scalability patch V13 [8/8]: Prefaulting using ptep_cmpxchg',
    author: 'Christoph Lameter',
    url: 'https://lore.kernel.org/r/Pine.LNX.4.58.0412161938250.11341@schroedinger.engr.sgi.com',
    claim: 'without a pagevec batches may be larger than 16 pages; 8 by default',
  },
  replaces: { do_anonymous_page },
  knobs: { do_anonymous_page: 'max_prealloc_order' },
};
