/** Address spaces that come and go with processes (kernel/fork.c of 2.6.10). */
import { atomic_dec, atomic_inc } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { charge, work } from '../machine/work.ts';
import { down_write, up_write } from '../sync/rwsem.ts';
import { spin_lock, spin_unlock } from '../sync/spinlock.ts';
import { anon_vma_link } from './rmap.ts';
import { Mm, type System, Vma } from './structs.ts';
import { flush_tlb_mm } from './tlb.ts';

const DO_FORK = work('do_fork');
const COPY_VMA = work('copy_vma');

/** An empty address space, as after exec. */
export function mm_alloc(system: System, name: string): Mm {
  const mm = new Mm(name, system);
  system.mms.push(mm);
  return mm;
}

/** The address space of a new process: a copy of the parent's vmas and ptes. Null: out of memory. */
export function* dup_mm(parent: Mm, name: string): Coroutine<Mm | null> {
  charge(DO_FORK);
  const mm = mm_alloc(parent.system, name);
  yield* down_write(parent.mmap_sem);
  const failed = yield* dup_mmap(mm, parent);
  yield* up_write(parent.mmap_sem);
  if (failed) yield* mmput(mm);
  return failed ? null : mm;
}

/** Caller holds the parent's mmap_sem for writing. Returns true if out of memory. */
function* dup_mmap(mm: Mm, parent: Mm): Coroutine<boolean> {
  let failed = false;
  for (const vma of parent.mmap) {
    charge(COPY_VMA);
    const copy = new Vma(mm, vma.name, vma.vm_start, vma.vm_end, vma.vm_flags);
    yield* anon_vma_link(copy, vma);
    yield* spin_lock(mm.page_table_lock);
    mm.mmap.push(copy);
    failed = yield* mm.system.kernel.copy_page_range(mm, parent, vma);
    yield* spin_unlock(mm.page_table_lock);
    if (failed) break;
  }
  mm.free_area_cache = parent.free_area_cache;
  yield* flush_tlb_mm(parent);
  return failed;
}

/** One more thread uses the address space. */
export function* clone_vm(mm: Mm): Coroutine {
  charge(DO_FORK);
  yield* atomic_inc(mm.mm_users);
}

/** One thread fewer; the last one tears the address space down. */
export function* mmput(mm: Mm): Coroutine {
  if ((yield* atomic_dec(mm.mm_users)) === 0) yield* mm.system.kernel.exit_mmap(mm);
}
