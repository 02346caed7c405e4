/** Linux 3.14, 2014-03-30. */
import { remove_vma } from '../mmap.ts';
import { anon_vma_prepare } from '../rmap.ts';
import { __do_fault, do_linear_fault, do_nonlinear_fault } from './do-fault.ts';
import { do_page_fault } from './fault.ts';
import { filemap_fault, filemap_page_mkwrite } from './filemap.ts';
import { copy_page_range, dup_mmap, page_check_address, page_check_done, pte_lockptr } from '../v2.6.15/memory.ts';
import * as memory from './memory.ts';
import type { FaultPath3, FaultPath3_14 } from './path.ts';
import * as truncate from './truncate.ts';
import { xip_file_fault, xipInsert } from './xip.ts';

/** What 3.14 and 3.17 have in common. */
export const v3 = {
  do_page_fault,
  anon_vma_prepare,
  handle_mm_fault: memory.handle_mm_fault,
  handle_pte_fault: memory.handle_pte_fault,
  do_anonymous_page: memory.do_anonymous_page,
  do_wp_page: memory.do_wp_page,
  dup_mmap,
  copy_page_range,
  zap_page_range: memory.zap_page_range,
  zap_pte_range: memory.zap_pte_range,
  unmap_region: memory.unmap_region,
  remove_vma,
  exit_mmap: memory.exit_mmap,
  page_check_address,
  page_check_done,
  pte_lockptr,
  i_mmap_lock_write: memory.i_mmap_lock_write,
  i_mmap_unlock_write: memory.i_mmap_unlock_write,
  i_mmap_lock_read: memory.i_mmap_lock_write,
  i_mmap_unlock_read: memory.i_mmap_unlock_write,
  unmap_mapping_range: memory.unmap_mapping_range,
  filemap_fault,
  filemap_page_mkwrite,
  xip_file_fault,
  xipInsert,
  do_truncate: truncate.do_truncate,
  punchHole: truncate.punchHole,
  truncate_pagecache: truncate.truncate_pagecache,
  truncate_pagecache_range: truncate.truncate_pagecache_range,
  truncate_inode_page: truncate.truncate_inode_page,
  invalidate_inode_pages2: truncate.invalidate_inode_pages2,
  do_writepages: truncate.do_writepages,
  page_mkclean: truncate.page_mkclean,
  sys_msync: truncate.sys_msync,
  sys_remap_file_pages: truncate.sys_remap_file_pages,
  file_write: truncate.file_write,
  file_read: truncate.file_read,
  lockless_pagecache: true,
} satisfies Omit<FaultPath3, 'do_linear_fault' | 'do_nonlinear_fault'>;

export const v3_14 = { ...v3, do_linear_fault, do_nonlinear_fault, __do_fault } satisfies FaultPath3_14;
