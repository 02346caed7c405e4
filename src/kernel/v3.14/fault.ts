/**
 * From the trap to handle_mm_fault and back (arch/x86/mm/fault.c of 3.14): a fault that would wait for a page drops
 * mmap_sem and is tried once more, from the start.
 *
 * Left out: as in 2.6.10; signals that end a wait.
 */
import { READ_ONCE, WRITE_ONCE } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { running, SYSTEM, USER } from '../../machine/thread.ts';
import { charge, work } from '../../machine/work.ts';
import { down_read, up_read } from '../../sync/rwsem.ts';
import { fault_begins, fault_ends, fault_outcome, SIGBUS, SIGKILL, SIGSEGV, vma_allows } from '../fault.ts';
import { find_vma } from '../mmap.ts';
import { in_atomic } from '../sched.ts';
import type { Address, Mm, VmFault, Vma } from '../structs.ts';
import { path3 } from './path.ts';
import {
  FAULT_FLAG_ALLOW_RETRY,
  FAULT_FLAG_KILLABLE,
  FAULT_FLAG_TRIED,
  FAULT_FLAG_USER,
  FAULT_FLAG_WRITE,
  VM_FAULT_ERROR,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
} from './vm-fault.ts';

const FAULT_ENTRY = work('page_fault_entry');
const FAULT_EXIT = work('page_fault_exit');
const FAULT_RESTART = work('instruction_restart');

export function* do_page_fault(mm: Mm, address: Address, write_access: boolean): Coroutine<number> {
  running.mode = SYSTEM;
  charge(FAULT_ENTRY);
  if (in_atomic()) return SIGSEGV;
  fault_begins(mm, address);
  const first = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_USER;
  const signal = yield* tryFault(mm, address, write_access ? first | FAULT_FLAG_WRITE : first);
  fault_ends(mm);
  charge(FAULT_EXIT);
  running.mode = USER;
  charge(FAULT_RESTART);
  return signal;
}

/** At most one retry: the second time the handler waits with mmap_sem held. */
function* tryFault(mm: Mm, address: Address, flags: number): Coroutine<number> {
  for (;;) {
    yield* down_read(mm.mmap_sem);
    const vma = yield* find_vma_cached(mm, address);
    if (vma === undefined || !vma_allows(vma, address, (flags & FAULT_FLAG_WRITE) !== 0)) {
      yield* up_read(mm.mmap_sem);
      return SIGSEGV;
    }
    const fault = yield* path3(mm).handle_mm_fault(mm, vma, address, flags);
    if ((fault & VM_FAULT_RETRY) === 0) {
      const signal = signal_for(fault);
      fault_outcome(mm, address, signal);
      yield* up_read(mm.mmap_sem);
      return signal;
    }
    flags = (flags & ~FAULT_FLAG_ALLOW_RETRY) | FAULT_FLAG_TRIED;
  }
}

/** find_vma, by way of the vma that was found last; whoever finds another one writes it down for all. */
function* find_vma_cached(mm: Mm, address: Address): Coroutine<Vma | undefined> {
  if (!mm.system.config.mmap_cache) return find_vma(mm, address);
  const cached = yield* READ_ONCE(mm.mmap_cache);
  const vma = find_vma(mm, address);
  if (vma !== undefined && vma.vm_start !== cached) yield* WRITE_ONCE(mm.mmap_cache, vma.vm_start);
  return vma;
}

export function signal_for(fault: VmFault): number {
  if ((fault & VM_FAULT_ERROR) === 0) return 0;
  return (fault & VM_FAULT_OOM) !== 0 ? SIGKILL : SIGBUS;
}
