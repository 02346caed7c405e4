/**
 * Known bad: anon_vma_prepare that takes the lock of the neighbour's anon_vma only when it knows that it will need it,
 * with page_table_lock held. Reclaim walks the other way: page_referenced_anon holds anon_vma->lock while
 * page_referenced_one takes page_table_lock.
 *
 * Breaks: the lock order of 2.6.10, anon_vma->lock before page_table_lock. Two threads may wait for each other.
 */
import { READ_ONCE, WRITE_ONCE } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { might_sleep } from '../../machine/thread.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import type { Change } from '../change.ts';
import { __anon_vma_link, anon_vma_alloc, anon_vma_free, find_mergeable_anon_vma } from '../rmap.ts';
import type { Vma } from '../structs.ts';

function* anon_vma_prepare(vma: Vma): Coroutine<boolean> {
  might_sleep();
  if ((yield* READ_ONCE(vma.anon_vma)) !== 0) return false;
  const mm = vma.vm_mm;
  const near = yield* find_mergeable_anon_vma(vma);
  // here 2.6.10 locks the neighbour's anon_vma
  const anon_vma = near ?? anon_vma_alloc(vma);

  yield* spin_lock(mm.page_table_lock);
  const first = vma.anon_vma.plain === 0;
  if (first) {
    if (near !== null) yield* spin_lock(near.lock);
    yield* WRITE_ONCE(vma.anon_vma, anon_vma.number);
    __anon_vma_link(vma, anon_vma);
    if (near !== null) yield* spin_unlock(near.lock);
  }
  yield* spin_unlock(mm.page_table_lock);

  if (near === null && !first) anon_vma_free(mm.system, anon_vma);
  return false;
}

export const anonVmaLockOrder: Change = {
  name: 'anon-vma-lock-order',
  base: 'v2.6.10',
  about: "anon_vma_prepare locks its neighbour's anon_vma inside page_table_lock",
  replaces: { anon_vma_prepare },
};
