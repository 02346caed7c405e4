/**
 * Files that are memory, before DAX (mm/filemap_xip.c, fs/ext2/xip.c): a block is mapped as it is. The first store to a
 * page takes two faults: one maps the block read-only, the other one makes the pte writable, or copies the block if the mapping is
 * private. A hole reads as one page for all (the sparse page), which whoever fills the hole takes away again; a sequence counter
 * tells him of those who map it meanwhile.
 *
 * Nothing keeps truncate away between the look at i_size and the pte (mended by "Fix XIP fault vs truncate race", 2014).
 *
 * The zero page stands for the sparse page, so that nothing counts who maps it. There is no mprotect: that a mapping may be
 * written is VM_WRITE, where Linux fills a hole for VM_MAYWRITE too.
 */
import { READ_ONCE, WRITE_ONCE } from '../../machine/memory.ts';
import { CLEAR, type Coroutine, Step } from '../../machine/step.ts';
import { might_sleep } from '../../machine/thread.ts';
import { mutex_lock, mutex_unlock } from '../../sync/mutex.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import { get_block } from '../block.ts';
import { type AddressSpace, i_size_write, type Inode } from '../fs.ts';
import { is_shared, set_pte, vm_page_prot, ZERO_PAGE } from '../memory.ts';
import { round_up_pages } from '../pagemap.ts';
import { mk_pte, page_of_ptes, pte_none, pte_offset_map, pte_unmap, update_mmu_cache } from '../pgtable.ts';
import { type Address, DATA, type Page, PAGE_WORDS, VM_WRITE, type VmFault, type Vma } from '../structs.ts';
import { flush_tlb_page } from '../tlb.ts';
import { part_of } from '../truncate.ts';
import { path3 } from './path.ts';
import { VM_FAULT_NOPAGE, VM_FAULT_SIGBUS, type VmFaultInfo } from './vm-fault.ts';

export function* xip_file_fault(vma: Vma, vmf: VmFaultInfo): Coroutine<VmFault> {
  const mm = vma.vm_mm;
  const mapping = vma.vm_file!.f_mapping;
  const { host } = mapping;
  for (;;) {
    if (yield* is_behind_end(mapping, vmf.pgoff)) return VM_FAULT_SIGBUS;
    let number = yield* get_block(host, vmf.pgoff, false);
    if (number === 0 && is_shared(vma) && (vma.vm_flags & VM_WRITE) !== 0) {
      number = yield* fill_hole(mapping, vmf.pgoff); // one fault for all that may follow
    }
    if (number !== 0) return yield* path3(mm).xipInsert(vma, vmf, host.disk.block(number));

    yield* sparse_write_begin(mapping);
    const filled = (yield* get_block(host, vmf.pgoff, false)) !== 0;
    const fault = filled ? 0 : yield* path3(mm).xipInsert(vma, vmf, ZERO_PAGE(mm));
    yield* sparse_write_end(mapping);
    if (!filled) return fault;
  }
}

export function* is_behind_end({ host }: AddressSpace, pgoff: number): Coroutine<boolean> {
  return pgoff >= round_up_pages(host.system, yield* READ_ONCE(host.i_size));
}

/** The end of xip_file_fault. That somebody else has mapped something is fine. */
export function* xipInsert(vma: Vma, vmf: VmFaultInfo, page: Page): Coroutine<VmFault> {
  yield* vm_insert_mixed(vma, vmf.virtual_address, page);
  return VM_FAULT_NOPAGE;
}

function* sparse_write_begin({ host }: AddressSpace): Coroutine {
  const { xip_sparse_mutex, xip_sparse_seq } = host.disk;
  yield* mutex_lock(xip_sparse_mutex);
  yield* WRITE_ONCE(xip_sparse_seq, xip_sparse_seq.plain + 1);
}

function* sparse_write_end({ host }: AddressSpace): Coroutine {
  const { xip_sparse_mutex, xip_sparse_seq } = host.disk;
  yield* WRITE_ONCE(xip_sparse_seq, xip_sparse_seq.plain + 1);
  yield* mutex_unlock(xip_sparse_mutex);
}

/** A block, zeroed before it can be found, and nobody maps the sparse page there any more. Replies its number. */
function* fill_hole(mapping: AddressSpace, pgoff: number): Coroutine<number> {
  const { host } = mapping;
  yield* mutex_lock(host.disk.xip_sparse_mutex);
  const number = yield* get_block(host, pgoff, true, true);
  yield* mutex_unlock(host.disk.xip_sparse_mutex);
  yield* __xip_unmap(mapping, pgoff);
  return number;
}

