/** The same path as a state machine: what a compiler from kernel text to flat code could at best give. */
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
  type PtePage,
  type Ptep,
  pud_populate,
} from '../../src/kernel/pgtable.ts';
import { page_add_anon_rmap } from '../../src/kernel/rmap.ts';
import type { Mm, Page, PerCpuPages, Vma, Zone } from '../../src/kernel/structs.ts';
import { plainAccess, READ_ONCE, Ref, WRITE_ONCE } from '../../src/machine/memory.ts';
import type { Coroutine, Step } from '../../src/machine/step.ts';
import { running, SYSTEM, USER } from '../../src/machine/thread.ts';
import { charge } from '../../src/machine/work.ts';
import { down_read, up_read } from '../../src/sync/rwsem.ts';
import { spin_lock, spin_unlock } from '../../src/sync/spinlock.ts';
import * as COST from './costs.ts';

/** States: named by the step whose reply the machine is resumed with. */
const START = 0;
const WALK = 1;
const DOWN_READ = 2;
const PTL = 3;
const PMD_UNLOCK = 4;
const PMD_LOCK = 5;
const PTE_UNLOCK = 6;
const PTE_LOCK = 7;
const ANON_UNLOCK = 8;
const ANON_VMA = 9;
const ANON_VMA_LOCK = 10;
const ANON_VMA_WRITE = 11;
const ANON_VMA_UNLOCK = 12;
const FREE_PAGES = 13;
const ZONE_LOCK = 14;
const ZONE_UNLOCK = 15;
const CLEARED = 16;
const PTL_AGAIN = 17;
const LRU_LOCK = 18;
const LRU_UNLOCK = 19;
const MAPCOUNT = 20;
const SET_PTE = 21;
const PTL_UNLOCK = 22;
const UP_READ = 23;
const BEGUN = 24;
const STORE = 25;
const ENDED = 26;
const TRAPPED = 27;
const PCP = 28;
const REFILLED = 29;
const POPULATED = 30;

interface Result {
  done: boolean;
  value: Step | undefined;
}

class FaultMachine {
  private readonly mm: Mm;
  private readonly vma: Vma;
  private readonly zone: Zone;
  private readonly pcp: PerCpuPages;
  private readonly pvec: Page[];
  private readonly result: Result = { done: false, value: undefined };
  private state = START;
  private address: number;
  private ptes: PtePage | undefined;
  private ptep: Ptep | null = null;
  private page: Page | null = null;

  constructor(mm: Mm, vma: Vma, cpu: number) {
    const { system } = mm;
    this.mm = mm;
    this.vma = vma;
    this.address = vma.vm_start;
    this.zone = system.zones[system.cpu_to_node[cpu]];
    this.pcp = system.pageset[cpu];
    this.pvec = system.lru_add_active_pvecs[cpu];
  }

  next(reply: number): Result {
    const step = this.after(reply);
    this.result.value = step;
    if (step === undefined) this.result.done = true;
    return this.result;
  }

  private to(state: number, step: Step): Step {
    this.state = state;
    return step;
  }

