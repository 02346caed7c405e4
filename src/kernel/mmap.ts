/**
 * Address spaces: find_vma, mmap, munmap and madvise (mm/mmap.c and mm/madvise.c of 2.6.10).
 *
 * Left out: the red-black tree and mmap_cache (a sorted list and a charge stand for them), merging of vmas, page tables
 * that are freed before the address space goes (2.6.10 frees whole spans of a pgd entry only).
 */
import type { Coroutine } from '../machine/step.ts';
import { might_sleep } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { down_write, up_write } from '../sync/rwsem.ts';
import { page_size } from './pgtable.ts';
import { anon_vma_split, anon_vma_unlink } from './rmap.ts';
import { type Address, type Mm, VM_READ, VM_WRITE, Vma } from './structs.ts';

const FIND_VMA = work('find_vma');
const DO_MMAP = work('do_mmap_pgoff');
const DO_MUNMAP = work('do_munmap', 1000);

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

/**
 * Unmap [start, end). Vmas that reach beyond are split; nobody can fault meanwhile, so that nothing is mapped again
 * after its translation has gone.
 */
export function* sys_munmap(mm: Mm, start: Address, end: Address): Coroutine {
  might_sleep();
  yield* down_write(mm.mmap_sem);
  charge(DO_MUNMAP);
  for (const at of [start, end]) yield* split_vma_at(mm, at);
  const gone = mm.mmap.filter((vma) => vma.vm_start >= start && vma.vm_end <= end);
  if (gone.length > 0) {
    mm.mmap.splice(mm.mmap.indexOf(gone[0]), gone.length); // detach_vmas_to_be_unmapped
    yield* mm.system.kernel.unmap_region(mm, gone);
    for (const vma of gone) yield* anon_vma_unlink(vma);
  }
  yield* up_write(mm.mmap_sem);
}

/** Make two vmas of the one that an address lies within. Caller holds mmap_sem for writing. */
function* split_vma_at(mm: Mm, address: Address): Coroutine {
  const at = mm.mmap.findIndex((vma) => vma.vm_start < address && address < vma.vm_end);
  if (at < 0) return;
  const whole = mm.mmap[at];
  const parts = [
    new Vma(mm, whole.name, whole.vm_start, address, whole.vm_flags),
    new Vma(mm, whole.name, address, whole.vm_end, whole.vm_flags),
  ];
  mm.mmap.splice(at, 1, ...parts);
  yield* anon_vma_split(whole, parts);
}

/** madvise(MADV_DONTNEED): the pages of [start, end) are given back, what is read there next is zero. */
export function* sys_madvise_dontneed(mm: Mm, start: Address, end: Address): Coroutine {
  might_sleep();
  yield* down_write(mm.mmap_sem);
  charge(DO_MUNMAP);
  for (const vma of [...mm.mmap]) {
    const from = Math.max(start, vma.vm_start);
    const to = Math.min(end, vma.vm_end);
    if (from < to) yield* mm.system.kernel.zap_page_range(vma, from, to - from);
  }
  yield* up_write(mm.mmap_sem);
}
