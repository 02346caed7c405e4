/**
 * "[PATCH] mm: nominate faultaround area in bytes rather then page order", Kirill A. Shutemov, linux-mm, 2014-05-20, on
 * map_pages as merged (commit a9b0f8618d46, 3.16-rc1).
 *
 * Claim: a window of 64 KiB, however large a page is; where it is as large as the window there is no fault-around.
 * Replaces: do_read_fault, do_fault_around; all else is as merged.
 *
 * What is so as posted: the knob is rounded down to a power of two when it is used. Of 0 that is undefined, and 2^63 on x86-64
 * (Ryabinin, 2014-07-28): then the window has no beginning but that of the vma, which may be in another page of ptes, and the
 * pointer to the first pte leaves the page (B17). An odd value does no harm.
 */
import type { Coroutine } from '../../machine/step.ts';
import type { Change3_17 } from '../change.ts';
import { page_size, type PtePage, type Ptep } from '../pgtable.ts';
import type { Address, Mm, VmFault, Vma } from '../structs.ts';
import { FAULT_AROUND_BYTES, has_map_pages, mapAlone, mapAround, mapWindow } from '../v3.17/memory.ts';
import { mapPagesMerged } from './2014-04-07-map-pages-merged.ts';

function rounddown_pow_of_two(n: number): number {
  return n === 0 ? 2 ** 63 : 2 ** Math.floor(Math.log2(n));
}

function fault_around_bytes({ system }: Mm): number {
  return rounddown_pow_of_two(system.config.fault_around_bytes ?? FAULT_AROUND_BYTES);
}

export function fault_around_pages(mm: Mm): number {
  return Math.floor(fault_around_bytes(mm) / page_size(mm));
}

function* do_read_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  const around = has_map_pages(vma) && fault_around_pages(mm) > 1;
  if (around && (yield* mapAround(mm, vma, address, pmd, pgoff, flags, orig_pte))) return 0;
  return yield* mapAlone(mm, vma, address, pmd, pgoff, flags, orig_pte);
}

function do_fault_around(vma: Vma, address: Address, pte: Ptep, pgoff: number, flags: number): Coroutine {
  return mapWindow(vma, address, pte, pgoff, flags, fault_around_bytes(vma.vm_mm));
}

export const faultAroundBytes: Change3_17 = {
  name: 'fault-around-bytes',
  base: 'v3.14',
  on: ['v3.14', 'map-pages-merged'],
  about: 'map-pages-merged, and the window is given in bytes, rounded down where it is used',
  mail: {
    date: '2014-05-20',
    subject: '[PATCH] mm: nominate faultaround area in bytes rather then page order',
    author: 'Kirill A. Shutemov',
    url: 'https://lore.kernel.org/r/20140520102738.7F096E009B@blue.fi.intel.com',
    claim: 'no fault-around where a page is 64 KiB or more: less is to be gained there',
  },
  replaces: { ...mapPagesMerged.replaces, do_read_fault, do_fault_around },
  knobs: { do_fault_around: 'fault_around_bytes' },
};
