/**
 * Known bad: truncation of 2.6.10 against do_no_page with one thing out of order. What is right: the fault reads
 * truncate_count before it looks for the page, and again with the lock of the pte held; truncation lowers i_size, counts,
 * and clears ptes, in this order. All but the last break: mapped beyond end of file.
 */
import { type Cell, READ_ONCE, WRITE_ONCE } from '../../machine/memory.ts';
import { type Coroutine, LOCK, READ, type Step, UNLOCK, WRITE } from '../../machine/step.ts';
import { mutex_lock, mutex_unlock } from '../../sync/mutex.ts';
import { free_blocks } from '../block.ts';
import type { Change2_6 } from '../change.ts';
import { type FaultPath2_6, path2_6 } from '../fault-path.ts';
import { i_size_write, type Inode } from '../fs.ts';
import { v2_6_10 } from '../memory.ts';
import { round_up_pages } from '../pagemap.ts';
import type { Mm, Vma } from '../structs.ts';
import { truncate_inode_pages } from '../truncate.ts';
import { acted, around, late, without } from './altered.ts';

type Replaces = Change2_6['replaces'];

function change(name: string, about: string, replaces: Replaces): Change2_6 {
  return { name, base: 'v2.6.10', about, replaces };
}

type Look = 'sequence' | 'check';

/** do_no_page with one of its two looks at truncate_count made when it is about to take the lock of the pte. */
function looksBeforeLock(which: Look): Replaces {
  return {
    do_no_page: (mm, vma, ...args) => {
      const path = v2_6_10.do_no_page(mm, vma, ...args);
      return vma.vm_file === null ? path : acted(path, new Looks(mm, vma, which).act);
    },
  };
}

class Looks {
  private readonly mm: Mm;
  private readonly truncate_count: Cell;
  private readonly which: Look;
  /** Null: the next look is the first one. */
  private sequence: number | null = null;
  private beforeLock = 0;

  constructor(mm: Mm, vma: Vma, which: Look) {
    this.mm = mm;
    this.truncate_count = vma.vm_file!.f_mapping.truncate_count;
    this.which = which;
  }

  readonly act = (step: Step): Coroutine<number> => this.look(step);

  private *look(step: Step): Coroutine<number> {
    const { sequence, which, mm, truncate_count } = this;
    if (step.kind === LOCK && step.object === mm.page_table_lock && sequence !== null) {
      this.beforeLock = yield* READ_ONCE(truncate_count);
    }
    if (step.kind !== READ || step.object !== truncate_count) return yield step;
    if (sequence === null) return (this.sequence = which === 'sequence' ? 0 : yield step);
    this.sequence = null;
    if (which === 'check') return this.beforeLock;
    return (yield step) === this.beforeLock ? sequence : sequence + 1;
  }
}

export const truncateCountReadLate = change(
  'truncate-count-read-late',
  'do_no_page reads truncate_count when it has found the page',
  looksBeforeLock('sequence'),
);

export const truncateCountCheckedEarly = change(
  'truncate-count-checked-early',
  'do_no_page looks at truncate_count again, but before it takes page_table_lock',
  looksBeforeLock('check'),
);

function writesSize({ i_size }: Inode): (step: Step) => boolean {
  return ({ kind, object }) => kind === WRITE && object === i_size;
}

function counts({ i_mapping }: Inode): (step: Step) => boolean {
  return ({ kind, object }) => kind === WRITE && object === i_mapping.truncate_count;
}

function locks(inode: Inode, kind: typeof LOCK | typeof UNLOCK, lock: 'tree_lock' | 'i_mmap_lock') {
  return (step: Step): boolean => step.kind === kind && step.object === inode.i_mapping[lock];
}

function truncates(name: string, about: string, do_truncate: FaultPath2_6['do_truncate']): Change2_6 {
  return change(name, about, { do_truncate });
}

export const truncateUnmapsFirst = truncates(
  'truncate-unmaps-first',
  'ptes are cleared before i_size is lowered',
  (inode, size) => late(v2_6_10.do_truncate(inode, size), writesSize(inode), locks(inode, LOCK, 'tree_lock')),
);

export const truncateCountBeforeSize = truncates(
  'truncate-count-before-size',
  'truncate_count grows before i_size is lowered',
  (inode, size) => {
    const { truncate_count } = inode.i_mapping;
    const path = without(v2_6_10.do_truncate(inode, size), counts(inode), 0);
    const count = (): Step => WRITE_ONCE(truncate_count, truncate_count.value + 1);
    return around(path, writesSize(inode), count, nothing);
  },
);

function* nothing(): Coroutine {}

export const truncateCountAfterUnmap = truncates(
  'truncate-count-after-unmap',
  'truncate_count grows when the ptes have been cleared',
  (inode, size) => late(v2_6_10.do_truncate(inode, size), counts(inode), locks(inode, UNLOCK, 'i_mmap_lock')),
);

/** A control: it breaks nothing. */
export const truncateRemovesFirst = truncates(
  'truncate-removes-first',
  'pages are taken out of the cache before ptes are cleared',
  function* (inode, size) {
    const first = round_up_pages(inode.system, size);
    yield* mutex_lock(inode.i_mutex);
    yield* i_size_write(inode, size);
    yield* truncate_inode_pages(inode.i_mapping, first, Infinity);
    yield* path2_6(inode.system.mms[0]).unmap_mapping_range(inode.i_mapping, first, Infinity, true);
    yield* free_blocks(inode, first, Infinity);
    yield* mutex_unlock(inode.i_mutex);
  },
);
