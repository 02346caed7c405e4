/**
 * Taking pages out of files, and writing them (mm/truncate.c, vmtruncate and unmap_mapping_range of mm/memory.c, mm/msync.c
 * and fs/open.c of 2.6.10; invalidate_inode_pages2 is that of 2.6.11 to 2.6.17, vmtruncate_range that of 2.6.16).
 *
 * Truncation lowers i_size, counts, unmaps once, then takes the pages out: a fault that comes to map one sees either the
 * count or the size. Inside i_size that proves nothing (B26).
 *
 * A dirty page stays when pages are invalidated, as from 2.6.20 on: the code of the time cleared the dirty bit first, and threw
 * away what write(2) had left there. 2.6.18 asks for a page that only the cache refers to as well, which stops B26.
 *
 * Left out: the first pass that leaves locked pages alone, the pauses of unmap_mapping_range (2.6.11). vmtruncate_range
 * unmaps private copies too in 2.6.16; here they stay, as in later kernels.
 */
import { READ_ONCE, wait_for, WRITE_ONCE } from '../machine/memory.ts';
import { CLEAR, type Coroutine, Step } from '../machine/step.ts';
import { might_sleep } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { mutex_lock, mutex_unlock } from '../sync/mutex.ts';
import { lock_page, unlock_page } from '../sync/pagelock.ts';
import { down_read, up_read } from '../sync/rwsem.ts';
import { spin_lock, spin_unlock } from '../sync/spinlock.ts';
import { free_blocks } from './block.ts';
import type { FaultPath2_6 } from './fault-path.ts';
import { generic_file_read, generic_file_write, lock_cache_page } from './filemap.ts';
import { type AddressSpace, i_size_write, type Inode } from './fs.ts';
import { mpage_writepage, wordsBefore } from './mpage.ts';
import { page_cache_release } from './page_alloc.ts';
import { pagevec_lookup, remove_from_page_cache, round_up_pages } from './pagemap.ts';
import { ClearPageUptodate, TestClearPageDirty, TestSetPageDirty } from './page-flags.ts';
import {
  page_size,
  pmd_addr_end,
  page_of_ptes,
  pte_dirty,
  pte_mkclean,
  pte_offset_map,
  pte_page,
  pte_present,
  pte_unmap,
  type PtePage,
} from './pgtable.ts';
import { type Address, DATA, type Mm, type Page, PG_writeback, VM_SHARED, type Vma } from './structs.ts';
import { flush_tlb_page } from './tlb.ts';

const SYS_TRUNCATE = work('sys_truncate', 500);

function i_mmap_lock_write(mapping: AddressSpace): Step {
  return spin_lock(mapping.i_mmap_lock);
}
function i_mmap_unlock_write(mapping: AddressSpace): Step {
  return spin_unlock(mapping.i_mmap_lock);
}

function* do_truncate(inode: Inode, newsize: number): Coroutine {
  might_sleep();
  charge(SYS_TRUNCATE);
  yield* mutex_lock(inode.i_mutex);
  yield* vmtruncate(inode, newsize);
  yield* mutex_unlock(inode.i_mutex);
}

function* vmtruncate(inode: Inode, newsize: number): Coroutine {
  const shrinks = newsize < inode.i_size.value;
  yield* i_size_write(inode, newsize);
  if (!shrinks) return;
  const first = round_up_pages(inode.system, newsize);
  yield* path(inode).unmap_mapping_range(inode.i_mapping, first, Infinity, true);
  yield* truncate_partial_page(inode, newsize);
  yield* truncate_inode_pages(inode.i_mapping, first, Infinity);
  yield* free_blocks(inode, first, Infinity);
}

function path({ system }: Inode): FaultPath2_6 {
  return system.kernel as FaultPath2_6;
}

function* punchHole(inode: Inode, first: number, last: number): Coroutine {
  might_sleep();
  yield* mutex_lock(inode.i_mutex);
  yield* path(inode).unmap_mapping_range(inode.i_mapping, first, last, false);
  yield* truncate_inode_pages(inode.i_mapping, first, last);
  yield* free_blocks(inode, first, last);
  yield* mutex_unlock(inode.i_mutex);
}

/** Zero what is behind the new end in the last page. */
export function* truncate_partial_page(inode: Inode, newsize: number): Coroutine {
  const { system, i_mapping } = inode;
  const { pageBytes } = system.geometry;
  const kept = wordsBefore(system, newsize % pageBytes);
  if (newsize % pageBytes === 0) return;
  const page = yield* lock_cache_page(i_mapping, Math.floor(newsize / pageBytes));
  if (page === null) return;
  yield* new Step(CLEAR, page, DATA + kept, pageBytes, page.zone.node);
  yield* TestSetPageDirty(page);
  yield* unlock_page(page.lock);
  yield* page_cache_release(system, page);
}

/** Take pages `first` to `last` out of the cache; sweeps until there are none. Caller holds i_sem. */
export function* truncate_inode_pages(mapping: AddressSpace, first: number, last: number): Coroutine {
  const { system } = mapping.host;
  for (;;) {
    const pages = yield* pagevec_lookup(mapping, first, last);
    if (pages.length === 0) return;
    for (const page of pages) {
      yield* lock_page(page.lock);
      if (page.mapping === mapping.number) {
        yield* wait_on_page_writeback(page);
        yield* truncate_complete_page(page, mapping);
      }
      yield* unlock_page(page.lock);
      yield* page_cache_release(system, page);
    }
  }
}

export function wait_on_page_writeback(page: Page): Step {
  return wait_for(page.flag(PG_writeback), 0);
}

