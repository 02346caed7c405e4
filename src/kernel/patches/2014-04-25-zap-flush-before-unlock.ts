/**
 * "mm: split 'tlb_flush_mmu()' into tlb flushing and memory freeing parts", Linus Torvalds, 2014-04-25, for 3.15
 * (commit 1cf35d47712d).
 *
 * Claim: zap_pte_range drops the lock of the ptes when the page is dirty and before TLBs are flushed: whoever writes the page
 * to the disk in between finds no pte, cleans it, and a store by way of a TLB entry that has not gone yet is lost (B23). So
 * TLBs are flushed with the lock held if a page of a file was dirty.
 * Replaces: zap_pte_range.
 */
import type { Change3_14 } from '../change.ts';
import { zap_pte_range_flushed } from '../v3.14/memory.ts';

export const zapFlushBeforeUnlock: Change3_14 = {
  name: 'zap-flush-before-unlock',
  base: 'v3.14',
  about: 'zap_pte_range flushes TLBs before it drops the lock of the ptes, if a page of a file was dirty',
  mail: {
    date: '2014-04-25',
    subject: "mm: split 'tlb_flush_mmu()' into tlb flushing and memory freeing parts",
    author: 'Linus Torvalds',
    url: 'https://git.kernel.org/linus/1cf35d47712d',
    claim: 'no store is lost to a page that is cleaned while it is unmapped',
  },
  replaces: { zap_pte_range: zap_pte_range_flushed },
};
