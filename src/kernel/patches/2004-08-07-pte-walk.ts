/**
 * William Lee Irwin III's sketch of 2004-08-07: copy_page_range and zap_page_range as one loop each over the ptes in use,
 * the levels of page tables hidden behind an iterator.
 *
 * This is the sketch made right. As mailed it has zap_page_range ignore the range it is given (pte-walk-range-ignored),
 * has copy_page_range take the child's page_table_lock, which dup_mmap holds already (pte-walk-lock-twice), takes no
 * lock of the parent (pte-walk-no-parent-lock), and sleeps in the one that it takes for a whole vma
 * (pte-walk-sleeps-locked). Besides: it makes tables for the start of the vma even if the parent has none and does not
 * look whether that went well, and leaves a pte mapped (CONFIG_HIGHPTE) when it stops early. Here the cursors are parked, and both locks dropped, where tables are made.
 */
import type { Change } from '../change.ts';
import { pathsOver, plainScan } from './page-table-scans.ts';

export const pteWalk: Change = {
  name: 'pte-walk',
  base: 'v2.6.10',
  about: 'copy_page_range and zap_page_range go over the ptes in use by an iterator; all entries are looked at',
  mail: {
    date: '2004-08-07',
    subject: 'Re: copy_page_range()',
    author: 'William Lee Irwin III',
    url: 'https://lore.kernel.org/linux-arch/20040807080751.GX17188@holomorphy.com',
    claim: 'the number of levels can be abstracted easily',
  },
  replaces: pathsOver(plainScan),
};
