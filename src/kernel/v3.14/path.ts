/** The functions of 3.14 to 3.19 that patches may replace. */
import type { Coroutine, Step } from '../../machine/step.ts';
import type { FaultPath, ZapDetails } from '../fault-path.ts';
import type { AddressSpace, Inode } from '../fs.ts';
import type { MmuGather } from '../mmu_gather.ts';
import type { PtePage, Ptep } from '../pgtable.ts';
import type { Address, Mm, Page, VmFault, Vma } from '../structs.ts';
import type { VmFaultInfo } from './vm-fault.ts';

/** A fault on a page of a file: of a vma that is linear, and of one that is not. */
export type DoFault = (
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  flags: number,
  orig_pte: number,
) => Coroutine<VmFault>;

export type FaultHandler = (vma: Vma, vmf: VmFaultInfo) => Coroutine<VmFault>;

export interface FaultPath3 extends FaultPath {
  handle_mm_fault(mm: Mm, vma: Vma, address: Address, flags: number): Coroutine<VmFault>;
  handle_pte_fault(mm: Mm, vma: Vma, address: Address, pte: Ptep, pmd: PtePage, flags: number): Coroutine<VmFault>;
  do_anonymous_page(mm: Mm, vma: Vma, address: Address, pte: Ptep, pmd: PtePage, flags: number): Coroutine<VmFault>;
  do_wp_page(mm: Mm, vma: Vma, address: Address, pte: Ptep, pmd: PtePage, orig_pte: number): Coroutine<VmFault>;
  readonly do_linear_fault: DoFault;
  readonly do_nonlinear_fault: DoFault;
  zap_pte_range(
    tlb: MmuGather,
    vma: Vma,
    pmd: PtePage,
    address: Address,
    end: Address,
    details: ZapDetails | null,
  ): Coroutine;
  /** vm_ops->fault and vm_ops->page_mkwrite of files in the page cache. */
  readonly filemap_fault: FaultHandler;
  readonly filemap_page_mkwrite: FaultHandler;
  /** vm_ops->fault of files that are memory; its last part, that maps what it has found; and what replaces both in DAX. */
  readonly xip_file_fault: FaultHandler;
  xipInsert(vma: Vma, vmf: VmFaultInfo, page: Page): Coroutine<VmFault>;
  readonly dax_fault?: FaultHandler;
  /** DAX: a store to a hole that is mapped. */
  readonly dax_mkwrite?: FaultHandler;
  /** DAX: which block has a page of a file; with `create` a hole gets one. */
  dax_get_block?(inode: Inode, pgoff: number, create: boolean): Coroutine<number>;
  /** The lock of mapping->i_mmap for those who only look, in kernels where it is a semaphore. */
  i_mmap_lock_read(mapping: AddressSpace): Coroutine | Step;
  i_mmap_unlock_read(mapping: AddressSpace): Coroutine | Step;
  unmap_mapping_range(mapping: AddressSpace, first: number, last: number, even_cows: boolean): Coroutine;
  truncate_pagecache(inode: Inode, newsize: number): Coroutine;
  truncate_pagecache_range(inode: Inode, first: number, last: number): Coroutine;
  truncate_inode_page(mapping: AddressSpace, page: Page): Coroutine;
  page_mkclean(mapping: AddressSpace, page: Page): Coroutine<boolean>;
}

/** The functions of the kernel that runs, which is one of 3.x. */
export function path3(mm: Mm): FaultPath3 {
  return mm.system.kernel as FaultPath3;
}

/** vm_ops->fault of the vma. */
export function fault_of(vma: Vma): FaultHandler {
  const path = path3(vma.vm_mm);
  return is_dax(vma) ? (path.dax_fault ?? path.xip_file_fault) : path.filemap_fault;
}

/** vm_ops->page_mkwrite; null: the file system does not want to know. */
export function mkwrite_of(vma: Vma): FaultHandler | null {
  const path = path3(vma.vm_mm);
  if (is_dax(vma)) return path.dax_mkwrite ?? null;
  return vma.vm_file!.f_mapping.host.kind.page_mkwrite === true ? path.filemap_page_mkwrite : null;
}

function is_dax(vma: Vma): boolean {
  return vma.vm_file!.f_mapping.host.kind.dax === true;
}

export interface FaultPath3_14 extends FaultPath3 {
  __do_fault(
    mm: Mm,
    vma: Vma,
    address: Address,
    pmd: PtePage,
    pgoff: number,
    flags: number,
    orig_pte: number,
  ): Coroutine<VmFault>;
}

export function path3_14(mm: Mm): FaultPath3_14 {
  return mm.system.kernel as FaultPath3_14;
}

export interface FaultPath3_17 extends FaultPath3 {
  /** vm_ops->fault, and the page it has found: null if it answers an error, VM_FAULT_NOPAGE or VM_FAULT_RETRY. */
  __do_fault(
    vma: Vma,
    address: Address,
    pgoff: number,
    flags: number,
    cow_page: Page | null,
  ): Coroutine<{ readonly ret: VmFault; readonly page: Page | null }>;
  readonly do_read_fault: DoFault3_17;
  readonly do_cow_fault: DoFault3_17;
  readonly do_shared_fault: DoFault3_17;
  /** Caller holds the lock of the page of ptes, `pte` is that of `address`. */
  do_fault_around(vma: Vma, address: Address, pte: Ptep, pgoff: number, flags: number): Coroutine;
  /** vm_ops->map_pages of files in the page cache. */
  filemap_map_pages(vma: Vma, vmf: VmFaultInfo): Coroutine;
}

export type DoFault3_17 = (
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
) => Coroutine<VmFault>;

export function path3_17(mm: Mm): FaultPath3_17 {
  return mm.system.kernel as FaultPath3_17;
}
