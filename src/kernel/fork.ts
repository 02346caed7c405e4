/**
 * Address spaces that come and go with processes (kernel/fork.c of 2.6.10).
 *
 * Left out: copying page tables. dup_mmap copies the list of vmas only, so the parent must not have touched anonymous
 * memory; the programs here fork before they do.
 */
import { atomic_dec, atomic_inc } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { charge, work } from '../machine/work.ts';
import { down_write, up_write } from '../sync/rwsem.ts';
import { exit_mmap } from './mmap.ts';
import { Mm, type System, Vma } from './structs.ts';

const DO_FORK = work('do_fork');
const COPY_VMA = work('copy_vma');

/** An empty address space, as after exec. */
export function mm_alloc(system: System, name: string): Mm {
  const mm = new Mm(name, system);
  system.mms.push(mm);
  return mm;
}

/** The address space of a new process: a copy of the parent's vmas. */
export function* dup_mm(parent: Mm, name: string): Coroutine<Mm> {
  charge(DO_FORK);
  const mm = mm_alloc(parent.system, name);
  yield* down_write(parent.mmap_sem);
  for (const vma of parent.mmap) {
    charge(COPY_VMA);
    mm.mmap.push(new Vma(mm, vma.name, vma.vm_start, vma.vm_end, vma.vm_flags));
  }
  mm.free_area_cache = parent.free_area_cache;
  yield* up_write(parent.mmap_sem);
  return mm;
}

/** One more thread uses the address space. */
export function* clone_vm(mm: Mm): Coroutine {
  charge(DO_FORK);
  yield* atomic_inc(mm.mm_users);
}

/** One thread fewer; the last one tears the address space down. */
export function* mmput(mm: Mm): Coroutine {
  if ((yield* atomic_dec(mm.mm_users)) === 0) yield* exit_mmap(mm);
}
