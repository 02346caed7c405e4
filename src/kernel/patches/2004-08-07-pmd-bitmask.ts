/**
 * David S. Miller's bitmask of 2004-08-07: one word for each pmd table, a bit for each of its sections, of which there are
 * as many as a long has bits. A bit is set when an entry of its section is populated, in the same section of
 * page_table_lock, and is never cleared but when the table is allocated. Scans look at sections whose bit is set.
 *
 * The word is `index` of the table's struct page, as he proposes: one more line to read. A bit too many costs a look at a
 * section of nothing; a bit too few hides pages from fork and from exit (see src/kernel/bugs/pmd-bitmask.ts). Tables with
 * fewer entries than a long has bits have one entry to a section; folded pmds have no mask.
 */
import type { Change } from '../change.ts';
import { pmd_alloc } from '../memory.ts';
import { type PageTables, pmd_offset, type PmdPage, pmd_populate, TablePage, table_number } from '../pgtable.ts';
import { Ref } from '../../machine/memory.ts';
import { readsOf, type TableScan } from '../pte-walk.ts';
import type { Address, Mm } from '../structs.ts';
import { everyEntry, nextByArrays, pathsOver, plainScan, type ScanPmd } from './page-table-scans.ts';

/** Entries for which one bit stands. */
export function sectionEntries({ geometry }: PageTables): number {
  return Math.max(1, geometry.ptrsPerPmd / geometry.wordBits);
}

export function virt_to_page(pgd: PageTables, pmd: PmdPage): TablePage {
  let page = pgd.tablePages.get(pmd);
  if (page === undefined) pgd.tablePages.set(pmd, (page = new TablePage(`page of ${pgd.mm.name} pmd`)));
  return page;
}

/** The half of the word that has the bit for a page of ptes, and the bit. */
export function sectionBit(mm: Mm, address: Address): { word: Ref; bit: number } {
  const { pgd } = mm;
  const page = virt_to_page(pgd, pmd_offset(mm, address)!);
  readsOf(mm).read(page, 0, 'mask');
  const section = Math.floor((table_number(mm, address) & pgd.pmdMask) / sectionEntries(pgd));
  return { word: new Ref(page, section >> 5), bit: 1 << (section & 31) };
}

/** Sections whose bit is not set are passed over. */
const sectionsInUse: ScanPmd = (pgd, pmd, table, end, reads) => {
  if (pgd.pmdMask === 0) return everyEntry(pgd, pmd, table, end, reads);
  const per = sectionEntries(pgd);
  const page = virt_to_page(pgd, pmd);
  reads.read(page, 0, 'mask');
  const base = table & ~pgd.pmdMask;
  while (table < end) {
    const section = Math.floor((table - base) / per);
    const next = Math.min(end, base + (section + 1) * per);
    const bits = new Ref(page, section >> 5).plain;
    const found = (bits & (1 << (section & 31))) === 0 ? undefined : everyEntry(pgd, pmd, table, next, reads);
    if (found !== undefined) return found;
    table = next;
  }
  return undefined;
};

/** No bit is set in the word of a table that has just been allocated. Caller holds page_table_lock. */
export function resetMask(mm: Mm, address: Address): void {
  const page = virt_to_page(mm.pgd, pmd_offset(mm, address)!);
  for (const half of [0, 1]) new Ref(page, half).plain = 0;
}

export const bitmaskScan: TableScan = {
  ...plainScan,
  next: nextByArrays(sectionsInUse),
  *allocate(mm, address) {
    if (pmd_offset(mm, address) !== undefined) return;
    yield* pmd_alloc(mm, address);
    const pmd = pmd_offset(mm, address)!;
    // Not the table of somebody else who was quicker: he may have set bits already.
    if (mm.pgd.pmdMask > 0 && !mm.pgd.tablePages.has(pmd)) resetMask(mm, address);
  },
  *populate(mm, address) {
    if (mm.pgd.pmdMask > 0) {
      const { word, bit } = sectionBit(mm, address);
      word.plain |= bit;
    }
    yield* pmd_populate(mm, address);
  },
};

export const pmdBitmask: Change = {
  name: 'pmd-bitmask',
  base: 'v2.6.10',
  about: 'a word of bits for each pmd table says which sections of it may have entries; nobody looks at the others',
  mail: {
    date: '2004-08-07',
    subject: 'Re: copy_page_range()',
    author: 'David S. Miller, quoted by William Lee Irwin III',
    url: 'https://lore.kernel.org/linux-arch/20040807080751.GX17188@holomorphy.com',
    claim:
      'pmd array scans take all of the cache misses of lat_proc; with a mask only sections in use are dereferenced',
  },
  replaces: pathsOver(bitmaskScan),
};
