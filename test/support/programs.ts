/** Small programs with published numbers of executions, and the model of two racing faults. */
import { atomic_inc, Cell, cmpxchg, READ_ONCE, WRITE_ONCE } from '../../src/machine/memory.ts';
import type { Coroutine, Step } from '../../src/machine/step.ts';
import { Birth } from '../../src/machine/thread.ts';
import { spin_lock, spin_unlock, Spinlock } from '../../src/sync/spinlock.ts';
import type { Program, Violation } from '../../src/drivers/controlled/execution.ts';

/** An operation by name of its variable. */
export type Op = (cell: (name: string) => Cell) => Step;
export const r =
  (name: string): Op =>
  (cell) =>
    READ_ONCE(cell(name));
export const w =
  (name: string, value: number): Op =>
  (cell) =>
    WRITE_ONCE(cell(name), value);
export const inc =
  (name: string): Op =>
  (cell) =>
    atomic_inc(cell(name));
export const cas =
  (name: string, from: number, to: number): Op =>
  (cell) =>
    cmpxchg(cell(name), from, to);

/** Straight-line threads over variables that start at 0. */
export function straight(threads: readonly (readonly Op[])[]): () => Program {
  return () => {
    const cells = new Map<string, Cell>();
    const cell = (name: string): Cell => {
      if (!cells.has(name)) cells.set(name, new Cell(name));
      return cells.get(name)!;
    };
    const read: string[] = [];
    return {
      threads: threads.map(
        (ops, i) =>
          new Birth(`T${i + 1}`, i, function* (): Coroutine {
            for (const [n, op] of ops.entries()) {
              const reply = yield op(cell);
              read.push(`${i}.${n}=${reply}`);
            }
          }),
      ),
      outcome: () => [...[...cells].sort().map(([name, c]) => `${name}=${c.value}`), ...read.sort()].join(' '),
    };
  };
}

/** Shared memory of the fault model, and what its zapper finds wrong. */
class FaultMemory {
  readonly pte = new Cell('pte');
  readonly ptl = new Spinlock('ptl');
  readonly pages: Cell[] = [];
  readonly broken: Violation[] = [];

  constructor(faulters: number) {
    for (let i = 0; i <= faulters; i++) this.pages.push(new Cell(`page[${i}]`));
  }
  get allocated(): number {
    return this.pages.filter((page) => page.value === 1).length;
  }
}

function* faulter({ pte, ptl, pages }: FaultMemory, i: number, recheck: boolean): Coroutine {
  if ((yield* READ_ONCE(pte)) !== 0) return;
  yield* WRITE_ONCE(pages[i], 1);
  yield* spin_lock(ptl);
  if (!recheck || (yield* READ_ONCE(pte)) === 0) yield* WRITE_ONCE(pte, i);
  else yield* WRITE_ONCE(pages[i], 0);
  yield* spin_unlock(ptl);
}

function* zapper({ pte, ptl, pages, broken }: FaultMemory): Coroutine {
  yield* spin_lock(ptl);
  const p = yield* READ_ONCE(pte);
  if (p !== 0) yield* WRITE_ONCE(pte, 0);
  yield* spin_unlock(ptl);
  if (p === 0) return;
  if ((yield* READ_ONCE(pages[p])) !== 1) broken.push({ rule: 'freed twice', witness: `page ${p}` });
  yield* WRITE_ONCE(pages[p], 0);
}

/** The fault model: N faulters and one zapper on one pte. `recheck: false` is the bug. */
export function faultModel(faulters: number, recheck: boolean): () => Program {
  return () => {
    const memory = new FaultMemory(faulters);
    const threads = [new Birth('zapper', faulters, () => zapper(memory))];
    for (let i = faulters; i > 0; i--) {
      threads.unshift(new Birth(`faulter${i}`, i - 1, () => faulter(memory, i, recheck)));
    }
    return {
      threads,
      *atEnd() {
        yield* memory.broken;
        const mapped = memory.pte.value === 0 ? 0 : 1;
        if (memory.allocated !== mapped) yield { rule: 'leak', witness: `${memory.allocated} allocated` };
      },
      outcome: () => `pte=${memory.pte.value} pages=${memory.pages.map((page) => page.value).join('')}`,
    };
  };
}
