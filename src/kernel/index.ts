/** The kernels, patches and bugs there are, by name. */
import { clearAfterMap, leakWhenRaced, noAnonRmap, noUnlock, rssTwice, zeroPageWritable } from './bugs/anonymous.ts';
import { anonVmaLockOrder } from './bugs/anon-vma-lock-order.ts';
import { doFaultNoRecheck, readFaultNoRecheck, sharedFaultNoRecheck } from './bugs/do-fault.ts';
import { cowNoPteSame, cowPageUnlocked } from './bugs/cow-fault.ts';
import {
  daxCowNoMutex,
  daxCowNoUnlockRaced,
  daxCowNoUnlockSigbus,
  daxCowWriteUnlock,
  daxNullPageShared,
  daxNullPageUnlocked,
  truncateInTransaction,
} from './bugs/dax.ts';
import { faultIrqsOff } from './bugs/fault-irqs-off.ts';
import { munmapForgetsDirty, partialPageRefused, truncateKeepsBlocks } from './bugs/files.ts';
import { forkNoFlush, forkNoWrprotect } from './bugs/fork.ts';
import { freeBeforeFlush } from './bugs/free-before-flush.ts';
import { mapPagesLocks, mapPagesNoMapping, mapPagesNoSize, mapPagesReads, mapPagesWaits } from './bugs/map-pages.ts';
import { mmapSemTwice } from './bugs/mmap-sem-twice.ts';
import { noPteNoneRecheck } from './bugs/no-pte-none-recheck.ts';
import { pteAllocNoRecheck } from './bugs/pte-alloc-no-recheck.ts';
import { pmdBitForgotten, pmdBitLate, pmdBitUnlocked, pmdMaskRecycled, pmdMaskResetTwice } from './bugs/pmd-bitmask.ts';
import { prefaultV2PointerOnly } from './bugs/prefault-v2-pointer-only.ts';
import { pteWalkLockTwice, pteWalkNoParentLock, pteWalkRangeIgnored, pteWalkSleepsLocked } from './bugs/pte-walk.ts';
import { retryKeepsVma } from './bugs/retry-keeps-vma.ts';
import { rssAfterUnlock } from './bugs/rss-after-unlock.ts';
import { truncateUnmapsAfter, truncateUnmapsOnce } from './bugs/truncate-unmap.ts';
import { zapUnlockBeforeFlush } from './bugs/zap-unlock-before-flush.ts';
import {
  truncateCountAfterUnmap,
  truncateCountBeforeSize,
  truncateCountCheckedEarly,
  truncateCountReadLate,
  truncateRemovesFirst,
  truncateUnmapsFirst,
} from './bugs/truncate.ts';
import { xipSparseUnlocked } from './bugs/xip-sparse-unlocked.ts';
import type { Base, Change } from './change.ts';
import type { FaultPath } from './fault-path.ts';
import { commonKnobs, type Knobs } from './knobs.ts';
import { v2_6_10 } from './memory.ts';
import { pmdBitmask } from './patches/2004-08-07-pmd-bitmask.ts';
import { pteWalk } from './patches/2004-08-07-pte-walk.ts';
import { radixPageTables } from './patches/2004-08-07-radix-page-tables.ts';
import { anonPrefaultV1 } from './patches/2004-12-08-anon-prefault-v1.ts';
import { anonPrefaultV2 } from './patches/2004-12-13-anon-prefault-v2.ts';
import { anonPrefaultCmpxchg } from './patches/2004-12-16-anon-prefault-cmpxchg.ts';
import { pageFaultScalability } from './patches/2004-12-16-page-fault-scalability.ts';
import { anonPrefaultV4 } from './patches/2005-01-04-anon-prefault-v4.ts';
import { cowRmapOrder } from './patches/2008-06-22-cow-rmap-order.ts';
import { faultAround } from './patches/2014-02-05-fault-around.ts';
import { mapPagesV3 } from './patches/2014-02-27-map-pages-v3.ts';
import { mapPagesMerged } from './patches/2014-04-07-map-pages-merged.ts';
import { zapFlushBeforeUnlock } from './patches/2014-04-25-zap-flush-before-unlock.ts';
import { faultAroundBytes } from './patches/2014-05-20-fault-around-bytes.ts';
import { faultAroundNonlinear } from './patches/2014-07-15-fault-around-nonlinear.ts';
import { faultAroundBytesRounded } from './patches/2014-07-28-fault-around-bytes-rounded.ts';
import { daxCowFault } from './patches/2014-09-25-dax-cow-fault.ts';
import { xipTruncateFix } from './patches/2014-10-24-xip-truncate-fix.ts';
import { daxCowMerged } from './patches/2015-02-16-dax-cow-merged.ts';
import { daxFsLock } from './patches/2015-02-23-dax-fs-lock.ts';
import { daxIMmapWrite } from './patches/2015-09-08-dax-i-mmap-write.ts';
import { daxZeroedBlocks } from './patches/2015-12-07-dax-zeroed-blocks.ts';
import { zapRmapAfterFlush } from './patches/2022-11-09-zap-rmap-after-flush.ts';
import { v2_6_15 } from './v2.6.15/memory.ts';
import { v3_14 } from './v3.14/index.ts';
import { v3_17 } from './v3.17/memory.ts';

