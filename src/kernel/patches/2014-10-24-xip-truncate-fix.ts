/**
 * "[PATCH v12 03/20] mm: Fix XIP fault vs truncate race", Matthew Wilcox, linux-fsdevel, 2014-10-24.
 *
 * Claim: there is no page to lock, so i_mmap_mutex is held while the fault looks at i_size again and maps the block. Truncation
 * lowers i_size and takes the mutex then: the fault sees the new size, or truncation finds its pte.
 * Replaces: the end of xip_file_fault (xipInsert here).
 */
import type { Coroutine } from '../../machine/step.ts';
import { mutex_lock, mutex_unlock } from '../../sync/mutex.ts';
import type { Change3_17 } from '../change.ts';
import { mark } from '../marks.ts';
import type { Page, VmFault, Vma } from '../structs.ts';
import { VM_FAULT_NOPAGE, VM_FAULT_SIGBUS, type VmFaultInfo } from '../v3.14/vm-fault.ts';
import { is_behind_end, vm_insert_mixed } from '../v3.14/xip.ts';

function* xipInsert(vma: Vma, vmf: VmFaultInfo, page: Page): Coroutine<VmFault> {
  const mapping = vma.vm_file!.f_mapping;
  yield* mutex_lock(mapping.i_mmap_mutex);
  const cut = yield* is_behind_end(mapping, vmf.pgoff);
  if (cut) mark('truncation seen');
  else yield* vm_insert_mixed(vma, vmf.virtual_address, page);
  yield* mutex_unlock(mapping.i_mmap_mutex);
  return cut ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

export const xipTruncateFix: Change3_17 = {
  name: 'xip-truncate-fix',
  base: 'v3.17',
  about: 'a fault on a file that is memory looks at i_size again and maps its block with i_mmap_mutex held',
  mail: {
    date: '2014-10-24',
    subject: '[PATCH v12 03/20] mm: Fix XIP fault vs truncate race',
    author: 'Matthew Wilcox',
    url: 'https://lore.kernel.org/r/1414185652-28663-4-git-send-email-matthew.r.wilcox@intel.com',
    claim: 'a fault sees the new size, or truncation finds what it has mapped',
  },
  replaces: { xipInsert },
};
