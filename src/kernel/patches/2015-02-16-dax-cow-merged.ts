/**
 * "mm: allow page fault handlers to perform the COW", Matthew Wilcox, merged for 4.0 on 2015-02-16. The lock of mapping->i_mmap
 * is a semaphore since 3.19.
 *
 * Claim: as of v11; faults of one file need not wait for each other, as they take the lock for reading. Truncation takes it for
 * writing: with a read lock there it would exclude nothing.
 * Replaces: what dax-cow-fault replaces, and the lock of i_mmap.
 */
import type { Step } from '../../machine/step.ts';
import { down_read, down_write, up_read, up_write } from '../../sync/rwsem.ts';
import type { Change3_17 } from '../change.ts';
import type { AddressSpace } from '../fs.ts';
import { daxCowFault } from './2014-09-25-dax-cow-fault.ts';

function i_mmap_lock_read({ i_mmap_rwsem }: AddressSpace): Step {
  return down_read(i_mmap_rwsem);
}
function i_mmap_unlock_read({ i_mmap_rwsem }: AddressSpace): Step {
  return up_read(i_mmap_rwsem);
}
export function i_mmap_lock_write({ i_mmap_rwsem }: AddressSpace): Step {
  return down_write(i_mmap_rwsem);
}
export function i_mmap_unlock_write({ i_mmap_rwsem }: AddressSpace): Step {
  return up_write(i_mmap_rwsem);
}

export const daxCowMerged: Change3_17 = {
  name: 'dax-cow-merged',
  base: 'v3.17',
  on: ['v3.17', 'dax-cow-fault'],
  about: 'the same as merged in 4.0: faults take the lock of i_mmap for reading, truncation for writing',
  mail: {
    date: '2015-02-16',
    subject: 'mm: allow page fault handlers to perform the COW',
    author: 'Matthew Wilcox',
    url: 'https://git.kernel.org/linus/2e4cdab0584fa884e0a81c4f45b93ce875c9fcaa',
    claim: 'no page, and VM_FAULT_LOCKED, says that the lock of i_mmap is held instead of the page lock',
  },
  replaces: {
    ...daxCowFault.replaces,
    ...{ i_mmap_lock_read, i_mmap_unlock_read, i_mmap_lock_write, i_mmap_unlock_write },
  },
};
