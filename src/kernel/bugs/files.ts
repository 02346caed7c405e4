/** Known bad: one function of 2.6.10 that knows files less well than it should. */
import { WRITE, XCHG } from '../../machine/step.ts';
import type { Change2_6 } from '../change.ts';
import { filemap_nopage } from '../filemap.ts';
import { v2_6_10 } from '../memory.ts';
import { linear_page_index } from '../pgtable.ts';
import { Page, PG_dirty, VM_FAULT_MINOR } from '../structs.ts';
import { without } from './altered.ts';

/** Who takes the page out of the cache next does not know that it has to be written. Breaks: lost dirty data. */
export const munmapForgetsDirty: Change2_6 = {
  name: 'munmap-forgets-dirty',
  base: 'v2.6.10',
  about: 'munmap does not make a dirty page of a dirty pte',
  replaces: {
    unmap_region: (mm, vmas) =>
      without(
        v2_6_10.unmap_region(mm, vmas),
        ({ kind, object, index }) => kind === XCHG && object instanceof Page && index === PG_dirty,
        0,
      ),
  },
};

/** The last page of a file may be partial. Breaks: undeserved SIGBUS. */
export const partialPageRefused: Change2_6 = {
  name: 'partial-page-refused',
  base: 'v2.6.10',
  about: 'filemap_nopage finds whole pages of the file only',
  replaces: {
    *filemap_nopage(vma, address) {
      const { system, i_size } = vma.vm_file!.f_mapping.host;
      const pages = Math.floor(i_size.value / system.geometry.pageBytes);
      if (linear_page_index(vma, address) >= pages) return { page: null, type: VM_FAULT_MINOR };
      return yield* filemap_nopage(vma, address);
    },
  },
};

/** The file shows what another one writes to the block. Breaks: foreign data. */
export const truncateKeepsBlocks: Change2_6 = {
  name: 'truncate-keeps-blocks',
  base: 'v2.6.10',
  about: 'truncation frees blocks, and the file still has them',
  replaces: {
    do_truncate: (inode, size) =>
      without(v2_6_10.do_truncate(inode, size), ({ kind, object }) => kind === WRITE && object === inode.blocks, 0),
  },
};
