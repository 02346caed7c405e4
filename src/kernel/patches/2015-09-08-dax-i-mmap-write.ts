/**
 * "dax: fix race between simultaneous faults", Matthew Wilcox, merged for 4.3 on 2015-09-08, and undone before 4.3 was out ("mm,
 * dax: fix DAX deadlocks").
 *
 * Claim: the lock of i_mmap is taken for writing, and around get_block: the second of two stores to a hole finds a block that is
 * written, and does not zero it again.
 * Replaces: what dax-cow-merged replaces; the handler, and the mode in which faults have the lock.
 *
 * What is wrong with it: get_block starts a transaction of the file system, with the lock held; who unmaps within a transaction
 * asks for the two the other way round.
 *
 * Left out: what it did where a page of zeros is in the cache; there the page lock comes first, as before.
 */
import type { Coroutine } from '../../machine/step.ts';
import { convert_unwritten } from '../block.ts';
import type { Change3_17 } from '../change.ts';
import type { VmFault, Vma } from '../structs.ts';
import {
  FAULT_FLAG_WRITE,
  VM_FAULT_LOCKED,
  VM_FAULT_MAJOR,
  VM_FAULT_SIGBUS,
  type VmFaultInfo,
} from '../v3.14/vm-fault.ts';
import { is_behind_end } from '../v3.14/xip.ts';
import { daxCowMerged, i_mmap_lock_write, i_mmap_unlock_write } from './2015-02-16-dax-cow-merged.ts';
import { dax_copy, dax_get_block, dax_load_hole, lock_hole_page, map_block, remove_hole_page } from './dax.ts';

function* dax_fault(vma: Vma, vmf: VmFaultInfo): Coroutine<VmFault> {
  const mapping = vma.vm_file!.f_mapping;
  const { pgoff, cow_page } = vmf;
  if (yield* is_behind_end(mapping, pgoff)) return VM_FAULT_SIGBUS;
  const { page, fault } = yield* lock_hole_page(vma, vmf);
  if (fault !== 0) return fault;
  if (page === null) yield* i_mmap_lock_write(mapping);

  let number = yield* dax_get_block(mapping.host, pgoff, false);
  const hole = number === 0;
  if (cow_page !== null) {
    yield* dax_copy(mapping, cow_page, number);
    vmf.page = page;
    if (page !== null || !(yield* is_behind_end(mapping, pgoff))) return VM_FAULT_LOCKED;
    yield* i_mmap_unlock_write(mapping);
    return VM_FAULT_SIGBUS;
  }
  if (hole && (vmf.flags & FAULT_FLAG_WRITE) === 0) {
    if (page === null) yield* i_mmap_unlock_write(mapping);
    return yield* dax_load_hole(mapping, page, vmf);
  }
  if (hole) number = yield* dax_get_block(mapping.host, pgoff, true);
  if (page !== null) {
    yield* remove_hole_page(mapping, page);
    yield* i_mmap_lock_write(mapping);
  }
  const mapped = yield* map_block(vma, vmf, number);
  if (number < 0) yield* convert_unwritten(mapping.host, pgoff, -number);
  yield* i_mmap_unlock_write(mapping);
  return hole ? mapped | VM_FAULT_MAJOR : mapped;
}

export const daxIMmapWrite: Change3_17 = {
  name: 'dax-i-mmap-write',
  base: 'v3.17',
  on: ['v3.17', 'dax-cow-fault', 'dax-cow-merged'],
  about: 'DAX faults take the lock of i_mmap for writing, around get_block',
  mail: {
    date: '2015-09-08',
    subject: 'dax: fix race between simultaneous faults',
    author: 'Matthew Wilcox',
    url: 'https://git.kernel.org/linus/843172978bb92997310d2f7fbc172ece423cfc02',
    claim: 'the loser of two stores to one hole does not zero what the winner has stored',
  },
  replaces: {
    ...daxCowMerged.replaces,
    dax_fault,
    dax_mkwrite: dax_fault,
    i_mmap_lock_read: i_mmap_lock_write,
    i_mmap_unlock_read: i_mmap_unlock_write,
  },
};
