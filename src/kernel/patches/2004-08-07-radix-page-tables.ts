/**
 * David S. Miller's other idea of 2004-08-07: "implement the pgd/pmd levels as a more compact tree, based upon virtual
 * address, such as a radix tree". No code and no design was mailed; the tree is ours (see src/kernel/radix-tables.ts).
 *
 * Kernel text finds pages of ptes by the tree only. The arrays stay for the MMU, as they would have to where hardware
 * walks them, and kernel text pays nothing for them here: neither for filling them nor for their memory.
 */
import type { Coroutine } from '../../machine/step.ts';
import { charge, work } from '../../machine/work.ts';
import type { Change } from '../change.ts';
import {
  pgd_none,
  pgd_populate,
  pmd_offset,
  page_of_ptes,
  pmd_populate,
  pud_populate,
  table_number,
} from '../pgtable.ts';
import { readsOf, type TableScan } from '../pte-walk.ts';
import { RadixTables } from '../radix-tables.ts';
import type { Address, Mm } from '../structs.ts';
import { pathsOver } from './page-table-scans.ts';

const NODE_ALLOC = work('radix_node_alloc', 300);

/** What the MMU walks. */
function* fillArrays(mm: Mm, address: Address): Coroutine {
  if (pgd_none(mm, address)) yield* pgd_populate(mm, address);
  if (pmd_offset(mm, address) === undefined) yield* pud_populate(mm, address);
  yield* pmd_populate(mm, address);
}

export const radixScan: TableScan = {
  next(mm, address, end) {
    const limit = Math.ceil(end / mm.pgd.tableBytes);
    return mm.pgd.tree?.next(table_number(mm, address), limit, readsOf(mm))?.[1];
  },
  find: (mm, address) => mm.pgd.tree?.lookup(table_number(mm, address), readsOf(mm)),
  *allocate() {
    // Nodes are preloaded while page_table_lock is dropped for the page of ptes.
  },
  *populate(mm, address) {
    const tree = (mm.pgd.tree ??= new RadixTables());
    const { nodes } = tree;
    yield* fillArrays(mm, address);
    tree.insert(table_number(mm, address), page_of_ptes(mm, address)!);
    charge(NODE_ALLOC, tree.nodes - nodes);
  },
};

export const radixPageTables: Change = {
  name: 'radix-page-tables',
  base: 'v2.6.10',
  about: 'a radix tree leads from an address to its page of ptes, in the place of pgd and pmd arrays',
  mail: {
    date: '2004-08-07',
    subject: 'Re: copy_page_range()',
    author: 'David S. Miller, quoted by William Lee Irwin III',
    url: 'https://lore.kernel.org/linux-arch/20040807080751.GX17188@holomorphy.com',
    claim: 'another idea against page tables that are cache unfriendly where they are sparsely populated; no figures',
  },
  replaces: pathsOver(radixScan),
};
