/**
 * From the MMU to handle_mm_fault and back (arch/ia64/mm/fault.c), and the loads and stores of user programs.
 *
 * Left out: stack growth, faults from kernel text, TLBs (a walk always sees the pte; nothing here ever takes
 * permissions away while another CPU could use them).
 */
import { READ_ONCE, WRITE_ONCE } from '../machine/memory.ts';
import { type Coroutine, type Step, Walk } from '../machine/step.ts';
import { running, SYSTEM, USER } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { down_read, up_read } from '../sync/rwsem.ts';
import { find_vma } from './mmap.ts';
import { page_number, pte_page, pte_present, pte_write } from './pgtable.ts';
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
const TOUCH = work('user_touch');

/** Resolve a fault at `address`. Returns 0 or the signal that kills the thread. */
export function* do_page_fault(mm: Mm, address: Address, write_access: boolean): Coroutine<number> {
  running.mode = SYSTEM;
  charge(FAULT_ENTRY);
  yield* down_read(mm.mmap_sem);
  const vma = find_vma(mm, address);
  let signal = SIGSEGV;
  if (vma !== undefined && vma_allows(vma, address, write_access)) {
    signal = signal_for(yield* mm.system.kernel.handle_mm_fault(mm, vma, address, write_access));
  }
  yield* up_read(mm.mmap_sem);
  charge(FAULT_EXIT);
  running.mode = USER;
  charge(FAULT_RESTART);
  return signal;
}

function vma_allows(vma: Vma, address: Address, write_access: boolean): boolean {
  return vma.vm_start <= address && (vma.vm_flags & (write_access ? VM_WRITE : VM_READ)) !== 0;
}

function signal_for(fault: VmFault): number {
  if (fault === VM_FAULT_OOM) return SIGKILL;
  return fault === VM_FAULT_SIGBUS ? SIGBUS : 0;
}

/** An access of a user program to one word of its memory, to be yielded by the program. */
class UserAccess extends Walk {
  private readonly mm: Mm;
  private readonly address: Address;
  private readonly word: number;
  /** The value to store; null for a load. */
  private readonly stored: number | null;

  constructor(mm: Mm, address: Address, word: number, stored: number | null) {
    super(mm.pgd.walk(page_number(mm, address)));
    this.mm = mm;
    this.address = address;
    this.word = word;
    this.stored = stored;
  }

  access(entry: number): Step | null {
    if (!pte_present(entry) || (this.stored !== null && !pte_write(entry))) return null;
    charge(TOUCH);
    const at = pte_page(this.mm, entry).contents(this.word);
    return this.stored === null ? READ_ONCE(at) : WRITE_ONCE(at, this.stored);
  }

  fault(): Coroutine<number> {
    return do_page_fault(this.mm, this.address, this.stored !== null);
  }
}

/** Store to one word of a page. */
export function user_store(mm: Mm, address: Address, word: number, value: number): Walk {
  return new UserAccess(mm, address, word, value);
}

/** Load one word of a page; replies its value. */
export function user_load(mm: Mm, address: Address, word: number): Walk {
  return new UserAccess(mm, address, word, null);
}
