/**
 * "ext4: use pre-zeroed blocks for DAX page faults", Jan Kara, merged for 4.5, 2015-12-07; for write(2) too in 4.7. ext2 had always
 * done so.
 *
 * Claim: a block is zeroed by the file system, with the lock of its block map held and before anybody can find it; then of two
 * faults on one hole neither has anything to zero (B19).
 * Replaces: what dax-cow-merged replaces; dax_get_block.
 */
import type { Coroutine } from '../../machine/step.ts';
import { get_block } from '../block.ts';
import type { Change3_17 } from '../change.ts';
import type { Inode } from '../fs.ts';
import { daxCowMerged } from './2015-02-16-dax-cow-merged.ts';

function dax_get_block(inode: Inode, pgoff: number, create: boolean): Coroutine<number> {
  return get_block(inode, pgoff, create, true);
}

export const daxZeroedBlocks: Change3_17 = {
  name: 'dax-zeroed-blocks',
  base: 'v3.17',
  on: ['v3.17', 'dax-cow-fault', 'dax-cow-merged'],
  about: 'DAX: a block is zeroed by the file system, before it is in the map of the file',
  mail: {
    date: '2015-12-07',
    subject: 'ext4: use pre-zeroed blocks for DAX page faults',
    author: 'Jan Kara',
    url: 'https://git.kernel.org/linus/ba5843f51d468644b094674c0317c9ab95632caa',
    claim: 'two faults on one block do not zero it under each other',
  },
  replaces: { ...daxCowMerged.replaces, dax_get_block },
};
