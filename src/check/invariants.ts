/**
 * The catalogue of invariants: each a short name for its breach, one sentence, the moment at which it must hold, and
 * a check that returns witnesses. Numbers I1, I2, ... are those of the project's list of kernel facts.
 */
import { pte_dirty, pte_page, pte_pfn, pte_present, pte_write, show_pte } from '../kernel/pgtable.ts';
import { taskOf } from '../kernel/sched.ts';
import { type Mm, type Page, type System, ZERO_PFN } from '../kernel/structs.ts';
import { cachedPages, fileInvariants, wrongInFiles } from './files.ts';
import type { Checked, Invariant } from './invariant.ts';

export type { Checked, Invariant } from './invariant.ts';

/** Mapped pages and how many ptes map each. The zero page and other reserved pages do not count. */
function mappings(mm: Mm): Map<Page, number> {
  const mapped = new Map<Page, number>();
  mm.pgd.forEachPresent((_vpn, pte) => {
    const page = pte_page(mm, pte);
    if (!page.reserved) mapped.set(page, (mapped.get(page) ?? 0) + 1);
  });
  return mapped;
}

function allMappings(system: System): Map<Page, number> {
  const all = new Map<Page, number>();
  for (const mm of system.mms) {
    for (const [page, count] of mappings(mm)) all.set(page, (all.get(page) ?? 0) + count);
  }
  return all;
}

function usedPages(system: System): Page[] {
  return system.mem_map.filter((page) => !page.reserved);
}

const lostStore: Invariant = {
  name: 'lost store',
  sentence: 'I11: no completed store is lost, and what a file has lost does not come back',
  moment: 'end',
  check(world) {
    const inMemory = wrongWords(world).flatMap(({ stores, text, foreign }) =>
      stores.length > 0 && !foreign ? [text] : [],
    );
    return [...inMemory, ...wrongInFiles(world)];
  },
};

const cowLeak: Invariant = {
  name: 'cow leak',
  sentence: 'I12: a process never has what another one has stored since they parted at fork',
  moment: 'end',
  check(world) {
    return wrongWords(world).flatMap(({ stores, text, foreign }) => (stores.length === 0 || foreign ? [text] : []));
  },
};

/** Words of living address spaces that hold what they must not; those of files are in files.ts. `foreign`: another process has stored that. */
function wrongWords({ system, ledger }: Checked) {
  return system.mms
    .filter(({ dead }) => !dead)
    .flatMap((mm) =>
      [...ledger.allowed(mm)].flatMap(({ name, address, word, file, values, usual, stores }) => {
        const pte = mm.pgd.get(Math.floor(address / system.geometry.pageBytes));
        if (!pte_present(pte) && file !== null && usual) return []; // the next load shows what the file holds
        const shown = pte_present(pte) ? pte_page(mm, pte).contents(word).value : 0;
        if (values.includes(shown)) return [];
        const foreign = shown !== 0 && ledger.storedBy(address, word, shown).some((other) => other !== mm);
        const found = pte_present(pte)
          ? `page ${pte_page(mm, pte).pfn} is mapped there and holds ${shown}`
          : 'nothing is mapped there';
        const space = system.mms.length > 1 ? ` of ${mm.name}` : '';
        const wrote = stores.length === 0 ? 'nobody has stored there' : stores.join(', ');
        return [{ stores, foreign, text: `${name}[${word}]${space}: ${wrote}; ${found}` }];
      }),
    );
}

const wrongValueRead: Invariant = {
  name: 'wrong value read',
  sentence: 'a load shows what the scenario says it may show',
  moment: 'end',
  check: ({ ledger }) => ledger.complaints,
};

const staleTlb: Invariant = {
  name: 'stale TLB entry',
  sentence: 'I14, I15: what a TLB knows a pte says too, when nobody is about to flush it',
  moment: 'end',
  check({ system }) {
    const stale: string[] = [];
    for (const tlb of system.tlbs) {
      tlb.forEach((asid, vpn, entry) => {
        const { pgd } = system.mms[asid - 1];
        const pte = pgd.get(vpn);
        const same = pte_present(pte) && pte_pfn(pte) === pte_pfn(entry) && (pte_write(pte) || !pte_write(entry));
        if (!same) stale.push(`${tlb.name} has ${show_pte(entry)} for ${pgd.describe(vpn)}, which is ${show_pte(pte)}`);
      });
    }
    return stale;
  },
};

const kmapLeak: Invariant = {
  name: 'preempt count leak',
  sentence: 'I18: preempt_count is 0 at return to user',
  moment: 'end',
  check({ threads }) {
    return threads.flatMap((thread) => {
      const { preempt_count } = taskOf(thread);
      return preempt_count === 0 ? [] : [`${thread.name} has preempt_count ${preempt_count}: a pte is still mapped`];
    });
  },
};

function dirtyUntouched({ system, ledger }: Checked): number {
  let count = 0;
  for (const mm of system.mms) {
    mm.pgd.forEachPresent((vpn, pte) => {
      if (pte_dirty(pte) && !ledger.isTouched(vpn * system.geometry.pageBytes)) count++;
    });
  }
  return count;
}

const unexpectedCount: Invariant = {
  name: 'unexpected count',
  sentence: 'a run counts what the scenario says',
  moment: 'end',
  check(world) {
    const all: Readonly<Record<string, number>> = { ...world.system.counters, dirty_untouched: dirtyUntouched(world) };
    return Object.entries(world.counts).flatMap(([name, expected]) => {
      const counted = all[name];
      return counted === expected ? [] : [`${name} is ${counted}, the scenario says ${expected}`];
    });
  },
};

