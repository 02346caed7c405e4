/**
 * Known bad: do_anonymous_page of 2.6.10 with one step spoilt. Each breaks one invariant and no other.
 */
import { ADD, CLEAR, type Step, UNLOCK, WRITE } from '../../machine/step.ts';
import type { Change } from '../change.ts';
import type { FaultPath2_6 } from '../fault-path.ts';
import { maybe_mkwrite, set_pte, v2_6_10 } from '../memory.ts';
import { PtePage } from '../pgtable.ts';
import { Page } from '../structs.ts';
import { instead, late, without } from './altered.ts';

const path = v2_6_10.do_anonymous_page;

function change(name: string, about: string, do_anonymous_page: FaultPath2_6['do_anonymous_page']): Change {
  return { name, base: 'v2.6.10', about, replaces: { do_anonymous_page } };
}

function adds(step: Step, field: string, amount: number): boolean {
  return (
    step.kind === ADD &&
    step.object instanceof Page &&
    step.object.describe(step.index).endsWith(field) &&
    step.value === amount
  );
}

function setsPte(step: Step): boolean {
  return step.kind === WRITE && step.object instanceof PtePage;
}

/** The loser of a race keeps its page. Breaks: page leak. */
export const leakWhenRaced = change(
  'leak-when-raced',
  'the thread that finds the pte filled does not give its page back',
  (...args) => without(path(...args), (step) => adds(step, '_count', -1), 1),
);

/** The page is mapped without reverse mapping. Breaks: mapcount mismatch. */
export const noAnonRmap = change('no-anon-rmap', 'page_add_anon_rmap is forgotten', (...args) =>
  without(path(...args), (step) => adds(step, '_mapcount', 1), 1),
);

/** The page is zeroed when others can store into it already. Breaks: lost store. */
export const clearAfterMap = change('clear-after-map', 'the page is zeroed after its pte is set', (...args) =>
  late(
    path(...args),
    (step) => step.kind === CLEAR,
    (step) => step.kind === UNLOCK,
  ),
);

/** The zero page is mapped with the permissions of the vma. Breaks: zero page writable. */
export const zeroPageWritable = change(
  'zero-page-writable',
  'a read fault maps the zero page writable',
  (mm, vma, page_table, pmd, write_access, addr) =>
    instead(path(mm, vma, page_table, pmd, write_access, addr), (step) =>
      setsPte(step) && !write_access ? set_pte(page_table, maybe_mkwrite(step.value, vma)) : step,
    ),
);

/** rss goes up for the page that a raced fault gives back. Breaks: rss mismatch. */
export const rssTwice = change('rss-twice', 'rss is counted before the pte is looked at again', (mm, ...args) =>
  instead(path(mm, ...args), (step) => {
    if (step.kind === ADD && step.object instanceof Page && step.value === -1) mm.rss.plain++;
    return step;
  }),
);

/** page_table_lock is not dropped. Breaks: deadlock, or a lock that is held at the end. */
export const noUnlock = change('no-unlock', 'page_table_lock is not dropped when the pte has been set', (...args) => {
  let mapped = false;
  return without(
    path(...args),
    (step) => {
      if (setsPte(step)) mapped = true;
      return mapped && step.kind === UNLOCK;
    },
    0,
  );
});
