/** A kernel version as the functions that patches argue about, and what a change to one looks like. */
import type { Coroutine } from '../machine/step.ts';
import type { PtePage, Ptep } from './pgtable.ts';
import type { Address, Mm, VmFault, Vma } from './structs.ts';

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
  anon_vma_prepare(vma: Vma): Coroutine<boolean>;
  copy_page_range(dst: Mm, src: Mm, vma: Vma): Coroutine<boolean>;
  zap_page_range(vma: Vma, address: Address, size: number): Coroutine;
  unmap_region(mm: Mm, vmas: readonly Vma[]): Coroutine;
  exit_mmap(mm: Mm): Coroutine;
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
