/**
 * Faults on pages of files, and read and write (mm/filemap.c of 2.6.10). The fault path gets the page with a reference and
 * not locked, so that only truncate_count tells do_no_page of a page that has gone.
 *
 * Left out: errors of the disk, O_DIRECT, access times.
 */
import { READ_ONCE, WRITE_ONCE } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { KernelBug, might_sleep } from '../machine/thread.ts';
import { mutex_lock, mutex_unlock } from '../sync/mutex.ts';
import { lock_page, unlock_page } from '../sync/pagelock.ts';
import type { NoPage } from './fault-path.ts';
import { type AddressSpace, i_size_write, type Inode } from './fs.ts';
import { mpage_readpages } from './mpage.ts';
import { alloc_page, page_cache_release } from './page_alloc.ts';
import { PageUptodate, TestSetPageDirty } from './page-flags.ts';
import { add_to_page_cache, find_get_page, round_up_pages } from './pagemap.ts';
import { linear_page_index } from './pgtable.ts';
import { page_cache_readahead } from './readahead.ts';
import { type Address, type Page, PAGE_WORDS, VM_FAULT_MAJOR, VM_FAULT_MINOR, type Vma } from './structs.ts';

/** The page of the file at an address; none beyond its end. It has a reference and is not locked. */
export function* filemap_nopage(vma: Vma, address: Address): Coroutine<NoPage> {
  return yield* filemap_getpage(vma, linear_page_index(vma, address));
}

/** The same by its offset, for vmas that are not linear. */
export function* filemap_getpage(vma: Vma, pgoff: number): Coroutine<NoPage> {
  const mapping = vma.vm_file!.f_mapping;
  const { system } = vma.vm_mm;
  if (mapping.host.kind.dax === true) throw new KernelBug('not modelled', 'this kernel knows nothing of DAX');
  let type = VM_FAULT_MINOR;
  for (;;) {
    if (pgoff >= round_up_pages(system, yield* READ_ONCE(mapping.host.i_size))) return { page: null, type };
    const page = yield* find_get_page(system, mapping, pgoff);
    if (page === null) {
      type = VM_FAULT_MAJOR;
      yield* page_cache_readahead(system, mapping, pgoff);
    } else if ((yield* PageUptodate(page)) === 1 || (yield* read_if_there(page, mapping))) {
      return { page, type };
    } else {
      type = VM_FAULT_MAJOR;
      yield* page_cache_release(system, page);
    }
  }
}

/** Wait for the page, and read it if nobody has; false: it has been taken out of the cache. */
export function* read_if_there(page: Page, mapping: AddressSpace): Coroutine<boolean> {
  yield* lock_page(page.lock);
  const there = page.mapping === mapping.number;
  if (there && (yield* PageUptodate(page)) === 0) yield* mpage_readpages(mapping.host, [page]);
  else yield* unlock_page(page.lock);
  return there;
}

/** A page of the file with what the file holds, and a reference: for those who read and write files. Null: no memory. */
export function* read_cache_page(mapping: AddressSpace, pgoff: number): Coroutine<Page | null> {
  const { system } = mapping.host;
  for (;;) {
    const page = yield* find_get_page(system, mapping, pgoff);
    if (page === null) {
      const fresh = yield* alloc_page(system);
      if (fresh === null) return null;
      const added = yield* add_to_page_cache(fresh, mapping, pgoff);
      if (added) yield* mpage_readpages(mapping.host, [fresh]);
      if (added) return fresh;
      yield* page_cache_release(system, fresh);
    } else if ((yield* PageUptodate(page)) === 1 || (yield* read_if_there(page, mapping))) {
      return page;
    } else yield* page_cache_release(system, page);
  }
}

/**
 * write(2) of one word of a page: the page is read first if it is not all written (generic_file_write). A file that ends
 * before that grows. Returns how many words were written.
 */
export function* generic_file_write(inode: Inode, pgoff: number, word: number, value: number): Coroutine<number> {
  const { i_mapping, system } = inode;
  might_sleep();
  yield* mutex_lock(inode.i_mutex);
  const page = yield* read_cache_page(i_mapping, pgoff);
  if (page !== null) {
    yield* lock_page(page.lock);
    yield* WRITE_ONCE(page.contents(word), value);
    yield* TestSetPageDirty(page);
    const end = (pgoff + (word + 1) / PAGE_WORDS) * system.geometry.pageBytes;
    if (inode.i_size.value < end) yield* i_size_write(inode, end);
    yield* unlock_page(page.lock);
    yield* page_cache_release(system, page);
  }
  yield* mutex_unlock(inode.i_mutex);
  return page === null ? 0 : 1;
}

/** read(2) of one word of a page; 0 behind the end of the file. */
export function* generic_file_read(inode: Inode, pgoff: number, word: number): Coroutine<number> {
  const { i_mapping, system } = inode;
  might_sleep();
  if ((pgoff + word / PAGE_WORDS) * system.geometry.pageBytes >= (yield* READ_ONCE(inode.i_size))) return 0;
  const page = yield* read_cache_page(i_mapping, pgoff);
  if (page === null) return 0;
  const value = yield* READ_ONCE(page.contents(word));
  yield* page_cache_release(system, page);
  return value;
}
