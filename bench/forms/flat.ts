/** The whole path of a write fault inlined into one generator, stopping at every step: no call, no walk object. */
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
  pte_page,
  pte_present,
  pud_populate,
} from '../../src/kernel/pgtable.ts';
import { page_add_anon_rmap } from '../../src/kernel/rmap.ts';
import type { Mm, Vma } from '../../src/kernel/structs.ts';
import { plainAccess, READ_ONCE, Ref, WRITE_ONCE } from '../../src/machine/memory.ts';
import type { Coroutine } from '../../src/machine/step.ts';
import { running, SYSTEM, USER } from '../../src/machine/thread.ts';
import { charge } from '../../src/machine/work.ts';
import { down_read, up_read } from '../../src/sync/rwsem.ts';
import { spin_lock, spin_unlock } from '../../src/sync/spinlock.ts';
import * as COST from './costs.ts';

export function* flat(mm: Mm, vma: Vma): Coroutine {
  const { system, page_table_lock } = mm;
  const { cpu } = running;
  const zone = system.zones[system.cpu_to_node[cpu]];
  const pcp = system.pageset[cpu];
  const list = pcp.lists[zone.node];
  const pvec = system.lru_add_active_pvecs[cpu];

  for (let address = vma.vm_start; address < vma.vm_end; address += page_size(mm)) {
    const tlb = system.tlbs[cpu];
    yield tlb.beginStep;
    let entry = yield READ_ONCE(new Ref(mm.pgd, page_number(mm, address)));
    while (!pte_present(entry)) {
      yield tlb.endStep;
      running.mode = SYSTEM;
      charge(COST.FAULT_ENTRY);
      yield down_read(mm.mmap_sem);
      find_vma(mm, address);
      charge(COST.HANDLE_MM_FAULT);

      yield spin_lock(page_table_lock);
      if (pmd_offset(mm, address) === undefined) {
        yield spin_unlock(page_table_lock);
        charge(COST.PMD_ALLOC);
        yield spin_lock(page_table_lock);
        if (pmd_offset(mm, address) === undefined) yield pud_populate(mm, address);
      }
      let ptes = page_of_ptes(mm, address);
      if (ptes === undefined) {
        yield spin_unlock(page_table_lock);
        charge(COST.PTE_ALLOC);
        yield spin_lock(page_table_lock);
        if (page_of_ptes(mm, address) === undefined) yield pmd_populate(mm, address);
        ptes = page_of_ptes(mm, address)!;
      }
      if (!pte_none(pte_offset_map(mm, ptes, address).plain)) throw new Error('two threads on one page');
      yield spin_unlock(page_table_lock);

      if ((yield READ_ONCE(vma.anon_vma)) === 0) {
        charge(COST.ANON_VMA_ALLOC);
        yield spin_lock(page_table_lock);
        if (vma.anon_vma.plain === 0) yield WRITE_ONCE(vma.anon_vma, ++system.anon_vmas);
        yield spin_unlock(page_table_lock);
      }

      charge(COST.BUFFERED_RMQUEUE);
      yield pcp.useStep;
      if (list.length <= system.pcp.low && (yield READ_ONCE(zone.free_pages)) > 0) {
        yield spin_lock(zone.lock);
        for (let i = 0; i < system.pcp.batch && zone.free_pages.plain > 0; i++) {
          list.push(__rmqueue(system, zone));
          zone.free_pages.value--;
        }
        yield spin_unlock(zone.lock);
        yield pcp.useStep;
      }
      const page = list.pop()!;
      plainAccess(page, 0, true);
      page._count.plain = 1;
      yield clear_user_highpage(page);

      yield spin_lock(page_table_lock);
      const ptep = pte_offset_map(mm, ptes, address);
      if (!pte_none(ptep.plain)) throw new Error('two threads on one page');
      mm.rss.plain++;
      charge(COST.SET_ANON_PTE);
      charge(COST.PAGEVEC_ADD);
      pvec.push(page);
      if (pvec.length >= system.config.PAGEVEC_SIZE) {
        yield spin_lock(zone.lru_lock);
        while (pvec.pop() !== undefined) {
          charge(COST.ADD_PAGE_TO_ACTIVE_LIST);
          zone.nr_active.plain++;
        }
        yield spin_unlock(zone.lru_lock);
      }
      yield page_add_anon_rmap(page, vma, address);
      yield set_pte(ptep, maybe_mkwrite(pte_mkdirty(mk_pte(page, vm_page_prot)), vma));
      yield spin_unlock(page_table_lock);

      yield up_read(mm.mmap_sem);
      charge(COST.FAULT_EXIT);
      running.mode = USER;
      charge(COST.FAULT_RESTART);
      yield tlb.beginStep;
      entry = yield READ_ONCE(new Ref(mm.pgd, page_number(mm, address)));
    }
    charge(COST.TOUCH);
    yield WRITE_ONCE(pte_page(mm, entry).contents(0), 1);
    yield tlb.endStep;
  }
}
