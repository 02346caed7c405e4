/**
 * What became of B19, two stores to one hole: the file system zeroes a block before anybody can find it, with the lock of its
 * block map held (ext4 and XFS for 4.5; ext2 had always done so). Then nobody else has to.
 *
 * Replaces: dax_get_block. To be used with dax-cow-fault or dax-cow-merged.
 */
import type { Coroutine } from '../../machine/step.ts';
import { get_block } from '../block.ts';
import type { Change3_17 } from '../change.ts';
import type { Inode } from '../fs.ts';

function dax_get_block(inode: Inode, pgoff: number, create: boolean): Coroutine<number> {
  return get_block(inode, pgoff, create, true);
}

export const daxZeroedBlocks: Change3_17 = {
  name: 'dax-zeroed-blocks',
  base: 'v3.17',
  about: 'a block is zeroed by the file system, before it is in the map of the file',
  replaces: { dax_get_block },
};
