/** Reverse mapping of anonymous pages: anon_vma and the count of ptes that map a page (mm/rmap.c of 2.6.10). */
import { atomic_dec, atomic_inc, READ_ONCE, WRITE_ONCE } from '../machine/memory.ts';
import type { Coroutine, Step } from '../machine/step.ts';
import { might_sleep } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { spin_lock, spin_unlock } from '../sync/spinlock.ts';
import type { Page, Vma } from './structs.ts';

const ANON_VMA_ALLOC = work('anon_vma_alloc');

/**
 * Give the vma an anon_vma before its first anonymous page is mapped. Two threads may both make one; the one that
 * publishes first under page_table_lock wins, the other gives its own back. Returns true if out of memory.
 * Left out: sharing a neighbour's anon_vma, anon_vma->lock and the list of vmas (nobody walks it in this model yet).
 */
export function* anon_vma_prepare(vma: Vma): Coroutine<boolean> {
  might_sleep();
  if ((yield* READ_ONCE(vma.anon_vma)) !== 0) return false;
  charge(ANON_VMA_ALLOC);
  const mm = vma.vm_mm;
  const allocated = ++mm.system.anon_vmas;

  yield* spin_lock(mm.page_table_lock);
  if (vma.anon_vma.plain === 0) yield* WRITE_ONCE(vma.anon_vma, allocated);
  yield* spin_unlock(mm.page_table_lock);
  return false;
}

/** Caller holds page_table_lock. */
export function page_add_anon_rmap(page: Page, vma: Vma): Step {
  page.mapping = vma.anon_vma.plain;
  return atomic_inc(page._mapcount);
}

/** Caller holds page_table_lock. */
export function page_remove_rmap(page: Page): Step {
  return atomic_dec(page._mapcount);
}
