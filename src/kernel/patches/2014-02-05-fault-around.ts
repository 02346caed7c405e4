/**
 * "Re: [RFC] de-asmify the x86-64 system call slowpath", Linus Torvalds, linux-kernel, 2014-02-05, against 3.14-rc.
 *
 * Claim: the ptes of 8 aligned pages are one cache line, so map all of them when one of them is faulted for. He adds that it
 * probably does not work, and that most faults are anonymous anyway.
 * Replaces: do_linear_fault.
 *
 * What is so as posted: each neighbour is a fault of its own by `__do_fault` with no flags, and so without leave to drop
 * mmap_sem: one that is not in the cache is read from the disk, and waited for, with mmap_sem held (B12). That was a major
 * fault, which ends it. A window that begins before the vma is given up, not clipped (B13). A handler that has mapped the
 * page itself (VM_FAULT_NOPAGE) does not end it: handlers of devices run for addresses that nobody has touched (B14). What
 * neighbours answer is dropped. Whether their ptes are none is looked at without a lock, which is right because `__do_fault`
 * looks again.
 */
import { READ_ONCE } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import type { Change3_14 } from '../change.ts';
import {
  linear_page_index,
  page_size,
  pte_none,
  pte_offset_map,
  type PtePage,
  type Ptep,
  pte_unmap,
} from '../pgtable.ts';
import type { Address, Mm, VmFault, Vma } from '../structs.ts';
import { path3_14 } from '../v3.14/path.ts';
import { FAULT_FLAG_ALLOW_RETRY, VM_FAULT_ERROR, VM_FAULT_MAJOR, VM_FAULT_RETRY } from '../v3.14/vm-fault.ts';

const FAULT_AROUND_SHIFT = 3;

function no_fault_around(ret: VmFault): boolean {
  return (ret & (VM_FAULT_ERROR | VM_FAULT_MAJOR | VM_FAULT_RETRY)) !== 0;
}

function* fault_around(mm: Mm, vma: Vma, address: Address, pmd: PtePage): Coroutine {
  const size = page_size(mm);
  const window = size * 2 ** FAULT_AROUND_SHIFT;
  let nr = 2 ** FAULT_AROUND_SHIFT;
  address = Math.floor(address / window) * window;
  if (address < vma.vm_start) return;
  do {
    const pte = pte_offset_map(mm, pmd, address);
    const entry = yield* READ_ONCE(pte);
    pte_unmap(pte);
    if (pte_none(entry)) {
      const pgoff = linear_page_index(vma, address);
      if (no_fault_around(yield* path3_14(mm).__do_fault(mm, vma, address, pmd, pgoff, 0, entry))) break;
    }
    address += size;
  } while (address < vma.vm_end && --nr > 0);
}

function* do_linear_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  pte_unmap(page_table);
  const pgoff = linear_page_index(vma, address);
  const ret = yield* path3_14(mm).__do_fault(mm, vma, address, pmd, pgoff, flags, orig_pte);
  if (!no_fault_around(ret) && (flags & FAULT_FLAG_ALLOW_RETRY) !== 0) yield* fault_around(mm, vma, address, pmd);
  return ret;
}

export const faultAround: Change3_14 = {
  name: 'fault-around',
  base: 'v3.14',
  about: 'a fault on a file maps the 8 aligned pages around it, by a fault for each',
  mail: {
    date: '2014-02-05',
    subject: 'Re: [RFC] de-asmify the x86-64 system call slowpath',
    author: 'Linus Torvalds',
    url: 'https://lkml.iu.edu/hypermail/linux/kernel/1402.0/index.html',
    claim: '8 adjacent pages are one cache line of ptes: fairly cheap to map at once',
  },
  replaces: { do_linear_fault },
};
