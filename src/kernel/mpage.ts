/** Pages of files from and to the disk (fs/mpage.c). */
import { READ_ONCE } from '../machine/memory.ts';
import { CLEAR, type Coroutine, Step } from '../machine/step.ts';
import { unlock_page } from '../sync/pagelock.ts';
import { get_block, read_blocks, set_written, write_block } from './block.ts';
import type { Inode } from './fs.ts';
import { clear_user_highpage } from './page_alloc.ts';
import { end_page_writeback, SetPageUptodate, SetPageWriteback } from './page-flags.ts';
import { DATA, type Page, PAGE_WORDS, type System } from './structs.ts';

/** Fill pages that are locked from the disk, or with zeros where the file has a hole; then they are unlocked. */
export function* mpage_readpages(inode: Inode, pages: readonly Page[]): Coroutine {
  const wanted: Page[] = [];
  for (const page of pages) {
    const number = yield* get_block(inode, page.index, false);
    if (number > 0) {
      page.block = number;
      wanted.push(page);
    } else yield* clear_user_highpage(page);
  }
  if (wanted.length > 0) yield* read_blocks(inode.disk, wanted);
  for (const page of pages) {
    yield* SetPageUptodate(page);
    yield* unlock_page(page.lock);
  }
}

/** Programs can store behind the end of a file, in its last page: that is not to get to the disk. */
function* clear_tail({ system, i_size }: Inode, page: Page): Coroutine {
  const { pageBytes } = system.geometry;
  const kept = wordsBefore(system, (yield* READ_ONCE(i_size)) - page.index * pageBytes);
  if (kept < PAGE_WORDS) yield* new Step(CLEAR, page, DATA + Math.max(0, kept), pageBytes, page.zone.node);
}

/** How many words of a page begin in its first so many bytes. */
export function wordsBefore({ geometry }: System, bytes: number): number {
  return Math.ceil((bytes / geometry.pageBytes) * PAGE_WORDS);
}

/**
 * Write a page that is locked and was dirty to the disk. It is unlocked before that, and may be stored to meanwhile: then it
 * is dirty again. Whoever takes the page out of the cache waits for the end.
 */
export function* mpage_writepage(inode: Inode, page: Page): Coroutine {
  if (page.block === 0) {
    const number = yield* get_block(inode, page.index, true);
    page.block = Math.abs(number);
    if (number < 0) yield* set_written(inode, page.index, page.block);
  }
  yield* clear_tail(inode, page);
  yield* SetPageWriteback(page);
  yield* unlock_page(page.lock);
  yield* write_block(inode.disk, page);
  yield* end_page_writeback(page);
}
