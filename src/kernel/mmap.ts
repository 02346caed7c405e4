/**
 * Address spaces: find_vma, mmap and the teardown at exit (mm/mmap.c of 2.6.10).
 *
 * Left out: the red-black tree and mmap_cache (a sorted list and a charge stand for them), merging of vmas, munmap.
 */
import type { Coroutine } from '../machine/step.ts';
import { might_sleep } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { down_write, up_write } from '../sync/rwsem.ts';
import { spin_lock, spin_unlock } from '../sync/spinlock.ts';
import { type MmuGather, tlb_finish_mmu, unmap_vmas } from './memory.ts';
import { page_size } from './pgtable.ts';
import { type Address, type Mm, VM_READ, VM_WRITE, Vma } from './structs.ts';

const FIND_VMA = work('find_vma');
const DO_MMAP = work('do_mmap_pgoff');
const FREE_PTE_PAGE = work('free_pte_page');

/** The first vma that ends above `addr`. Caller holds mmap_sem. */
export function find_vma(mm: Mm, addr: Address): Vma | undefined {
  charge(FIND_VMA);
  let low = 0;
  let high = mm.mmap.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (mm.mmap[middle].vm_end > addr) high = middle;
    else low = middle + 1;
  }
  return mm.mmap[low];
}

/** Insert a vma at the end of the used area. Caller holds mmap_sem for writing, or nobody else has the mm yet. */
export function insert_vm_struct(mm: Mm, name: string, pages: number, flags: number): Vma {
  const start = mm.free_area_cache;
  const vma = new Vma(mm, name, start, start + pages * page_size(mm), flags);
  mm.free_area_cache = vma.vm_end;
  mm.mmap.push(vma);
  return vma;
}

/** Map `pages` of anonymous private memory, as malloc does for a large request. */
export function* sys_mmap(mm: Mm, name: string, pages: number): Coroutine<Vma> {
  might_sleep();
  yield* down_write(mm.mmap_sem);
  charge(DO_MMAP);
  const vma = insert_vm_struct(mm, name, pages, VM_READ | VM_WRITE);
  yield* up_write(mm.mmap_sem);
  return vma;
}

/** Tear an address space down. Nobody else uses it; page_table_lock is held throughout, as in 2.6.9. */
export function* exit_mmap(mm: Mm): Coroutine {
  const tlb: MmuGather = { mm, pages: [], freed: 0 };
  yield* spin_lock(mm.page_table_lock);
  for (const vma of mm.mmap) yield* unmap_vmas(tlb, vma);
  charge(FREE_PTE_PAGE, mm.pgd.nr_ptes);
  yield* tlb_finish_mmu(tlb);
  mm.pgd.entries.length = 0;
  mm.pgd.nr_ptes = 0;
  mm.mmap.length = 0;
  mm.dead = true;
  yield* spin_unlock(mm.page_table_lock);
}
