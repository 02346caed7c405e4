/**
 * Files that are memory, before DAX (mm/filemap_xip.c): a block is mapped as it is. The first private store to a page takes two
 * faults: one maps the block read-only, the other one copies it. Nothing keeps truncate away between the look at i_size and
 * the pte (mended by "Fix XIP fault vs truncate race", 2014).
 *
 * Left out: the sparse page that stands for holes: a hole gets its block at the first fault of any kind.
 */
import { READ_ONCE } from '../../machine/memory.ts';
import { CLEAR, type Coroutine, Step } from '../../machine/step.ts';
import { spin_lock, spin_unlock } from '../../sync/spinlock.ts';
import { get_block, set_written } from '../block.ts';
import type { Block, Inode } from '../fs.ts';
import { is_shared, maybe_mkwrite, set_pte, vm_page_prot } from '../memory.ts';
import { round_up_pages } from '../pagemap.ts';
import {
  mk_pte,
  pmd_offset,
  pmd_page,
  pte_mkdirty,
  pte_none,
  pte_offset_map,
  pte_unmap,
  update_mmu_cache,
} from '../pgtable.ts';
import { type Address, DATA, type Page, type VmFault, type Vma } from '../structs.ts';
import { FAULT_FLAG_WRITE, VM_FAULT_NOPAGE, VM_FAULT_SIGBUS, type VmFaultInfo } from './vm-fault.ts';

export function* xip_file_fault(vma: Vma, vmf: VmFaultInfo): Coroutine<VmFault> {
  const { host } = vma.vm_file!.f_mapping;
  const { system } = vma.vm_mm;
  if (vmf.pgoff >= round_up_pages(system, yield* READ_ONCE(host.i_size))) return VM_FAULT_SIGBUS;
  const block = yield* memory_of(host, vmf.pgoff);
  const write = (vmf.flags & FAULT_FLAG_WRITE) !== 0 && is_shared(vma);
  yield* vm_insert_mixed(vma, vmf.virtual_address, block, write);
  return VM_FAULT_NOPAGE;
}

/** The memory of a page of the file; a new block is zeroed. */
function* memory_of(inode: Inode, pgoff: number): Coroutine<Block> {
  const number = yield* get_block(inode, pgoff, true);
  const block = inode.disk.block(Math.abs(number));
  if (number < 0) {
    yield* clear_block(block);
    yield* set_written(inode, pgoff, block.number);
  }
  return block;
}

export function clear_block(block: Block): Step {
  return new Step(CLEAR, block, DATA, block.zone.pageBytes, block.zone.node);
}

/** Map memory that has no struct page, if nothing is mapped there: false, if something is (-EBUSY). */
export function* vm_insert_mixed(vma: Vma, address: Address, page: Page, write: boolean): Coroutine<boolean> {
  const mm = vma.vm_mm;
  const { kernel } = mm.system;
  const ptes = pmd_page(mm, pmd_offset(mm, address)!, address)!;
  const pte = pte_offset_map(mm, ptes, address);
  yield* spin_lock(kernel.pte_lockptr(mm, ptes));
  const none = pte_none(pte.plain);
  if (none) {
    const protection = mk_pte(page, vm_page_prot);
    const entry = write ? maybe_mkwrite(pte_mkdirty(protection), vma) : protection;
    yield* set_pte(pte, entry);
    update_mmu_cache(vma, address, entry);
  }
  pte_unmap(pte);
  yield* spin_unlock(kernel.pte_lockptr(mm, ptes));
  return none;
}
