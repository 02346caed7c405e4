/** Invariants of files: what is mapped, what is in the page cache, and what is on the disk. */
import { Block, type Inode } from '../kernel/fs.ts';
import { linear_page_index, pte_dirty, pte_page, pte_pfn, pte_write } from '../kernel/pgtable.ts';
import { PageAnon } from '../kernel/rmap.ts';
import {
  type Mm,
  type Page,
  PAGE_WORDS,
  PG_dirty,
  PG_uptodate,
  PG_writeback,
  type System,
  VM_NONLINEAR,
  type Vma,
  ZERO_PFN,
} from '../kernel/structs.ts';
import { byteOf, filePages } from '../workload/files.ts';
import type { FilePage } from '../workload/ledger.ts';
import type { Checked, Invariant } from './invariant.ts';

/** The page of its file that a page of memory is, by the page cache: page trees have a reference to each. */
export function cachedPages({ inodes, mem_map }: System): Map<Page, FilePage> {
  const cached = new Map<Page, FilePage>();
  for (const inode of inodes) {
    inode.i_mapping.page_tree.forEach((pgoff, pfn) => cached.set(mem_map[pfn], { inode, pgoff }));
  }
  return cached;
}

/** A pte of a vma that maps a file. */
interface FilePte extends FilePage {
  readonly vma: Vma;
  readonly page: Page;
  readonly address: number;
  /** `pte[map+0]` */
  readonly name: string;
}

/** Present ptes of files. Where a vma is not linear the page says what it is; private copies do not. */
function filePtes(system: System): FilePte[] {
  return system.mms.flatMap((mm) => {
    const found: FilePte[] = [];
    mm.pgd.forEachPresent((vpn, pte) => {
      const address = vpn * system.geometry.pageBytes;
      const vma = vmaAt(mm, address);
      if (vma === undefined || vma.vm_file === null) return;
      const page = pte_page(mm, pte);
      const linear = (vma.vm_flags & VM_NONLINEAR) === 0;
      if (!linear && PageAnon(page)) return;
      const pgoff = linear ? linear_page_index(vma, address) : page.index;
      found.push({ inode: vma.vm_file.f_mapping.host, pgoff, vma, page, address, name: mm.pgd.describe(vpn) });
    });
    return found;
  });
}

function vmaAt(mm: Mm, address: number): Vma | undefined {
  return mm.mmap.find(({ vm_start, vm_end }) => vm_start <= address && address < vm_end);
}

const mappedBeyondEnd: Invariant = {
  name: 'mapped beyond end of file',
  sentence: 'I7: no pte maps a page of a file, or a private copy of it, that lies behind the last page',
  moment: 'end',
  check({ system }) {
    return filePtes(system)
      .filter(({ inode, pgoff }) => pgoff >= filePages(inode))
      .map(({ name, page, inode, pgoff }) => {
        const pages = filePages(inode);
        return `${name} maps page ${page.pfn} for ${inode.name}+${pgoff}, and ${inode.name} has ${pages} pages`;
      });
  },
};

const mappedNotInCache: Invariant = {
  name: 'mapped page not in cache',
  sentence:
    'I8, I9, I10: a page of a file that is mapped is the one that the page cache has, or the block that the file has',
  moment: 'end',
  check({ system }) {
    return filePtes(system)
      .filter(({ page }) => !PageAnon(page))
      .flatMap(({ inode, pgoff, page, name }) => {
        const number = inode.blocks.get(pgoff);
        const ofBlock = page instanceof Block ? page.number : 0;
        if (ofBlock !== 0 || (inode.kind.dax === true && number > 0)) {
          const what = ofBlock === 0 ? `page ${page.pfn}` : `block ${ofBlock}`;
          const has = inode.blocks.show(pgoff, number);
          return number === ofBlock ? [] : [`${name} maps ${what}, and ${inode.name}+${pgoff} is ${has}`];
        }
        if (page.pfn === ZERO_PFN) return []; // a hole
        const pfn = inode.i_mapping.page_tree.get(pgoff);
        const has = inode.i_mapping.page_tree.show(pgoff, pfn);
        return pfn === page.pfn
          ? []
          : [`${name} maps page ${page.pfn}, and the cache has ${has} for ${inode.name}+${pgoff}`];
      });
  },
};

/** What has the contents of a page of a file: the cache, or the disk; null: it is a hole. */
function held({ system, kind, i_mapping, blocks, disk }: Inode, pgoff: number): Page | null {
  const page = system.mem_map[i_mapping.page_tree.get(pgoff)];
  const number = blocks.get(pgoff);
  if (!(kind.dax === true && number > 0) && page.pfn !== ZERO_PFN && page.has(PG_uptodate)) return page;
  return number > 0 ? disk.block(number) : null;
}

/** A word of a file that holds what it must not. */
interface WrongWord {
  readonly text: string;
  readonly value: number;
}