export const bases: readonly Base[] = [
  {
    name: 'v2.6.10',
    date: '2004-12-24',
    about: 'one page_table_lock per address space, held from the walk to the leaf',
    path: v2_6_10,
  },
  {
    name: 'v2.6.15',
    date: '2006-01-03',
    about: 'every page of ptes has its own lock; page_table_lock is for the levels above',
    path: v2_6_15,
  },
  {
    name: 'v3.14',
    date: '2014-03-30',
    about: 'a fault gets the page of a file locked, and may drop mmap_sem to wait for it; one function for all of them',
    path: v3_14,
  },
  {
    name: 'v3.17',
    date: '2014-10-05',
    about: 'faults on files split by kind; a read fault maps the pages around it (map_pages)',
    path: v3_17,
    knobs: { do_fault_around: 'fault_around_bytes' },
  },
];

export const patches: readonly Change[] = [
  pteWalk,
  pmdBitmask,
  radixPageTables,
  anonPrefaultV1,
  anonPrefaultV2,
  pageFaultScalability,
  anonPrefaultCmpxchg,
  anonPrefaultV4,
  cowRmapOrder,
  faultAround,
  mapPagesV3,
  mapPagesMerged,
  zapFlushBeforeUnlock,
  faultAroundBytes,
  faultAroundNonlinear,
  faultAroundBytesRounded,
  xipTruncateFix,
  daxCowFault,
  daxCowMerged,
  daxFsLock,
  daxIMmapWrite,
  daxZeroedBlocks,
  zapRmapAfterFlush,
];

export const bugs: readonly Change[] = [
  noPteNoneRecheck,
  pteAllocNoRecheck,
  leakWhenRaced,
  noAnonRmap,
  clearAfterMap,
  noUnlock,
  zeroPageWritable,
  rssTwice,
  anonVmaLockOrder,
  mmapSemTwice,
  rssAfterUnlock,
  forkNoWrprotect,
  forkNoFlush,
  freeBeforeFlush,
  faultIrqsOff,
  prefaultV2PointerOnly,
  pmdBitForgotten,
  pmdBitLate,
  pmdBitUnlocked,
  pmdMaskRecycled,
  pmdMaskResetTwice,
  pteWalkRangeIgnored,
  pteWalkLockTwice,
  pteWalkNoParentLock,
  pteWalkSleepsLocked,
  doFaultNoRecheck,
  readFaultNoRecheck,
  sharedFaultNoRecheck,
  retryKeepsVma,
  truncateUnmapsOnce,
  truncateUnmapsAfter,
  mapPagesLocks,
  mapPagesWaits,
  mapPagesReads,
  mapPagesNoSize,
  mapPagesNoMapping,
  zapUnlockBeforeFlush,
  cowNoPteSame,
  cowPageUnlocked,
  daxCowNoMutex,
  daxNullPageUnlocked,
  daxNullPageShared,
  daxCowNoUnlockRaced,
  daxCowNoUnlockSigbus,
  daxCowWriteUnlock,
  truncateInTransaction,
  xipSparseUnlocked,
  truncateCountReadLate,
  truncateCountCheckedEarly,
  truncateUnmapsFirst,
  truncateCountBeforeSize,
  truncateCountAfterUnmap,
  truncateRemovesFirst,
  munmapForgetsDirty,
  partialPageRefused,
  truncateKeepsBlocks,
];

/**
 * The functions of a base with patches, `own` ones after those that are known here, and bugs applied in order. Throws on
 * a name that is not there.
 */
export function buildKernel(
  base: string,
  patchNames: readonly string[],
  bugNames: readonly string[],
  own: readonly Pick<Change, 'replaces'>[] = [],
): FaultPath {
  const changes = [
    ...patchNames.map((name) => find(patches, name)),
    ...own,
    ...bugNames.map((name) => find(bugs, name)),
  ];
  return changes.reduce<FaultPath>((path, change) => ({ ...path, ...change.replaces }), find(bases, base).path);
}

/** The knobs that a base with patches and bugs has. Throws on a name that is not there. */
export function knobsOf(base: string, changeNames: readonly string[]): string[] {
  const changes = changeNames.map((name) => find([...patches, ...bugs], name));
  const own = changes.reduce<Knobs>(
    (knobs, { replaces, knobs: more }) => {
      const kept = Object.entries(knobs).filter(([reader]) => !(reader in replaces));
      return { ...Object.fromEntries(kept), ...more };
    },
    find(bases, base).knobs ?? {},
  );
  return [...new Set([...commonKnobs, ...Object.values(own)])];
}

function find<T extends { readonly name: string }>(all: readonly T[], name: string): T {
  const found = all.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`unknown '${name}' (there are: ${all.map((e) => e.name).join(', ')})`);
  return found;
}
