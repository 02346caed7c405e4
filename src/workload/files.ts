/** Files as they are before a program begins: blocks on the disk, pages in the page cache. No step of any thread. */
import type { Inode } from '../kernel/fs.ts';
import { __rmqueue } from '../kernel/page_alloc.ts';
import { type Contents, filledWith, PAGE_WORDS, PG_uptodate, type System } from '../kernel/structs.ts';

/** Pages that the file has; the last one may be partial. */
export function filePages({ i_size, system }: Inode): number {
  return Math.ceil(i_size.value / system.geometry.pageBytes);
}

/** A byte of the file: the first one of a word. */
export function byteOf({ geometry }: System, pgoff: number, word: number): number {
  return (pgoff + word / PAGE_WORDS) * geometry.pageBytes;
}

/** Give a page of the file a block that holds `value` in all words that lie within the file. */
export function fillBlock(inode: Inode, pgoff: number, value: number): void {
  const block = inode.disk.grow();
  block.setContents(withinFile(inode, pgoff, value));
  inode.blocks.set(pgoff, block.number);
}

function withinFile(inode: Inode, pgoff: number, value: number): Contents {
  const size = inode.i_size.value;
  if (byteOf(inode.system, pgoff + 1, 0) <= size) return filledWith(value);
  const words = Array.from({ length: PAGE_WORDS }, (_, word) => (byteOf(inode.system, pgoff, word) < size ? value : 0));
  return { word0: words[0], rest: words };
}

/** Have pages `first` to `last` - 1 in the page cache, as the disk has them: zeros without a block. */
export function cacheFile(inode: Inode, first = 0, last = filePages(inode)): void {
  const { system, i_mapping, blocks, disk } = inode;
  for (let pgoff = first; pgoff < last; pgoff++) {
    const zone = system.zonelists[0].find(({ free_pages }) => free_pages.value > 0);
    if (zone === undefined) throw new RangeError(`no memory for page ${pgoff} of ${inode.name}`);
    const page = __rmqueue(system, zone);
    zone.free_pages.value--;
    const number = blocks.get(pgoff);
    page.set(page._count.index, 1); // the cache's
    page.mapping = i_mapping.number;
    page.index = pgoff;
    page.set(PG_uptodate, 1);
    if (number > 0) {
      page.block = number;
      page.setContents(disk.block(number).getContents());
    }
    i_mapping.page_tree.set(pgoff, page.pfn);
  }
}
