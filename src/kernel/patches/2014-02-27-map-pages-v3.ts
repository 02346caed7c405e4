/**
 * "[PATCHv3 1/2] mm: introduce vm_ops->map_pages()" and 2/2, Kirill A. Shutemov, linux-mm, 2014-02-27, against -mm: faults on
 * files are split by kind there, as in 3.15. The split comes with the patch here.
 *
 * Claim: a read fault maps up to 16 pages around it that are easily accessible, which reduces the number of minor faults; a
 * page that is not ready, in a cold cache say, is left to ->fault.
 * Replaces: __do_fault and who calls it; adds do_fault_around and filemap_map_pages.
 *
 * What is so as posted: map_pages takes what it finds in a slot for a page without asking whether it is none by now (B16a,
 * Khlebnikov, April 2014); and it ends when the index of the page that it has just given back is the last one, which may be
 * another page by then (B16b). An entry that is no page crashes it there (Dickins, 2014-02-28); such entries are left out.
 * Offsets of a vma that is not linear are counted from the one of the fault as if it were (B15).
 */
import { READ_ONCE } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { KernelBug, running } from '../../machine/thread.ts';
import { charge } from '../../machine/work.ts';
import type { Change3_17 } from '../change.ts';
import type { AddressSpace } from '../fs.ts';
import { page_cache_release } from '../page_alloc.ts';
import { RADIX_TREE_LOOKUP, slot_of } from '../pagemap.ts';
import { page_size, type PtePage, type Ptep } from '../pgtable.ts';
import type { Address, Mm, Page, System, VmFault, Vma } from '../structs.ts';
import { page_cache_get_speculative } from '../v3.14/filemap.ts';
import type { VmFaultInfo } from '../v3.14/vm-fault.ts';
import { mapPage } from '../v3.17/filemap.ts';
import { has_map_pages, mapAlone, mapAround, mapWindow, v3_17 } from '../v3.17/memory.ts';

function* do_read_fault(
  mm: Mm,
  vma: Vma,
  address: Address,
  pmd: PtePage,
  pgoff: number,
  flags: number,
  orig_pte: number,
): Coroutine<VmFault> {
  const around = has_map_pages(vma);
  if (around && (yield* mapAround(mm, vma, address, pmd, pgoff, flags, orig_pte))) return 0;
  return yield* mapAlone(mm, vma, address, pmd, pgoff, flags, orig_pte);
}

function do_fault_around(vma: Vma, address: Address, pte: Ptep, pgoff: number, flags: number): Coroutine {
  const mm = vma.vm_mm;
  return mapWindow(vma, address, pte, pgoff, flags, page_size(mm) * 2 ** mm.system.config.FAULT_AROUND_ORDER);
}

function* filemap_map_pages(vma: Vma, vmf: VmFaultInfo): Coroutine {
  const mapping = vma.vm_file!.f_mapping;
  const { system } = vma.vm_mm;
  charge(RADIX_TREE_LOOKUP);
  for (let index = vmf.pgoff; index <= vmf.max_pgoff; index++) {
    if ((yield* READ_ONCE(slot_of(mapping, index))) === 0) continue; // radix_tree_for_each_slot
    const page = yield* pageOfSlot(system, mapping, index);
    if (!(yield* mapPage(vma, vmf, page.index, page))) yield* page_cache_release(system, page);
    if (page.index === vmf.max_pgoff) break;
  }
}

/** The page of a slot that was not empty a moment ago, with a reference. */
function* pageOfSlot(system: System, mapping: AddressSpace, index: number): Coroutine<Page> {
  const slot = slot_of(mapping, index);
  for (;;) {
    const pfn = yield* READ_ONCE(slot);
    if (pfn === 0) {
      const where = mapping.page_tree.describe(index);
      throw new KernelBug('null pointer', `${running.name} takes a reference to the page of ${where}, which is none`);
    }
    const page = system.mem_map[pfn];
    if (!(yield* page_cache_get_speculative(page))) continue;
    if ((yield* READ_ONCE(slot)) === pfn) return page;
    yield* page_cache_release(system, page);
  }
}

/** Faults split by kind, and do_fault_around with a constant order. */
export const faultsWithMapPages = {
  do_linear_fault: v3_17.do_linear_fault,
  do_nonlinear_fault: v3_17.do_nonlinear_fault,
  __do_fault: v3_17.__do_fault,
  do_read_fault,
  do_cow_fault: v3_17.do_cow_fault,
  do_shared_fault: v3_17.do_shared_fault,
  do_fault_around,
};

export const mapPagesV3: Change3_17 = {
  name: 'map-pages-v3',
  base: 'v3.14',
  about: 'a read fault maps up to 16 cached pages around it under one lock, third version',
  mail: {
    date: '2014-02-27',
    subject: '[PATCHv3 1/2] mm: introduce vm_ops->map_pages()',
    author: 'Kirill A. Shutemov',
    url: 'https://lore.kernel.org/r/1393530827-25450-2-git-send-email-kirill.shutemov@linux.intel.com',
    claim: 'easily accessible pages around a read fault are mapped: fewer minor faults, and nothing is waited for',
  },
  replaces: { ...faultsWithMapPages, filemap_map_pages },
  knobs: { do_fault_around: 'FAULT_AROUND_ORDER' },
};
