/**
 * Blocks of a disk: which block holds a page of a file (get_block), allocation, and input and output.
 *
 * The thread that wants a block read or written waits for it; other requests wait in the disk's queue. A page that is
 * read or written ahead is the business of a thread of its own, see `readahead.ts`.
 *
 * Left out: journals, extents, a scheduler of requests, errors of the disk.
 */
import { READ_ONCE, WRITE_ONCE } from '../machine/memory.ts';
import { COPY, type Coroutine, DELAY, DMA, Step } from '../machine/step.ts';
import { might_sleep } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { mutex_lock, mutex_unlock } from '../sync/mutex.ts';
import { down_write, up_write } from '../sync/rwsem.ts';
import { spin_lock, spin_unlock } from '../sync/spinlock.ts';
import type { Block, Disk, Inode } from './fs.ts';
import { DATA, type Page } from './structs.ts';

const GET_BLOCK = work('get_block', 100);

/** A request to a disk of these years, and each page of it: assumptions. */
const SEEK_NS = 5_000_000;
const PAGE_NS = 80_000;

/** Which block holds a page of a file: see `BlockMap`. With `create` a hole gets one, which is unwritten. */
export function* get_block(inode: Inode, pgoff: number, create: boolean): Coroutine<number> {
  charge(GET_BLOCK);
  const at = { words: inode.blocks, index: pgoff };
  const number = yield* READ_ONCE(at);
  if (number !== 0 || !create) return number;
  might_sleep();
  yield* down_write(inode.i_data_sem);
  let mapped = yield* READ_ONCE(at);
  if (mapped === 0) {
    mapped = -(yield* allocate_block(inode.disk)).number;
    yield* WRITE_ONCE(at, mapped);
  }
  yield* up_write(inode.i_data_sem);
  return mapped;
}

/** An unwritten block has been written. */
export function set_written(inode: Inode, pgoff: number, number: number): Step {
  return WRITE_ONCE({ words: inode.blocks, index: pgoff }, number);
}

function* allocate_block(disk: Disk): Coroutine<Block> {
  yield* spin_lock(disk.lock);
  const block = disk.free.pop() ?? disk.grow();
  yield* spin_unlock(disk.lock);
  return block;
}

/** Give the blocks of pages `first` to `last` back. They may be another file's at once. */
export function* free_blocks(inode: Inode, first: number, last: number): Coroutine {
  const gone: [pgoff: number, number: number][] = [];
  yield* down_write(inode.i_data_sem);
  yield* inode.blocks.lookup(first);
  inode.blocks.forEach((pgoff, number) => {
    if (pgoff >= first && pgoff <= last) gone.push([pgoff, Math.abs(number)]);
  });
  for (const [pgoff, number] of gone) {
    yield* WRITE_ONCE({ words: inode.blocks, index: pgoff }, 0);
    yield* spin_lock(inode.disk.lock);
    inode.disk.free.push(inode.disk.block(number));
    yield* spin_unlock(inode.disk.lock);
  }
  yield* up_write(inode.i_data_sem);
}

/** Read blocks into pages that are locked, in one request; sleeps until the disk is done. */
export function* read_blocks(disk: Disk, pages: readonly Page[]): Coroutine {
  yield* request(disk, pages.length);
  for (const page of pages) yield* transfer(disk.block(page.block), page);
  yield* mutex_unlock(disk.queue);
}

/** Write a page to its block, likewise. */
export function* write_block(disk: Disk, page: Page): Coroutine {
  yield* request(disk, 1);
  yield* transfer(page, disk.block(page.block));
  yield* mutex_unlock(disk.queue);
}

function* request(disk: Disk, pages: number): Coroutine {
  yield* mutex_lock(disk.queue);
  yield* new Step(DELAY, disk.drive, 0, SEEK_NS + pages * PAGE_NS);
}

/** All at once, and by no CPU. */
function* transfer(from: Page, to: Page): Coroutine {
  yield* new Step(COPY, from, DATA);
  const contents = from.getContents();
  yield* new Step(DMA, to, DATA);
  to.setContents(contents);
}