  private after(reply: number): Step | undefined {
    const { mm, vma, zone } = this;
    const { mmap_sem, page_table_lock } = mm;
    switch (this.state) {
      case START:
        return this.begin();
      case BEGUN:
        return this.to(WALK, READ_ONCE(new Ref(mm.pgd, page_number(mm, this.address))));
      case WALK:
        if (!pte_present(reply)) return this.to(TRAPPED, mm.system.tlbs[running.cpu].endStep);
        charge(COST.TOUCH);
        return this.to(STORE, WRITE_ONCE(pte_page(mm, reply).contents(0), 1));
      case TRAPPED:
        running.mode = SYSTEM;
        charge(COST.FAULT_ENTRY);
        return this.to(DOWN_READ, down_read(mmap_sem));
      case STORE:
        return this.to(ENDED, mm.system.tlbs[running.cpu].endStep);
      case DOWN_READ:
        find_vma(mm, this.address);
        charge(COST.HANDLE_MM_FAULT);
        return this.to(PTL, spin_lock(page_table_lock));
      case PTL:
        return this.tables();
      case PMD_UNLOCK:
        charge(COST.PMD_ALLOC);
        return this.to(PMD_LOCK, spin_lock(page_table_lock));
      case PMD_LOCK:
        if (pmd_offset(mm, this.address) !== undefined) return this.tables();
        return this.to(POPULATED, pud_populate(mm, this.address));
      case PTE_UNLOCK:
        charge(COST.PTE_ALLOC);
        return this.to(PTE_LOCK, spin_lock(page_table_lock));
      case PTE_LOCK: {
        if (page_of_ptes(mm, this.address) !== undefined) return this.tables();
        return this.to(POPULATED, pmd_populate(mm, this.address));
      }
      case POPULATED:
        return this.tables();
      case ANON_UNLOCK:
        return this.to(ANON_VMA, READ_ONCE(vma.anon_vma));
      case ANON_VMA:
        if (reply !== 0) return this.alloc();
        charge(COST.ANON_VMA_ALLOC);
        return this.to(ANON_VMA_LOCK, spin_lock(page_table_lock));
      case ANON_VMA_LOCK:
        if (vma.anon_vma.plain !== 0) return this.to(ANON_VMA_UNLOCK, spin_unlock(page_table_lock));
        return this.to(ANON_VMA_WRITE, WRITE_ONCE(vma.anon_vma, ++mm.system.anon_vmas));
      case ANON_VMA_WRITE:
        return this.to(ANON_VMA_UNLOCK, spin_unlock(page_table_lock));
      case ANON_VMA_UNLOCK:
        return this.alloc();
      case PCP:
        if (this.pcp.lists[this.zone.node].length > mm.system.pcp.low) return this.take();
        return this.to(FREE_PAGES, READ_ONCE(zone.free_pages));
      case FREE_PAGES:
        return this.to(ZONE_LOCK, spin_lock(zone.lock));
      case ZONE_LOCK:
        this.refill();
        return this.to(ZONE_UNLOCK, spin_unlock(zone.lock));
      case ZONE_UNLOCK:
        return this.to(REFILLED, this.pcp.useStep);
      case REFILLED:
        return this.take();
      case CLEARED:
        return this.to(PTL_AGAIN, spin_lock(page_table_lock));
      case PTL_AGAIN:
        return this.map();
      case LRU_LOCK:
        this.drain();
        return this.to(LRU_UNLOCK, spin_unlock(zone.lru_lock));
      case LRU_UNLOCK:
        return this.to(MAPCOUNT, page_add_anon_rmap(this.page!, vma, this.address));
      case MAPCOUNT: {
        const entry = maybe_mkwrite(pte_mkdirty(mk_pte(this.page!, vm_page_prot)), vma);
        return this.to(SET_PTE, set_pte(this.ptep!, entry));
      }
      case SET_PTE:
        return this.to(PTL_UNLOCK, spin_unlock(page_table_lock));
      case PTL_UNLOCK:
        return this.to(UP_READ, up_read(mmap_sem));
      case UP_READ:
        charge(COST.FAULT_EXIT);
        running.mode = USER;
        charge(COST.FAULT_RESTART);
        return this.begin();
      default:
        this.address += page_size(mm);
        return this.address < vma.vm_end ? this.begin() : undefined;
    }
  }

  private begin(): Step {
    return this.to(BEGUN, this.mm.system.tlbs[running.cpu].beginStep);
  }

  private tables(): Step {
    const { mm, address } = this;
    if (pmd_offset(mm, address) === undefined) return this.to(PMD_UNLOCK, spin_unlock(mm.page_table_lock));
    this.ptes = page_of_ptes(mm, address);
    if (this.ptes === undefined) return this.to(PTE_UNLOCK, spin_unlock(mm.page_table_lock));
    this.lookAtPte();
    return this.to(ANON_UNLOCK, spin_unlock(mm.page_table_lock));
  }

  private lookAtPte(): void {
    this.ptep = pte_offset_map(this.mm, this.ptes!, this.address);
    if (!pte_none(this.ptep.plain)) throw new Error('two threads on one page');
  }

  private alloc(): Step {
    charge(COST.BUFFERED_RMQUEUE);
    return this.to(PCP, this.pcp.useStep);
  }

  private refill(): void {
    const { zone, pcp } = this;
    const { system } = this.mm;
    for (let i = 0; i < system.pcp.batch && zone.free_pages.plain > 0; i++) {
      pcp.lists[zone.node].push(__rmqueue(system, zone));
      zone.free_pages.value--;
    }
  }

  private take(): Step {
    const page = this.pcp.lists[this.zone.node].pop()!;
    this.page = page;
    plainAccess(page, 0, true);
    page._count.plain = 1;
    return this.to(CLEARED, clear_user_highpage(page));
  }

  private map(): Step {
    this.lookAtPte();
    this.mm.rss.plain++;
    charge(COST.SET_ANON_PTE);
    charge(COST.PAGEVEC_ADD);
    this.pvec.push(this.page!);
    if (this.pvec.length >= this.mm.system.config.PAGEVEC_SIZE) return this.to(LRU_LOCK, spin_lock(this.zone.lru_lock));
    return this.to(MAPCOUNT, page_add_anon_rmap(this.page!, this.vma, this.address));
  }

  private drain(): void {
    while (this.pvec.pop() !== undefined) {
      charge(COST.ADD_PAGE_TO_ACTIVE_LIST);
      this.zone.nr_active.plain++;
    }
  }
}

/** The driver asks a coroutine for nothing but next(). */
export function machine(mm: Mm, vma: Vma, cpu: number): Coroutine {
  return new FaultMachine(mm, vma, cpu) as unknown as Coroutine;
}