/** In order. What a file has grown by is a hole, as it must be, but where there is a page, a block or a store. */
function pagesToLookAt({ ledger, system }: Checked, inode: Inode): number[] {
  const first = Math.ceil(inode.sizes[0] / system.geometry.pageBytes);
  const pages = new Set(Array.from({ length: first }, (_, pgoff) => pgoff));
  inode.i_mapping.page_tree.forEach((pgoff) => pages.add(pgoff), first);
  inode.blocks.forEach((pgoff) => pages.add(pgoff));
  for (const pgoff of ledger.storedPages(inode)) pages.add(pgoff);
  const end = filePages(inode);
  return [...pages].filter((pgoff) => pgoff < end).sort((a, b) => a - b);
}

function* wrongFileWords(world: Checked, inode: Inode): Iterable<WrongWord> {
  const { ledger } = world;
  for (const pgoff of pagesToLookAt(world, inode)) {
    const page = held(inode, pgoff);
    const words = ledger.isChanged(inode, pgoff) ? PAGE_WORDS : 1; // all words are as one otherwise
    for (let word = 0; word < words; word++) {
      if (byteOf(inode.system, pgoff, word) >= inode.i_size.value) break;
      const value = page === null ? 0 : page.contents(word).value;
      const { values, stores } = ledger.allowedInFile(inode, pgoff, word);
      if (values.includes(value)) continue;
      const wrote = stores.length === 0 ? `it should be ${values.join(' or ')}` : stores.join(', ');
      yield { value, text: `${inode.name}+${pgoff}[${word}]: ${wrote}; ${named(page)} holds ${value}` };
    }
  }
}

function named(page: Page | null): string {
  if (page === null) return 'a hole';
  return page instanceof Block ? `block ${page.number}` : `page ${page.pfn} in the cache`;
}

function isForeign({ ledger, system }: Checked, inode: Inode, value: number): boolean {
  const pages = Math.ceil(inode.sizes[0] / system.geometry.pageBytes);
  return !ledger.wasInFile(inode, pages, value);
}

/** Words of files that have lost a store, or what has been taken away is there again. */
export function wrongInFiles(world: Checked): string[] {
  return world.system.inodes.flatMap((inode) =>
    [...wrongFileWords(world, inode)].flatMap(({ value, text }) => (isForeign(world, inode, value) ? [] : [text])),
  );
}

const foreignData: Invariant = {
  name: 'foreign data',
  sentence: 'I10: a file, or a private copy of a page of it, never holds what has been in another file only',
  moment: 'end',
  check(world) {
    const inFiles = world.system.inodes.flatMap((inode) =>
      [...wrongFileWords(world, inode)].flatMap(({ value, text }) => (isForeign(world, inode, value) ? [text] : [])),
    );
    return [...inFiles, ...foreignCopies(world)];
  },
};

function foreignCopies(world: Checked): string[] {
  const { system, ledger } = world;
  return filePtes(system)
    .filter(({ page }) => PageAnon(page))
    .flatMap(({ inode, page, address, name }) => {
      const foreign: string[] = [];
      for (let word = 0; word < PAGE_WORDS; word++) {
        const { value } = page.contents(word);
        if (!isForeign(world, inode, value) || ledger.storedBy(address, word, value).length > 0) continue;
        foreign.push(`${name} maps page ${page.pfn}, whose word ${word} holds ${value}: ${inode.name} never had that`);
      }
      return foreign;
    });
}

const lostDirtyData: Invariant = {
  name: 'lost dirty data',
  sentence: 'I16: a cached page that nobody knows to be dirty holds what its block holds',
  moment: 'end',
  check({ system }) {
    const dirty = dirtyByMmu(system);
    return [...cachedPages(system)].flatMap(([page, { inode, pgoff }]) => {
      if (inode.kind.dax === true) return []; // a hole, at its time
      if (!page.has(PG_uptodate) || page.has(PG_dirty) || page.has(PG_writeback) || dirty.has(page)) return [];
      const number = inode.blocks.get(pgoff);
      const block = number > 0 ? inode.disk.block(number) : null;
      const lost = wordsOf(inode, pgoff).find(
        (word) => page.contents(word).value !== (block === null ? 0 : block.contents(word).value),
      );
      if (lost === undefined) return [];
      const { value } = page.contents(lost);
      return [`page ${page.pfn} in the cache is clean, its word ${lost} holds ${value}, ${named(block)} does not`];
    });
  },
};

/** Those of a page that lie within the file. */
function wordsOf({ system, i_size }: Inode, pgoff: number): number[] {
  const all = Array.from({ length: PAGE_WORDS }, (_, word) => word);
  return all.filter((word) => byteOf(system, pgoff, word) < i_size.value);
}

/** Pages that a pte or a TLB entry says somebody has stored to, or may yet do so without telling. */
function dirtyByMmu(system: System): Set<Page> {
  const dirty = new Set<Page>();
  const add = (pte: number): void => {
    if (pte_dirty(pte)) dirty.add(system.mem_map[pte_pfn(pte)]);
  };
  for (const { pgd } of system.mms) pgd.forEachPresent((_vpn, pte) => add(pte));
  for (const tlb of system.tlbs) tlb.forEach((_asid, _vpn, entry) => pte_write(entry) && add(entry));
  return dirty;
}

export const fileInvariants: readonly Invariant[] = [mappedBeyondEnd, mappedNotInCache, foreignData, lostDirtyData];
