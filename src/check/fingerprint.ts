/** The state of the modelled machine in words: equal text means equal worlds. Times and caches are not part of it. */
import { show_pte } from '../kernel/pgtable.ts';
import { type Mm, type Page, PAGE_WORDS, type System } from '../kernel/structs.ts';

export function describeWorld(system: System): string {
  return [
    ...system.mms.map(describeMm),
    ...system.mem_map.filter((page) => !page.reserved && !page.isFresh).map(describePage),
  ].join('\n');
}

function describeMm(mm: Mm): string {
  const ptes: string[] = [];
  mm.pgd.forEachPresent((vpn, pte) => ptes.push(`${vpn}: ${show_pte(pte)}`));
  const state = mm.dead ? 'dead' : `${mm.mmap.length} vmas`;
  const vmas = mm.mmap.map((vma) => `${vma.name}@${vma.vm_start} anon_vma ${vma.anon_vma.value}`);
  return `${mm.name}: ${state}, rss ${mm.rss.value}, users ${mm.mm_users.value} {${vmas.join(', ')}} {${ptes.join(', ')}}`;
}

function describePage(page: Page): string {
  const words = Array.from({ length: PAGE_WORDS }, (_, word) => page.contents(word).value);
  const counts = `count ${page._count.value} mapcount ${page._mapcount.value}`;
  return `page ${page.pfn} node ${page.zone.node}: ${counts} holds ${words.join(' ').replace(/( 0)+$/, '')}`;
}
