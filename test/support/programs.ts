/**
 * Programs with published numbers of executions: small ones, the model of racing page faults, and the ABA needle.
 * Their generators are at module level and their names are made once: they are run millions of times.
 */
import {
  atomic_inc,
  Birth,
  Cell,
  cmpxchg,
  type Coroutine,
  type Program,
  READ_ONCE,
  spin_lock,
  spin_unlock,
  Spinlock,
  type Step,
  type Thread,
  type Violation,
  WRITE_ONCE,
} from '../../src/index.ts';

/** An operation of a straight-line program. */
export interface Op {
  /** Makes the step on the variables of an execution. */
  readonly step: (variables: Variables) => Step;
  /** The variable or lock. */
  readonly name: string;
  /** Takes its value from a write, or its lock from who had it before. */
  readonly reads: boolean;
  /** Was it a write, if this was the reply? */
  readonly wrote: (reply: number) => boolean;
}

const never = (): boolean => false;
const always = (): boolean => true;

export function r(name: string): Op {
  return { step: (variables) => READ_ONCE(variables.cell(name)), name, reads: true, wrote: never };
}
export function w(name: string, value: number): Op {
  return { step: (variables) => WRITE_ONCE(variables.cell(name), value), name, reads: false, wrote: always };
}
export function inc(name: string): Op {
  return { step: (variables) => atomic_inc(variables.cell(name)), name, reads: true, wrote: always };
}
export function cas(name: string, from: number, to: number): Op {
  const wrote = (reply: number): boolean => reply === from;
  return { step: (variables) => cmpxchg(variables.cell(name), from, to), name, reads: true, wrote };
}
function lock(name: string): Op {
  return { step: (variables) => spin_lock(variables.lock(name)), name, reads: true, wrote: always };
}
function unlock(name: string): Op {
  return { step: (variables) => spin_unlock(variables.lock(name)), name, reads: false, wrote: never };
}

const OPERATIONS: readonly (readonly [RegExp, (name: string, a: number, b: number) => Op])[] = [
  [/^r (\w+)$/, r],
  [/^(\w+)=(\d+)$/, w],
  [/^(\w+)\+\+$/, inc],
  [/^cas (\w+) (\d+)→(\d+)$/, cas],
  [/^lock (\w+)$/, lock],
  [/^unlock (\w+)$/, unlock],
];

function parsed(text: string): Op {
  for (const [pattern, make] of OPERATIONS) {
    const match = pattern.exec(text);
    if (match !== null) return make(match[1], Number(match[2]), Number(match[3]));
  }
  throw new Error(`not an operation: ${text}`);
}

/**
 * Threads as they are written in the literature, `x=1; r y ∥ y=1; r x`; operations are also `x++`, `cas x 0→1`, `lock l`
 * and `unlock l`.
 */
export function threadsOf(text: string): Op[][] {
  return text.split(' ∥ ').map((thread) => thread.split('; ').map(parsed));
}

/** The variables and locks of an execution, by name; made when they are first asked for. */
class Variables {
  private readonly cells = new Map<string, Cell>();
  private readonly locks = new Map<string, Spinlock>();

  cell(name: string): Cell {
    let cell = this.cells.get(name);
    if (cell === undefined) this.cells.set(name, (cell = new Cell(name)));
    return cell;
  }
  lock(name: string): Spinlock {
    let lock = this.locks.get(name);
    if (lock === undefined) this.locks.set(name, (lock = new Spinlock(name)));
    return lock;
  }
}

/**
 * What makes the class of an execution, by definition: which write each operation takes its value from, and the order
 * of the writes of every variable; of a lock, who had it before.
 */
class Class {
  /** By variable, the writes so far. */
  private readonly writes = new Map<string, string[]>();
  private readonly reads: string[] = [];

  note({ name, reads, wrote }: Op, reply: number, who: string): void {
    let writes = this.writes.get(name);
    if (writes === undefined) this.writes.set(name, (writes = []));
    if (reads) this.reads.push(`${who}<${writes.at(-1) ?? 'start'}`);
    if (wrote(reply)) writes.push(who);
  }
  toString(): string {
    return [...[...this.writes].map(([name, writes]) => `${name}: ${writes.join()}`), ...this.reads].sort().join('; ');
  }
}

function* straightThread(ops: readonly Op[], variables: Variables, seen: Class | null, thread: number): Coroutine {
  for (let i = 0; i < ops.length; i++) {
    const reply = yield* ops[i].step(variables);
    if (seen !== null) seen.note(ops[i], reply, `${thread}.${i}`);
  }
}

/** Threads without branches over variables that start at 0. The outcome is the class, if it is asked for. */
export function straight(threads: readonly (readonly Op[])[], { classes = false } = {}): () => Program {
  return () => {
    const variables = new Variables();
    const seen = classes ? new Class() : null;
    return {
      threads: threads.map((ops, i) => new Birth(`T${i + 1}`, i, () => straightThread(ops, variables, seen, i))),
      outcome: () => String(seen ?? ''),
    };
  };
}

const PAGES = Array.from({ length: 10 }, (_, i) => `page[${i}]`);
const FAULTERS = PAGES.map((_, i) => `faulter${i}`);

