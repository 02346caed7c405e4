/**
 * What kswapd does to find out whether a page is in use (mm/vmscan.c of 2.6.10).
 *
 * Left out: all the rest of reclaim. The caller chooses the page; Linux would come across it on the active list under
 * lru_lock, here its pte leads to it. What page_referenced answers has no consequence.
 */
import { READ_ONCE } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { charge, work } from '../machine/work.ts';
import { page_cache_get, page_cache_release } from './page_alloc.ts';
import { page_number, pte_page, pte_present } from './pgtable.ts';
import { page_referenced } from './rmap.ts';
import type { Address, Mm } from './structs.ts';

const REFILL_INACTIVE_ZONE = work('refill_inactive_zone', 100);

/** Ask whether the page at an address was used lately; nothing if there is none, or the zero page. */
export function* refill_inactive_zone(mm: Mm, address: Address): Coroutine {
  charge(REFILL_INACTIVE_ZONE);
  const entry = yield* READ_ONCE(mm.pgd.walk(page_number(mm, address)));
  if (!pte_present(entry)) return;
  const page = pte_page(mm, entry);
  if (page.reserved) return;
  yield* page_cache_get(page);
  yield* page_referenced(mm.system, page);
  yield* page_cache_release(mm.system, page);
}
