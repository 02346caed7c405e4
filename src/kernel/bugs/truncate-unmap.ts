/**
 * Known bad, and a control: truncate_pagecache of 3.14 and later that unmaps once.
 *
 * A private write that found its page inside i_size may map its copy after the first time; the copy is in no page cache, so
 * only the second time can find it. The first time only saves the pages from being unmapped one by one.
 *
 * Breaks: what is behind the end of a file is not mapped (I7).
 */
import type { Coroutine } from '../../machine/step.ts';
import type { Change3_17 } from '../change.ts';
import type { Inode } from '../fs.ts';
import { round_up_pages } from '../pagemap.ts';
import type { FaultPath3 } from '../v3.14/path.ts';
import { truncate_inode_pages_range } from '../v3.14/truncate.ts';

function unmapBehind(inode: Inode, newsize: number): Coroutine {
  const path = inode.system.kernel as FaultPath3;
  return path.unmap_mapping_range(inode.i_mapping, round_up_pages(inode.system, newsize), Infinity, true);
}

function takeOutBehind(inode: Inode, newsize: number): Coroutine {
  return truncate_inode_pages_range(inode.i_mapping, round_up_pages(inode.system, newsize), Infinity);
}

export const truncateUnmapsOnce: Change3_17 = {
  name: 'truncate-unmaps-once',
  base: 'v3.17',
  about: 'truncate_pagecache unmaps before it takes pages out, and not again',
  replaces: {
    *truncate_pagecache(inode, newsize) {
      yield* unmapBehind(inode, newsize);
      yield* takeOutBehind(inode, newsize);
    },
  },
};

/** Breaks nothing. */
export const truncateUnmapsAfter: Change3_17 = {
  name: 'truncate-unmaps-after',
  base: 'v3.17',
  about: 'truncate_pagecache unmaps only when it has taken the pages out',
  replaces: {
    *truncate_pagecache(inode, newsize) {
      yield* takeOutBehind(inode, newsize);
      yield* unmapBehind(inode, newsize);
    },
  },
};
