/**
 * Known bad: faults on DAX files (dax-cow-fault, dax-cow-merged), each with one thing forgotten.
 */
import {
  type Coroutine,
  LOCK,
  LOCK_SHARED,
  NOTHING,
  type Step,
  type StepKind,
  UNLOCK,
  UNLOCK_SHARED,
} from '../../machine/step.ts';
import { might_sleep } from '../../machine/thread.ts';
import { mutex_lock, mutex_unlock } from '../../sync/mutex.ts';
import { down_write, up_write } from '../../sync/rwsem.ts';
import { free_blocks_locked } from '../block.ts';
import type { Change3_17 } from '../change.ts';
import type { Inode } from '../fs.ts';
import { round_up_pages } from '../pagemap.ts';
import {
  __do_fault_credulous,
  cowFault,
  daxCowFault,
  is_i_mmap_lock,
  unlock_read,
} from '../patches/2014-09-25-dax-cow-fault.ts';
import { i_mmap_unlock_write } from '../patches/2015-02-16-dax-cow-merged.ts';
import { dax_fault, WITH_DAX, WITH_DAX_FAULT } from '../patches/dax.ts';
import { path3 } from '../v3.14/path.ts';
import { truncate_setsize } from '../v3.14/truncate.ts';
import { FAULT_FLAG_WRITE, VM_FAULT_LOCKED } from '../v3.14/vm-fault.ts';
import { without } from './altered.ts';

function change(
  name: string,
  about: string,
  replaces: Change3_17['replaces'],
  on: readonly string[] = WITH_DAX_FAULT,
): Change3_17 {
  return { name, base: daxCowFault.base, on, about, replaces };
}

const LOCKS: readonly StepKind[] = [LOCK, LOCK_SHARED];
const UNLOCKS: readonly StepKind[] = [UNLOCK, UNLOCK_SHARED];

/** The handler, and a private store leaves these steps on the lock of i_mmap out. */
function forgetful(kinds: readonly StepKind[]): typeof dax_fault {
  return (vma, vmf) => {
    const forgets = ({ kind, object }: Step): boolean => kinds.includes(kind) && is_i_mmap_lock(object, vma);
    return vmf.cow_page === null ? dax_fault(vma, vmf) : without(dax_fault(vma, vmf), forgets, 0);
  };
}
const fault_unlocked = forgetful([...LOCKS, ...UNLOCKS]);

/** Nobody keeps truncation away between copy and pte. Breaks: nothing is mapped behind the end of the file (I7). */
export const daxCowNoMutex = change('dax-cow-no-mutex', 'a private store is copied and mapped without i_mmap_mutex', {
  dax_fault: fault_unlocked,
  __do_fault: __do_fault_credulous,
  do_cow_fault: cowFault(() => NOTHING),
});

/** The handler says that it has the mutex, and has not. Breaks: the contract of ->fault (B18). */
export const daxNullPageUnlocked = change(
  'dax-null-page-unlocked',
  'the handler answers no page and VM_FAULT_LOCKED, and holds no lock',
  { dax_fault: fault_unlocked },
);

/** The handler answers so to somebody who has not asked for a copy, and knows of pages only. Breaks: that contract. */
export const daxNullPageShared = change(
  'dax-null-page-shared',
  'the handler answers no page and VM_FAULT_LOCKED to a shared store, with i_mmap_mutex held',
  {
    *dax_fault(vma, vmf) {
      const shared = vmf.cow_page === null && (vmf.flags & FAULT_FLAG_WRITE) !== 0;
      if (!shared) return yield* dax_fault(vma, vmf);
      yield* path3(vma.vm_mm).i_mmap_lock_read(vma.vm_file!.f_mapping);
      return VM_FAULT_LOCKED;
    },
  },
);

/** The mutex stays where the pte was another one. Breaks: every lock is released (I17), or all wait for it. */
export const daxCowNoUnlockRaced = change(
  'dax-cow-no-unlock-raced',
  'do_cow_fault does not drop i_mmap_mutex when the pte is another one',
  { do_cow_fault: cowFault((vma, mapped) => (mapped ? unlock_read(vma) : NOTHING)) },
  WITH_DAX,
);

/** The mutex stays where the file ends before the page. Breaks: the same. */
export const daxCowNoUnlockSigbus = change(
  'dax-cow-no-unlock-sigbus',
  'the handler of a private store does not drop i_mmap_mutex when it finds that the file has been cut',
  { dax_fault: forgetful(UNLOCKS) },
);

/**
 * 4.3 as released: taken for reading, released for writing (B20; by 0f90cc6609c7, mended by 0df9d41ab5d4). Breaks: the mode
 * in which locks are taken (I17).
 */
export const daxCowWriteUnlock = change(
  'dax-cow-write-unlock',
  'do_cow_fault releases the lock of i_mmap for writing, which the handler has taken for reading',
  { do_cow_fault: cowFault(({ vm_file }) => i_mmap_unlock_write(vm_file!.f_mapping)) },
  ['dax-cow-merged', 'dax-fs-lock', 'dax-zeroed-blocks'],
);

/** A truncation that is one transaction from the new size to the last block: it unmaps with the lock of the block map held. */
function* do_truncate(inode: Inode, newsize: number): Coroutine {
  might_sleep();
  yield* mutex_lock(inode.i_mutex);
  yield* down_write(inode.i_data_sem);
  if (yield* truncate_setsize(inode, newsize)) {
    yield* free_blocks_locked(inode, round_up_pages(inode.system, newsize), Infinity);
  }
  yield* up_write(inode.i_data_sem);
  yield* mutex_unlock(inode.i_mutex);
}

/** Breaks nothing, unless faults ask for a block with the lock of i_mmap held: then a deadlock. */
export const truncateInTransaction = change(
  'truncate-in-transaction',
  'truncation unmaps within a transaction, for which the lock of the block map stands here',
  { do_truncate },
  [daxCowFault.base],
);
