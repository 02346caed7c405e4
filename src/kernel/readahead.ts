/**
 * Reading ahead (mm/readahead.c): so many pages from the one that is missing on, all of which a thread of the disk's reads
 * and unlocks.
 *
 * Left out: the window that grows with success and shrinks with failure; `ra_pages` is its size.
 */
import { READ_ONCE } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { Birth, running, spawn } from '../machine/thread.ts';
import type { AddressSpace } from './fs.ts';
import { mpage_readpages } from './mpage.ts';
import { alloc_page, page_cache_release } from './page_alloc.ts';
import { add_to_page_cache, is_cached, round_up_pages } from './pagemap.ts';
import { SetPageReadahead } from './page-flags.ts';
import { current } from './sched.ts';
import type { Page, System } from './structs.ts';

/** What the disk does, on no CPU. */
class Io extends Birth {
  /** To the timed driver: it takes no CPU. */
  readonly device = true;
}

/**
 * Read pages from `pgoff` on that are not in the cache. One page is read by who asks; more are read by the disk, and who
 * asks waits for the page lock. With `mark`: whoever comes by the middle begins with the next ones.
 */
export function* page_cache_readahead(system: System, mapping: AddressSpace, pgoff: number, mark = false): Coroutine {
  const pages = yield* allocate_ahead(system, mapping, pgoff);
  if (pages.length === 0) return;
  if (mark && pages.length > 1) yield* SetPageReadahead(pages[pages.length >> 1]);
  if (pages.length === 1) return yield* read_in(system, mapping, pages);
  for (const page of pages) page.lock.disown(running);
  const name = `${running.name}.io${++current().requests}`;
  yield* spawn(new Io(name, running.cpu, () => read_adopted(system, mapping, pages)));
}

function* read_adopted(system: System, mapping: AddressSpace, pages: readonly Page[]): Coroutine {
  for (const page of pages) page.lock.adopt(running);
  yield* read_in(system, mapping, pages);
}

function* read_in(system: System, mapping: AddressSpace, pages: readonly Page[]): Coroutine {
  yield* mpage_readpages(mapping.host, pages);
  for (const page of pages) yield* page_cache_release(system, page);
}

/** New pages for what is not cached, locked, in the cache, each with a reference of ours. */
function* allocate_ahead(system: System, mapping: AddressSpace, pgoff: number): Coroutine<Page[]> {
  const pages: Page[] = [];
  const size = yield* READ_ONCE(mapping.host.i_size);
  const end = Math.min(pgoff + system.config.ra_pages, round_up_pages(system, size));
  for (let index = pgoff; index < end; index++) {
    if (yield* is_cached(mapping, index)) continue;
    const page = yield* alloc_page(system);
    if (page === null) break;
    if (yield* add_to_page_cache(page, mapping, index)) pages.push(page);
    else yield* page_cache_release(system, page);
  }
  return pages;
}
