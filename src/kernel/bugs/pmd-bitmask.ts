/**
 * Known bad: the bitmask of pmd tables with its rules broken. A bit that is set and need not be costs a look at a section
 * of nothing; a bit that is not set and should be hides pages: fork does not copy them, munmap and exit do not give them
 * back.
 */
import { READ_ONCE, WRITE_ONCE } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { smp_processor_id } from '../../machine/thread.ts';
import type { Change2_6 } from '../change.ts';
import { pmd_alloc } from '../memory.ts';
import { bitmaskScan, resetMask, sectionBit } from '../patches/2004-08-07-pmd-bitmask.ts';
import { pathsOver, plainScan } from '../patches/page-table-scans.ts';
import { pmd_offset, TablePage } from '../pgtable.ts';
import type { TableScan } from '../pte-walk.ts';
import type { Mm, System, VmFault, Vma } from '../structs.ts';

const right = pathsOver(bitmaskScan);
const forgetful = pathsOver({ ...bitmaskScan, populate: plainScan.populate });

function change(name: string, about: string, replaces: Change2_6['replaces']): Change2_6 {
  return { name, base: 'v2.6.10', on: ['v2.6.10', 'pmd-bitmask'], about, replaces };
}

/** A path that fills pmds and that nobody has told of the mask. Breaks: whatever a fault maps is not there for fork. */
export const pmdBitForgotten = change('pmd-bit-forgotten', 'pmd-bitmask, and faults set no bit', {
  ...right,
  handle_mm_fault: forgetful.handle_mm_fault,
});

/**
 * Late alone is harmless in 2.6.10: a fault holds mmap_sem for reading until it returns, and whoever goes by the mask
 * holds it for writing. But two faults may now set bits of one word at once, and one of the bits is lost.
 */
function* setBitAfterUnlock(mm: Mm, vma: Vma, address: number, write_access: boolean): Coroutine<VmFault> {
  const fault = yield* forgetful.handle_mm_fault(mm, vma, address, write_access);
  const { word, bit } = sectionBit(mm, address);
  const bits = yield* READ_ONCE(word);
  if ((bits & bit) === 0) yield* WRITE_ONCE(word, bits | bit);
  return fault;
}

export const pmdBitUnlocked = change(
  'pmd-bit-unlocked',
  'pmd-bitmask, and faults set the bit when they have dropped page_table_lock',
  { ...right, handle_mm_fault: setBitAfterUnlock },
);

/** The same in the lock section of the fault, but after the entry. Breaks nothing: both are seen together. */
const late: TableScan = {
  ...bitmaskScan,
  *populate(mm, address) {
    yield* plainScan.populate(mm, address);
    const { word, bit } = sectionBit(mm, address);
    word.plain |= bit;
  },
};
export const pmdBitLate = change('pmd-bit-late', 'pmd-bitmask, and the bit is set after the entry', pathsOver(late));

/** By CPU: what has been freed is used again, its mask as it was. */
const quicklists = new WeakMap<System, TablePage[][]>();

function quicklist({ system }: Mm): TablePage[] {
  let lists = quicklists.get(system);
  if (lists === undefined) quicklists.set(system, (lists = system.tlbs.map(() => [])));
  return lists[smp_processor_id()];
}

const recycling = pathsOver({
  ...bitmaskScan,
  *allocate(mm, address) {
    if (pmd_offset(mm, address) !== undefined) return;
    yield* pmd_alloc(mm, address);
    const pmd = pmd_offset(mm, address)!;
    const { tablePages } = mm.pgd;
    if (!tablePages.has(pmd)) tablePages.set(pmd, quicklist(mm).pop() ?? new TablePage(`page of ${mm.name} pmd`));
  },
});

/**
 * sparc64 and ia64 take page tables from a list of freed ones of the CPU, all entries none already. If the mask is left
 * as it was it has too many bits. Breaks nothing.
 */
export const pmdMaskRecycled = change(
  'pmd-mask-recycled',
  'pmd-bitmask, and a pmd table from the quicklist has the mask of its former life',
  {
    ...recycling,
    *exit_mmap(mm) {
      const pages = [...mm.pgd.tablePages.values()];
      yield* recycling.exit_mmap(mm);
      quicklist(mm).push(...pages);
    },
  },
);

/** The mask is reset, and by everybody: also by the thread that allocates a table and finds that another was quicker. */
const resetting: TableScan = {
  ...bitmaskScan,
  *allocate(mm, address) {
    if (pmd_offset(mm, address) !== undefined) return;
    yield* pmd_alloc(mm, address);
    resetMask(mm, address);
  },
};
export const pmdMaskResetTwice = change(
  'pmd-mask-reset-twice',
  'pmd-bitmask, and whoever comes second with a pmd table resets the mask of the first',
  pathsOver(resetting),
);