/** Once without the mutex; if somebody was mapping sparse pages meanwhile, again with it. */
function* __xip_unmap(mapping: AddressSpace, pgoff: number): Coroutine {
  const { xip_sparse_mutex, xip_sparse_seq } = mapping.host.disk;
  const seq = yield* READ_ONCE(xip_sparse_seq);
  yield* unmap_sparse(mapping, pgoff);
  if (seq % 2 === 0 && (yield* READ_ONCE(xip_sparse_seq)) === seq) return;
  yield* mutex_lock(xip_sparse_mutex);
  yield* unmap_sparse(mapping, pgoff);
  yield* mutex_unlock(xip_sparse_mutex);
}

function* unmap_sparse(mapping: AddressSpace, pgoff: number): Coroutine {
  const { kernel } = mapping.host.system;
  yield* kernel.i_mmap_lock_write(mapping);
  for (const vma of mapping.i_mmap) {
    const range = part_of(vma, pgoff, pgoff);
    const pte = range === null ? null : yield* kernel.page_check_address(ZERO_PAGE(vma.vm_mm), vma.vm_mm, range[0]);
    if (range === null || pte === null) continue;
    yield* set_pte(pte, 0); // ptep_clear_flush
    yield* flush_tlb_page(vma, range[0]);
    yield* kernel.page_check_done(pte);
  }
  yield* kernel.i_mmap_unlock_write(mapping);
}

/**
 * Map memory that has no struct page, if nothing is mapped there: false, if something is (-EBUSY). Read-only: vm_page_prot of a
 * vma with page_mkwrite has no write bit, so that a store takes a second fault.
 */
export function* vm_insert_mixed(vma: Vma, address: Address, page: Page): Coroutine<boolean> {
  const mm = vma.vm_mm;
  const { kernel } = mm.system;
  const ptes = page_of_ptes(mm, address)!;
  const pte = pte_offset_map(mm, ptes, address);
  yield* spin_lock(kernel.pte_lockptr(mm, ptes));
  const none = pte_none(pte.plain);
  if (none) {
    const entry = mk_pte(page, vm_page_prot);
    yield* set_pte(pte, entry);
    yield* update_mmu_cache(vma, address, entry);
  }
  pte_unmap(pte);
  yield* spin_unlock(kernel.pte_lockptr(mm, ptes));
  return none;
}

/** write(2) of one word; returns how many words were written. */
export function* xip_file_write(inode: Inode, pgoff: number, word: number, value: number): Coroutine<number> {
  might_sleep();
  yield* mutex_lock(inode.i_mutex);
  const number = (yield* get_block(inode, pgoff, false)) || (yield* fill_hole(inode.i_mapping, pgoff));
  yield* WRITE_ONCE(inode.disk.block(number).contents(word), value);
  yield* grow_to(inode, pgoff, word);
  yield* mutex_unlock(inode.i_mutex);
  return 1;
}

/** The file ends behind that word, or later. Caller holds i_mutex. */
export function* grow_to(inode: Inode, pgoff: number, word: number): Coroutine {
  const end = (pgoff + (word + 1) / PAGE_WORDS) * inode.system.geometry.pageBytes;
  if (inode.i_size.value < end) yield* i_size_write(inode, end);
}

/**
 * read(2) of one word; 0 in a hole and behind the end. Takes no lock: truncation may free the block meanwhile, and another file
 * get it.
 */
export function* xip_file_read(inode: Inode, pgoff: number, word: number): Coroutine<number> {
  const at = (pgoff + word / PAGE_WORDS) * inode.system.geometry.pageBytes;
  const behind = at >= (yield* READ_ONCE(inode.i_size));
  const number = behind ? 0 : yield* get_block(inode, pgoff, false);
  return number > 0 ? yield* READ_ONCE(inode.disk.block(number).contents(word)) : 0;
}

/** Zero what is behind the new end in its block. */
export function* xip_truncate_page(inode: Inode, newsize: number): Coroutine {
  const { pageBytes } = inode.system.geometry;
  if (newsize % pageBytes === 0) return;
  const number = yield* get_block(inode, Math.floor(newsize / pageBytes), false);
  if (number <= 0) return;
  const block = inode.disk.block(number);
  const kept = Math.ceil(((newsize % pageBytes) / pageBytes) * PAGE_WORDS);
  yield* new Step(CLEAR, block, DATA + kept, pageBytes, block.zone.node);
}
