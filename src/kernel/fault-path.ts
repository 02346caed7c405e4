/** A kernel version as the functions that patches argue about, and what a change to one looks like. */
import type { Coroutine } from '../machine/step.ts';
import type { PtePage, Ptep } from './pgtable.ts';
import type { Address, Mm, Page, VmFault, Vma } from './structs.ts';

/**
 * The functions a kernel version or a patch may replace. Everything else is an ordinary import. A patch is a spread:
 * `{ ...v2_6_10, do_anonymous_page } satisfies FaultPath`.
 */
export interface FaultPath {
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
  anon_vma_prepare(vma: Vma): Coroutine<boolean>;
  dup_mmap(mm: Mm, parent: Mm): Coroutine<boolean>;
  copy_page_range(dst: Mm, src: Mm, vma: Vma): Coroutine<boolean>;
  zap_page_range(vma: Vma, address: Address, size: number): Coroutine;
  unmap_region(mm: Mm, vmas: readonly Vma[]): Coroutine;
  exit_mmap(mm: Mm): Coroutine;
  /** For those who come by way of the page: its pte at an address, locked; null: it is not mapped there. */
  page_check_address(page: Page, mm: Mm, address: Address): Coroutine<Ptep | null>;
  /** Unmaps and unlocks it again. */
  page_check_done(pte: Ptep): Coroutine;
}

/** A kernel version. */
export interface Base {
  readonly name: string;
  /** Of the release. */
  readonly date: string;
  readonly about: string;
  readonly path: FaultPath;
}

/** Where a patch was published, and what its author says it does. */
export interface Mail {
  /** Of the mail, as YYYY-MM-DD. */
  readonly date: string;
  readonly subject: string;
  readonly author: string;
  readonly url: string;
  /** What it claims, in a sentence of ours. */
  readonly claim: string;
}

/** A change to a base: a mailed patch, or a known-bad version of one function. */
export interface Change {
  readonly name: string;
  readonly base: string;
  readonly about: string;
  readonly mail?: Mail;
  readonly replaces: Partial<FaultPath>;
}
