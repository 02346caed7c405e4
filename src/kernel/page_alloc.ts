/**
 * The page allocator of 2.6.10 for single pages: per-CPU lists refilled and drained in batches under zone->lock,
 * zones tried in the order of the node's zonelist.
 *
 * Left out: the buddy system (all allocations are order 0), watermarks and reclaim (memory that runs out fails the
 * allocation), cold lists. Frames get their number when they are first used.
 */
import { atomic_dec, atomic_inc, READ_ONCE, WRITE_ONCE } from '../machine/memory.ts';
import { CLEAR, COPY, type Coroutine, Step } from '../machine/step.ts';
import { maybe } from '../machine/choice.ts';
import { might_sleep, smp_processor_id } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { spin_lock, spin_unlock } from '../sync/spinlock.ts';
import {
  type Address,
  DATA,
  Page,
  type PerCpuPages,
  POISON_BYTES,
  type System,
  type Vma,
  type Zone,
} from './structs.ts';

const BUFFERED_RMQUEUE = work('buffered_rmqueue');
const RMQUEUE = work('__rmqueue');
const FREE_HOT_PAGE = work('free_hot_page');
/** Reading one KiB; writing it costs what zeroing costs. */
const COPY_USER_HIGHPAGE = work('copy_user_highpage', 200);
const FREE_ONE_PAGE = work('__free_pages_bulk');

/** A page whose count is 1, or null when no zone has one. May sleep. */
export function alloc_page_vma(vma: Vma, _address: Address): Coroutine<Page | null> {
  return alloc_page(vma.vm_mm.system);
}

export function* alloc_page(system: System): Coroutine<Page | null> {
  might_sleep();
  if (should_fail(system)) return null;
  const cpu = smp_processor_id();
  const zonelist = system.zonelists[system.cpu_to_node[cpu]];
  for (let i = 0; i < zonelist.length; i++) {
    const zone = zonelist[i];
    const pcp = system.pageset[cpu];
    const list = pcp.lists[zone.node];
    charge(BUFFERED_RMQUEUE);
    yield* pcp.useStep;
    if (list.length <= system.pcp.low) yield* refill(system, zone, pcp);
    const page = list.pop();
    if (page !== undefined) {
      if (system.kernel.lockless_pagecache === true) yield* WRITE_ONCE(page._count, 1);
      else page._count.plain = 1;
      return page;
    }
  }
  return null;
}

/** CONFIG_FAIL_PAGE_ALLOC: a choice of whoever drives, as long as there are failures left. */
function should_fail(system: System): boolean {
  if (system.failedAllocations >= system.config.FAIL_PAGE_ALLOC || !maybe('alloc_page fails')) return false;
  system.failedAllocations++;
  return true;
}

/** Move pages of the zone, if it has any, to a CPU's list: that is used again then. */
function* refill(system: System, zone: Zone, pcp: PerCpuPages): Coroutine {
  const pages = (yield* READ_ONCE(zone.free_pages)) > 0 ? yield* rmqueue_bulk(system, zone) : [];
  yield* pcp.useStep;
  pcp.lists[zone.node].push(...pages);
}

/** Take up to a batch of pages from the zone. */
function* rmqueue_bulk(system: System, zone: Zone): Coroutine<Page[]> {
  yield* spin_lock(zone.lock);
  const pages: Page[] = [];
  for (let i = 0; i < system.pcp.batch && zone.free_pages.plain > 0; i++) {
    pages.push(__rmqueue(system, zone));
    zone.free_pages.value--;
  }
  // Who looks without the lock asks whether there is a page at all: of other changes it would not learn.
  if (zone.free_pages.value === 0) yield* WRITE_ONCE(zone.free_pages, 0);
  yield* spin_unlock(zone.lock);
  return pages;
}

/** Caller holds zone->lock, and counts. */
export function __rmqueue(system: System, zone: Zone): Page {
  charge(RMQUEUE);
  const freed = zone.free_list.pop();
  if (freed !== undefined) return freed;
  const page = new Page(system.mem_map.length, zone);
  system.mem_map.push(page);
  return page;
}

/** Take a reference. */
export function page_cache_get(page: Page): Step {
  return atomic_inc(page._count);
}

/** Drop a reference; replies how many are left. */
export function put_page_testzero(page: Page): Step {
  return atomic_dec(page._count);
}

/** Drop a reference; the last one frees the page. */
export function* page_cache_release(system: System, page: Page): Coroutine {
  if (!page.reserved && (yield* put_page_testzero(page)) === 0) yield* free_hot_page(system, page);
}

/** Put a page whose count is 0 on the CPU's own list, and drain the list when it is long. */
export function* free_hot_page(system: System, page: Page): Coroutine {
  const pcp = system.pageset[smp_processor_id()];
  const list = pcp.lists[page.zone.node];
  charge(FREE_HOT_PAGE);
  page.forget();
  if (system.config.DEBUG_PAGEALLOC) yield* new Step(CLEAR, page, DATA, POISON_BYTES); // whoever uses it is found
  yield* pcp.useStep;
  list.push(page);
  if (list.length >= system.pcp.high) yield* free_pages_bulk(system, page.zone, list);
}

/** Give the coldest batch of a CPU's list back to the zone. */
function* free_pages_bulk(system: System, zone: Zone, list: Page[]): Coroutine {
  const pages = list.splice(0, system.pcp.batch);
  yield* spin_lock(zone.lock);
  for (const page of pages) {
    charge(FREE_ONE_PAGE);
    zone.free_list.push(page);
  }
  if (zone.free_pages.value === 0) yield* WRITE_ONCE(zone.free_pages, pages.length);
  else zone.free_pages.value += pages.length;
  yield* spin_unlock(zone.lock);
}

/** The copy of a page, in two steps: what the one holds is read, then the other is written. */
export function* copy_user_highpage(to: Page, from: Page): Coroutine {
  yield* new Step(COPY, from, DATA, from.zone.pageBytes, from.zone.node);
  const contents = from.getContents();
  charge(COPY_USER_HIGHPAGE, to.zone.pageBytes / 1024);
  yield* clear_user_highpage(to);
  to.setContents(contents);
}

/** Zero a page: the longest part of an anonymous fault, and private work but for the memory bus. */
export function clear_user_highpage(page: Page): Step {
  return new Step(CLEAR, page, DATA, page.zone.pageBytes, page.zone.node);
}
