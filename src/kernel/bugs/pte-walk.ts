/** Known bad: what is wrong with the sketch of pte-walk as it was mailed (2004-08-07), each by itself. */
import { LOCK, UNLOCK } from '../../machine/step.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import type { Change2_6 } from '../change.ts';
import type { FaultPath } from '../fault-path.ts';
import { pathsOver, plainScan } from '../patches/page-table-scans.ts';
import { without } from './altered.ts';

const right = pathsOver(plainScan);

function change(name: string, about: string, replaces: Change2_6['replaces']): Change2_6 {
  return { name, base: 'v2.6.10', on: ['v2.6.10', 'pte-walk'], about, replaces: { ...right, ...replaces } };
}

/** The loop of fork with no lock of the parent. */
const unlockedParent: FaultPath['copy_page_range'] = (dst, src, vma) =>
  without(
    right.copy_page_range(dst, src, vma),
    ({ kind, object }) => (kind === LOCK || kind === UNLOCK) && object === src.page_table_lock,
    0,
  );

/** The loop goes from vm_start to vm_end. Breaks: what is private in the rest of the vma is lost. */
export const pteWalkRangeIgnored = change(
  'pte-walk-range-ignored',
  'pte-walk, and zap_page_range zaps the whole vma, as in the mail',
  { zap_page_range: (vma) => right.zap_page_range(vma, vma.vm_start, vma.vm_end - vma.vm_start) },
);

/** Breaks: fork ends. */
export const pteWalkLockTwice = change(
  'pte-walk-lock-twice',
  "pte-walk, and copy_page_range takes the child's page_table_lock, as in the mail: dup_mmap holds it",
  {
    *copy_page_range(dst, src, vma) {
      yield* spin_lock(dst.page_table_lock);
      const failed = yield* right.copy_page_range(dst, src, vma);
      yield* spin_unlock(dst.page_table_lock);
      return failed;
    },
  },
);

/**
 * mmap_sem keeps faults away, and nobody else: page_referenced writes an old pte back over one that has just been
 * write-protected. Breaks: copy on write.
 */
export const pteWalkNoParentLock = change(
  'pte-walk-no-parent-lock',
  "pte-walk, and copy_page_range takes no lock of the parent's ptes, as in the mail",
  { copy_page_range: unlockedParent },
);

/**
 * One hold of the lock for the whole vma, and tables are made in between: to allocate one may have to sleep. Breaks:
 * nobody sleeps while holding a spinlock.
 */
export const pteWalkSleepsLocked = change(
  'pte-walk-sleeps-locked',
  'pte-walk, and copy_page_range holds a lock while it makes page tables, as in the mail',
  {
    *copy_page_range(dst, src, vma) {
      yield* spin_lock(src.page_table_lock);
      const failed = yield* unlockedParent(dst, src, vma);
      yield* spin_unlock(src.page_table_lock);
      return failed;
    },
  },
);
