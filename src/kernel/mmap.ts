/**
 * Address spaces: find_vma, mmap, munmap and madvise (mm/mmap.c and mm/madvise.c of 2.6.10; what later kernels do otherwise
 * says so).
 *
 * Left out: the red-black tree and mmap_cache (a sorted list and a charge stand for them), merging of vmas, page tables
 * that are freed before the address space goes (2.6.10 frees whole spans of a pgd entry only).
 */
import { type Coroutine, NOTHING } from '../machine/step.ts';
import { might_sleep } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { down_read, down_write, up_read, up_write } from '../sync/rwsem.ts';
import type { ZapDetails } from './fault-path.ts';
import type { File } from './fs.ts';
import { page_number, page_size } from './pgtable.ts';
import { anon_vma_split, anon_vma_unlink } from './rmap.ts';
import { type Address, type Mm, VM_NONLINEAR, VM_READ, VM_WRITE, Vma } from './structs.ts';

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

/** What of a file is mapped: from a page on. Null is anonymous memory. */
export interface Mapped {
  readonly file: File;
  readonly pgoff: number;
}

/**
 * Insert a vma at the end of the used area. Caller holds mmap_sem for writing, or nobody else has the mm yet; who maps a file
 * calls vma_link_file too.
 */
export function insert_vm_struct(mm: Mm, name: string, pages: number, flags: number, what: Mapped | null = null): Vma {
  const start = mm.free_area_cache;
  const end = start + pages * page_size(mm);
  const vma = new Vma(mm, name, start, end, flags, what?.file ?? null, what?.pgoff ?? 0);
  mm.free_area_cache = vma.vm_end;
  mm.mmap.push(vma);
  return vma;
}

/** From now on truncate finds the vma. */
export function* vma_link_file(vma: Vma): Coroutine {
  if (vma.vm_file === null) return;
  const { f_mapping } = vma.vm_file;
  const { kernel } = vma.vm_mm.system;
  yield* kernel.i_mmap_lock_write(f_mapping);
  const { i_mmap, i_mmap_nonlinear } = f_mapping;
  ((vma.vm_flags & VM_NONLINEAR) === 0 ? i_mmap : i_mmap_nonlinear).push(vma);
  yield* kernel.i_mmap_unlock_write(f_mapping);
}

/** Truncate finds these no longer, but finds those. */
export function* vma_replace_file(gone: Vma, parts: readonly Vma[]): Coroutine {
  if (gone.vm_file === null) return;
  const { f_mapping } = gone.vm_file;
  const { kernel } = gone.vm_mm.system;
  yield* kernel.i_mmap_lock_write(f_mapping);
  for (const list of [f_mapping.i_mmap, f_mapping.i_mmap_nonlinear]) {
    const at = list.indexOf(gone);
    if (at >= 0) list.splice(at, 1, ...parts);
  }
  yield* kernel.i_mmap_unlock_write(f_mapping);
}

/** Addresses and offsets do not run in parallel any more. Caller holds mmap_sem for writing. */
export function* vma_make_nonlinear(vma: Vma): Coroutine {
  const { f_mapping } = vma.vm_file!;
  const { kernel } = vma.vm_mm.system;
  yield* kernel.i_mmap_lock_write(f_mapping);
  f_mapping.i_mmap.splice(f_mapping.i_mmap.indexOf(vma), 1);
  f_mapping.i_mmap_nonlinear.push(vma);
  vma.vm_flags |= VM_NONLINEAR;
  yield* kernel.i_mmap_unlock_write(f_mapping);
}

/** The same vma of another address space, for fork. */
export function copy_vma(mm: Mm, { name, vm_start, vm_end, vm_flags, vm_file, vm_pgoff }: Vma): Vma {
  return new Vma(mm, name, vm_start, vm_end, vm_flags, vm_file, vm_pgoff);
}

/** Map `pages` of anonymous private memory, as malloc does for a large request, or of a file. */
export function* sys_mmap(
  mm: Mm,
  name: string,
  pages: number,
  flags: number = VM_READ | VM_WRITE,
  what: Mapped | null = null,
): Coroutine<Vma> {
  might_sleep();
  yield* down_write(mm.mmap_sem);
  charge(DO_MMAP);
  const vma = insert_vm_struct(mm, name, pages, flags, what);
  yield* vma_link_file(vma);
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
    for (const vma of gone) yield* mm.system.kernel.remove_vma(vma);
  }
  yield* up_write(mm.mmap_sem);
}

/** Nothing leads to the vma any more, and nobody may use it. */
export function* remove_vm_struct(vma: Vma): Coroutine {
  yield* vma_replace_file(vma, []);
  yield* anon_vma_unlink(vma);
  vma.freed = true;
}

/**
 * From 2.6.15 on ("unlink vma before pagetables", Hugh Dickins, 2005-10-13): before page tables and gathered pages are freed,
 * nothing leads to the vmas any more.
 */
export function* free_pgtables(vmas: readonly Vma[]): Coroutine {
  for (const vma of vmas) {
    yield* anon_vma_unlink(vma);
    yield* vma_replace_file(vma, []); // unlink_file_vma
  }
}

/** What is left of remove_vm_struct then. */
export function remove_vma(vma: Vma): Coroutine {
  vma.freed = true;
  return NOTHING;
}

/** Make two vmas of the one that an address lies within. Caller holds mmap_sem for writing. */
function* split_vma_at(mm: Mm, address: Address): Coroutine {
  const at = mm.mmap.findIndex((vma) => vma.vm_start < address && address < vma.vm_end);
  if (at < 0) return;
  const whole = mm.mmap[at];
  const { name, vm_start, vm_end, vm_flags, vm_file, vm_pgoff } = whole;
  const behind = vm_pgoff + page_number(mm, address - vm_start);
  const parts = [
    new Vma(mm, name, vm_start, address, vm_flags, vm_file, vm_pgoff),
    new Vma(mm, name, address, vm_end, vm_flags, vm_file, behind),
  ];
  mm.mmap.splice(at, 1, ...parts);
  yield* anon_vma_split(whole, parts);
  yield* vma_replace_file(whole, parts);
  whole.freed = true;
}

/** What is not linear stays so: ptes remember which pages of the file they show. */
const nonlinear: ZapDetails = { check_mapping: null, nonlinear: { first: 0, last: Infinity } };

/**
 * madvise(MADV_DONTNEED): the pages of [start, end) are given back, what is read there next is zero. From 2.6.22 on others may
 * fault meanwhile ("mm: madvise avoid exclusive mmap_sem", Nick Piggin, 2007-04-12).
 */
export function* sys_madvise_dontneed(mm: Mm, start: Address, end: Address): Coroutine {
  might_sleep();
  const write = mm.system.kernel.madvise_need_mmap_write === true;
  yield* (write ? down_write : down_read)(mm.mmap_sem);
  charge(DO_MUNMAP);
  for (const vma of [...mm.mmap]) {
    const from = Math.max(start, vma.vm_start);
    const to = Math.min(end, vma.vm_end);
    const details = (vma.vm_flags & VM_NONLINEAR) === 0 ? undefined : nonlinear;
    if (from < to) yield* mm.system.kernel.zap_page_range(vma, from, to - from, details);
  }
  yield* (write ? up_write : up_read)(mm.mmap_sem);
}
