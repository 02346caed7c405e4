/** What faults are asked and answer in 3.14 to 3.19: include/linux/mm.h, in bits. */
import type { Page } from '../structs.ts';
import type { Address } from '../structs.ts';
import type { Ptep } from '../pgtable.ts';

export const VM_FAULT_MINOR = 0;
export const VM_FAULT_OOM = 0x1;
export const VM_FAULT_SIGBUS = 0x2;
export const VM_FAULT_MAJOR = 0x4;
export const VM_FAULT_WRITE = 0x8;
export const VM_FAULT_HWPOISON = 0x10;
/** The handler has mapped the page itself, or there is nothing to map: no page comes back. */
export const VM_FAULT_NOPAGE = 0x100;
/** The page comes back locked. */
export const VM_FAULT_LOCKED = 0x200;
/** mmap_sem has been dropped: neither the vma nor anything else that was known may be used. */
export const VM_FAULT_RETRY = 0x400;
export const VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_HWPOISON;

export const FAULT_FLAG_WRITE = 0x1;
export const FAULT_FLAG_NONLINEAR = 0x2;
export const FAULT_FLAG_MKWRITE = 0x4;
/** The handler may drop mmap_sem to wait for a page. */
export const FAULT_FLAG_ALLOW_RETRY = 0x8;
export const FAULT_FLAG_RETRY_NOWAIT = 0x10;
export const FAULT_FLAG_KILLABLE = 0x20;
/** It has done so once. */
export const FAULT_FLAG_TRIED = 0x40;
export const FAULT_FLAG_USER = 0x80;

/** struct vm_fault: what a handler of the vma is asked, and where it puts what it has found. */
export interface VmFaultInfo {
  readonly flags: number;
  readonly pgoff: number;
  readonly virtual_address: Address;
  /** DAX: the handler may copy to this page. */
  readonly cow_page: Page | null;
  page: Page | null;
  /** For map_pages only: from pgoff to this offset, and the pte of pgoff. */
  readonly max_pgoff: number;
  readonly pte: Ptep | null;
}
