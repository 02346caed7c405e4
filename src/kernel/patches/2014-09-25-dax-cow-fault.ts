/**
 * "[PATCH v11 04/21] mm: Allow page fault handlers to perform the COW", Matthew Wilcox, linux-mm, 2014-09-25, with the handler
 * of files that are memory from the same series (`dax.ts`). Mathieu Desnoyers reviewed it, 2014-10-16 to 10-18; the address is
 * that of the commit it became in 4.0.
 *
 * Claim: a private store to a file that is memory takes one fault instead of two: the handler is given the page that is to be
 * the copy. It cannot map it, as there may be a read-only mapping; so it answers VM_FAULT_LOCKED and no page, which says that
 * i_mmap_mutex is held in the place of the page lock, and truncation waits until the copy is mapped.
 * Replaces: __do_fault, do_cow_fault, the handler, read and write of such files.
 *
 * What is wrong with it: two stores to one hole zero its block twice (B19), and a look at i_size says nothing of a hole that
 * is punched, or of a file that is cut and grows again (B21).
 */
import type { Coroutine, Shared, Step } from '../../machine/step.ts';
import { KernelBug, running } from '../../machine/thread.ts';
import { unlock_page } from '../../sync/pagelock.ts';
import type { Change3_17 } from '../change.ts';
import { alloc_page_vma, copy_user_highpage, page_cache_release } from '../page_alloc.ts';
import { SetPageUptodate } from '../page-flags.ts';
import type { VmFault, Vma } from '../structs.ts';
import { faultInfo, withPageLocked } from '../v3.14/do-fault.ts';
import { type DoFault3_17, fault_of, type FaultPath3_17, path3, path3_17 } from '../v3.14/path.ts';
import {
  VM_FAULT_ERROR,
  VM_FAULT_LOCKED,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
  type VmFaultInfo,
} from '../v3.14/vm-fault.ts';
import { set_copy } from '../v3.17/memory.ts';
import { dax } from './dax.ts';

const NO_PAGE = VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY;

export function* __do_fault(...args: Parameters<FaultPath3_17['__do_fault']>): ReturnType<FaultPath3_17['__do_fault']> {
  const [vma] = args;
  const { vmf, ret } = yield* asked(...args);
  if ((ret & NO_PAGE) === 0 && vmf.page === null) hold_to_contract(vma, vmf, ret);
  return { ret, page: vmf.page };
}

/** The same, and whatever the handler answers is believed. */
export function* __do_fault_credulous(
  ...args: Parameters<FaultPath3_17['__do_fault']>
): ReturnType<FaultPath3_17['__do_fault']> {
  const { vmf, ret } = yield* asked(...args);
  return { ret, page: vmf.page };
}

/** A page, if one comes back, is locked. */
function* asked(...[vma, address, pgoff, flags, cow_page]: Parameters<FaultPath3_17['__do_fault']>) {
  const vmf = faultInfo(address, pgoff, flags, cow_page);
  const ret = yield* fault_of(vma)(vma, vmf);
  if ((ret & NO_PAGE) !== 0 || vmf.page === null) return { vmf, ret };
  return { vmf, ret: yield* withPageLocked(vma, vmf.page, ret) };
}

/**
 * No page, and VM_FAULT_LOCKED: the lock of mapping->i_mmap is held in the place of the page lock. Linux infers that from the
 * pointer and has no check; this is ours.
 */
function hold_to_contract(vma: Vma, vmf: VmFaultInfo, ret: VmFault): void {
  const { name } = vma.vm_file!.f_mapping.host;
  const held = running.held.some(({ lock }) => is_i_mmap_lock(lock, vma));
  const problem =
    (ret & VM_FAULT_LOCKED) === 0
      ? 'and no VM_FAULT_LOCKED'
      : vmf.cow_page === null
        ? 'and none was asked to be copied'
        : held
          ? null
          : 'and the lock of i_mmap is not held';
  if (problem === null) return;
  throw new KernelBug('broken ->fault contract', `${running.name}: the handler of ${name} answers no page, ${problem}`);
}

/** Is it the lock of mapping->i_mmap, whatever kind of lock that is? Asking the mapping for it would make one. */
export function is_i_mmap_lock(lock: Shared, { vm_file }: Vma): boolean {
  const name = lock.describe(0);
  return ['mutex', 'rwsem'].some((kind) => name === `${vm_file!.f_mapping.host.name}.i_mmap_${kind}`);
}

/** What a version of do_cow_fault does with the lock of i_mmap when the copy has been mapped, or has not. */
export type Release = (vma: Vma, mapped: boolean) => Step | Coroutine;

export function unlock_read({ vm_file, vm_mm }: Vma): Step | Coroutine {
  return path3(vm_mm).i_mmap_unlock_read(vm_file!.f_mapping);
}

/** A private store. `map` maps the copy and says whether it has; `release` lets truncation go on if there was no page. */
export function cowFault(release: Release = unlock_read, map = set_copy): DoFault3_17 {
  return function* do_cow_fault(mm, vma, address, pmd, pgoff, flags, orig_pte) {
    const { system } = mm;
    if (yield* system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
    const new_page = yield* alloc_page_vma(vma, address);
    if (new_page === null) return VM_FAULT_OOM;

    const { ret, page } = yield* path3_17(mm).__do_fault(vma, address, pgoff, flags, new_page);
    if ((ret & NO_PAGE) !== 0) {
      yield* page_cache_release(system, new_page);
      return ret;
    }
    if (page !== null) yield* copy_user_highpage(new_page, page);
    yield* SetPageUptodate(new_page);

    const mapped = yield* map(mm, vma, address, pmd, orig_pte, new_page);
    if (page !== null) {
      yield* unlock_page(page.lock);
      yield* page_cache_release(system, page);
    } else yield* release(vma, mapped);
    if (!mapped) yield* page_cache_release(system, new_page);
    return ret;
  };
}

export const daxCowFault: Change3_17 = {
  name: 'dax-cow-fault',
  base: 'v3.17',
  about: 'the handler of a file that is memory makes the private copy, and keeps truncation away by i_mmap_mutex',
  mail: {
    date: '2014-09-25',
    subject: '[PATCH v11 04/21] mm: Allow page fault handlers to perform the COW',
    author: 'Matthew Wilcox',
    url: 'https://git.kernel.org/linus/2e4cdab0584fa884e0a81c4f45b93ce875c9fcaa',
    claim: 'one fault instead of two for the first private store, and truncation cannot come between copy and pte',
  },
  replaces: { ...dax, __do_fault, do_cow_fault: cowFault() },
};