const mapcountMismatch: Invariant = {
  name: 'mapcount mismatch',
  sentence: 'I1: mapcount is the number of present ptes that map the page',
  moment: 'end',
  check({ system }) {
    const mapped = allMappings(system);
    return usedPages(system)
      .filter((page) => page._mapcount.value !== (mapped.get(page) ?? 0))
      .map((page) => `page ${page.pfn} has mapcount ${page._mapcount.value}, ${mapped.get(page) ?? 0} ptes map it`);
  },
};

const pageLeak: Invariant = {
  name: 'page leak',
  sentence: 'I2: a page has as many references as there are users of it',
  moment: 'end',
  check({ system }) {
    const mapped = allMappings(system);
    const cached = cachedPages(system);
    const users = (page: Page): number => (mapped.get(page) ?? 0) + (cached.has(page) ? 1 : 0);
    return usedPages(system)
      .filter((page) => page._count.value !== users(page) && !isFree(system, page))
      .map((page) => `page ${page.pfn} has count ${page._count.value} and ${users(page)} users`);
  },
};

/** Never handed out, or given back. */
function isFree(system: System, page: Page): boolean {
  return page.zone.free_list.includes(page) || system.pageset.some(({ lists }) => lists[page.zone.node].includes(page));
}

const rssMismatch: Invariant = {
  name: 'rss mismatch',
  sentence: 'I4: rss is the number of present ptes that count',
  moment: 'end',
  check({ system }) {
    return system.mms.flatMap((mm) => {
      const mapped = [...mappings(mm).values()].reduce((sum, count) => sum + count, 0) + zeroPages(mm);
      const rss = mm.rss.value + mm.file_rss.value;
      return rss === mapped ? [] : [`${mm.name}.rss is ${rss}, ${mapped} pages are mapped`];
    });
  },
};

/** Ptes of the zero page, where those count. */
function zeroPages(mm: Mm): number {
  let count = 0;
  if (mm.system.kernel.counts_zero_page === true) {
    mm.pgd.forEachPresent((_vpn, pte) => (count += pte_pfn(pte) === ZERO_PFN ? 1 : 0));
  }
  return count;
}

const lockHeld: Invariant = {
  name: 'lock held at the end',
  sentence: 'I17: every lock is released, once, in the mode taken, on every path',
  moment: 'end',
  check({ threads }) {
    return threads.flatMap((thread) => thread.held.map(({ lock }) => `${thread.name} still holds ${lock.describe(0)}`));
  },
};

const zeroPageWritten: Invariant = {
  name: 'zero page writable',
  sentence: 'I27: the zero page is never mapped writable',
  moment: 'always',
  check({ system }) {
    return system.mms.flatMap((mm) => {
      const writable: string[] = [];
      mm.pgd.forEachPresent((vpn, pte) => {
        if (pte_pfn(pte) === ZERO_PFN && pte_write(pte)) writable.push(mm.pgd.describe(vpn));
      });
      return writable.map((where) => `${where} maps the zero page writable`);
    });
  },
};

const pmdBitMissing: Invariant = {
  name: 'pmd bit missing',
  sentence: 'I26: where pmd tables have a mask, the section of an entry that is not none has its bit set',
  moment: 'end',
  check({ system }) {
    return system.mms.flatMap(({ name, pgd }) =>
      [...pgd.tablePages].flatMap(([pmd, page]) => {
        const per = Math.max(1, pgd.geometry.ptrsPerPmd / pgd.geometry.wordBits);
        const hidden = (index: number): boolean => {
          const section = Math.floor(index / per);
          return (page.get(section >> 5) & (1 << (section & 31))) === 0;
        };
        return [...pmd.keys()]
          .filter((index) => pmd[index] !== undefined && hidden(index))
          .map((index) => `${name}: entry ${index} of a pmd table is used, and the bit of its section is not set`);
      }),
    );
  },
};

export const invariants: readonly Invariant[] = [
  lostStore,
  mapcountMismatch,
  pageLeak,
  rssMismatch,
  lockHeld,
  zeroPageWritten,
  cowLeak,
  wrongValueRead,
  staleTlb,
  kmapLeak,
  unexpectedCount,
  pmdBitMissing,
  ...fileInvariants,
];

/** Rules that every run is held to without a check of its own: the machine or the locks notice. */
export const standingRules: Readonly<Record<string, string>> = {
  deadlock: 'some thread can always go on',
  'data race': 'plain accesses to one word are ordered by a lock',
  'use after free': 'I3: nobody uses what a free page holds',
  'fault without progress': 'I24: a fault that went well leaves a usable pte, unless somebody else has changed it',
  'undeserved SIGBUS': 'I28: SIGBUS is sent only where the file has ended, at some moment of the fault',
  'pagevec overrun': 'I25: a batch fits into its pagevec',
  'pte pointer outside its page': 'I25: nobody looks for a pte before or behind its page of ptes',
  'null pointer': 'kernel text follows no pointer that is null',
  'sleeping while atomic': 'I19: nobody sleeps while holding a spinlock',
  'unlock by non-owner': 'I17: a lock is released by who holds it',
  'broken ->fault contract': 'B18: a handler that answers VM_FAULT_LOCKED and no page holds the lock of i_mmap',
  'killed by signal': 'I28: no program is killed by a fault it did not deserve',
  'not modelled': 'the run stays inside what the kernel text models',
  exception: 'kernel text does not throw',
};

/** All names a scenario may use in `expect`. */
export function ruleNames(): string[] {
  return [...invariants.map((invariant) => invariant.name), ...Object.keys(standingRules)];
}
