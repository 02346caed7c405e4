/** The kernel text once more with `yield* step(...)` for every primitive: what a generator per primitive costs. */
import { find_vma } from '../../src/kernel/mmap.ts';
import { maybe_mkwrite, set_pte, vm_page_prot } from '../../src/kernel/memory.ts';
import { __rmqueue, clear_user_highpage } from '../../src/kernel/page_alloc.ts';
import {
  mk_pte,
  page_number,
  page_size,
  pmd_offset,
  page_of_ptes,
  pmd_populate,
  pte_mkdirty,
  pte_none,
  pte_offset_map,
  type PtePage,
  pte_page,
  pte_present,
  pud_populate,
} from '../../src/kernel/pgtable.ts';
import { page_add_anon_rmap } from '../../src/kernel/rmap.ts';
import type { Mm, Page, System, Vma } from '../../src/kernel/structs.ts';
import { plainAccess, READ_ONCE, Ref, WRITE_ONCE } from '../../src/machine/memory.ts';
import type { Coroutine, Step } from '../../src/machine/step.ts';
import { running, SYSTEM, USER } from '../../src/machine/thread.ts';
import { charge } from '../../src/machine/work.ts';
import { down_read, up_read } from '../../src/sync/rwsem.ts';
import { spin_lock, spin_unlock } from '../../src/sync/spinlock.ts';
import * as COST from './costs.ts';

function* step(primitive: Step): Coroutine<number> {
  return yield primitive;
}

export function* leaves(mm: Mm, vma: Vma): Coroutine {
  for (let address = vma.vm_start; address < vma.vm_end; address += page_size(mm)) {
    const pte = new Ref(mm.pgd, page_number(mm, address));
    const tlb = mm.system.tlbs[running.cpu];
    yield* step(tlb.beginStep);
    let entry = yield* step(READ_ONCE(pte));
    while (!pte_present(entry)) {
      yield* step(tlb.endStep);
      yield* do_page_fault(mm, address);
      yield* step(tlb.beginStep);
      entry = yield* step(READ_ONCE(pte));
    }
    charge(COST.TOUCH);
    yield* step(WRITE_ONCE(pte_page(mm, entry).contents(0), 1));
    yield* step(tlb.endStep);
  }
}

function* do_page_fault(mm: Mm, address: number): Coroutine {
  running.mode = SYSTEM;
  charge(COST.FAULT_ENTRY);
  yield* step(down_read(mm.mmap_sem));
  yield* handle_mm_fault(mm, find_vma(mm, address)!, address);
  yield* step(up_read(mm.mmap_sem));
  charge(COST.FAULT_EXIT);
  running.mode = USER;
  charge(COST.FAULT_RESTART);
}

function* handle_mm_fault(mm: Mm, vma: Vma, address: number): Coroutine {
  charge(COST.HANDLE_MM_FAULT);
  yield* step(spin_lock(mm.page_table_lock));
  if (pmd_offset(mm, address) === undefined) yield* pmd_alloc(mm, address);
  const ptes = page_of_ptes(mm, address) ?? (yield* pte_alloc_map(mm, address));
  if (!pte_none(pte_offset_map(mm, ptes, address).plain)) throw new Error('two threads on one page');
  yield* do_anonymous_page(mm, vma, ptes, address);
}

function* pmd_alloc(mm: Mm, address: number): Coroutine {
  yield* step(spin_unlock(mm.page_table_lock));
  charge(COST.PMD_ALLOC);
  yield* step(spin_lock(mm.page_table_lock));
  if (pmd_offset(mm, address) === undefined) yield* step(pud_populate(mm, address));
}

function* pte_alloc_map(mm: Mm, address: number): Coroutine<PtePage> {
  yield* step(spin_unlock(mm.page_table_lock));
  charge(COST.PTE_ALLOC);
  yield* step(spin_lock(mm.page_table_lock));
  if (page_of_ptes(mm, address) === undefined) yield* step(pmd_populate(mm, address));
  return page_of_ptes(mm, address)!;
}

function* do_anonymous_page(mm: Mm, vma: Vma, pmd: PtePage, address: number): Coroutine {
  yield* step(spin_unlock(mm.page_table_lock));
  yield* anon_vma_prepare(vma);
  const page = yield* alloc_page(mm.system);
  yield* step(clear_user_highpage(page));

  yield* step(spin_lock(mm.page_table_lock));
  const page_table = pte_offset_map(mm, pmd, address);
  if (!pte_none(page_table.plain)) throw new Error('two threads on one page');
  mm.rss.plain++;
  charge(COST.SET_ANON_PTE);
  yield* lru_cache_add_active(mm.system, page);
  yield* step(page_add_anon_rmap(page, vma, address));
  yield* step(set_pte(page_table, maybe_mkwrite(pte_mkdirty(mk_pte(page, vm_page_prot)), vma)));
  yield* step(spin_unlock(mm.page_table_lock));
}

function* anon_vma_prepare(vma: Vma): Coroutine {
  if ((yield* step(READ_ONCE(vma.anon_vma))) !== 0) return;
  const mm = vma.vm_mm;
  charge(COST.ANON_VMA_ALLOC);
  yield* step(spin_lock(mm.page_table_lock));
  if (vma.anon_vma.plain === 0) yield* step(WRITE_ONCE(vma.anon_vma, ++mm.system.anon_vmas));
  yield* step(spin_unlock(mm.page_table_lock));
}

function* alloc_page(system: System): Coroutine<Page> {
  const { cpu } = running;
  const zone = system.zones[system.cpu_to_node[cpu]];
  const pcp = system.pageset[cpu];
  const list = pcp.lists[zone.node];
  charge(COST.BUFFERED_RMQUEUE);
  yield* step(pcp.useStep);
  if (list.length <= system.pcp.low && (yield* step(READ_ONCE(zone.free_pages))) > 0) {
    yield* step(spin_lock(zone.lock));
    for (let i = 0; i < system.pcp.batch && zone.free_pages.plain > 0; i++) {
      list.push(__rmqueue(system, zone));
      zone.free_pages.value--;
    }
    yield* step(spin_unlock(zone.lock));
    yield* step(pcp.useStep);
  }
  const page = list.pop()!;
  plainAccess(page, 0, true);
  page._count.plain = 1;
  return page;
}

function* lru_cache_add_active(system: System, page: Page): Coroutine {
  const pvec = system.lru_add_active_pvecs[running.cpu];
  charge(COST.PAGEVEC_ADD);
  pvec.push(page);
  if (pvec.length < system.config.PAGEVEC_SIZE) return;
  yield* step(spin_lock(page.zone.lru_lock));
  while (pvec.pop() !== undefined) {
    charge(COST.ADD_PAGE_TO_ACTIVE_LIST);
    page.zone.nr_active.plain++;
  }
  yield* step(spin_unlock(page.zone.lru_lock));
}
