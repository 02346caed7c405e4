/**
 * Page tables of three levels and the values of ptes. A pte is one number: pfn and flags, 0 is `none`.
 *
 * All ptes of an address space are words of one object, `PageTables`, indexed by virtual page number. The MMU walks
 * by that index (a walk that ends at a missing table reads `none`), the kernel by way of pgd, pmd and `pte_offset_map`;
 * both name the same word.
 */
import { Ref, Words } from '../machine/memory.ts';
import type { Geometry } from '../machine/profile.ts';
import { charge, work } from '../machine/work.ts';
import type { Address, Mm, Page, Vma } from './structs.ts';

export const _PAGE_PRESENT = 1;
export const _PAGE_RW = 2;
export const _PAGE_ACCESSED = 4;
export const _PAGE_DIRTY = 8;
const PFN_SHIFT = 4;

/** A C `pte_t *`: which word of which address space's page tables. */
export type Ptep = Ref;

const WALK = work('page_table_walk');

export function pte_none(pte: number): boolean {
  return pte === 0;
}
export function pte_present(pte: number): boolean {
  return (pte & _PAGE_PRESENT) !== 0;
}
export function pte_write(pte: number): boolean {
  return (pte & _PAGE_RW) !== 0;
}
export function pte_pfn(pte: number): number {
  return pte >>> PFN_SHIFT;
}
/** The page a present pte points to. */
export function pte_page(mm: Mm, pte: number): Page {
  return mm.system.mem_map[pte_pfn(pte)];
}
export function mk_pte(page: Page, protection: number): number {
  return (page.pfn << PFN_SHIFT) | protection;
}
export function pte_wrprotect(pte: number): number {
  return pte & ~_PAGE_RW;
}
export function pte_mkdirty(pte: number): number {
  return pte | _PAGE_DIRTY;
}
export function pte_mkyoung(pte: number): number {
  return pte | _PAGE_ACCESSED;
}
export function pte_mkwrite(pte: number): number {
  return pte | _PAGE_RW;
}

/** For traces and witnesses: `none`, `pfn 7 rw dirty`. */
export function show_pte(pte: number): string {
  if (pte === 0) return 'none';
  const access = pte_write(pte) ? 'rw' : 'ro';
  return `pfn ${pte_pfn(pte)} ${access}${(pte & _PAGE_DIRTY) !== 0 ? ' dirty' : ''}`;
}

/** One page full of ptes. */
export class PtePage {
  /** Virtual page number of entry 0. */
  readonly base: number;
  readonly ptes: Int32Array;
  /** CPU that has each cache line of the page, plus one; 0 is memory. */
  readonly owners: Uint16Array;

  constructor(base: number, entries: number, perLine: number) {
    this.base = base;
    this.ptes = new Int32Array(entries);
    this.owners = new Uint16Array(Math.ceil(entries / perLine));
  }
}

/** A pmd table: one entry per page of ptes. */
export type PmdPage = (PtePage | undefined)[];

const PTE_BYTES = 8;

export class PageTables extends Words {
  readonly mm: Mm;
  readonly geometry: Geometry;
  /** The pgd: one entry per pmd table. Guarded by page_table_lock. */
  readonly entries: (PmdPage | undefined)[] = [];
  readonly lineShift: number;
  /** Pages of ptes, nr_ptes of later kernels. */
  nr_ptes = 0;

  constructor(mm: Mm, geometry: Geometry) {
    super();
    this.mm = mm;
    this.geometry = geometry;
    this.lineShift = Math.log2(geometry.lineBytes / PTE_BYTES);
  }

