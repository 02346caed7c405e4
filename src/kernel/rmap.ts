/**
 * Reverse mapping of anonymous pages: from a page by way of its anon_vma to the vmas that may map it, and to the pte
 * (mm/rmap.c of 2.6.10). Lock order: mmap_sem, anon_vma->lock, page_table_lock.
 *
 * Left out: page_referenced of pages of files, try_to_unmap, the swap token, and RCU in page_lock_anon_vma: whoever walks has a reference
 * to a page that the anon_vma leads to, and no test here lets the last vma go meanwhile.
 */
import { atomic_dec, atomic_inc, READ_ONCE, WRITE_ONCE } from '../machine/memory.ts';
import type { Coroutine, Step } from '../machine/step.ts';
import { might_sleep } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { spin_lock, spin_unlock } from '../sync/spinlock.ts';
import { mark } from './marks.ts';
import {
  page_number,
  page_size,
  page_of_ptes,
  pte_offset_map,
  pte_pfn,
  pte_present,
  pte_unmap,
  type PtePage,
  type Ptep,
} from './pgtable.ts';
import {
  type Address,
  AnonVma,
  type Mm,
  type Page,
  type System,
  VM_EXEC,
  VM_READ,
  VM_WRITE,
  type Vma,
} from './structs.ts';
import { ptep_clear_flush_young } from './tlb.ts';

const ANON_VMA_ALLOC = work('anon_vma_alloc');
const PAGE_REFERENCED_ONE = work('page_referenced_one', 60);

/**
 * Give the vma an anon_vma before its first anonymous page is mapped: that of a neighbour, or a new one. Two threads
 * may both come here; the one that publishes first under page_table_lock wins. Returns true if out of memory. Caller
 * holds mmap_sem.
 */
export function* anon_vma_prepare(vma: Vma): Coroutine<boolean> {
  might_sleep();
  if ((yield* READ_ONCE(vma.anon_vma)) !== 0) return false;
  const mm = vma.vm_mm;
  const near = yield* find_mergeable_anon_vma(vma);
  if (near !== null) yield* spin_lock(near.lock);
  const anon_vma = near ?? anon_vma_alloc(vma);

  yield* spin_lock(mm.page_table_lock);
  const first = vma.anon_vma.plain === 0;
  if (first) {
    yield* WRITE_ONCE(vma.anon_vma, anon_vma.number);
    __anon_vma_link(vma, anon_vma);
  }
  yield* spin_unlock(mm.page_table_lock);

  if (!first) mark('anon_vma raced');
  if (near !== null) yield* spin_unlock(near.lock);
  else if (!first) anon_vma_free(mm.system, anon_vma);
  return false;
}

/**
 * The anon_vma of a vma that touches this one and could be one with it but for VM_READ, VM_WRITE and VM_EXEC: mprotect
 * may yet make them equal, and vmas with two anon_vmas cannot be merged (mm/mmap.c). Caller holds mmap_sem.
 * Vmas of equal flags count as apart: side by side they would be one vma in Linux, and mmap here does not merge.
 */
export function* find_mergeable_anon_vma(vma: Vma): Coroutine<AnonVma | null> {
  const { mmap, system } = vma.vm_mm;
  const at = mmap.indexOf(vma);
  for (const near of [mmap[at + 1], mmap[at - 1]]) {
    if (near === undefined || near.vm_flags === vma.vm_flags) continue;
    if (!can_vma_merge_before(near, vma) && !can_vma_merge_before(vma, near)) continue;
    const number = yield* READ_ONCE(near.anon_vma);
    if (number !== 0) return system.anonVmas.get(number)!;
  }
  return null;
}

/** One vma goes on where another one ends: in memory, and in its file if it has one. Permissions do not count. */
function can_vma_merge_before(vma: Vma, before: Vma): boolean {
  if (before.vm_end !== vma.vm_start || !is_mergeable_vma(vma, before)) return false;
  const pages = page_number(vma.vm_mm, before.vm_end - before.vm_start);
  return vma.vm_file === null || vma.vm_pgoff === before.vm_pgoff + pages;
}

function is_mergeable_vma(vma: Vma, { vm_file, vm_flags }: Vma): boolean {
  return vma.vm_file === vm_file && ((vma.vm_flags ^ vm_flags) & ~(VM_READ | VM_WRITE | VM_EXEC)) === 0;
}

export function anon_vma_alloc(vma: Vma): AnonVma {
  charge(ANON_VMA_ALLOC);
  const { system } = vma.vm_mm;
  const anon_vma = new AnonVma(++system.anon_vmas, vma.name);
  system.anonVmas.set(anon_vma.number, anon_vma);
  return anon_vma;
}

export function anon_vma_free(system: System, anon_vma: AnonVma): void {
  system.anonVmas.delete(anon_vma.number);
}

/** Caller holds anon_vma->lock, or nobody else knows the anon_vma yet. */
export function __anon_vma_link(vma: Vma, anon_vma: AnonVma): void {
  anon_vma.head.push(vma);
}

