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

/** The fault model: N faulters and one zapper on one pte. `recheck: false` is the bug. */
export function faultModel(faulters: number, recheck: boolean): () => Program {
  return () => {
    const pte = new Cell('pte');
    const pages = Array.from({ length: faulters + 1 }, (_, i) => new Cell(`page[${i}]`));
    const ptl = new Spinlock('ptl');
    const broken: Violation[] = [];
    function* faulter(i: number): Coroutine {
      if ((yield READ_ONCE(pte)) !== 0) return;
      yield WRITE_ONCE(pages[i], 1);
      yield spin_lock(ptl);
      if (!recheck || (yield READ_ONCE(pte)) === 0) yield WRITE_ONCE(pte, i);
      else yield WRITE_ONCE(pages[i], 0);
      yield spin_unlock(ptl);
    }
    function* zapper(): Coroutine {
      yield spin_lock(ptl);
      const p = yield READ_ONCE(pte);
      if (p !== 0) yield WRITE_ONCE(pte, 0);
      yield spin_unlock(ptl);
      if (p === 0) return;
      if ((yield READ_ONCE(pages[p])) !== 1) broken.push({ rule: 'freed twice', witness: `page ${p}` });
      yield WRITE_ONCE(pages[p], 0);
    }
    return {
      threads: [
        ...Array.from({ length: faulters }, (_, i) => new Birth(`faulter${i + 1}`, i, () => faulter(i + 1))),
        new Birth('zapper', faulters, zapper),
      ],
      *atEnd() {
        yield* broken;
        const allocated = pages.filter((page) => page.value === 1).length;
        if (allocated !== (pte.value === 0 ? 0 : 1)) yield { rule: 'leak', witness: `${allocated} allocated` };
      },
      outcome: () => `pte=${pte.value} pages=${pages.map((page) => page.value).join('')}`,
    };
  };
}
