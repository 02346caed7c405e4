/**
 * Taking pages out of files, and writing them, in 3.14 (mm/truncate.c, fs/ext4/inode.c, mm/page-writeback.c, mm/rmap.c,
 * mm/msync.c, mm/fremap.c). Truncation lowers i_size, unmaps, takes the pages out with each of them locked, and unmaps again:
 * a private copy of a page that was in the file when its fault began may have been mapped after the first time.
 *
 * Left out: journals, pages that are partly in a hole, fsync by others than msync.
 */
import { READ_ONCE, WRITE_ONCE, xchg } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { might_sleep } from '../../machine/thread.ts';
import { charge, work } from '../../machine/work.ts';
import { mutex_lock, mutex_unlock } from '../../sync/mutex.ts';
import { lock_page, unlock_page } from '../../sync/pagelock.ts';
import { down_read, down_write, up_read, up_write } from '../../sync/rwsem.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import { free_blocks } from '../block.ts';
import { generic_file_read, generic_file_write } from '../filemap.ts';
import type { AddressSpace, Inode } from '../fs.ts';
import { find_vma, vma_make_nonlinear } from '../mmap.ts';
import { mpage_writepage } from '../mpage.ts';
import { page_cache_release } from '../page_alloc.ts';
import { PageDirty, TestClearPageDirty, TestSetPageDirty } from '../page-flags.ts';
import { pagevec_lookup, remove_from_page_cache, round_up_pages } from '../pagemap.ts';
import {
  page_size,
  pgoff_to_pte,
  page_of_ptes,
  pte_dirty,
  pte_mkclean,
  pte_offset_map,
  pte_unmap,
  pte_write,
  pte_wrprotect,
} from '../pgtable.ts';
import { type Address, type Mm, type Page, VM_NONLINEAR, VM_SHARED, type Vma } from '../structs.ts';
import { flush_tlb_page } from '../tlb.ts';
import { i_size_write, part_of, truncate_partial_page, wait_on_page_writeback } from '../truncate.ts';
import { pte_alloc } from '../v2.6.15/memory.ts';
import type { FaultPath3 } from './path.ts';
import { xip_file_read, xip_file_write, xip_truncate_page } from './xip.ts';

const SYS_TRUNCATE = work('sys_truncate', 500);
const SYS_REMAP_FILE_PAGES = work('sys_remap_file_pages', 500);
const EINVAL = 22;

function path({ system }: Inode): FaultPath3 {
  return system.kernel as FaultPath3;
}

export function* do_truncate(inode: Inode, newsize: number): Coroutine {
  might_sleep();
  charge(SYS_TRUNCATE);
  yield* mutex_lock(inode.i_mutex);
  if (yield* truncate_setsize(inode, newsize)) {
    yield* free_blocks(inode, round_up_pages(inode.system, newsize), Infinity);
  }
  yield* mutex_unlock(inode.i_mutex);
}

/** The new size, and nothing is mapped or cached behind it. True: there may be blocks to be freed. Caller holds i_mutex. */
export function* truncate_setsize(inode: Inode, newsize: number): Coroutine<boolean> {
  const shrinks = newsize < inode.i_size.value;
  if (shrinks) yield* (inode.kind.dax === true ? xip_truncate_page : truncate_partial_page)(inode, newsize);
  yield* i_size_write(inode, newsize);
  if (shrinks) yield* path(inode).truncate_pagecache(inode, newsize);
  return shrinks;
}

/** The first time spares the pages from being unmapped one by one; only the second one is needed to be right. */
export function* truncate_pagecache(inode: Inode, newsize: number): Coroutine {
  const { i_mapping } = inode;
  const first = round_up_pages(inode.system, newsize);
  yield* path(inode).unmap_mapping_range(i_mapping, first, Infinity, true);
  yield* truncate_inode_pages_range(i_mapping, first, Infinity);
  yield* path(inode).unmap_mapping_range(i_mapping, first, Infinity, true);
}

/** Give back pages `first` to `last` of a file: they become a hole (ext4_punch_hole). Private copies stay. */
export function* punchHole(inode: Inode, first: number, last: number): Coroutine {
  might_sleep();
  yield* mutex_lock(inode.i_mutex);
  yield* punch_range(inode, first, last);
  yield* mutex_unlock(inode.i_mutex);
}

