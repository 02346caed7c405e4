/**
 * Known bad in 3.17, and what 3.14 does: zap_pte_range that drops the lock of the ptes before TLBs are flushed, though a page of
 * a file was dirty (B23). Breaks: no completed store is lost (I11, I16).
 */
import type { Change3_17 } from '../change.ts';
import { zap_pte_range } from '../v3.14/memory.ts';

export const zapUnlockBeforeFlush: Change3_17 = {
  name: 'zap-unlock-before-flush',
  base: 'v3.17',
  about: 'zap_pte_range drops the lock of the ptes before it flushes, also if a page of a file was dirty',
  replaces: { zap_pte_range },
};
