/**
 * Known bad: xip_file_fault as it was before 2.6.27 (commit 538f8ea6c852), on 3.17. A hole is found, and the page that stands for
 * holes is mapped; that the hole is filled in between, and its pages are unmapped, nobody notices.
 *
 * Breaks: a load shows what the file holds.
 */
import type { Coroutine } from '../../machine/step.ts';
import { get_block } from '../block.ts';
import type { Change3_17 } from '../change.ts';
import { is_shared, ZERO_PAGE } from '../memory.ts';
import { VM_WRITE, type VmFault, type Vma } from '../structs.ts';
import { path3 } from '../v3.14/path.ts';
import { VM_FAULT_SIGBUS, type VmFaultInfo } from '../v3.14/vm-fault.ts';
import { is_behind_end, xip_file_fault as fixed } from '../v3.14/xip.ts';

function* xip_file_fault(vma: Vma, vmf: VmFaultInfo): Coroutine<VmFault> {
  if (is_shared(vma) && (vma.vm_flags & VM_WRITE) !== 0) return yield* fixed(vma, vmf);
  const mapping = vma.vm_file!.f_mapping;
  if (yield* is_behind_end(mapping, vmf.pgoff)) return VM_FAULT_SIGBUS;
  const number = yield* get_block(mapping.host, vmf.pgoff, false);
  const page = number === 0 ? ZERO_PAGE(vma.vm_mm) : mapping.host.disk.block(number);
  return yield* path3(vma.vm_mm).xipInsert(vma, vmf, page);
}

export const xipSparseUnlocked: Change3_17 = {
  name: 'xip-sparse-unlocked',
  base: 'v3.17',
  about: 'a hole of a file that is memory is mapped without a second look at whether it is one',
  replaces: { xip_file_fault },
};