/** Caller holds i_mutex. */
export function* punch_range(inode: Inode, first: number, last: number): Coroutine {
  yield* path(inode).truncate_pagecache_range(inode, first, last);
  yield* free_blocks(inode, first, last);
  yield* path(inode).truncate_pagecache_range(inode, first, last); // "to reduce race window"
}

export function* truncate_pagecache_range(inode: Inode, first: number, last: number): Coroutine {
  yield* path(inode).unmap_mapping_range(inode.i_mapping, first, last, false);
  yield* truncate_inode_pages_range(inode.i_mapping, first, last);
}

/** write(2) and read(2) of one word. */
export function file_write(inode: Inode, pgoff: number, word: number, value: number): Coroutine<number> {
  return (inode.kind.dax === true ? xip_file_write : generic_file_write)(inode, pgoff, word, value);
}
export function file_read(inode: Inode, pgoff: number, word: number): Coroutine<number> {
  return (inode.kind.dax === true ? xip_file_read : generic_file_read)(inode, pgoff, word);
}

/** Sweeps until there are no pages left. Caller holds i_mutex. */
export function* truncate_inode_pages_range(mapping: AddressSpace, first: number, last: number): Coroutine {
  const { host } = mapping;
  for (;;) {
    const pages = yield* pagevec_lookup(mapping, first, last);
    if (pages.length === 0) return;
    for (const page of pages) {
      yield* lock_page(page.lock);
      if (page.mapping === mapping.number) {
        yield* wait_on_page_writeback(page);
        yield* path(host).truncate_inode_page(mapping, page);
      }
      yield* unlock_page(page.lock);
      yield* page_cache_release(host.system, page);
    }
  }
}

/** Unmap the page if somebody maps it still, then take it out. Caller holds the page lock. */
export function* truncate_inode_page(mapping: AddressSpace, page: Page): Coroutine {
  yield* unmap_if_mapped(mapping, page);
  yield* TestClearPageDirty(page); // cancel_dirty_page
  yield* delete_from_page_cache(mapping, page);
}

export function* unmap_if_mapped(mapping: AddressSpace, page: Page): Coroutine {
  if ((yield* READ_ONCE(page._mapcount)) === 0) return;
  yield* path(mapping.host).unmap_mapping_range(mapping, page.index, page.index, false);
}

export function* delete_from_page_cache(mapping: AddressSpace, page: Page): Coroutine {
  yield* remove_from_page_cache(page, mapping);
  yield* page_cache_release(mapping.host.system, page); // the cache's
}

/** A dirty page stays: invalidate_complete_page2. */
export function* invalidate_inode_pages2(inode: Inode): Coroutine {
  const { i_mapping, system } = inode;
  for (const page of yield* pagevec_lookup(i_mapping, 0, Infinity)) {
    yield* lock_page(page.lock);
    if (page.mapping === i_mapping.number) {
      yield* wait_on_page_writeback(page);
      yield* unmap_if_mapped(i_mapping, page);
      if ((yield* PageDirty(page)) === 0) yield* delete_from_page_cache(i_mapping, page);
    }
    yield* unlock_page(page.lock);
    yield* page_cache_release(system, page);
  }
}

/** write_cache_pages: what the flusher thread does. */
export function* do_writepages(inode: Inode): Coroutine {
  const { i_mapping, system } = inode;
  for (const page of yield* pagevec_lookup(i_mapping, 0, Infinity)) {
    yield* lock_page(page.lock);
    const wanted = page.mapping === i_mapping.number && (yield* PageDirty(page)) === 1;
    if (wanted) yield* wait_on_page_writeback(page);
    if (wanted && (yield* clear_page_dirty_for_io(inode, page))) yield* mpage_writepage(inode, page);
    else yield* unlock_page(page.lock);
    yield* page_cache_release(system, page);
  }
}

