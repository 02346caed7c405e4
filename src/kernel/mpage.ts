/** Pages of files from and to the disk (fs/mpage.c). */
import type { Coroutine } from '../machine/step.ts';
import { unlock_page } from '../sync/pagelock.ts';
import { get_block, read_blocks, set_written, write_block } from './block.ts';
import type { Inode } from './fs.ts';
import { clear_user_highpage } from './page_alloc.ts';
import { end_page_writeback, SetPageUptodate, SetPageWriteback } from './page-flags.ts';
import type { Page } from './structs.ts';

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
  yield* SetPageWriteback(page);
  yield* unlock_page(page.lock);
  yield* write_block(inode.disk, page);
  yield* end_page_writeback(page);
}
