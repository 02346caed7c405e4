/**
 * Known bad: faults on DAX files (dax-cow-fault, dax-cow-merged), each with one thing forgotten.
 */
import { type Coroutine, LOCK, NOTHING, type Step, UNLOCK } from '../../machine/step.ts';
import { might_sleep } from '../../machine/thread.ts';
import { Mutex, mutex_lock, mutex_unlock } from '../../sync/mutex.ts';
import { down_write, up_write } from '../../sync/rwsem.ts';
import { free_blocks_locked } from '../block.ts';
import type { Change3_17 } from '../change.ts';
import type { Inode } from '../fs.ts';
import { round_up_pages } from '../pagemap.ts';
import { __do_fault_credulous, cowFault, daxCowFault, unlock_read } from '../patches/2014-09-25-dax-cow-fault.ts';
import { i_mmap_unlock_write } from '../patches/2015-02-16-dax-cow-merged.ts';
import { dax_fault } from '../patches/dax.ts';
import type { VmFault, Vma } from '../structs.ts';
import { truncate_setsize } from '../v3.14/truncate.ts';
import { FAULT_FLAG_WRITE, VM_FAULT_LOCKED, type VmFaultInfo } from '../v3.14/vm-fault.ts';
import { without } from './altered.ts';

function change(name: string, about: string, replaces: Change3_17['replaces']): Change3_17 {
  return { name, base: daxCowFault.base, about, replaces };
}

/** A private store that does without the lock of i_mmap. */
function* fault_unlocked(vma: Vma, vmf: VmFaultInfo): Coroutine<VmFault> {
  const onMutex = ({ kind, object }: Step): boolean => object instanceof Mutex && (kind === LOCK || kind === UNLOCK);
  const fault = dax_fault(vma, vmf);
  return yield* vmf.cow_page === null ? fault : without(fault, onMutex, 0);
}

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
      yield* mutex_lock(vma.vm_file!.f_mapping.i_mmap_mutex);
      return VM_FAULT_LOCKED;
    },
  },
);

/** The mutex stays where the pte was another one. Breaks: every lock is released (I17), or all wait for it. */
export const daxCowNoUnlockRaced = change(
  'dax-cow-no-unlock-raced',
  'do_cow_fault does not drop i_mmap_mutex when the pte is another one',
  { do_cow_fault: cowFault((vma, mapped) => (mapped ? unlock_read(vma) : NOTHING)) },
);

/** The mutex stays where the file ends before the page. Breaks: the same. */
export const daxCowNoUnlockSigbus = change(
  'dax-cow-no-unlock-sigbus',
  'the handler of a private store does not drop i_mmap_mutex when it finds that the file has been cut',
  {
    dax_fault: (vma, vmf) =>
      vmf.cow_page === null
        ? dax_fault(vma, vmf)
        : without(dax_fault(vma, vmf), ({ kind, object }) => object instanceof Mutex && kind === UNLOCK, 0),
  },
);

/**
 * 4.3 as released: taken for reading, released for writing (B20; by 0f90cc6609c7, mended by 0df9d41ab5d4). Breaks: the mode
 * in which locks are taken (I17).
 */
export const daxCowWriteUnlock = change(
  'dax-cow-write-unlock',
  'do_cow_fault releases the lock of i_mmap for writing, which the handler has taken for reading',
  { do_cow_fault: cowFault(({ vm_file }) => i_mmap_unlock_write(vm_file!.f_mapping)) },
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
);
