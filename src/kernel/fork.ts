/** Address spaces that come and go with processes (kernel/fork.c of 2.6.10). */
import { atomic_dec, atomic_inc } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { charge, work } from '../machine/work.ts';
import { down_write, up_write } from '../sync/rwsem.ts';
import { sync_mm_rss } from './rss.ts';
import { Mm, type System } from './structs.ts';

const DO_FORK = work('do_fork');

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
  const failed = yield* mm.system.kernel.dup_mmap(mm, parent);
  yield* up_write(parent.mmap_sem);
  if (failed) yield* mmput(mm);
  return failed ? null : mm;
}

/** One more thread uses the address space. */
export function* clone_vm(mm: Mm): Coroutine {
  charge(DO_FORK);
  yield* atomic_inc(mm.mm_users);
}

/** One thread fewer; the last one tears the address space down. */
export function* mmput(mm: Mm): Coroutine {
  yield* sync_mm_rss(mm);
  if ((yield* atomic_dec(mm.mm_users)) === 0) yield* mm.system.kernel.exit_mmap(mm);
}