/** From here on a store makes the page dirty again, because no pte lets it pass. Caller holds the page lock. */
export function* clear_page_dirty_for_io(inode: Inode, page: Page): Coroutine<boolean> {
  if (yield* path(inode).page_mkclean(inode.i_mapping, page)) yield* TestSetPageDirty(page);
  return (yield* TestClearPageDirty(page)) === 1;
}

/** Was a pte that maps the page dirty, or writable? None is then. Caller holds the page lock. */
export function* page_mkclean(mapping: AddressSpace, page: Page): Coroutine<boolean> {
  if ((yield* READ_ONCE(page._mapcount)) === 0) return false;
  let cleaned = false;
  yield* path(mapping.host).i_mmap_lock_read(mapping);
  for (const vma of mapping.i_mmap) {
    const range = (vma.vm_flags & VM_SHARED) === 0 ? null : part_of(vma, page.index, page.index);
    if (range !== null && (yield* page_mkclean_one(page, vma, range[0]))) cleaned = true;
  }
  yield* path(mapping.host).i_mmap_unlock_read(mapping);
  return cleaned;
}

function* page_mkclean_one(page: Page, vma: Vma, address: Address): Coroutine<boolean> {
  const mm = vma.vm_mm;
  const { kernel } = mm.system;
  const pte = yield* kernel.page_check_address(page, mm, address);
  if (pte === null) return false;
  const entry = pte.plain;
  const busy = pte_dirty(entry) || pte_write(entry);
  if (busy) {
    const flushed = yield* xchg(pte, 0); // ptep_clear_flush
    yield* flush_tlb_page(vma, address);
    yield* WRITE_ONCE(pte, pte_mkclean(pte_wrprotect(flushed)));
  }
  yield* kernel.page_check_done(pte);
  return busy;
}

/** vfs_fsync of the files that are mapped shared there. */
export function* sys_msync(mm: Mm, start: Address, end: Address): Coroutine {
  might_sleep();
  yield* down_read(mm.mmap_sem);
  const here = (vma: Vma): boolean => vma.vm_start < end && vma.vm_end > start && (vma.vm_flags & VM_SHARED) !== 0;
  const inodes = new Set(
    mm.mmap.filter(here).flatMap(({ vm_file }) => (vm_file === null ? [] : [vm_file.f_mapping.host])),
  );
  yield* up_read(mm.mmap_sem);
  for (const inode of inodes) yield* mm.system.kernel.do_writepages(inode);
}

/**
 * Let a part of a shared mapping of a file show other pages of it, from `pgoff` on; they are mapped when they are touched. The
 * file stands for one without dirty accounting (tmpfs): of others, whose ptes page_mkclean has to find, 3.14 makes linear vmas.
 */
export function* sys_remap_file_pages(mm: Mm, start: Address, size: number, pgoff: number): Coroutine<number> {
  might_sleep();
  charge(SYS_REMAP_FILE_PAGES);
  yield* down_write(mm.mmap_sem);
  const vma = find_vma(mm, start);
  const shared = vma !== undefined && vma.vm_file !== null && (vma.vm_flags & VM_SHARED) !== 0;
  const possible = shared && start >= vma.vm_start && start + size <= vma.vm_end;
  if (possible) {
    if ((vma.vm_flags & VM_NONLINEAR) === 0) yield* vma_make_nonlinear(vma);
    for (let done = 0; done < size; done += page_size(mm)) {
      yield* install_file_pte(mm, vma, start + done, pgoff + done / page_size(mm));
    }
  }
  yield* up_write(mm.mmap_sem);
  return possible ? 0 : -EINVAL;
}

function* install_file_pte(mm: Mm, vma: Vma, address: Address, pgoff: number): Coroutine {
  const { kernel } = mm.system;
  yield* kernel.zap_page_range(vma, address, page_size(mm));
  if (page_of_ptes(mm, address) === undefined) yield* pte_alloc(mm, address);
  const ptes = page_of_ptes(mm, address)!;
  const pte = pte_offset_map(mm, ptes, address);
  yield* spin_lock(kernel.pte_lockptr(mm, ptes));
  yield* WRITE_ONCE(pte, pgoff_to_pte(pgoff));
  pte_unmap(pte);
  yield* spin_unlock(kernel.pte_lockptr(mm, ptes));
}
