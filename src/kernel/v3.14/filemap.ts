/**
 * The page cache of 3.14 (mm/filemap.c): it is read without a lock, by references that are taken on suspicion; a fault gets
 * its page locked, or gives up mmap_sem while it waits and answers VM_FAULT_RETRY.
 *
 * Left out: RCU (nodes of the tree are never freed here), mmap_miss, errors of the disk, stable pages.
 */
import { cmpxchg, READ_ONCE } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { charge } from '../../machine/work.ts';
import { lock_page, trylock_page, unlock_page } from '../../sync/pagelock.ts';
import { up_read } from '../../sync/rwsem.ts';
import { get_block, set_written } from '../block.ts';
import type { AddressSpace } from '../fs.ts';
import { mark } from '../marks.ts';
import { mpage_readpages } from '../mpage.ts';
import { page_cache_release } from '../page_alloc.ts';
import { ClearPageReadahead, PageReadahead, PageUptodate, TestSetPageDirty } from '../page-flags.ts';
import { RADIX_TREE_LOOKUP, round_up_pages, slot_of } from '../pagemap.ts';
import { page_cache_readahead } from '../readahead.ts';
import type { Mm, Page, System, VmFault, Vma } from '../structs.ts';
import { wait_on_page_locked } from './memory.ts';
import {
  FAULT_FLAG_ALLOW_RETRY,
  FAULT_FLAG_RETRY_NOWAIT,
  FAULT_FLAG_TRIED,
  VM_FAULT_LOCKED,
  VM_FAULT_MAJOR,
  VM_FAULT_MINOR,
  VM_FAULT_NOPAGE,
  VM_FAULT_RETRY,
  VM_FAULT_SIGBUS,
  type VmFaultInfo,
} from './vm-fault.ts';

/** A reference to a page that may be on its way out; false: it is, or is somebody else's already. */
export function* page_cache_get_speculative(page: Page): Coroutine<boolean> {
  for (;;) {
    const count = yield* READ_ONCE(page._count);
    if (count === 0) return false;
    if ((yield* cmpxchg(page._count, count, count + 1)) === count) return true;
  }
}

/** The page that the cache has at an offset, with a reference; null if it has none. */
export function* find_get_page(system: System, mapping: AddressSpace, pgoff: number): Coroutine<Page | null> {
  const slot = slot_of(mapping, pgoff);
  charge(RADIX_TREE_LOOKUP);
  for (;;) {
    const pfn = yield* READ_ONCE(slot);
    if (pfn === 0) return null;
    const page = system.mem_map[pfn];
    if (!(yield* page_cache_get_speculative(page))) continue;
    if ((yield* READ_ONCE(slot)) === pfn) return page; // has it moved?
    yield* page_cache_release(system, page);
  }
}

/** vm_ops->fault of files in the page cache: the page comes back locked, and is known to be in the file then. */
export function* filemap_fault(vma: Vma, vmf: VmFaultInfo): Coroutine<VmFault> {
  const mm = vma.vm_mm;
  const { system } = mm;
  const mapping = vma.vm_file!.f_mapping;
  let major = VM_FAULT_MINOR;
  if (vmf.pgoff >= round_up_pages(system, yield* READ_ONCE(mapping.host.i_size))) return VM_FAULT_SIGBUS;
  for (;;) {
    const page = yield* find_get_page(system, mapping, vmf.pgoff);
    if (page === null) {
      major = VM_FAULT_MAJOR;
      yield* page_cache_readahead(system, mapping, vmf.pgoff, true);
      if (vmf.pgoff >= round_up_pages(system, yield* READ_ONCE(mapping.host.i_size))) return VM_FAULT_SIGBUS;
      continue;
    }
    if ((vmf.flags & FAULT_FLAG_TRIED) === 0) yield* do_async_mmap_readahead(system, mapping, page, vmf.pgoff);
    if (!(yield* lock_page_or_retry(page, mm, vmf.flags))) {
      yield* page_cache_release(system, page);
      return major | VM_FAULT_RETRY;
    }
    if (page.mapping === mapping.number && (yield* PageUptodate(page)) === 1) {
      // Has the file been cut while we waited for the page?
      if (vmf.pgoff < round_up_pages(system, yield* READ_ONCE(mapping.host.i_size))) {
        vmf.page = page;
        return major | VM_FAULT_LOCKED;
      }
      yield* unlock_page(page.lock);
      yield* page_cache_release(system, page);
      return VM_FAULT_SIGBUS;
    }
    if (page.mapping === mapping.number) yield* mpage_readpages(mapping.host, [page]);
    else yield* unlock_page(page.lock);
    yield* page_cache_release(system, page);
  }
}

/** Where the last readahead said so, the next one begins. */
function* do_async_mmap_readahead(system: System, mapping: AddressSpace, page: Page, pgoff: number): Coroutine {
  if (system.config.ra_pages <= 1 || (yield* PageReadahead(page)) === 0) return;
  yield* ClearPageReadahead(page);
  yield* page_cache_readahead(system, mapping, pgoff + (system.config.ra_pages >> 1), true);
}

/** False: mmap_sem has been dropped (unless that was not to be), and the page may be unlocked by now. */
export function* lock_page_or_retry(page: Page, mm: Mm, flags: number): Coroutine<boolean> {
  if ((yield* trylock_page(page.lock)) === 1) return true;
  if ((flags & FAULT_FLAG_ALLOW_RETRY) === 0) {
    yield* lock_page(page.lock);
    return true;
  }
  mark('fault retried');
  if ((flags & FAULT_FLAG_RETRY_NOWAIT) === 0) {
    yield* up_read(mm.mmap_sem);
    yield* wait_on_page_locked(page);
  }
  return false;
}

/** vm_ops->page_mkwrite: the file gets a block for the page, which is dirty and locked then (block_page_mkwrite). */
export function* filemap_page_mkwrite(vma: Vma, { page, pgoff }: VmFaultInfo): Coroutine<VmFault> {
  const { system } = vma.vm_mm;
  const mapping = vma.vm_file!.f_mapping;
  yield* lock_page(page!.lock);
  const size = yield* READ_ONCE(mapping.host.i_size);
  if (page!.mapping !== mapping.number || pgoff >= round_up_pages(system, size)) {
    yield* unlock_page(page!.lock);
    return VM_FAULT_NOPAGE;
  }
  if (page!.block === 0) {
    const number = yield* get_block(mapping.host, pgoff, true);
    page!.block = Math.abs(number);
    if (number < 0) yield* set_written(mapping.host, pgoff, page!.block);
  }
  yield* TestSetPageDirty(page!);
  return VM_FAULT_LOCKED;
}
