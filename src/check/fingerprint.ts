/** The state of the modelled machine in words: equal text means equal worlds. Times and caches are not part of it. */
import { show_pte } from '../kernel/pgtable.ts';
import type { Inode } from '../kernel/fs.ts';
import {
  DATA,
  type Mm,
  type Page,
  PAGE_WORDS,
  PG_dirty,
  PG_readahead,
  PG_uptodate,
  PG_writeback,
  type System,
} from '../kernel/structs.ts';

export function describeWorld(system: System): string {
  return [
    ...system.mms.map(describeMm),
    ...system.mem_map.filter((page) => !page.reserved && !page.isFresh).map(describePage),
    ...system.inodes.map(describeFile),
    ...system.disk.blocks.map((block) => `${block.describe(DATA)} holds ${holds(block)}`),
    ...(system.inodes.length === 0 ? [] : [`free blocks: ${system.disk.free.map(({ number }) => number).join(' ')}`]),
  ].join('\n');
}

function describeFile(inode: Inode): string {
  const { name, i_size, i_mapping, blocks, system } = inode;
  const cached: string[] = [];
  i_mapping.page_tree.forEach((pgoff, pfn) => cached.push(`${pgoff}: page ${pfn}${flagsOf(system.mem_map[pfn])}`));
  const mapped: string[] = [];
  blocks.forEach((pgoff, number) => mapped.push(`${pgoff}: ${blocks.show(pgoff, number)}`));
  const vmas = `${i_mapping.i_mmap.length} and ${i_mapping.i_mmap_nonlinear.length} vmas`;
  return `${name}: size ${i_size.value}, ${vmas} {${cached.join(', ')}} {${mapped.sort().join(', ')}}`;
}

/** Flags that are set, a blank before each. */
export function flagsOf(page: Page): string {
  const flags = { uptodate: PG_uptodate, dirty: PG_dirty, writeback: PG_writeback, readahead: PG_readahead };
  const set = Object.entries(flags).flatMap(([name, flag]) => (page.has(flag) ? [name] : []));
  return ['', ...set].join(' ');
}

function describeMm(mm: Mm): string {
  const ptes: string[] = [];
  mm.pgd.forEachPresent((vpn, pte) => ptes.push(`${vpn}: ${show_pte(pte)}`));
  const state = mm.dead ? 'dead' : `${mm.mmap.length} vmas`;
  const vmas = mm.mmap.map((vma) => `${vma.name}@${vma.vm_start} anon_vma ${vma.anon_vma.value}`);
  return `${mm.name}: ${state}, rss ${mm.rss.value}, users ${mm.mm_users.value} {${vmas.join(', ')}} {${ptes.join(', ')}}`;
}

function describePage(page: Page): string {
  const counts = `count ${page._count.value} mapcount ${page._mapcount.value}`;
  return `page ${page.pfn} node ${page.zone.node}: ${counts} holds ${holds(page)}`;
}

function holds(page: Page): string {
  const words = Array.from({ length: PAGE_WORDS }, (_, word) => page.contents(word).value);
  return words.join(' ').replace(/( 0)+$/, '');
}
