/**
 * What the walks of a CPU read above the ptes: pgds, puds, pmds, masks of pmds and nodes of trees, by cache line. (Lines
 * of ptes are priced as all shared memory is: by who had them last.)
 *
 * A walk is one pass over a range of addresses. `lines` adds up the different lines of each walk. A `miss` is a line that
 * is not in the CPU's cache: the lines used last, as many as the cache has room for, all of them given to tables; who
 * thinks that programs have used it for other things meanwhile calls `cool`. Each miss costs a line from memory.
 *
 * Left out: prefetching, by hardware or by hand; lines that another CPU has written since; lines that are in the cache
 * because somebody has just filled them in, other than by a walk.
 */
import { charge, work } from '../machine/work.ts';

const LINE_MISS = work('table_line_miss', 200);
/** To look at one entry, or one word of presence bits, that is in the cache. */
const ENTRY = work('table_entry', 2);

/** More lines than any table has. */
const LINES_OF_A_TABLE = 2 ** 12;

/** Tables have no addresses here; each gets a number when it is first read. */
const numbers = new WeakMap<object, number>();
let numbered = 0;

function numberOf(table: object): number {
  let number = numbers.get(table);
  if (number === undefined) numbers.set(table, (number = ++numbered));
  return number;
}

/** What a walk is for: a fault, fork, giving pages back, or freeing the tables themselves. */
export type WalkKind = 'fault' | 'copy' | 'zap' | 'free';

/** What a line is part of. */
export type TableLevel = 'pgd' | 'pud' | 'pmd' | 'mask' | 'node';

/** Sums over walks of one kind. */
export interface WalkSums {
  walks: number;
  /** Different lines of each walk. */
  lines: number;
  misses: number;
  /** Entries looked at. */
  entries: number;
}

const none = (): WalkSums => ({ walks: 0, lines: 0, misses: 0, entries: 0 });

export class TableReads {
  readonly sums: Readonly<Record<WalkKind, WalkSums>> = { fault: none(), copy: none(), zap: none(), free: none() };
  readonly missesByLevel: Record<TableLevel, number> = { pgd: 0, pud: 0, pmd: 0, mask: 0, node: 0 };
  private sum = this.sums.fault;
  private readonly lineBytes: number;
  private readonly room: number;
  /** The one used last is the last one. */
  private readonly cached = new Set<number>();
  private readonly ofThisWalk = new Set<number>();

  constructor(lineBytes: number, cacheBytes: number) {
    this.lineBytes = lineBytes;
    this.room = cacheBytes / lineBytes;
  }

  /** Count from here on. */
  reset(): void {
    for (const sum of Object.values(this.sums)) Object.assign(sum, none());
    Object.assign(this.missesByLevel, { pgd: 0, pud: 0, pmd: 0, mask: 0, node: 0 });
  }

  /** A walk begins. */
  begin(kind: WalkKind): void {
    this.sum = this.sums[kind];
    this.sum.walks++;
    this.ofThisWalk.clear();
  }

  /** The cache has nothing of the tables any more. */
  cool(): void {
    this.cached.clear();
  }

  /** The walk looks at what is at this offset of a table. */
  read(table: object, byte: number, level: TableLevel): void {
    this.sum.entries++;
    charge(ENTRY);
    const line = numberOf(table) * LINES_OF_A_TABLE + Math.floor(byte / this.lineBytes);
    if (!this.ofThisWalk.has(line)) {
      this.ofThisWalk.add(line);
      this.sum.lines++;
    }
    if (!this.cached.delete(line)) {
      this.sum.misses++;
      this.missesByLevel[level]++;
      charge(LINE_MISS);
    }
    this.cached.add(line);
    if (this.cached.size > this.room) this.cached.delete(this.cached.values().next().value!);
  }
}
