/**
 * "xfs: use i_mmaplock on read faults" and "xfs: take i_mmap_lock on extent manipulation operations", Dave Chinner, merged for
 * 4.1; ext4 has i_mmap_sem for it, and all file systems invalidate_lock since 5.15.
 *
 * Claim: a lock of the file system that handlers have shared, and that truncation and hole punching have alone, from the first
 * unmap until blocks are freed. The order is mmap_sem, i_mmaplock, page lock, the lock of the block map; and i_mutex, i_mmaplock
 * there.
 * Replaces: what dax-cow-merged replaces; the handler, do_truncate and punchHole.
 *
 * The handler gives the lock back when it returns, before the copy is mapped: the lock of i_mmap holds on until then.
 */
import type { Coroutine } from '../../machine/step.ts';
import { might_sleep } from '../../machine/thread.ts';
import { mutex_lock, mutex_unlock } from '../../sync/mutex.ts';
import { down_read, down_write, up_read, up_write } from '../../sync/rwsem.ts';
import { free_blocks } from '../block.ts';
import type { Change3_17 } from '../change.ts';
import type { Inode } from '../fs.ts';
import { round_up_pages } from '../pagemap.ts';
import type { VmFault, Vma } from '../structs.ts';
import { punch_range, truncate_setsize } from '../v3.14/truncate.ts';
import type { VmFaultInfo } from '../v3.14/vm-fault.ts';
import { daxCowMerged } from './2015-02-16-dax-cow-merged.ts';
import { dax_fault as dax_fault_unlocked } from './dax.ts';

function* dax_fault(vma: Vma, vmf: VmFaultInfo): Coroutine<VmFault> {
  const { i_mmaplock } = vma.vm_file!.f_mapping.host;
  yield* down_read(i_mmaplock);
  const fault = yield* dax_fault_unlocked(vma, vmf);
  yield* up_read(i_mmaplock);
  return fault;
}

function* do_truncate(inode: Inode, newsize: number): Coroutine {
  might_sleep();
  yield* mutex_lock(inode.i_mutex);
  yield* down_write(inode.i_mmaplock);
  if (yield* truncate_setsize(inode, newsize)) {
    yield* free_blocks(inode, round_up_pages(inode.system, newsize), Infinity);
  }
  yield* up_write(inode.i_mmaplock);
  yield* mutex_unlock(inode.i_mutex);
}

function* punchHole(inode: Inode, first: number, last: number): Coroutine {
  might_sleep();
  yield* mutex_lock(inode.i_mutex);
  yield* down_write(inode.i_mmaplock);
  yield* punch_range(inode, first, last);
  yield* up_write(inode.i_mmaplock);
  yield* mutex_unlock(inode.i_mutex);
}

export const daxFsLock: Change3_17 = {
  name: 'dax-fs-lock',
  base: 'v3.17',
  on: ['v3.17', 'dax-cow-fault', 'dax-cow-merged'],
  about: 'a lock of the file system around DAX faults, which truncation and hole punching have alone',
  mail: {
    date: '2015-02-23',
    subject: 'xfs: take i_mmap_lock on extent manipulation operations',
    author: 'Dave Chinner',
    url: 'https://git.kernel.org/linus/e8e9ad42c1f1e1bfbe0e8c32c8cac02e9ebfb7ef',
    claim: 'all IO and page faults wait, without any page lock, while blocks are taken from the file',
  },
  replaces: { ...daxCowMerged.replaces, dax_fault, dax_mkwrite: dax_fault, do_truncate, punchHole },
};
