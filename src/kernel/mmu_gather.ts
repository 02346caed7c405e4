/**
 * Pages on their way out: their ptes are cleared first, then every TLB that may have a translation is flushed, then the
 * pages are freed (asm-generic/tlb.h of 2.6.10).
 */
import type { Coroutine } from '../machine/step.ts';
import { free_hot_page, put_page_testzero } from './page_alloc.ts';
import type { Mm, Page } from './structs.ts';
import { destroy_context, flush_tlb_mm } from './tlb.ts';

export interface MmuGather {
  readonly mm: Mm;
  /** The whole address space goes, and no thread of it is left. */
  readonly fullmm: boolean;
  readonly pages: Page[];
  /** Ptes were cleared since the last flush. */
  need_flush: boolean;
  /** Pages that count in rss. */
  freed: number;
}

export function tlb_gather_mmu(mm: Mm, fullmm: boolean): MmuGather {
  return { mm, fullmm, pages: [], need_flush: false, freed: 0 };
}

/** The page is freed with the next flush; when the gather is full, now. */
export function* tlb_remove_page(tlb: MmuGather, page: Page): Coroutine {
  tlb.pages.push(page);
  if (tlb.pages.length >= tlb.mm.system.FREE_PTE_NR) yield* tlb_flush_mmu(tlb);
}

/** Flush only (3.15). */
export function* tlb_flush_mmu_tlbonly(tlb: MmuGather): Coroutine {
  const { mm } = tlb;
  if (tlb.need_flush && !tlb.fullmm) yield* flush_tlb_mm(mm);
  if (tlb.fullmm) destroy_context(mm);
  tlb.need_flush = false;
}

/** Flush, then free what was gathered. */
export function* tlb_flush_mmu(tlb: MmuGather): Coroutine {
  const { mm } = tlb;
  yield* tlb_flush_mmu_tlbonly(tlb);
  for (const page of tlb.pages.splice(0)) {
    if ((yield* put_page_testzero(page)) === 0) yield* free_hot_page(mm.system, page);
  }
}

/** Caller holds page_table_lock. rss goes down by what was gathered, never below 0. */
export function* tlb_finish_mmu(tlb: MmuGather): Coroutine {
  const { rss } = tlb.mm;
  rss.plain = Math.max(0, rss.plain - tlb.freed);
  yield* tlb_flush_mmu(tlb);
}
