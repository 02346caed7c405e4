/**
 * Kernel text for those who write patches, as `faultline/kernel`: the functions that a patch may replace, what they
 * call, and the steps they are made of. See docs/patch.md.
 */

// A patch and its base
export type { Base, Change, Mail } from './kernel/change.ts';
export { type FaultPath, type FaultPath2_6, type NoPage, path2_6, type ZapDetails } from './kernel/fault-path.ts';
export { bases } from './kernel/index.ts';
export { is_shared, mapFilePage, pmd_alloc, v2_6_10 } from './kernel/memory.ts';
export { count_copy, establish_copy, pte_alloc, v2_6_15 } from './kernel/v2.6.15/memory.ts';
export { v3_14 } from './kernel/v3.14/index.ts';
export { FAULT_AROUND_BYTES, has_map_pages, v3_17 } from './kernel/v3.17/memory.ts';
export {
  type DoFault,
  type DoFault3_17,
  fault_of,
  type FaultHandler,
  type FaultPath3,
  type FaultPath3_14,
  type FaultPath3_17,
  path3,
  path3_14,
  path3_17,
} from './kernel/v3.14/path.ts';

// What can stop
export { type Coroutine, NOTHING, Step } from './machine/step.ts';
export {
  atomic_add_return,
  atomic_dec,
  atomic_inc,
  Cell,
  cmpxchg,
  Line,
  type Location,
  poll_for,
  READ_ONCE,
  Ref,
  wait_for,
  Words,
  WRITE_ONCE,
  xchg,
} from './machine/memory.ts';
export { Spinlock, spin_lock, spin_trylock, spin_unlock } from './sync/spinlock.ts';
export { Mutex, mutex_lock, mutex_trylock, mutex_unlock } from './sync/mutex.ts';
export { lock_page, PageLock, trylock_page, unlock_page } from './sync/pagelock.ts';
export {
  down_read,
  down_read_trylock,
  down_write,
  down_write_trylock,
  RwSemaphore,
  up_read,
  up_write,
} from './sync/rwsem.ts';
export { call_rcu, Rcu, rcu_read_lock, rcu_read_unlock, synchronize_rcu } from './sync/rcu.ts';
export { local_irq_disable, local_irq_enable, on_each_cpu } from './sync/smp.ts';

// The thread that runs, what it is charged, what is told of it
export { KernelBug, might_sleep, Misuse, running, smp_processor_id } from './machine/thread.ts';
export { charge, work } from './machine/work.ts';
export { choose, maybe, reachable, sometimes } from './machine/choice.ts';
export { mark } from './kernel/marks.ts';
export { current, in_atomic, Task } from './kernel/sched.ts';

// Structures
export {
  type Address,
  AnonVma,
  type Config,
  Mm,
  Page,
  type System,
  VM_EXEC,
  VM_FAULT_MAJOR,
  VM_FAULT_MINOR,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  VM_NONLINEAR,
  VM_RAND_READ,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
  Vma,
  type VmFault,
  ZERO_PFN,
  Zone,
} from './kernel/structs.ts';

// Page tables
export {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_PRESENT,
  _PAGE_RW,
  linear_page_index,
  mk_pte,
  page_number,
  page_of_ptes,
  page_size,
  pgd_none,
  pgd_populate,
  pgd_present,
  pmd_addr_end,
  pmd_offset,
  pmd_page,
  pmd_populate,
  pmd_present,
  type PmdPage,
  pte_mkdirty,
  pte_mkold,
  pte_mkwrite,
  pte_mkyoung,
  pte_none,
  pte_offset_map,
  pte_page,
  pte_pfn,
  pte_present,
  pte_unmap,
  pte_write,
  pte_wrprotect,
  pte_young,
  type Ptep,
  PtePage,
  pud_populate,
  pud_present,
  table_number,
  TablePage,
  update_mmu_cache,
} from './kernel/pgtable.ts';
export { flush_tlb_mm, flush_tlb_page, flush_tlb_range, ptep_clear_flush_young } from './kernel/tlb.ts';
export {
  type MmuGather,
  tlb_finish_mmu,
  tlb_flush_mmu,
  tlb_flush_mmu_tlbonly,
  tlb_gather_mmu,
  tlb_remove_page,
} from './kernel/mmu_gather.ts';

