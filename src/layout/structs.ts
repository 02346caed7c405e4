/** The structs whose layout is known, kernel by kernel: names, types and order of members, and where they are from. */
import type { Member } from './layout.ts';

export interface Era {
  readonly name: string;
  /** Other kernels with the same members. */
  readonly also: readonly string[];
  readonly source: string;
  readonly members: readonly Member[];
}

export interface CStruct {
  readonly name: string;
  readonly about: string;
  /** The era that is meant when none is named. */
  readonly usual: string;
  readonly eras: readonly Era[];
  /** What else decides whether its cache lines matter. */
  readonly remarks: readonly string[];
}

const flags: Member = { name: 'flags', type: 'unsigned int' };
const pgoff: Member = { name: 'pgoff', type: 'long unsigned int' };
const cow_page: Member = { name: 'cow_page', type: 'struct page *' };
const page: Member = { name: 'page', type: 'struct page *' };
const pte: Member = { name: 'pte', type: 'pte_t *' };
const virtual_address: Member = { name: 'virtual_address', type: 'void *' };
const max_pgoff: Member = { name: 'max_pgoff', type: 'long unsigned int' };

const vm_fault: CStruct = {
  name: 'vm_fault',
  about: 'what a page fault asks of the ->fault handler of a vma, and the page it gets',
  usual: 'v11',
  eras: [
    {
      name: '3.14',
      also: [],
      source: 'include/linux/mm.h',
      members: [flags, pgoff, virtual_address, page],
    },
    {
      name: '3.15',
      also: ['3.16', '3.17', '3.18', '3.19'],
      source: 'include/linux/mm.h; max_pgoff and pte are for ->map_pages',
      members: [flags, pgoff, virtual_address, page, max_pgoff, pte],
    },
    {
      name: 'v11',
      also: ['4.0', '4.1', '4.2'],
      source:
        '"[PATCH v11 04/21] mm: Allow page fault handlers to perform the COW", Matthew Wilcox, 2014-09-25; ' +
        'his pahole text is of 2014-10-16',
      members: [flags, pgoff, virtual_address, cow_page, page, max_pgoff, pte],
    },
    {
      name: '4.10',
      also: [],
      source: 'include/linux/mm.h; 32 bits are i386 without PAE, with a pte_t of 4 bytes',
      members: [
        { name: 'vma', type: 'struct vm_area_struct *' },
        flags,
        { name: 'gfp_mask', type: 'gfp_t' },
        pgoff,
        { name: 'address', type: 'long unsigned int' },
        { name: 'pmd', type: 'pmd_t *' },
        { name: 'orig_pte', type: 'pte_t' },
        cow_page,
        { name: 'memcg', type: 'struct mem_cgroup *' },
        page,
        pte,
        { name: 'ptl', type: 'spinlock_t *' },
        { name: 'prealloc_pte', type: 'pgtable_t' },
      ],
    },
  ],
  remarks: [
    'It is on the stack, so it is hot: "if it\'s not cache-hot, something has gone horribly wrong" ' +
      '(Matthew Wilcox, 2014-10-18).',
    'Lines are counted from the start of the struct, as pahole counts them; on the stack it starts where the frame ' +
      'puts it.',
  ],
};

export const structs: readonly CStruct[] = [vm_fault];

/** All names of a kernel whose members these are. */
export function kernelsOf(era: Era): string[] {
  return [era.name, ...era.also];
}
