/**
 * "[patch] mm: fix race in COW logic", Nick Piggin, linux-mm, 2008-06-22.
 *
 * Claim: do_wp_page says that the old page is unmapped before it is. Another address space may see a mapcount of 1 in
 * between, take the page for its own and write to it, while a thread of this one still reads it by way of the old pte.
 * So the mapping is given up when the pte has been switched and the TLBs are flushed.
 * Replaces: the last part of do_wp_page (switch_to_copy here).
 */
import type { Coroutine } from '../../machine/step.ts';
import type { Change } from '../change.ts';
import type { Ptep } from '../pgtable.ts';
import { page_remove_rmap } from '../rmap.ts';
import type { Address, Mm, Page, Vma } from '../structs.ts';
import { count_copy, establish_copy } from '../v2.6.15/memory.ts';

function* switch_to_copy(mm: Mm, vma: Vma, address: Address, pte: Ptep, old_page: Page, new_page: Page): Coroutine {
  yield* count_copy(mm, old_page);
  yield* establish_copy(mm, vma, address, pte, new_page);
  yield* page_remove_rmap(old_page);
}

export const cowRmapOrder: Change = {
  name: 'cow-rmap-order',
  base: 'v2.6.15',
  about: 'do_wp_page gives up its mapping of the old page after the pte has been switched',
  mail: {
    date: '2008-06-22',
    subject: '[patch] mm: fix race in COW logic',
    author: 'Nick Piggin',
    url: 'https://lore.kernel.org/r/20080622153035.GA31114@wotan.suse.de',
    claim: 'no address space takes a page for its own that another one still reads',
  },
  replaces: { switch_to_copy },
};
