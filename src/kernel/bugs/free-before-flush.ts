/**
 * Known bad: zap_page_range that frees pages and flushes the TLBs afterwards. Another CPU may have a translation: it goes
 * on writing to a page that is free, or somebody else's by then.
 *
 * Breaks: nobody uses what a free page holds (I3).
 */
import type { Coroutine } from '../../machine/step.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import type { Change } from '../change.ts';
import { unmap_vmas } from '../memory.ts';
import { tlb_gather_mmu } from '../mmu_gather.ts';
import { page_cache_release } from '../page_alloc.ts';
import type { Address, Vma } from '../structs.ts';
import { flush_tlb_mm } from '../tlb.ts';

function* zap_page_range(vma: Vma, address: Address, size: number): Coroutine {
  const mm = vma.vm_mm;
  const tlb = tlb_gather_mmu(mm, false);
  yield* spin_lock(mm.page_table_lock);
  yield* unmap_vmas(tlb, address, address + size);
  mm.rss.plain -= tlb.freed;
  for (const page of tlb.pages) yield* page_cache_release(mm.system, page);
  yield* flush_tlb_mm(mm); // 2.6.10 flushes first
  yield* spin_unlock(mm.page_table_lock);
}

export const freeBeforeFlush: Change = {
  name: 'free-before-flush',
  base: 'v2.6.10',
  about: 'zap_page_range frees pages before the TLBs are flushed',
  replaces: { zap_page_range },
};