/** Shared memory of the fault model, and what its zapper finds. */
class FaultMemory {
  readonly pte = new Cell('pte');
  readonly ptl = new Spinlock('ptl');
  readonly pages: Cell[] = [];
  /** What the zapper has read from the pte. */
  zapped = 0;
  broken: Violation | null = null;

  constructor(faulters: number) {
    for (let i = 0; i <= faulters; i++) this.pages.push(new Cell(PAGES[i]));
  }
  get allocated(): number {
    let count = 0;
    for (const page of this.pages) if (page.value === 1) count++;
    return count;
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

function* zapper(memory: FaultMemory): Coroutine {
  const { pte, ptl, pages } = memory;
  yield* spin_lock(ptl);
  const p = yield* READ_ONCE(pte);
  memory.zapped = p;
  if (p !== 0) yield* WRITE_ONCE(pte, 0);
  yield* spin_unlock(ptl);
  if (p === 0) return;
  if ((yield* READ_ONCE(pages[p])) !== 1) memory.broken = { rule: 'freed twice', witness: PAGES[p] };
  yield* WRITE_ONCE(pages[p], 0);
}

/** The fault model, running. */
export class FaultModel implements Program {
  readonly threads: Birth[] = [];
  private readonly memory: FaultMemory;

  constructor(faulters: number, recheck: boolean) {
    const memory = new FaultMemory(faulters);
    this.memory = memory;
    for (let i = 1; i <= faulters; i++) {
      this.threads.push(new Birth(FAULTERS[i], i - 1, () => faulter(memory, i, recheck)));
    }
    this.threads.push(new Birth('zapper', faulters, () => zapper(memory)));
  }

  atEnd(): Violation[] {
    const { pte, allocated, broken } = this.memory;
    const found = broken === null ? [] : [broken];
    if (allocated !== (pte.value === 0 ? 0 : 1)) found.push({ rule: 'leak', witness: `${allocated} allocated` });
    return found;
  }

  outcome(): string {
    const { pte, pages } = this.memory;
    return `pte=${pte.value} pages=${pages.map((page) => page.value).join('')}`;
  }

  /** Memory, the holder of the lock, the next step of every thread, and the one local variable that outlives a step. */
  state(threads: readonly Thread[]): string {
    const { pte, ptl, pages, zapped } = this.memory;
    const words = [pte, ...pages].map(({ value }) => value);
    const next = threads.map(({ pending }) => (pending === null ? 'ended' : pending.object.label(pending)));
    return [...words, ptl.owner?.name ?? 'free', ...next, zapped].join();
  }
}

/** N faulters and one zapper on one pte. `recheck: false` is the bug. */
export function faultModel(faulters: number, recheck: boolean): () => FaultModel {
  return () => new FaultModel(faulters, recheck);
}

/** What the threads of the needle share. */
class NeedleMemory {
  readonly pte = new Cell('pte', null, 1);
  readonly ptl = new Spinlock('ptl');
  readonly own = new Cell("W's own");
  /** Writes to the pte so far. */
  writes = 0;
  fooled = false;
}

function* victim(memory: NeedleMemory, writes: number, crashes: boolean): Coroutine {
  const { pte, ptl } = memory;
  const before = yield* READ_ONCE(pte);
  const first = memory.writes;
  yield* spin_lock(ptl);
  const after = yield* READ_ONCE(pte);
  if (after === before && memory.writes - first === writes) {
    if (crashes) throw new Error('the pte is the same, and nothing else is');
    memory.fooled = true;
  }
  yield* spin_unlock(ptl);
}

function* writer(memory: NeedleMemory, writes: number): Coroutine {
  const { pte, ptl, own } = memory;
  for (let i = 0; i < writes; i++) {
    yield* atomic_inc(own);
    yield* spin_lock(ptl);
    yield* WRITE_ONCE(pte, ROUND[i % 4]);
    memory.writes++;
    yield* spin_unlock(ptl);
  }
}
/** Unmap page 1, map page 2, unmap it, map page 1. */
const ROUND = [0, 2, 0, 1];

function* noise(cell: Cell, steps: number): Coroutine {
  for (let i = 0; i < steps; i++) yield* atomic_inc(cell);
}

export interface NeedleOptions {
  /** Rounds of W, of which all must fall between V's two reads; default 2. */
  readonly rounds?: number;
  /** Steps of each of the two threads that do something else; default 10. */
  readonly noise?: number;
  /** They do it to the same cell; default false. */
  readonly sharedNoise?: boolean;
  /** V notices at once, or nobody does before the end; default true. */
  readonly crashes?: boolean;
}

/**
 * The ABA needle: V reads the pte and later reads it again under its lock, by value; W unmaps page 1, maps page 2, unmaps
 * it and maps page 1 again, `rounds` times, each step of these under the lock and after some work of its own. V is fooled
 * if all rounds fall between its two reads.
 */
export function needle({ rounds = 2, noise: steps = 10, sharedNoise = false, crashes = true }: NeedleOptions = {}) {
  const writes = ROUND.length * rounds;
  return (): Program => {
    const memory = new NeedleMemory();
    const some = new Cell('some');
    const other = sharedNoise ? some : new Cell('other');
    return {
      threads: {
        V: () => victim(memory, writes, crashes),
        W: () => writer(memory, writes),
        N1: () => noise(some, steps),
        N2: () => noise(other, steps),
      },
      atEnd: () => (memory.fooled ? 'fooled' : null),
    };
  };
}