// Files
export { AddressSpace, Block, type File, Inode } from './kernel/fs.ts';
export { clear_block, convert_unwritten, free_blocks, get_block, set_written } from './kernel/block.ts';
export { mpage_readpages, mpage_writepage } from './kernel/mpage.ts';
export {
  add_to_page_cache,
  find_get_page,
  pagevec_lookup,
  RADIX_TREE_LOOKUP,
  remove_from_page_cache,
  round_up_pages,
  slot_of,
} from './kernel/pagemap.ts';
export {
  ClearPageReadahead,
  PageDirty,
  PageReadahead,
  PageUptodate,
  SetPageUptodate,
  TestClearPageDirty,
  TestSetPageDirty,
} from './kernel/page-flags.ts';
export { lock_page_or_retry, page_cache_get_speculative } from './kernel/v3.14/filemap.ts';
export {
  do_page_mkwrite,
  pte_offset_map_lock,
  pte_unmap_unlock,
  set_anon_pte,
  zap_pte_range_flushed,
  zap_ptes,
} from './kernel/v3.14/memory.ts';
export { do_set_pte, faultInfo, lockedFault, mkwrite_if_asked, withPageLocked } from './kernel/v3.14/do-fault.ts';
export { filemap_map_pages, mapLockedPage, mapPage, pageOfSlot } from './kernel/v3.17/filemap.ts';
export { fault_around_bytes, mapAlone, mapAround, mapWindow, set_copy } from './kernel/v3.17/memory.ts';
export { grow_to, is_behind_end, vm_insert_mixed, xip_file_read } from './kernel/v3.14/xip.ts';
export { delete_from_page_cache, punch_range, truncate_setsize } from './kernel/v3.14/truncate.ts';
export { generic_file_read, generic_file_write } from './kernel/filemap.ts';
/** VM_FAULT_* and FAULT_FLAG_* of 3.14 to 3.19, which are other numbers than those of 2.6. */
export * as v3 from './kernel/v3.14/vm-fault.ts';
export type { VmFaultInfo } from './kernel/v3.14/vm-fault.ts';

// Faults, pages, reverse mapping
export {
  can_share_swap_page,
  copy_cow_page,
  copy_one_pte,
  maybe_mkwrite,
  set_pte,
  unmap_vmas,
  vm_page_prot,
  ZERO_PAGE,
  zap_pte,
  zap_pte_range,
} from './kernel/memory.ts';
export {
  alloc_page,
  alloc_page_vma,
  clear_user_highpage,
  copy_user_highpage,
  page_cache_get,
  page_cache_release,
} from './kernel/page_alloc.ts';
export { type Pagevec, pagevec_add, pagevec_init } from './kernel/pagevec.ts';
export {
  __anon_vma_link,
  anon_vma_alloc,
  anon_vma_free,
  anon_vma_link,
  anon_vma_unlink,
  find_mergeable_anon_vma,
  page_add_anon_rmap,
  page_dup_rmap,
  page_remove_rmap,
} from './kernel/rmap.ts';
export {
  cursorCovers,
  next_inuse_pte,
  parkCursor,
  pte_walk_descend,
  pte_walk_descend_and_create,
  pte_walk_move_and_create,
  PteWalkState,
  readsOf,
  unparkCursor,
} from './kernel/pte-walk.ts';
export { RadixTables } from './kernel/radix-tables.ts';
export { find_vma, free_pgtables, remove_vm_struct, remove_vma } from './kernel/mmap.ts';
export { lru_cache_add_active } from './kernel/swap.ts';
