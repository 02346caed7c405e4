/**
 * Known bad: do_page_fault that goes on with the vma it had when the handler has answered VM_FAULT_RETRY. mmap_sem was dropped:
 * another thread may have unmapped it.
 *
 * Breaks: nobody uses what is freed (I22).
 */
import type { Coroutine } from '../../machine/step.ts';
import { running, SYSTEM, USER } from '../../machine/thread.ts';
import { down_read, up_read } from '../../sync/rwsem.ts';
import type { Change3_14 } from '../change.ts';
import { fault_begins, fault_ends, fault_outcome, SIGSEGV, vma_allows } from '../fault.ts';
import { find_vma } from '../mmap.ts';
import type { Address, Mm } from '../structs.ts';
import { signal_for } from '../v3.14/fault.ts';
import { path3 } from '../v3.14/path.ts';
import {
  FAULT_FLAG_ALLOW_RETRY,
  FAULT_FLAG_KILLABLE,
  FAULT_FLAG_TRIED,
  FAULT_FLAG_USER,
  FAULT_FLAG_WRITE,
  VM_FAULT_RETRY,
} from '../v3.14/vm-fault.ts';

function* do_page_fault(mm: Mm, address: Address, write_access: boolean): Coroutine<number> {
  running.mode = SYSTEM;
  fault_begins(mm, address);
  const signal = yield* tryFault(mm, address, write_access ? FAULT_FLAG_WRITE : 0);
  fault_ends(mm);
  running.mode = USER;
  return signal;
}

function* tryFault(mm: Mm, address: Address, write: number): Coroutine<number> {
  const flags = write | FAULT_FLAG_KILLABLE | FAULT_FLAG_USER;
  const path = path3(mm);
  yield* down_read(mm.mmap_sem);
  const vma = find_vma(mm, address);
  if (vma === undefined || !vma_allows(vma, address, write !== 0)) {
    yield* up_read(mm.mmap_sem);
    return SIGSEGV;
  }
  let fault = yield* path.handle_mm_fault(mm, vma, address, flags | FAULT_FLAG_ALLOW_RETRY);
  if ((fault & VM_FAULT_RETRY) !== 0) {
    yield* down_read(mm.mmap_sem); // Linux looks for the vma again
    fault = yield* path.handle_mm_fault(mm, vma, address, flags | FAULT_FLAG_TRIED);
  }
  const signal = signal_for(fault);
  fault_outcome(mm, address, signal);
  yield* up_read(mm.mmap_sem);
  return signal;
}

export const retryKeepsVma: Change3_14 = {
  name: 'retry-keeps-vma',
  base: 'v3.14',
  about: 'a fault that has dropped mmap_sem goes on with the vma it had',
  replaces: { do_page_fault },
};
