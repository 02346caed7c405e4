/**
 * "mm: introduce vm_ops->map_pages()" and "mm: implement ->map_pages for page cache" as merged for 3.15, Kirill A. Shutemov,
 * 2014-04-07 (commits 8c6e50b0290c and f1820361f83d). The order can be set by debugfs; FAULT_AROUND_ORDER here.
 *
 * Replaces: what the third version does (2014-02-27-map-pages-v3.ts), with another filemap_map_pages: an empty slot is passed
 * over, and the end is that of the walk.
 *
 * What is so as merged: a fault in a vma that is not linear maps its neighbours as if it were (B15).
 */
import type { Change3_17 } from '../change.ts';
import { filemap_map_pages } from '../v3.17/filemap.ts';
import { faultsWithMapPages } from './2014-02-27-map-pages-v3.ts';

export const mapPagesMerged: Change3_17 = {
  name: 'map-pages-merged',
  base: 'v3.14',
  on: ['v3.14', 'map-pages-v3'],
  about: 'a read fault maps up to 16 cached pages around it under one lock, as in 3.15',
  mail: {
    date: '2014-04-07',
    subject: 'mm: introduce vm_ops->map_pages()',
    author: 'Kirill A. Shutemov',
    url: 'https://git.kernel.org/linus/8c6e50b0290c',
    claim: 'easily accessible pages around a read fault are mapped: fewer minor faults, and nothing is waited for',
  },
  replaces: { ...faultsWithMapPages, filemap_map_pages },
  knobs: { do_fault_around: 'FAULT_AROUND_ORDER' },
};