/** The vma of a child shares the anon_vma of its parent's: both may map the same pages. Caller holds mmap_sem. */
export function* anon_vma_link(vma: Vma, like: Vma): Coroutine {
  const number = yield* READ_ONCE(like.anon_vma);
  if (number === 0) return;
  vma.anon_vma.value = number; // nobody else knows the vma yet
  const anon_vma = vma.vm_mm.system.anonVmas.get(number)!;
  yield* spin_lock(anon_vma.lock);
  __anon_vma_link(vma, anon_vma);
  yield* spin_unlock(anon_vma.lock);
}

/** The vma maps nothing any more. The last one frees the anon_vma. Caller holds mmap_sem, or nobody else has the mm. */
export function* anon_vma_unlink(vma: Vma): Coroutine {
  const { system } = vma.vm_mm;
  const anon_vma = system.anonVmas.get(yield* READ_ONCE(vma.anon_vma));
  if (anon_vma === undefined) return;
  yield* spin_lock(anon_vma.lock);
  anon_vma.head.splice(anon_vma.head.indexOf(vma), 1);
  const empty = anon_vma.head.length === 0;
  yield* spin_unlock(anon_vma.lock);
  if (empty) anon_vma_free(system, anon_vma);
}

/** Parts take the place of a vma. Caller holds mmap_sem for writing. */
export function* anon_vma_split(whole: Vma, parts: readonly Vma[]): Coroutine {
  for (const part of parts) yield* anon_vma_link(part, whole);
  yield* anon_vma_unlink(whole);
}

/** Caller holds page_table_lock. */
export function page_add_anon_rmap(page: Page, vma: Vma, address: Address): Step {
  page.mapping = -vma.anon_vma.plain;
  page.index = page_number(vma.vm_mm, address);
  return atomic_inc(page._mapcount);
}

/** The page belongs to an anon_vma. */
export function PageAnon(page: Page): boolean {
  return page.mapping < 0;
}

/** A pte maps a page of a file. Caller holds page_table_lock. */
export function page_add_file_rmap(page: Page): Step {
  return atomic_inc(page._mapcount);
}

/** One more pte maps the page: fork. Caller holds page_table_lock. */
export function page_dup_rmap(page: Page): Step {
  return atomic_inc(page._mapcount);
}

/** Caller holds page_table_lock. */
export function page_remove_rmap(page: Page): Step {
  return atomic_dec(page._mapcount);
}

/** How many ptes say that the page was used since this was asked last. Caller has a reference to the page. */
export function* page_referenced(system: System, page: Page): Coroutine<number> {
  if ((yield* READ_ONCE(page._mapcount)) === 0 || !PageAnon(page)) return 0;
  return yield* page_referenced_anon(system, page);
}

function* page_referenced_anon(system: System, page: Page): Coroutine<number> {
  const anon_vma = yield* page_lock_anon_vma(system, page);
  let mapcount = yield* READ_ONCE(page._mapcount);
  let referenced = 0;
  for (const vma of anon_vma.head) {
    const young = yield* page_referenced_one(page, vma);
    if (young !== NOT_MAPPED) {
      referenced += young;
      mapcount--;
    }
    if (mapcount === 0) break;
  }
  yield* spin_unlock(anon_vma.lock);
  return referenced;
}

/** The page's anon_vma, locked. */
function* page_lock_anon_vma(system: System, page: Page): Coroutine<AnonVma> {
  const anon_vma = system.anonVmas.get(-page.mapping)!;
  yield* spin_lock(anon_vma.lock);
  return anon_vma;
}

const NOT_MAPPED = -1;

/** 1 if the vma maps the page and its pte was young, 0 if it was not. Caller holds anon_vma->lock. */
function* page_referenced_one(page: Page, vma: Vma): Coroutine<number> {
  const mm = vma.vm_mm;
  const { kernel } = mm.system;
  const address = vma_address(page, vma);
  if (address === null) return NOT_MAPPED;
  charge(PAGE_REFERENCED_ONE);
  const pte = yield* kernel.page_check_address(page, mm, address);
  if (pte === null) return NOT_MAPPED;
  const young = yield* ptep_clear_flush_young(vma, address, pte, pte.plain);
  yield* kernel.page_check_done(pte);
  return young;
}

/** The pte that maps the page there, with page_table_lock held; null: none does. */
export function* page_check_address(page: Page, mm: Mm, address: Address): Coroutine<Ptep | null> {
  yield* spin_lock(mm.page_table_lock);
  const ptes = page_of_ptes(mm, address);
  const pte = ptes === undefined ? null : pte_offset_map(mm, ptes, address);
  const entry = pte?.plain ?? 0;
  if (pte_present(entry) && pte_pfn(entry) === page.pfn) return pte;
  if (pte !== null) pte_unmap(pte);
  yield* spin_unlock(mm.page_table_lock);
  return null;
}

export function* page_check_done(pte: Ptep): Coroutine {
  pte_unmap(pte);
  yield* spin_unlock((pte.words as PtePage).tables.mm.page_table_lock);
}

/** Where the page is if this vma maps it; null if that is not within the vma. */
function vma_address(page: Page, vma: Vma): Address | null {
  const address = page.index * page_size(vma.vm_mm);
  return vma.vm_start <= address && address < vma.vm_end ? address : null;
}
