/** Known bad: fork of 2.6.10 with one step spoilt. */
import { WRITE } from '../../machine/step.ts';
import type { Change } from '../fault-path.ts';
import { v2_6_10 } from '../memory.ts';
import { PtePage } from '../pgtable.ts';
import { without } from './altered.ts';

/** The parent may go on writing to pages that the child has too. Breaks: cow leak. */
export const forkNoWrprotect: Change = {
  name: 'fork-no-wrprotect',
  base: 'v2.6.10',
  about: "copy_page_range does not write-protect the parent's ptes",
  replaces: {
    copy_page_range: (dst, src, vma) =>
      without(
        v2_6_10.copy_page_range(dst, src, vma),
        ({ kind, object }) => kind === WRITE && object instanceof PtePage && object.tables === src.pgd,
        0,
      ),
  },
};
