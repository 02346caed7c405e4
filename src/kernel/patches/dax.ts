/**
 * Files that are memory, by DAX (fs/dax.c as posted in 2014 and merged in 4.0): what the patches named dax-* have in common.
 *
 * A hole that is read is a page of zeros in the page cache, which goes when the hole gets a block. A block that is new is zeroed
 * by the fault that maps it. A private store is copied by the handler, to the page that do_cow_fault has allocated.
 *
 * There is no page to lock: truncation lowers i_size, takes the lock of mapping->i_mmap to unmap, and only then frees blocks. So
 * whoever has that lock and sees the page within i_size may map its block, or a copy. `i_mmap_lock_read` is that lock in the
 * mode of the kernel: the mutex in 3.17.
 *
 * Left out: huge pages, PG_dirty and fsync of what is stored, extents, errors of the device.
 */
import { WRITE_ONCE } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { might_sleep } from '../../machine/thread.ts';
import { mutex_lock, mutex_unlock } from '../../sync/mutex.ts';
import { lock_page, unlock_page } from '../../sync/pagelock.ts';
import { clear_block, convert_unwritten, get_block } from '../block.ts';
import { generic_file_read, generic_file_write } from '../filemap.ts';
import type { AddressSpace, Inode } from '../fs.ts';
import { mark } from '../marks.ts';
import { alloc_page, clear_user_highpage, copy_user_highpage, page_cache_release } from '../page_alloc.ts';
import { SetPageUptodate } from '../page-flags.ts';
import { add_to_page_cache } from '../pagemap.ts';
import type { Page, VmFault, Vma } from '../structs.ts';
import { find_get_page, lock_page_or_retry } from '../v3.14/filemap.ts';
import { type FaultPath3_17, path3 } from '../v3.14/path.ts';
import { delete_from_page_cache } from '../v3.14/truncate.ts';
import {
  FAULT_FLAG_WRITE,
  VM_FAULT_LOCKED,
  VM_FAULT_MAJOR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
  VM_FAULT_SIGBUS,
  type VmFaultInfo,
} from '../v3.14/vm-fault.ts';
import { grow_to, is_behind_end, vm_insert_mixed, xip_file_read } from '../v3.14/xip.ts';

/** vm_ops->fault. */
export function* dax_fault(vma: Vma, vmf: VmFaultInfo): Coroutine<VmFault> {
  const mapping = vma.vm_file!.f_mapping;
  const { pgoff } = vmf;
  if (yield* is_behind_end(mapping, pgoff)) return VM_FAULT_SIGBUS;
  const { page, fault } = yield* lock_hole_page(vma, vmf);
  if (fault !== 0) return fault;

  const number = yield* dax_get_block(mapping.host, pgoff, false);
  if (vmf.cow_page !== null) return yield* dax_cow(vma, vmf, vmf.cow_page, number, page);
  if (number !== 0) {
    if (page !== null) yield* remove_hole_page(mapping, page);
    return yield* dax_insert_mapping(vma, vmf, number);
  }
  if ((vmf.flags & FAULT_FLAG_WRITE) === 0) return yield* dax_load_hole(mapping, page, vmf);

  const fresh = yield* dax_get_block(mapping.host, pgoff, true);
  const raced = page ?? (yield* find_lock_page(mapping, pgoff)); // a read fault may have been here
  if (raced !== null) yield* remove_hole_page(mapping, raced);
  return VM_FAULT_MAJOR | (yield* dax_insert_mapping(vma, vmf, fresh));
}

/** A store to a hole that is mapped: the fault is made as if nothing were, and maps the block itself. */
export const dax_mkwrite = dax_fault;

export function dax_get_block(inode: Inode, pgoff: number, create: boolean): Coroutine<number> {
  return path3_17_of(inode).dax_get_block!(inode, pgoff, create);
}

function path3_17_of({ system }: Inode): FaultPath3_17 {
  return system.kernel as FaultPath3_17;
}

