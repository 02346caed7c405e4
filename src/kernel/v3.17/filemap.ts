/**
 * map_pages of files in the page cache, as merged in 3.15 (mm/filemap.c): under the lock of the ptes, so it may not block.
 * What is not there, not up to date or locked is skipped; a fault will get it.
 *
 * Truncation lowers i_size before it locks a page: whoever has the page locked sees the new size, or truncation will find the
 * page mapped.
 */
import { READ_ONCE } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { charge } from '../../machine/work.ts';
import { trylock_page, unlock_page } from '../../sync/pagelock.ts';
import type { AddressSpace } from '../fs.ts';
import { page_cache_release } from '../page_alloc.ts';
import { PageHWPoison, PageReadahead, PageUptodate } from '../page-flags.ts';
import { RADIX_TREE_LOOKUP, round_up_pages, slot_of } from '../pagemap.ts';
import { page_size, pteAt, pte_none } from '../pgtable.ts';
import type { Page, System, Vma } from '../structs.ts';
import { do_set_pte } from '../v3.14/do-fault.ts';
import { page_cache_get_speculative } from '../v3.14/filemap.ts';
import type { VmFaultInfo } from '../v3.14/vm-fault.ts';

export function* filemap_map_pages(vma: Vma, vmf: VmFaultInfo): Coroutine {
  const mapping = vma.vm_file!.f_mapping;
  const { system } = vma.vm_mm;
  charge(RADIX_TREE_LOOKUP);
  for (let pgoff = vmf.pgoff; pgoff <= vmf.max_pgoff; pgoff++) {
    const page = yield* pageOfSlot(system, mapping, pgoff);
    if (page !== null && !(yield* mapPage(vma, vmf, pgoff, page))) yield* page_cache_release(system, page);
  }
}

/** The page of a slot, with a reference; null: it has none. */
export function* pageOfSlot(system: System, mapping: AddressSpace, pgoff: number): Coroutine<Page | null> {
  const slot = slot_of(mapping, pgoff);
  for (;;) {
    const pfn = yield* READ_ONCE(slot);
    if (pfn === 0) return null;
    const page = system.mem_map[pfn];
    if (!(yield* page_cache_get_speculative(page))) continue;
    if ((yield* READ_ONCE(slot)) === pfn) return page;
    yield* page_cache_release(system, page);
  }
}

/** True: it is mapped, and the reference is the pte's. */
export function* mapPage(vma: Vma, vmf: VmFaultInfo, pgoff: number, page: Page): Coroutine<boolean> {
  if (!(yield* isEasy(page)) || (yield* trylock_page(page.lock)) === 0) return false;
  const mapped = yield* mapLockedPage(vma, vmf, pgoff, page);
  yield* unlock_page(page.lock);
  return mapped;
}

/** Nothing speaks against the page before it is locked. One that is marked for readahead is left to a fault, which reads on. */
export function* isEasy(page: Page): Coroutine<boolean> {
  const usable = (yield* PageUptodate(page)) === 1 && (yield* PageReadahead(page)) === 0;
  return usable && (yield* PageHWPoison(page)) === 0;
}

/** Caller holds the page lock, and that of the page of ptes. */
export function* mapLockedPage(vma: Vma, vmf: VmFaultInfo, pgoff: number, page: Page): Coroutine<boolean> {
  if (page.mapping !== vma.vm_file!.f_mapping.number) return false;
  return yield* mapIfInside(vma, vmf, pgoff, page);
}

/** The same without asking whether the page is in the file still. */
export function* mapIfInside(vma: Vma, vmf: VmFaultInfo, pgoff: number, page: Page): Coroutine<boolean> {
  const mm = vma.vm_mm;
  if ((yield* PageUptodate(page)) === 0) return false;
  if (pgoff >= round_up_pages(mm.system, yield* READ_ONCE(vma.vm_file!.f_mapping.host.i_size))) return false;
  const off = pgoff - vmf.pgoff;
  const pte = pteAt(mm, vmf.pte!, off);
  if (!pte_none(pte.plain)) return false;
  yield* do_set_pte(vma, vmf.virtual_address + off * page_size(mm), page, pte, false);
  return true;
}
