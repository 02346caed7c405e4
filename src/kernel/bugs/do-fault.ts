/**
 * Known bad: faults on files that do not look at the pte again when they have its lock. Another thread may have mapped the page
 * meanwhile, and it is mapped over that.
 *
 * Breaks: mapcount is the number of ptes, and rss.
 */
import type { Coroutine } from '../../machine/step.ts';
import { unlock_page } from '../../sync/pagelock.ts';
import type { Change3_14, Change3_17 } from '../change.ts';
import { TestSetPageDirty } from '../page-flags.ts';
import type { PtePage } from '../pgtable.ts';
import { is_shared } from '../memory.ts';
import type { Address, Mm, Page, VmFault, Vma } from '../structs.ts';
import { __do_fault, do_set_pte, faultInfo, lockedFault, mkwrite_if_asked } from '../v3.14/do-fault.ts';
import { pte_offset_map_lock, pte_unmap_unlock } from '../v3.14/memory.ts';
import type { DoFault3_17 } from '../v3.14/path.ts';
import { FAULT_FLAG_WRITE } from '../v3.14/vm-fault.ts';
import { NO_PAGE, v3_17 } from '../v3.17/memory.ts';

/** Whatever the pte is by now. Caller has the page locked. */
function* mapOver(mm: Mm, vma: Vma, address: Address, pmd: PtePage, page: Page, write: boolean): Coroutine {
  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  yield* do_set_pte(vma, address, page, pte, write);
  yield* pte_unmap_unlock(pte, pmd);
  if (write) yield* TestSetPageDirty(page);
  yield* unlock_page(page.lock);
}

function* do_read_fault(...[mm, vma, address, pmd, pgoff, flags]: Parameters<DoFault3_17>): Coroutine<VmFault> {
  const { ret, page } = yield* v3_17.__do_fault(vma, address, pgoff, flags, null);
  if ((ret & NO_PAGE) === 0) yield* mapOver(mm, vma, address, pmd, page!, false);
  return ret;
}

function* do_shared_fault(...[mm, vma, address, pmd, pgoff, flags]: Parameters<DoFault3_17>): Coroutine<VmFault> {
  const { ret, page } = yield* v3_17.__do_fault(vma, address, pgoff, flags, null);
  if ((ret & NO_PAGE) !== 0) return ret;
  const stop = yield* mkwrite_if_asked(vma, page!, address);
  if (stop !== null) return stop;
  yield* mapOver(mm, vma, address, pmd, page!, true);
  return ret;
}

function* __do_fault_over(...args: Parameters<typeof __do_fault>): Coroutine<VmFault> {
  const [mm, vma, address, pmd, pgoff, flags] = args;
  const write = (flags & FAULT_FLAG_WRITE) !== 0;
  if (write && !is_shared(vma)) return yield* __do_fault(...args);
  const vmf = faultInfo(address, pgoff, flags);
  const ret = yield* lockedFault(vma, vmf);
  if ((ret & NO_PAGE) !== 0) return ret;
  const stop = write ? yield* mkwrite_if_asked(vma, vmf.page!, address) : null;
  if (stop !== null) return stop;
  yield* mapOver(mm, vma, address, pmd, vmf.page!, write);
  return ret;
}

export const readFaultNoRecheck: Change3_17 = {
  name: 'read-fault-no-recheck',
  base: 'v3.17',
  about: 'do_read_fault maps its page without looking at the pte again (and maps none around it)',
  replaces: { do_read_fault },
};

export const sharedFaultNoRecheck: Change3_17 = {
  name: 'shared-fault-no-recheck',
  base: 'v3.17',
  about: 'do_shared_fault maps its page without looking at the pte again',
  replaces: { do_shared_fault },
};

export const doFaultNoRecheck: Change3_14 = {
  name: 'do-fault-no-recheck',
  base: 'v3.14',
  about: '__do_fault maps its page without looking at the pte again, but for private writes',
  replaces: { __do_fault: __do_fault_over },
};
