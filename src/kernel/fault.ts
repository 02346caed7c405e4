/**
 * From the trap to handle_mm_fault and back (arch/ia64/mm/fault.c).
 *
 * Left out: stack growth, faults from kernel text.
 */
import type { Coroutine } from '../machine/step.ts';
import { KernelBug, running, SYSTEM, USER } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { down_read, up_read } from '../sync/rwsem.ts';
import { path2_6 } from './fault-path.ts';
import { find_vma } from './mmap.ts';
import { current, in_atomic } from './sched.ts';
import { page_number, pte_present } from './pgtable.ts';
import {
  type Address,
  type Mm,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  VM_READ,
  VM_WRITE,
  type VmFault,
  type Vma,
} from './structs.ts';

/** Signals that a fault sends when it cannot be resolved. */
export const SIGKILL = 9;
export const SIGBUS = 7;
export const SIGSEGV = 11;

const FAULT_ENTRY = work('page_fault_entry');
const FAULT_EXIT = work('page_fault_exit');
const FAULT_RESTART = work('instruction_restart');

/** Resolve a fault at `address`. Returns 0 or the signal that kills the thread. */
export function* do_page_fault(mm: Mm, address: Address, write_access: boolean): Coroutine<number> {
  running.mode = SYSTEM;
  charge(FAULT_ENTRY);
  if (in_atomic()) return SIGSEGV;
  fault_begins(mm, address);
  yield* down_read(mm.mmap_sem);
  const vma = find_vma(mm, address);
  let signal = SIGSEGV;
  if (vma !== undefined && vma_allows(vma, address, write_access)) {
    const fault = yield* path2_6(mm).handle_mm_fault(mm, vma, address, write_access);
    signal = signal_for(fault);
    fault_outcome(mm, address, signal);
  }
  yield* up_read(mm.mmap_sem);
  fault_ends(mm);
  charge(FAULT_EXIT);
  running.mode = USER;
  charge(FAULT_RESTART);
  return signal;
}

/** What a fault does is counted, and its outcome is held to what happened meanwhile. */
export function fault_begins(mm: Mm, address: Address): void {
  const task = current();
  task.mappedBefore = task.ptesMapped;
  task.writtenBefore = task.ptesWritten;
  task.writesNearBefore = mm.pgd.writesNear(address);
}

/**
 * A handler that says all is well must have mapped something, or somebody else has done so, or taken it away again. Caller holds
 * mmap_sem still. `signal`: what the fault sends, 0 if all is well.
 */
export function fault_outcome(mm: Mm, address: Address, signal: number): void {
  if (signal !== 0) return;
  const task = current();
  const byOthers = mm.pgd.writesNear(address) - task.writesNearBefore > task.ptesWritten - task.writtenBefore;
  if (byOthers || pte_present(mm.pgd.get(page_number(mm, address)))) return;
  throw new KernelBug(
    'fault without progress',
    `${running.name} returns from its fault at ${mm.pgd.describe(page_number(mm, address))}, and nothing is mapped there`,
  );
}

export function fault_ends(mm: Mm): void {
  const task = current();
  mm.system.counters.faultsTaken++;
  task.faulted(task.ptesMapped - task.mappedBefore);
}

export function vma_allows(vma: Vma, address: Address, write_access: boolean): boolean {
  return vma.vm_start <= address && (vma.vm_flags & (write_access ? VM_WRITE : VM_READ)) !== 0;
}

function signal_for(fault: VmFault): number {
  if (fault === VM_FAULT_OOM) return SIGKILL;
  return fault === VM_FAULT_SIGBUS ? SIGBUS : 0;
}