/** Caller holds the page lock. */
export function* truncate_complete_page(page: Page, mapping: AddressSpace): Coroutine {
  yield* TestClearPageDirty(page);
  yield* ClearPageUptodate(page);
  yield* remove_from_page_cache(page, mapping);
  yield* page_cache_release(mapping.host.system, page); // the cache's
}

/** Caller holds i_sem. The count grows before ptes are cleared: a fault under way finds out, or its pte is found. */
function* unmap_mapping_range(mapping: AddressSpace, first: number, last: number, even_cows: boolean): Coroutine {
  const details = { check_mapping: even_cows ? null : mapping };
  yield* spin_lock(mapping.i_mmap_lock);
  yield* WRITE_ONCE(mapping.truncate_count, mapping.truncate_count.plain + 1);
  for (const vma of mapping.i_mmap) {
    const range = part_of(vma, first, last);
    if (range !== null) yield* vma.vm_mm.system.kernel.zap_page_range(vma, ...range, details);
  }
  yield* spin_unlock(mapping.i_mmap_lock);
}

/** Where a linear vma has these pages of its file: address and size. */
export function part_of(vma: Vma, first: number, last: number): [address: Address, size: number] | null {
  const size = page_size(vma.vm_mm);
  const start = Math.max(vma.vm_start, vma.vm_start + (first - vma.vm_pgoff) * size);
  const end = Math.min(vma.vm_end, vma.vm_start + (last + 1 - vma.vm_pgoff) * size);
  return start < end ? [start, end - start] : null;
}

/** Caller holds nothing; O_DIRECT does it with i_sem. A page is unmapped and then taken out, both with it locked. */
function* invalidate_inode_pages2(inode: Inode): Coroutine {
  const { i_mapping, system } = inode;
  for (const page of yield* pagevec_lookup(i_mapping, 0, Infinity)) {
    yield* lock_page(page.lock);
    if (page.mapping === i_mapping.number) {
      yield* wait_on_page_writeback(page);
      if ((yield* READ_ONCE(page._mapcount)) > 0) {
        yield* path(inode).unmap_mapping_range(i_mapping, page.index, page.index, false);
      }
      yield* invalidate_complete_page(page, i_mapping);
    }
    yield* unlock_page(page.lock);
    yield* page_cache_release(system, page);
  }
}

/** A dirty page stays: see the head of this file. Caller holds the page lock. */
export function* invalidate_complete_page(page: Page, mapping: AddressSpace): Coroutine {
  const dirty = yield* TestClearPageDirty(page);
  if (dirty === 1) yield* TestSetPageDirty(page);
  else yield* truncate_complete_page(page, mapping);
}

/** Dirty ptes do not count: 2.6.10 finds those when they are zapped, or by msync. */
function* do_writepages(inode: Inode): Coroutine {
  const { i_mapping, system } = inode;
  for (const page of yield* pagevec_lookup(i_mapping, 0, Infinity)) {
    yield* lock_page(page.lock);
    const dirty = page.mapping === i_mapping.number && (yield* TestClearPageDirty(page)) === 1;
    if (dirty) {
      yield* wait_on_page_writeback(page);
      yield* mpage_writepage(inode, page);
    } else yield* unlock_page(page.lock);
    yield* page_cache_release(system, page);
  }
}

/** mmap_sem is held while the disk writes, so i_sem is not taken. */
function* sys_msync(mm: Mm, start: Address, end: Address): Coroutine {
  might_sleep();
  yield* down_read(mm.mmap_sem);
  for (const vma of mm.mmap) {
    const from = Math.max(start, vma.vm_start);
    const to = Math.min(end, vma.vm_end);
    if (from < to) yield* msync_interval(vma, from, to);
  }
  yield* up_read(mm.mmap_sem);
}

/** Make dirty pages of dirty ptes, then write those. Caller holds mmap_sem. */
function* msync_interval(vma: Vma, start: Address, end: Address): Coroutine {
  if (vma.vm_file === null || (vma.vm_flags & VM_SHARED) === 0) return;
  const { host } = vma.vm_file.f_mapping;
  yield* path(host).filemap_sync(vma, start, end);
  yield* path(host).do_writepages(host);
}

/** Ptes that are dirty make their pages dirty. Takes page_table_lock. */
function* filemap_sync(vma: Vma, start: Address, end: Address): Coroutine {
  const mm = vma.vm_mm;
  let next: Address;
  yield* spin_lock(mm.page_table_lock);
  for (let address = start; address < end; address = next) {
    next = pmd_addr_end(mm, address, end);
    const ptes = page_of_ptes(mm, address);
    if (ptes !== undefined) yield* filemap_sync_pte_range(vma, ptes, address, next);
  }
  yield* spin_unlock(mm.page_table_lock);
}

/** Caller holds the lock of the ptes. */
export function* filemap_sync_pte_range(vma: Vma, ptes: PtePage, address: Address, end: Address): Coroutine {
  const mm = vma.vm_mm;
  for (; address < end; address += page_size(mm)) {
    const pte = pte_offset_map(mm, ptes, address);
    const entry = pte.plain;
    if (pte_present(entry) && pte_dirty(entry)) {
      yield* WRITE_ONCE(pte, pte_mkclean(entry)); // ptep_clear_flush_dirty
      yield* flush_tlb_page(vma, address);
      yield* TestSetPageDirty(pte_page(mm, entry));
    }
    pte_unmap(pte);
  }
}

export { i_size_write };

export const truncate2_6 = {
  i_mmap_lock_write,
  i_mmap_unlock_write,
  do_truncate,
  punchHole,
  unmap_mapping_range,
  invalidate_inode_pages2,
  do_writepages,
  sys_msync,
  filemap_sync,
  file_write: generic_file_write,
  file_read: generic_file_read,
};