/** The page of zeros that the cache has for a hole, locked, with a reference. A fault that is not 0 ends the matter. */
export function* lock_hole_page(vma: Vma, vmf: VmFaultInfo): Coroutine<{ page: Page | null; fault: VmFault }> {
  const mapping = vma.vm_file!.f_mapping;
  const { system } = vma.vm_mm;
  for (;;) {
    const page = yield* find_get_page(system, mapping, vmf.pgoff);
    if (page === null) return { page, fault: 0 };
    if (!(yield* lock_page_or_retry(page, vma.vm_mm, vmf.flags))) {
      yield* page_cache_release(system, page);
      return { page: null, fault: VM_FAULT_RETRY };
    }
    const there = page.mapping === mapping.number;
    if (there && !(yield* is_behind_end(mapping, vmf.pgoff))) return { page, fault: 0 };
    yield* unlock_page(page.lock);
    yield* page_cache_release(system, page);
    if (there) return { page: null, fault: VM_FAULT_SIGBUS };
  }
}

/** The hole has a block by now: nobody is to see zeros there any more. */
export function* remove_hole_page(mapping: AddressSpace, page: Page): Coroutine {
  yield* path3_17_of(mapping.host).unmap_mapping_range(mapping, page.index, page.index, false);
  yield* delete_from_page_cache(mapping, page);
  yield* unlock_page(page.lock);
  yield* page_cache_release(mapping.host.system, page);
}

/** Copy, with nothing held; then keep truncation away until the copy is mapped: by the page lock, or that of i_mmap. */
function* dax_cow(vma: Vma, vmf: VmFaultInfo, cow_page: Page, number: number, page: Page | null): Coroutine<VmFault> {
  const mapping = vma.vm_file!.f_mapping;
  yield* dax_copy(mapping, cow_page, number);
  vmf.page = page;
  if (page !== null) return VM_FAULT_LOCKED;
  const path = path3(vma.vm_mm);
  yield* path.i_mmap_lock_read(mapping);
  if (!(yield* is_behind_end(mapping, vmf.pgoff))) return VM_FAULT_LOCKED;
  mark('truncation seen');
  yield* path.i_mmap_unlock_read(mapping);
  return VM_FAULT_SIGBUS;
}

export function* dax_copy({ host }: AddressSpace, cow_page: Page, number: number): Coroutine {
  if (number > 0) yield* copy_user_highpage(cow_page, host.disk.block(number));
  else yield* clear_user_highpage(cow_page);
}

/** A page of zeros, in the cache and locked. */
export function* dax_load_hole(mapping: AddressSpace, found: Page | null, vmf: VmFaultInfo): Coroutine<VmFault> {
  const page = found ?? (yield* find_or_create_page(mapping, vmf.pgoff));
  if (page === null) return VM_FAULT_OOM;
  if (yield* is_behind_end(mapping, vmf.pgoff)) {
    mark('truncation seen');
    yield* unlock_page(page.lock);
    yield* page_cache_release(mapping.host.system, page);
    return VM_FAULT_SIGBUS;
  }
  vmf.page = page;
  return VM_FAULT_LOCKED;
}

/** Map the block, if the file still has the page. One that is new is zeroed first. */
export function* dax_insert_mapping(vma: Vma, vmf: VmFaultInfo, number: number): Coroutine<VmFault> {
  const mapping = vma.vm_file!.f_mapping;
  const path = path3(vma.vm_mm);
  yield* path.i_mmap_lock_read(mapping);
  const fault = yield* map_block(vma, vmf, number);
  yield* path.i_mmap_unlock_read(mapping);
  if (number < 0) yield* convert_unwritten(mapping.host, vmf.pgoff, -number);
  return fault;
}

