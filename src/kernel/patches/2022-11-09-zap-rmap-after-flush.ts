/**
 * "mm: delay page_remove_rmap() until after the TLB has been flushed", Linus Torvalds, November 2022, for 6.2
 * (commit 5df397dec7c4); here on 3.17.
 *
 * Claim: who unmaps a dirty page of a file says so before TLBs are flushed. Whoever writes the page to the disk does not look for
 * ptes of a page that is mapped nowhere, so that it does not wait for the lock of the ptes either; the flush with that lock held
 * (2014-04-25-zap-flush-before-unlock.ts) helps only if somebody else maps the page as well. So it counts as mapped until
 * TLBs have been flushed.
 * Replaces: zap_pte_range.
 */
import type { Coroutine } from '../../machine/step.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import type { Change3_17 } from '../change.ts';
import type { ZapDetails } from '../fault-path.ts';
import { type MmuGather, tlb_flush_mmu_tlbonly } from '../mmu_gather.ts';
import type { PtePage } from '../pgtable.ts';
import { page_remove_rmap } from '../rmap.ts';
import type { Address, Page, Vma } from '../structs.ts';
import { zap_ptes } from '../v3.14/memory.ts';

function* zap_pte_range(
  tlb: MmuGather,
  vma: Vma,
  pmd: PtePage,
  address: Address,
  end: Address,
  details: ZapDetails | null,
): Coroutine {
  const delayed: Page[] = [];
  yield* spin_lock(pmd.ptl);
  const dirty = yield* zap_ptes(tlb, vma, pmd, address, end, details, delayed);
  if (dirty) yield* tlb_flush_mmu_tlbonly(tlb);
  for (const page of delayed) yield* page_remove_rmap(page); // tlb_flush_rmaps
  yield* spin_unlock(pmd.ptl);
}

export const zapRmapAfterFlush: Change3_17 = {
  name: 'zap-rmap-after-flush',
  base: 'v3.17',
  about: 'a dirty page of a file counts as mapped until the TLBs are flushed that may have had it',
  mail: {
    date: '2022-11-09',
    subject: 'mm: delay page_remove_rmap() until after the TLB has been flushed',
    author: 'Linus Torvalds',
    url: 'https://git.kernel.org/linus/5df397dec7c4',
    claim: 'no store is lost to a page that is cleaned while its last pte goes',
  },
  replaces: { zap_pte_range },
};
