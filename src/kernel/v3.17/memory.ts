/**
 * Faults on files in 3.17 (mm/memory.c): a read, a private write and a shared write have a function each. A read fault first
 * maps what is easy to get around it: map_pages, as merged in 3.15, with the knob of 3.17.
 */
import { atomic_inc } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { unlock_page } from '../../sync/pagelock.ts';
import { mark } from '../marks.ts';
import { is_shared } from '../memory.ts';
import { alloc_page_vma, copy_user_highpage, page_cache_release } from '../page_alloc.ts';
import { SetPageUptodate, TestSetPageDirty } from '../page-flags.ts';
import {
  linear_page_index,
  page_number,
  page_size,
  pte_none,
  pteAt,
  pte_to_pgoff,
  pte_unmap,
  type PtePage,
  type Ptep,
} from '../pgtable.ts';
import type { Address, Mm, Page, VmFault, Vma } from '../structs.ts';
import { do_set_pte, faultInfo, lockedFault, mkwrite_if_asked } from '../v3.14/do-fault.ts';
import { v3 } from '../v3.14/index.ts';
import { pte_offset_map_lock, pte_unmap_unlock, set_anon_pte, zap_pte_range_flushed } from '../v3.14/memory.ts';
import { type FaultPath3_17, path3_17 } from '../v3.14/path.ts';
import {
  FAULT_FLAG_NONLINEAR,
  FAULT_FLAG_WRITE,
  VM_FAULT_ERROR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
} from '../v3.14/vm-fault.ts';
import { filemap_map_pages } from './filemap.ts';

export const NO_PAGE = VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY;

export function do_linear_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  pte_unmap(page_table);
  return do_fault(mm, vma, address, pmd, linear_page_index(vma, address), flags, orig_pte);
}

/** The pte says which page of the file is to be here. */
export function do_nonlinear_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  page_table: Ptep,
  pmd: PtePage,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  pte_unmap(page_table);
  return do_fault(mm, vma, address, pmd, pte_to_pgoff(orig_pte), flags | FAULT_FLAG_NONLINEAR, orig_pte);
}

function do_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  const { do_read_fault, do_cow_fault, do_shared_fault } = path3_17(mm);
  if ((flags & FAULT_FLAG_WRITE) === 0) return do_read_fault(mm, vma, address, pmd, pgoff, flags, orig_pte);
  return (is_shared(vma) ? do_shared_fault : do_cow_fault)(mm, vma, address, pmd, pgoff, flags, orig_pte);
}

export function* __do_fault(vma: Vma, address: Address, pgoff: number, flags: number, cow_page: Page | null) {
  const vmf = faultInfo(address, pgoff, flags, cow_page);
  const ret = yield* lockedFault(vma, vmf);
  return { ret, page: vmf.page };
}

/** The pages around are mapped if that is easy. If that was not so with this one, it is got as without map_pages. */
export function* do_read_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  const around = has_map_pages(vma) && (flags & FAULT_FLAG_NONLINEAR) === 0 && fault_around_pages(mm) > 1;
  if (!around) return yield* mapAlone(mm, vma, address, pmd, pgoff, flags, orig_pte);
  if (yield* mapAround(mm, vma, address, pmd, pgoff, flags, orig_pte)) return 0;
  return yield* mapAlone(mm, vma, address, pmd, pgoff, flags, orig_pte); // rarely, so scripts/flatten.ts leaves it a call
}

