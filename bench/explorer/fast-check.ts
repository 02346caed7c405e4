/**
 * The fault model for the scheduler of fast-check: async functions, every access, lock and unlock one scheduled task.
 * A run is one random interleaving; nothing keeps it from repeating another.
 *
 * A task cannot be taken back, so threads that wait for the lock are no tasks of their own: while it is free there is
 * one task for all of them, and who of them gets it is drawn when the task takes effect.
 */
import fc from 'fast-check';
import { hold, INTERLEAVINGS } from './counts.ts';

/**
 * How a run is driven. `waitIdle` is what the manual says. `waitAll` is deprecated because it does not wait for what is
 * scheduled later than at once; here nothing is, and it is the faster one.
 */
export type Drive = 'waitIdle' | 'waitAll';

type Choose = (among: number) => number;

const READY = Promise.resolve();
const RUNS = 500;

/** Waiters are a predicate, not a queue: whoever waits when the lock is free may be next. */
class Lock {
  private readonly scheduler: fc.Scheduler;
  private readonly choose: Choose;
  private readonly waiters: (() => void)[] = [];
  private held = false;
  private offered = false;

  constructor(scheduler: fc.Scheduler, choose: Choose) {
    this.scheduler = scheduler;
    this.choose = choose;
  }

  /** Ends when the lock has been taken. */
  lock(): Promise<void> {
    return new Promise((taken) => {
      this.waiters.push(taken);
      this.offer();
    });
  }

  /** The effect of an unlock that was scheduled. */
  unlock(): void {
    this.held = false;
    this.offer();
  }

  private offer(): void {
    if (this.held || this.offered || this.waiters.length === 0) return;
    this.offered = true;
    void this.scheduler.schedule(READY, undefined, undefined, (end) => {
      this.grant();
      return end();
    });
  }

  private grant(): void {
    this.offered = false;
    this.held = true;
    const [taken] = this.waiters.splice(this.choose(this.waiters.length), 1);
    taken();
  }
}

class Memory {
  pte = 0;
  readonly ptl: Lock;
  readonly pages: number[];
  private readonly scheduler: fc.Scheduler;
  private freedTwice = false;

  constructor(faulters: number, scheduler: fc.Scheduler, choose: Choose) {
    this.scheduler = scheduler;
    this.ptl = new Lock(scheduler, choose);
    this.pages = new Array<number>(faulters + 1).fill(0);
  }

  /** What follows takes effect when the scheduler says so. */
  step(): Promise<void> {
    return this.scheduler.schedule(READY);
  }

  free(p: number): void {
    if (this.pages[p] !== 1) this.freedTwice = true;
  }

  holds(): boolean {
    const allocated = this.pages.filter((page) => page === 1).length;
    return !this.freedTwice && allocated === (this.pte === 0 ? 0 : 1);
  }
}

async function faulter(memory: Memory, i: number, recheck: boolean): Promise<void> {
  await memory.step();
  if (memory.pte !== 0) return;
  await memory.step();
  memory.pages[i] = 1;
  await memory.ptl.lock();
  if (recheck) await memory.step();
  const none = !recheck || memory.pte === 0;
  await memory.step();
  if (none) memory.pte = i;
  else memory.pages[i] = 0;
  await memory.step();
  memory.ptl.unlock();
}

async function zapper(memory: Memory): Promise<void> {
  await memory.ptl.lock();
  await memory.step();
  const p = memory.pte;
  if (p !== 0) {
    await memory.step();
    memory.pte = 0;
  }
  await memory.step();
  memory.ptl.unlock();
  if (p === 0) return;
  await memory.step();
  memory.free(p);
  await memory.step();
  memory.pages[p] = 0;
}

/** Start all threads, let `drive` run them to their end; replies whether the invariants held. */
async function run(memory: Memory, recheck: boolean, drive: () => Promise<void>): Promise<boolean> {
  const faulters = memory.pages.slice(1).map((_, i) => faulter(memory, i + 1, recheck));
  const threads = [...faulters, zapper(memory)];
  await drive();
  await Promise.all(threads);
  return memory.holds();
}

function driver(scheduler: fc.Scheduler, drive: Drive): () => Promise<void> {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the faster one, and right here: see `Drive`
  return drive === 'waitAll' ? () => scheduler.waitAll() : () => scheduler.waitIdle();
}

/** Draws that depend on nothing but the seed. */
function drawing(seed: number): Choose {
  let state = seed;
  return (among) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 16) % among;
  };
}

async function check(faulters: number, recheck: boolean, drive: Drive, seed: number): Promise<[number, boolean]> {
  const property = fc.asyncProperty(fc.scheduler(), fc.nat(), (scheduler, draws) => {
    const memory = new Memory(faulters, scheduler, drawing(draws));
    return run(memory, recheck, driver(scheduler, drive));
  });
  const { numRuns, failed } = await fc.check(property, { numRuns: RUNS, seed });
  return [numRuns, failed];
}

/** Random runs of the correct model; replies how many. */
export async function sample(faulters: number, drive: Drive, seed: number): Promise<number> {
  hold(`fast-check, ${faulters} faulters`, await check(faulters, true, drive, seed), [RUNS, false]);
  return RUNS;
}

export async function findBug(faulters: number): Promise<void> {
  const [, failed] = await check(faulters, false, 'waitAll', 1);
  hold(`fast-check finds the bug with ${faulters} faulters`, failed, true);
}

/** All interleavings, by the scheduler of fast-check: as many as are known, so every step is a task, and no other. */
export async function countInterleavings(faulters: number): Promise<void> {
  const counts = [await interleavings(faulters, true), await interleavings(faulters, false)];
  hold(`interleavings in fast-check, ${faulters} faulters`, counts, INTERLEAVINGS[faulters]);
}

async function interleavings(faulters: number, recheck: boolean): Promise<number> {
  const tree = new Tree();
  do await runAlong(tree, faulters, recheck);
  while (tree.next());
  return tree.leaves;
}

async function runAlong(tree: Tree, faulters: number, recheck: boolean): Promise<void> {
  const order: number[] = [];
  const scheduler = fc.schedulerFor(order);
  const memory = new Memory(faulters, scheduler, tree.choose);
  const held = await run(memory, recheck, async () => {
    while (scheduler.count() > 0) {
      const pending = scheduler.report().filter(({ status }) => status === 'pending');
      order.push(pending[tree.choose(pending.length)].taskId);
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- one task, as in `waitAll`
      await scheduler.waitOne();
    }
  });
  if (recheck) hold('fast-check, an interleaving of the correct model', held, true);
}

/** Walks all sequences of choices, depth first. */
class Tree {
  leaves = 0;
  private readonly path: { chosen: number; readonly among: number }[] = [];
  private depth = 0;

  readonly choose = (among: number): number => {
    if (this.depth === this.path.length) this.path.push({ chosen: 0, among });
    const choice = this.path[this.depth++];
    hold('as many choices as before', among, choice.among);
    return choice.chosen;
  };

  /** On to the next leaf; false if there is none. */
  next(): boolean {
    this.leaves++;
    this.depth = 0;
    while (this.path.length > 0) {
      const last = this.path.at(-1)!;
      if (++last.chosen < last.among) return true;
      this.path.pop();
    }
    return false;
  }
}
