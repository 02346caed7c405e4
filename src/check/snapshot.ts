/** The state of the modelled machine word by word, for those who show how it changes. What is not there is left out. */
import { show_pte } from '../kernel/pgtable.ts';
import type { Inode } from '../kernel/fs.ts';
import { DATA, type Mm, type Page, PAGE_WORDS, type System } from '../kernel/structs.ts';
import { flagsOf } from './fingerprint.ts';

/** One cell of one table. */
export interface Cell {
  readonly panel: string;
  readonly row: string;
  readonly column: string;
  readonly value: string;
}

export function snapshotOf(system: System): Cell[] {
  return [
    ...system.mms.flatMap(ptes),
    ...tlbs(system),
    ...system.mem_map.filter((page) => !page.reserved && !page.isFresh).flatMap(pageCells),
    ...system.disk.blocks.map((block) =>
      cell('pages', block.describe(DATA).replace(/\[.*/, ''), 'holds', holds(block)),
    ),
    ...system.inodes.flatMap(fileCells),
    ...system.mms.flatMap(mmWords),
    ...system.inodes.flatMap(fileWords),
  ];
}

function cell(panel: string, row: string, column: string, value: string | number): Cell {
  return { panel, row, column, value: String(value) };
}

const TABLES = 'page tables and TLBs';

function ptes(mm: Mm): Cell[] {
  const cells: Cell[] = [];
  mm.pgd.forEachPresent((vpn, pte) => cells.push(cell(TABLES, placeOf(mm, vpn), 'pte', show_pte(pte))));
  return cells;
}

function tlbs({ tlbs: all, mms }: System): Cell[] {
  const cells: Cell[] = [];
  for (const tlb of all) {
    tlb.forEach((asid, vpn, entry) => {
      cells.push(cell(TABLES, placeOf(mms[asid - 1], vpn), tlb.name.replace('.tlb', ' TLB'), show_pte(entry)));
    });
  }
  return cells;
}

/** `pte[heap+0]`; of other address spaces than the first `pte[heap+0] of child`. */
function placeOf(mm: Mm, vpn: number): string {
  const name = mm.pgd.describe(vpn);
  return mm === mm.system.mms[0] ? name : `${name} of ${mm.name}`;
}

function pageCells(page: Page): Cell[] {
  const row = page.describe(DATA).replace(/\[.*/, '');
  const owner = page._mapping;
  return [
    cell('pages', row, '_count', page._count.value),
    cell('pages', row, '_mapcount', page._mapcount.value),
    cell('pages', row, 'mapping', owner.words.show(owner.index, owner.value)),
    cell('pages', row, 'flags', flagsOf(page).trim()),
    cell('pages', row, 'holds', holds(page)),
  ];
}

function fileCells({ i_mapping: { page_tree }, blocks }: Inode): Cell[] {
  const cells: Cell[] = [];
  const row = (pgoff: number): string => blocks.describe(pgoff).replace('.block', '');
  page_tree.forEach((pgoff, pfn) => cells.push(cell('files', row(pgoff), 'page cache', page_tree.show(pgoff, pfn))));
  blocks.forEach((pgoff, number) => cells.push(cell('files', row(pgoff), 'disk', blocks.show(pgoff, number))));
  return cells;
}

function mmWords(mm: Mm): Cell[] {
  const { rss, file_rss, mm_users } = mm;
  const words = [rss, ...(file_rss.value === 0 ? [] : [file_rss]), mm_users, ...mm.mmap.map((vma) => vma.anon_vma)];
  const vmas = mm.dead ? 'exited' : mm.mmap.map((vma) => vma.name).join(', ');
  const of = mm === mm.system.mms[0] ? '' : ` of ${mm.name}`;
  return [
    ...words.map((word) =>
      cell('words', word.name.startsWith(`${mm.name}.`) ? word.name : word.name + of, '', word.value),
    ),
    cell('words', `${mm.name}.mmap`, '', vmas),
  ];
}

function fileWords({ name, i_size, i_mapping, system }: Inode): Cell[] {
  const { i_mmap, i_mmap_nonlinear, truncate_count } = i_mapping;
  const size = i_size.value / system.geometry.pageBytes;
  return [
    cell('words', i_size.name, '', `${size} ${size === 1 ? 'page' : 'pages'}`),
    cell('words', `${name}.i_mmap`, '', [...i_mmap, ...i_mmap_nonlinear].map((vma) => vma.name).join(', ')),
    ...(truncate_count.value === 0 ? [] : [cell('words', truncate_count.name, '', truncate_count.value)]),
  ];
}

/** `1000 x16`, `101 0 203`: zeros at the end go without saying. */
function holds(page: Page): string {
  const words = Array.from({ length: PAGE_WORDS }, (_, word) => page.contents(word).value);
  const runs: { value: number; times: number }[] = [];
  for (const value of words) {
    const last = runs.at(-1);
    if (last?.value === value) last.times++;
    else runs.push({ value, times: 1 });
  }
  if (runs.at(-1)!.value === 0) runs.pop();
  if (runs.length === 0) return 'zeros';
  return runs.map(({ value, times }) => (times === 1 ? `${value}` : `${value} x${times}`)).join(' ');
}
