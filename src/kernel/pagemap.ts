/**
 * The page cache (include/linux/pagemap.h and mm/filemap.c). In 2.6 what is in it is found under tree_lock.
 *
 * Left out: LRU of file pages, tags of dirty pages.
 */
import { READ_ONCE, Ref, WRITE_ONCE } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { charge, work } from '../machine/work.ts';
import { lock_page, unlock_page } from '../sync/pagelock.ts';
import { spin_lock, spin_unlock } from '../sync/spinlock.ts';
import type { AddressSpace } from './fs.ts';
import { page_cache_get } from './page_alloc.ts';
import type { Page, System } from './structs.ts';

export const RADIX_TREE_LOOKUP = work('radix_tree_lookup', 40);
const ADD_TO_PAGE_CACHE = work('add_to_page_cache', 200);

/** Pages that so many bytes of a file take: the last one may be partial. */
export function round_up_pages(system: System, bytes: number): number {
  return Math.ceil(bytes / system.geometry.pageBytes);
}

/** The slot of the cache for an offset in pages. */
export function slot_of(mapping: AddressSpace, pgoff: number): Ref {
  return new Ref(mapping.page_tree, pgoff);
}

/** Is there a page in the cache? */
export function* is_cached(mapping: AddressSpace, pgoff: number): Coroutine<boolean> {
  charge(RADIX_TREE_LOOKUP);
  return (yield* READ_ONCE(slot_of(mapping, pgoff))) !== 0;
}

/** The page that the cache has at an offset, with a reference; null if it has none. */
export function* find_get_page(system: System, mapping: AddressSpace, pgoff: number): Coroutine<Page | null> {
  charge(RADIX_TREE_LOOKUP);
  yield* spin_lock(mapping.tree_lock);
  const pfn = slot_of(mapping, pgoff).plain;
  if (pfn !== 0) yield* page_cache_get(system.mem_map[pfn]);
  yield* spin_unlock(mapping.tree_lock);
  return pfn === 0 ? null : system.mem_map[pfn];
}

/** Put a new page into the cache, locked and with a reference of the cache's; false if there is one by now. */
export function* add_to_page_cache(page: Page, mapping: AddressSpace, pgoff: number): Coroutine<boolean> {
  charge(ADD_TO_PAGE_CACHE);
  yield* lock_page(page.lock);
  yield* spin_lock(mapping.tree_lock);
  const slot = slot_of(mapping, pgoff);
  const free = slot.plain === 0;
  if (free) {
    yield* page_cache_get(page);
    page.mapping = mapping.number; // nobody sees the page yet
    page.index = pgoff;
    yield* WRITE_ONCE(slot, page.pfn);
  }
  yield* spin_unlock(mapping.tree_lock);
  if (!free) yield* unlock_page(page.lock);
  return free;
}

/** Take a page out of the cache; its reference is the caller's then. Caller holds the page lock. */
export function* remove_from_page_cache(page: Page, mapping: AddressSpace): Coroutine {
  yield* spin_lock(mapping.tree_lock);
  yield* WRITE_ONCE(slot_of(mapping, page.index), 0);
  yield* WRITE_ONCE(page._mapping, 0);
  yield* spin_unlock(mapping.tree_lock);
}

/** All cached pages from `first` to `last`, with references. */
export function* pagevec_lookup(mapping: AddressSpace, first: number, last: number): Coroutine<Page[]> {
  const { mem_map } = mapping.host.system;
  const pages: Page[] = [];
  yield* spin_lock(mapping.tree_lock);
  yield* mapping.page_tree.lookup(first);
  mapping.page_tree.forEach((_pgoff, pfn) => pages.push(mem_map[pfn]), first, last + 1);
  for (const page of pages) yield* page_cache_get(page);
  yield* spin_unlock(mapping.tree_lock);
  return pages;
}