/** Caller holds the lock of i_mmap. That somebody else has mapped something there is fine. */
export function* map_block(vma: Vma, vmf: VmFaultInfo, number: number): Coroutine<VmFault> {
  const mapping = vma.vm_file!.f_mapping;
  if (yield* is_behind_end(mapping, vmf.pgoff)) {
    mark('truncation seen');
    return VM_FAULT_SIGBUS;
  }
  const block = mapping.host.disk.block(Math.abs(number));
  if (number < 0) yield* clear_block(block);
  if (!(yield* vm_insert_mixed(vma, vmf.virtual_address, block))) mark('file fault raced');
  return VM_FAULT_NOPAGE;
}

function* find_lock_page(mapping: AddressSpace, pgoff: number): Coroutine<Page | null> {
  const { system } = mapping.host;
  for (;;) {
    const page = yield* find_get_page(system, mapping, pgoff);
    if (page === null) return null;
    yield* lock_page(page.lock);
    if (page.mapping === mapping.number) return page;
    yield* unlock_page(page.lock);
    yield* page_cache_release(system, page);
  }
}

function* find_or_create_page(mapping: AddressSpace, pgoff: number): Coroutine<Page | null> {
  const { system } = mapping.host;
  for (;;) {
    const page = yield* find_lock_page(mapping, pgoff);
    if (page !== null) return page;
    const fresh = yield* alloc_page(system);
    if (fresh === null) return null;
    yield* clear_user_highpage(fresh);
    if (yield* add_to_page_cache(fresh, mapping, pgoff)) {
      yield* SetPageUptodate(fresh);
      return fresh;
    }
    yield* page_cache_release(system, fresh);
  }
}

/**
 * write(2) of one word (dax_do_io): to the block itself. Then a page of zeros goes, if the cache has one
 * (generic_file_direct_write, which looks for it before the write too).
 */
function* dax_file_write(inode: Inode, pgoff: number, word: number, value: number): Coroutine<number> {
  might_sleep();
  yield* mutex_lock(inode.i_mutex);
  const number = yield* dax_get_block(inode, pgoff, true);
  const block = inode.disk.block(Math.abs(number));
  if (number < 0) yield* clear_block(block); // dax_new_buf
  yield* WRITE_ONCE(block.contents(word), value);
  if (number < 0) yield* convert_unwritten(inode, pgoff, -number);
  yield* invalidate_hole(inode, pgoff);
  yield* grow_to(inode, pgoff, word);
  yield* mutex_unlock(inode.i_mutex);
  return 1;
}

/** invalidate_inode_pages2_range of a page, which is a hole's if there is one. */
function* invalidate_hole(inode: Inode, pgoff: number): Coroutine {
  const page = yield* find_lock_page(inode.i_mapping, pgoff);
  if (page !== null) yield* remove_hole_page(inode.i_mapping, page);
}

/** read(2) of one word (dax_do_io with DIO_LOCKING). */
function* dax_file_read(inode: Inode, pgoff: number, word: number): Coroutine<number> {
  might_sleep();
  yield* mutex_lock(inode.i_mutex);
  const value = yield* xip_file_read(inode, pgoff, word);
  yield* mutex_unlock(inode.i_mutex);
  return value;
}

function file_write(inode: Inode, pgoff: number, word: number, value: number): Coroutine<number> {
  return (inode.kind.dax === true ? dax_file_write : generic_file_write)(inode, pgoff, word, value);
}

function file_read(inode: Inode, pgoff: number, word: number): Coroutine<number> {
  return (inode.kind.dax === true ? dax_file_read : generic_file_read)(inode, pgoff, word);
}

/** What the patches that bring DAX replace, but for what faults on all files share. */
export const dax = {
  dax_fault,
  dax_mkwrite,
  dax_get_block: get_block,
  file_write,
  file_read,
} satisfies Partial<FaultPath3_17>;

/** The patches that have the handler above, and all patches that have any. */
export const WITH_DAX_FAULT = ['dax-cow-fault', 'dax-cow-merged', 'dax-zeroed-blocks'];
export const WITH_DAX = [...WITH_DAX_FAULT, 'dax-fs-lock', 'dax-i-mmap-write'];
