/**
 * "mm: do not call do_fault_around for non-linear fault", Konstantin Khlebnikov, linux-mm, 2014-07-15, on 3.16-rc
 * (commit c118678bc79e).
 *
 * Claim: faulting around a fault that is not linear makes no sense and breaks the arithmetic of do_fault_around, because the
 * offset is shifted: wrong pages were mapped, and "kernel BUG at mm/filemap.c:202" at exit.
 * Replaces: do_read_fault; all else is as the window in bytes has left it.
 */
import type { Coroutine } from '../../machine/step.ts';
import type { Change3_17 } from '../change.ts';
import type { PtePage } from '../pgtable.ts';
import type { Address, Mm, VmFault, Vma } from '../structs.ts';
import { FAULT_FLAG_NONLINEAR } from '../v3.14/vm-fault.ts';
import { has_map_pages, mapAlone, mapAround } from '../v3.17/memory.ts';
import { fault_around_pages, faultAroundBytes } from './2014-05-20-fault-around-bytes.ts';

function* do_read_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  const around = has_map_pages(vma) && (flags & FAULT_FLAG_NONLINEAR) === 0 && fault_around_pages(mm) > 1;
  if (around && (yield* mapAround(mm, vma, address, pmd, pgoff, flags, orig_pte))) return 0;
  return yield* mapAlone(mm, vma, address, pmd, pgoff, flags, orig_pte);
}

export const faultAroundNonlinear: Change3_17 = {
  name: 'fault-around-nonlinear',
  base: 'v3.14',
  on: ['v3.14', 'map-pages-merged', 'fault-around-bytes'],
  about: 'fault-around-bytes, and none around a page that remap_file_pages has moved',
  mail: {
    date: '2014-07-15',
    subject: 'mm: do not call do_fault_around for non-linear fault',
    author: 'Konstantin Khlebnikov',
    url: 'https://lore.kernel.org/r/20140715115832.18997.90349.stgit@buzz',
    claim: 'no wrong pages of the file beside one that remap_file_pages has moved',
  },
  replaces: { ...faultAroundBytes.replaces, do_read_fault },
  knobs: { do_fault_around: 'fault_around_bytes' },
};
