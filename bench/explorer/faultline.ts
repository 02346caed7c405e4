/** The fault model for faultline, explored by source-DPOR: one execution per class. */
import {
  Birth,
  Cell,
  type Coroutine,
  DporStrategy,
  type Exploration,
  explore,
  type Program,
  READ_ONCE,
  spin_lock,
  spin_unlock,
  Spinlock,
  type Violation,
  WRITE_ONCE,
} from '../../src/index.ts';
import { BUGGY_CLASSES, CLASSES, hold } from './counts.ts';

class Memory {
  readonly pte = new Cell('pte');
  readonly ptl = new Spinlock('ptl');
  readonly pages: Cell[] = [];
  freedTwice = false;

  constructor(faulters: number) {
    for (let i = 0; i <= faulters; i++) this.pages.push(new Cell('page'));
  }

  atEnd(): Violation[] | null {
    let allocated = 0;
    for (const page of this.pages) if (page.value === 1) allocated++;
    const mapped = this.pte.value === 0 ? 0 : 1;
    if (!this.freedTwice && allocated === mapped) return null;
    return [{ rule: 'page lost', witness: `${allocated} allocated` }];
  }
}

function* faulter({ pte, pages, ptl }: Memory, i: number, recheck: boolean): Coroutine {
  if ((yield* READ_ONCE(pte)) !== 0) return;
  yield* WRITE_ONCE(pages[i], 1);
  yield* spin_lock(ptl);
  if (!recheck || (yield* READ_ONCE(pte)) === 0) yield* WRITE_ONCE(pte, i);
  else yield* WRITE_ONCE(pages[i], 0);
  yield* spin_unlock(ptl);
}

function* zapper(memory: Memory): Coroutine {
  const { pte, pages, ptl } = memory;
  yield* spin_lock(ptl);
  const p = yield* READ_ONCE(pte);
  if (p !== 0) yield* WRITE_ONCE(pte, 0);
  yield* spin_unlock(ptl);
  if (p === 0) return;
  if ((yield* READ_ONCE(pages[p])) !== 1) memory.freedTwice = true;
  yield* WRITE_ONCE(pages[p], 0);
}

function faultModel(faulters: number, recheck: boolean): Program {
  const memory = new Memory(faulters);
  const threads: Birth[] = [];
  for (let i = 1; i <= faulters; i++) threads.push(new Birth('faulter', i - 1, () => faulter(memory, i, recheck)));
  threads.push(new Birth('zapper', faulters, () => zapper(memory)));
  return { threads, atEnd: () => memory.atEnd() };
}

function exploreModel(faulters: number, recheck: boolean): Exploration {
  return explore(() => faultModel(faulters, recheck), { strategy: new DporStrategy() });
}

/** Explore the correct model to the end; replies the number of executions, which is the known one. */
export function exhaust(faulters: number): number {
  const { executions, failures, complete } = exploreModel(faulters, true);
  hold(`faultline, ${faulters} faulters`, [executions, failures.length, complete], [CLASSES[faulters], 0, true]);
  return executions;
}

/** The bug is found in as many classes as are known. */
export function findBug(faulters: number): void {
  const { executions, failures } = exploreModel(faulters, false);
  const { all, bad } = BUGGY_CLASSES[faulters];
  hold(`faultline, the bug with ${faulters} faulters`, [executions, failures[0]?.executions], [all, bad]);
}
