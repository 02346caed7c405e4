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
}

/** A kernel version. */
export interface Base {
  readonly name: string;
  /** Of the release. */
  readonly date: string;
  readonly about: string;
  readonly path: FaultPath;
}

/** A change to a base: a mailed patch, or a known-bad version of one function. */
export interface Change {
  readonly name: string;
  readonly base: string;
  readonly about: string;
  readonly replaces: Partial<FaultPath>;
}
