/** Known bad: fork of 2.6.10 with something left out. */
import { type Coroutine, WRITE } from '../../machine/step.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import type { Change2_6 } from '../change.ts';
import { v2_6_10 } from '../memory.ts';
import { copy_vma, vma_link_file } from '../mmap.ts';
import { PtePage } from '../pgtable.ts';
import { anon_vma_link } from '../rmap.ts';
import type { Mm } from '../structs.ts';
import { without } from './altered.ts';

/** The parent may go on writing to pages that the child has too. Breaks: cow leak. */
export const forkNoWrprotect: Change2_6 = {
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

/** Threads of the parent may go on writing by way of what their TLBs still have. Breaks: cow leak. */
export const forkNoFlush: Change2_6 = {
  name: 'fork-no-flush',
  base: 'v2.6.10',
  about: "dup_mmap does not flush the parent's TLBs",
  replaces: { dup_mmap: dup_mmap_unflushed },
};

function* dup_mmap_unflushed(mm: Mm, parent: Mm): Coroutine<boolean> {
  let failed = false;
  for (const vma of parent.mmap) {
    const copy = copy_vma(mm, vma);
    yield* anon_vma_link(copy, vma);
    yield* vma_link_file(copy);
    yield* spin_lock(mm.page_table_lock);
    mm.mmap.push(copy);
    failed = yield* mm.system.kernel.copy_page_range(mm, parent, vma);
    yield* spin_unlock(mm.page_table_lock);
    if (failed) break;
  }
  mm.free_area_cache = parent.free_area_cache;
  return failed; // here 2.6.10 flushes
}
