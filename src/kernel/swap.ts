/** The way to the LRU: pages gather in a per-CPU pagevec and move to the zone's list when it is full (mm/swap.c). */
import { type Coroutine, NOTHING } from '../machine/step.ts';
import { smp_processor_id } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { spin_lock, spin_unlock } from '../sync/spinlock.ts';
import type { Page, System } from './structs.ts';

const PAGEVEC_ADD = work('pagevec_add');
const ADD_PAGE_TO_ACTIVE_LIST = work('add_page_to_active_list');

export function lru_cache_add_active(system: System, page: Page): Coroutine {
  const pvec = system.lru_add_active_pvecs[smp_processor_id()];
  charge(PAGEVEC_ADD);
  pvec.push(page);
  return pvec.length < system.config.PAGEVEC_SIZE ? NOTHING : __pagevec_lru_add_active(pvec);
}

/** Take lru_lock once per run of pages from one zone. */
function* __pagevec_lru_add_active(pvec: Page[]): Coroutine {
  while (pvec.length > 0) {
    const zone = pvec[pvec.length - 1].zone;
    yield* spin_lock(zone.lru_lock);
    while (pvec.length > 0 && pvec[pvec.length - 1].zone === zone) {
      pvec.pop();
      charge(ADD_PAGE_TO_ACTIVE_LIST);
      zone.nr_active.plain++;
    }
    yield* spin_unlock(zone.lru_lock);
  }
}