/** True: the pte is no longer what it was, by our doing or somebody else's. */
export function* mapAround(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<boolean> {
  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  yield* path3_17(mm).do_fault_around(vma, address, pte, pgoff, flags);
  const changed = pte.plain !== orig_pte;
  yield* pte_unmap_unlock(pte, pmd);
  return changed;
}

/** The page comes back locked, and is unlocked before the lock of the ptes is. */
export function* mapAlone(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  const { ret, page } = yield* path3_17(mm).__do_fault(vma, address, pgoff, flags, null);
  if ((ret & NO_PAGE) !== 0) return ret;
  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  if (pte.plain !== orig_pte) {
    mark('file fault raced');
    yield* pte_unmap_unlock(pte, pmd);
    yield* unlock_page(page!.lock);
    yield* page_cache_release(mm.system, page!);
    return ret;
  }
  yield* do_set_pte(vma, address, page!, pte, false);
  yield* unlock_page(page!.lock);
  yield* pte_unmap_unlock(pte, pmd);
  return ret;
}

export function has_map_pages(vma: Vma): boolean {
  return vma.vm_file!.f_mapping.host.kind.dax !== true;
}

/** debugfs fault_around_bytes as its setter leaves it: a power of two of pages. */
export function fault_around_bytes({ system }: Mm): number {
  const { pageBytes } = system.geometry;
  const bytes = system.config.fault_around_bytes ?? FAULT_AROUND_BYTES;
  return Math.max(pageBytes, rounddown_pow_of_two(bytes));
}

export const FAULT_AROUND_BYTES = 65536;

/** The largest power of two that is not greater than `n`, which is an integer from 1 up. */
export function rounddown_pow_of_two(n: number): number {
  return n < 2 ** 31 ? 1 << (31 - Math.clz32(n)) : 2 ** Math.floor(Math.log2(n));
}

function fault_around_pages(mm: Mm): number {
  return fault_around_bytes(mm) / page_size(mm);
}

/** Map what is easy to get around the address. Caller holds the lock of the page of ptes. */
export function do_fault_around(vma: Vma, address: Address, pte: Ptep, pgoff: number, flags: number): Coroutine {
  return mapWindow(vma, address, pte, pgoff, flags, fault_around_bytes(vma.vm_mm));
}

/**
 * The same with a window of so many bytes, a power of two. It is aligned, but does not begin before the vma; it ends with the
 * vma, and with the page of ptes. Offsets in files are unsigned.
 */
export function* mapWindow(
  vma: Vma,
  address: Address,
  pte: Ptep,
  pgoff: number,
  flags: number,
  bytes: number,
): Coroutine {
  const mm = vma.vm_mm;
  const size = page_size(mm);
  const { ptrsPerPte } = mm.system.geometry;
  const align = Math.max(bytes, size);
  let start = Math.max(Math.floor(address / align) * align, vma.vm_start);
  const off = page_number(mm, address - start) % ptrsPerPte;
  let at = -off;
  pgoff -= off;
  const endOfTable = pgoff - (page_number(mm, start) % ptrsPerPte) + ptrsPerPte - 1;
  const endOfVma = page_number(mm, vma.vm_end - vma.vm_start) + vma.vm_pgoff - 1;
  const endOfWindow = pgoff + Math.floor(bytes / size) - 1;
  const max_pgoff = Math.min(pgoff_t(endOfTable), endOfVma, pgoff_t(endOfWindow));
  while (!pte_none(pteAt(mm, pte, at).plain)) {
    if (pgoff_t(++pgoff) > max_pgoff) return;
    start += size;
    if (start >= vma.vm_end) return;
    at++;
  }
  const vmf = {
    virtual_address: start,
    pgoff: pgoff_t(pgoff),
    max_pgoff,
    flags,
    pte: pteAt(mm, pte, at),
    cow_page: null,
    page: null,
  };
  yield* path3_17(mm).filemap_map_pages(vma, vmf);
}

function pgoff_t(pgoff: number): number {
  return pgoff < 0 ? pgoff + 2 ** 64 : pgoff;
}

/** A private write: the copy is allocated before the page is locked. */
export function* do_cow_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  const { system } = mm;
  if (yield* system.kernel.anon_vma_prepare(vma)) return VM_FAULT_OOM;
  const new_page = yield* alloc_page_vma(vma, address);
  if (new_page === null) return VM_FAULT_OOM;

  const { ret, page } = yield* path3_17(mm).__do_fault(vma, address, pgoff, flags, null);
  if ((ret & NO_PAGE) !== 0) {
    yield* page_cache_release(system, new_page);
    return ret;
  }
  yield* copy_user_highpage(new_page, page!);
  yield* SetPageUptodate(new_page);

  const same = yield* set_copy(mm, vma, address, pmd, orig_pte, new_page);
  yield* unlock_page(page!.lock);
  yield* page_cache_release(system, page!);
  if (!same) yield* page_cache_release(system, new_page);
  return ret;
}

/** Map the copy if the pte is what it was. */
export function* set_copy(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  orig_pte: number,
  new_page: Page,
): Coroutine<boolean> {
  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  const same = pte.plain === orig_pte;
  if (same) {
    yield* atomic_inc(mm.rss);
    yield* set_anon_pte(mm, vma, address, pte, new_page);
  } else mark('file fault raced');
  yield* pte_unmap_unlock(pte, pmd);
  return same;
}

/** A shared write: the file system is asked first. */
export function* do_shared_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  const { ret, page } = yield* path3_17(mm).__do_fault(vma, address, pgoff, flags, null);
  if ((ret & NO_PAGE) !== 0) return ret;
  const stop = yield* mkwrite_if_asked(vma, page!, address);
  if (stop !== null) return stop;

  const pte = yield* pte_offset_map_lock(mm, pmd, address);
  const same = pte.plain === orig_pte;
  if (same) yield* do_set_pte(vma, address, page!, pte, true);
  else mark('file fault raced');
  yield* pte_unmap_unlock(pte, pmd);

  if (same) yield* TestSetPageDirty(page!);
  yield* unlock_page(page!.lock);
  if (!same) yield* page_cache_release(mm.system, page!);
  return ret;
}

export const v3_17 = {
  ...v3,
  do_linear_fault,
  do_nonlinear_fault,
  zap_pte_range: zap_pte_range_flushed,
  __do_fault,
  do_read_fault,
  do_cow_fault,
  do_shared_fault,
  do_fault_around,
  filemap_map_pages,
} satisfies FaultPath3_17;
