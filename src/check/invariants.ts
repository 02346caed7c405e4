/**
 * The catalogue of invariants: each a short name for its breach, one sentence, the moment at which it must hold, and
 * a check that returns witnesses. Numbers I1, I2, ... are those of the project's list of kernel facts.
 */
import { pte_page, pte_write } from '../kernel/pgtable.ts';
import type { Mm, Page, System } from '../kernel/structs.ts';
import type { Thread } from '../machine/thread.ts';
import type { Stored } from '../workload/script.ts';

/** What a check may look at. */
export interface Checked {
  readonly system: System;
  /** Completed stores, in order. */
  readonly ledger: readonly Stored[];
  readonly threads: readonly Thread[];
}

export interface Invariant {
  /** Name of the breach, as scenario files spell it. */
  readonly name: string;
  readonly sentence: string;
  readonly moment: 'end' | 'always';
  /** One line for each way in which it does not hold. */
  readonly check: (world: Checked) => string[];
}

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
  sentence: 'I11: no completed store is lost',
  moment: 'end',
  check({ ledger, system }) {
    const last = new Map<string, Stored[]>();
    for (const stored of ledger) {
      const key = `${stored.mm.name} ${stored.address} ${stored.word}`;
      const same = last.get(key)?.filter((other) => other.by !== stored.by) ?? [];
      last.set(key, [...same, stored]);
    }
    return [...last.values()].flatMap((candidates) => lost(system, candidates));
  },
};

/** The last store of each thread to one word: memory must show one of them. */
function lost(system: System, candidates: readonly Stored[]): string[] {
  const { mm, address, word, name } = candidates[0];
  const vpn = Math.floor(address / system.geometry.pageBytes);
  const pte = mm.pgd.get(vpn);
  const shown = pte === 0 ? null : pte_page(mm, pte).contents(word).value;
  if (candidates.some((stored) => stored.value === shown)) return [];
  const wrote = candidates.map((stored) => `${stored.by} stored ${stored.value}`).join(', ');
  const found =
    shown === null ? 'nothing is mapped there' : `page ${pte_page(mm, pte).pfn} is mapped there and holds ${shown}`;
  return [`${name}[${word}]: ${wrote}; ${found}`];
}

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
    return usedPages(system)
      .filter((page) => page._count.value !== (mapped.get(page) ?? 0) && !isFree(system, page))
      .map((page) => `page ${page.pfn} has count ${page._count.value} and ${mapped.get(page) ?? 0} users`);
  },
};

/** Never handed out, or given back. */
function isFree(system: System, page: Page): boolean {
  return (
    page.zone.free_list.includes(page) || system.pageset.some((zones) => zones[page.zone.node].list.includes(page))
  );
}

const rssMismatch: Invariant = {
  name: 'rss mismatch',
  sentence: 'I4: rss is the number of present ptes that count',
  moment: 'end',
  check({ system }) {
    return system.mms.flatMap((mm) => {
      const mapped = [...mappings(mm).values()].reduce((sum, count) => sum + count, 0);
      return mm.rss.value === mapped ? [] : [`${mm.name}.rss is ${mm.rss.value}, ${mapped} pages are mapped`];
    });
  },
};

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
        if (pte_page(mm, pte).reserved && pte_write(pte)) writable.push(mm.pgd.describe(vpn));
      });
      return writable.map((where) => `${where} maps the zero page writable`);
    });
  },
};

export const invariants: readonly Invariant[] = [
  lostStore,
  mapcountMismatch,
  pageLeak,
  rssMismatch,
  lockHeld,
  zeroPageWritten,
];

/** Rules that every run is held to without a check of its own: the machine or the locks notice. */
export const standingRules: Readonly<Record<string, string>> = {
  deadlock: 'some thread can always go on',
  'data race': 'plain accesses to one word are ordered by a lock',
  'sleeping while atomic': 'I19: nobody sleeps while holding a spinlock',
  'unlock by non-owner': 'I17: a lock is released by who holds it',
  'killed by signal': 'I28: no program is killed by a fault it did not deserve',
  'not modelled': 'the run stays inside what the kernel text models',
  exception: 'kernel text does not throw',
};

/** All names a scenario may use in `expect`. */
export function ruleNames(): string[] {
  return [...invariants.map((invariant) => invariant.name), ...Object.keys(standingRules)];
}
