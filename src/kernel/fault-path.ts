/** A kernel version as the functions that patches argue about. */
import type { Coroutine, Step } from '../machine/step.ts';
import type { Spinlock } from '../sync/spinlock.ts';
import type { AddressSpace, Inode } from './fs.ts';
import type { PtePage, Ptep } from './pgtable.ts';
import type { Address, Mm, Page, VmFault, Vma } from './structs.ts';

/**
 * What every kernel has: the functions that user programs, system calls and reverse mapping call. Each kernel version has
 * more that patches may replace; everything else is an ordinary import. A patch is a spread:
 * `{ ...v2_6_10, do_anonymous_page } satisfies FaultPath2_6`.
 */
export interface FaultPath {
  /** Resolve a fault. Returns 0 or the signal that kills the thread. */
  do_page_fault(mm: Mm, address: Address, write_access: boolean): Coroutine<number>;
  anon_vma_prepare(vma: Vma): Coroutine<boolean>;
  dup_mmap(mm: Mm, parent: Mm): Coroutine<boolean>;
  copy_page_range(dst: Mm, src: Mm, vma: Vma): Coroutine<boolean>;
  zap_page_range(vma: Vma, address: Address, size: number, details?: ZapDetails): Coroutine;
  unmap_region(mm: Mm, vmas: readonly Vma[]): Coroutine;
  /** What munmap does with a vma after that: remove_vm_struct in 2.6.10. */
  remove_vma(vma: Vma): Coroutine;
  exit_mmap(mm: Mm): Coroutine;
  /** The lock of a page of ptes. */
  pte_lockptr(mm: Mm, ptes: PtePage): Spinlock;
  /** For those who come by way of the page: its pte at an address, locked; null: it is not mapped there. */
  page_check_address(page: Page, mm: Mm, address: Address): Coroutine<Ptep | null>;
  /** Unmaps and unlocks it again. */
  page_check_done(pte: Ptep): Coroutine;
  /** Take and drop the lock of mapping->i_mmap: of the kind that the kernel has. */
  i_mmap_lock_write(mapping: AddressSpace): Coroutine | Step;
  i_mmap_unlock_write(mapping: AddressSpace): Coroutine | Step;
  /** Set the size of a file, in bytes. Caller holds nothing. */
  do_truncate(inode: Inode, newsize: number): Coroutine;
  /** Give back pages `first` to `last` of a file: they become a hole. Caller holds nothing. */
  punchHole(inode: Inode, first: number, last: number): Coroutine;
  /** Take clean pages of a file out of the page cache, mapped ones too: what is on the disk has been changed. */
  invalidate_inode_pages2(inode: Inode): Coroutine;
  /** Write dirty pages of a file to the disk, as the flusher thread does. */
  do_writepages(inode: Inode): Coroutine;
  /** What was stored to a shared mapping is on the disk when it returns. */
  sys_msync(mm: Mm, start: Address, end: Address): Coroutine;
  /** write(2) of one word of a page of a file; returns how many words were written: none if there is no memory. */
  file_write(inode: Inode, pgoff: number, word: number, value: number): Coroutine<number>;
  /** read(2) of one word; 0 behind the end of the file. */
  file_read(inode: Inode, pgoff: number, word: number): Coroutine<number>;
  /** Let a part of a shared mapping of a file show other pages of it, from `pgoff` on. */
  sys_remap_file_pages?(mm: Mm, start: Address, size: number, pgoff: number): Coroutine<number>;
  /** From 2.6.27 on: pages of a file are found without a lock (Nick Piggin, 2008), and may be freed and used anew meanwhile. */
  readonly lockless_pagecache?: true;
  /** Until 2.6.21: madvise(MADV_DONTNEED) takes mmap_sem for writing. */
  readonly madvise_need_mmap_write?: true;
  /** 2.6.15: the zero page counts in file_rss. */
  readonly counts_zero_page?: true;
}

/** What zap_page_range is to leave alone: null takes everything. */
export interface ZapDetails {
  /** Only pages of this mapping: private copies stay. Null: those too. */
  readonly check_mapping: AddressSpace | null;
  /** In a vma that is not linear: only pages with these offsets, and their places are remembered. */
  readonly nonlinear?: { readonly first: number; readonly last: number };
}

/** Kernels of 2004 to 2006. */
export interface FaultPath2_6 extends FaultPath {
  handle_mm_fault(mm: Mm, vma: Vma, address: Address, write_access: boolean): Coroutine<VmFault>;
  handle_pte_fault(
    mm: Mm,
    vma: Vma,
    address: Address,
    write_access: boolean,
    pte: Ptep,
    pmd: PtePage,
  ): Coroutine<VmFault>;
  do_no_page(mm: Mm, vma: Vma, address: Address, write_access: boolean, pte: Ptep, pmd: PtePage): Coroutine<VmFault>;
  do_anonymous_page(
    mm: Mm,
    vma: Vma,
    page_table: Ptep,
    pmd: PtePage,
    write_access: boolean,
    address: Address,
  ): Coroutine<VmFault>;
  do_wp_page(mm: Mm, vma: Vma, address: Address, page_table: Ptep, pmd: PtePage, pte: number): Coroutine<VmFault>;
  /** The last part of do_wp_page: the pte goes over to the copy. Caller holds the lock of the pte. */
  switch_to_copy(mm: Mm, vma: Vma, address: Address, pte: Ptep, old_page: Page, new_page: Page): Coroutine;
  /** One more page counts as mapped, of an anon_vma or of a file. Caller holds the lock of its pte. */
  inc_rss(mm: Mm, anon: boolean): Coroutine | Step;
  /** The page of a file at an address, with a reference and not locked. */
  filemap_nopage(vma: Vma, address: Address): Coroutine<NoPage>;
  /** Of msync: ptes of [start, end) that are dirty make their pages dirty. */
  filemap_sync(vma: Vma, start: Address, end: Address): Coroutine;
  /** Unmap pages `first` to `last` of a file from all who map them. Caller holds i_sem. */
  unmap_mapping_range(mapping: AddressSpace, first: number, last: number, even_cows: boolean): Coroutine;
}

/** What `nopage` has found: null is SIGBUS; and VM_FAULT_MINOR or VM_FAULT_MAJOR. */
export interface NoPage {
  readonly page: Page | null;
  readonly type: VmFault;
}

/** The functions of the kernel that runs, which is one of 2.6. */
export function path2_6(mm: Mm): FaultPath2_6 {
  return mm.system.kernel as FaultPath2_6;
}