  /** The page of ptes that maps `vpn`, if every level above it is there. */
  leaf(vpn: number): PtePage | undefined {
    const { ptrsPerPte, ptrsPerPmd } = this.geometry;
    const table = Math.floor(vpn / ptrsPerPte);
    return this.entries[Math.floor(table / ptrsPerPmd)]?.[table % ptrsPerPmd];
  }
  get(vpn: number): number {
    const leaf = this.leaf(vpn);
    return leaf === undefined ? 0 : leaf.ptes[vpn - leaf.base];
  }
  set(vpn: number, pte: number): void {
    const leaf = this.leaf(vpn)!;
    leaf.ptes[vpn - leaf.base] = pte;
  }
  override claim(vpn: number, cpu: number): number {
    const leaf = this.leaf(vpn);
    if (leaf === undefined) return cpu;
    const line = (vpn - leaf.base) >> this.lineShift;
    const before = leaf.owners[line] - 1;
    leaf.owners[line] = cpu + 1;
    return before;
  }
  describe(vpn: number): string {
    const address = vpn * this.geometry.pageBytes;
    const vma = this.mm.mmap.find((v) => v.vm_start <= address && address < v.vm_end);
    if (vma === undefined) return `pte[${vpn}]`;
    return `pte[${vma.name}+${(address - vma.vm_start) / this.geometry.pageBytes}]`;
  }
  override show(_vpn: number, pte: number): string {
    return show_pte(pte);
  }
  /** Visit every present pte as (vpn, pte); for checks, not for kernel text. */
  forEachPresent(visit: (vpn: number, pte: number) => void): void {
    for (const pmdPage of this.entries) {
      for (const leaf of pmdPage ?? []) {
        leaf?.ptes.forEach((pte, i) => {
          if (pte_present(pte)) visit(leaf.base + i, pte);
        });
      }
    }
  }
}

export function page_size(mm: Mm): number {
  return mm.system.geometry.pageBytes;
}
/** Virtual page number of an address. */
export function page_number(mm: Mm, address: Address): number {
  return Math.floor(address / page_size(mm));
}
/** First address of the next page of ptes, or `end` if that comes first. */
export function pmd_addr_end(mm: Mm, address: Address, end: Address): Address {
  const span = page_size(mm) * mm.system.geometry.ptrsPerPte;
  return Math.min(end, (Math.floor(address / span) + 1) * span);
}

/** The pmd table for an address; undefined if the pgd entry is none. */
export function pmd_offset(mm: Mm, address: Address): PmdPage | undefined {
  const { ptrsPerPte, ptrsPerPmd } = mm.system.geometry;
  return mm.pgd.entries[Math.floor(page_number(mm, address) / (ptrsPerPte * ptrsPerPmd))];
}
export function pgd_populate(mm: Mm, address: Address): void {
  const { ptrsPerPte, ptrsPerPmd } = mm.system.geometry;
  mm.pgd.entries[Math.floor(page_number(mm, address) / (ptrsPerPte * ptrsPerPmd))] = [];
}
/** The page of ptes a pmd entry points to; undefined if it is none. */
export function pmd_page(mm: Mm, pmd: PmdPage, address: Address): PtePage | undefined {
  const { ptrsPerPte, ptrsPerPmd } = mm.system.geometry;
  return pmd[Math.floor(page_number(mm, address) / ptrsPerPte) % ptrsPerPmd];
}
export function pmd_populate(mm: Mm, pmd: PmdPage, address: Address): void {
  const { ptrsPerPte, ptrsPerPmd } = mm.system.geometry;
  const table = Math.floor(page_number(mm, address) / ptrsPerPte);
  pmd[table % ptrsPerPmd] = new PtePage(table * ptrsPerPte, ptrsPerPte, 2 ** mm.pgd.lineShift);
  mm.pgd.nr_ptes++;
}
export function pte_offset_map(mm: Mm, _pmd: PtePage, address: Address): Ptep {
  charge(WALK);
  return new Ref(mm.pgd, page_number(mm, address));
}
/** Undoes the atomic kmap of CONFIG_HIGHPTE; a call in the text, nothing to do on 64-bit machines. */
export function pte_unmap(_pte: Ptep): void {}
/** Loads the TLB on sparc64 and ppc64; nothing to do for data pages on ia64 and i386. */
export function update_mmu_cache(_vma: Vma, _address: Address, _pte: number): void {}
