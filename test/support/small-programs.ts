/** Programs in a few words, small enough to enumerate all their interleavings, and a generator of random ones. */
import fc from 'fast-check';
import type { Program } from '../../src/drivers/controlled/execution.ts';
import { choose } from '../../src/machine/choice.ts';
import {
  atomic_inc,
  Cell,
  cmpxchg,
  poll_for,
  READ_ONCE,
  wait_for,
  WRITE_ONCE,
  xchg,
} from '../../src/machine/memory.ts';
import { type Coroutine, NOTHING, type Step } from '../../src/machine/step.ts';
import { Birth, KernelBug, smp_processor_id, spawn } from '../../src/machine/thread.ts';
import { Mutex, mutex_lock, mutex_trylock, mutex_unlock } from '../../src/sync/mutex.ts';
import { call_rcu, Rcu, rcu_read_lock, rcu_read_unlock, synchronize_rcu } from '../../src/sync/rcu.ts';
import {
  down_read,
  down_read_trylock,
  down_write,
  down_write_trylock,
  RwSemaphore,
  up_read,
  up_write,
} from '../../src/sync/rwsem.ts';
import { local_irq_disable, local_irq_enable, on_each_cpu, Smp, smp_call_function_single } from '../../src/sync/smp.ts';
import { spin_lock, spin_trylock, spin_unlock, Spinlock } from '../../src/sync/spinlock.ts';

export type Variable = 'x' | 'y' | 'z';
/** `read` and `write` are the two sides of one rwsem. */
export type Side = 'spin' | 'spin2' | 'mutex' | 'read' | 'write';
/** `rcu`: a read section. `irqs`: those of the CPU, off. */
export type Section = Side | 'rcu' | 'irqs';

/**
 * One word of a program: variables start at 0, `if` looks at the last reply, `crash` is a BUG(). Thread n runs on CPU
 * n; `ipi` counts CPUs from there.
 */
export type Word =
  | readonly ['r' | 'inc', Variable]
  | readonly ['w' | 'xchg' | 'wait' | 'poll', Variable, number]
  | readonly ['cas', Variable, number, number]
  | readonly ['lock' | 'unlock', Section]
  /** Lock, do, unlock. */
  | readonly ['in', Section, readonly Word[]]
  /** The same if trylock gets the lock, else nothing. */
  | readonly ['try', Side, readonly Word[]]
  /** The same, and the lock is not given back. */
  | readonly ['tryKeep', Side, readonly Word[]]
  | readonly ['if', number, readonly Word[]]
  | readonly ['crash', string]
  | readonly ['spawn' | 'spawnJoin' | 'callRcu' | 'onEachCpu' | 'onEachCpuAndWait', readonly Word[]]
  | readonly ['sync']
  | readonly ['ipi' | 'ipiAndWait', number, readonly Word[]]
  /** The last reply is 0, or 1: a choice of data. */
  | readonly ['choose'];

export type Threads = readonly (readonly Word[])[];

/** What the threads of a small program share. Made when it is first asked for, most of it is not. */
class World {
  readonly cells = { x: new Cell('x'), y: new Cell('y'), z: new Cell('z') };
  /** Every reply that is a value, and every choice. */
  readonly replies: string[] = [];
  private readonly cpus: number;
  private readonly made = new Map<string, unknown>();

  constructor(cpus: number) {
    this.cpus = cpus;
  }

  private one<T>(name: string, make: () => T): T {
    let known = this.made.get(name) as T | undefined;
    if (known === undefined) this.made.set(name, (known = make()));
    return known;
  }
  get spin(): Spinlock {
    return this.one('spin', () => new Spinlock('spin'));
  }
  get spin2(): Spinlock {
    return this.one('spin2', () => new Spinlock('spin2'));
  }
  get mutex(): Mutex {
    return this.one('mutex', () => new Mutex('mutex'));
  }
  get sem(): RwSemaphore {
    return this.one('sem', () => new RwSemaphore('sem'));
  }
  get rcu(): Rcu {
    return this.one('rcu', () => new Rcu());
  }
  get smp(): Smp {
    return this.one('smp', () => new Smp(this.cpus));
  }

  access(word: Word): Step | null {
    const { cells } = this;
    switch (word[0]) {
      case 'r':
        return READ_ONCE(cells[word[1]]);
      case 'inc':
        return atomic_inc(cells[word[1]]);
      case 'w':
        return WRITE_ONCE(cells[word[1]], word[2]);
      case 'xchg':
        return xchg(cells[word[1]], word[2]);
      case 'wait':
        return wait_for(cells[word[1]], word[2]);
      case 'poll':
        return poll_for(cells[word[1]], word[2]);
      case 'cas':
        return cmpxchg(cells[word[1]], word[2], word[3]);
      default:
        return null;
    }
  }

  *broken(): Generator<{ rule: string; witness: string }> {
    for (const { name, value } of Object.values(this.cells)) {
      if (value === 2) yield { rule: `${name} is 2`, witness: name };
    }
  }

  *brokenAtEnd(): Generator<{ rule: string; witness: string }> {
    const { name, value } = this.cells.x;
    yield { rule: `${name} ends as ${value}`, witness: name };
  }

  outcome(): string {
    const values = Object.values(this.cells).map((cell) => `${cell.name}=${cell.value}`);
    return [...values, ...this.replies.sort()].join(' ');
  }
}

interface Verbs {
  lock(world: World): Step | Coroutine;
  unlock(world: World): Step | Coroutine;
}
interface TryVerbs extends Verbs {
  trylock(world: World): Step;
}

const sides: Readonly<Record<Side, TryVerbs>> = {
  spin: {
    lock: ({ spin }) => spin_lock(spin),
    trylock: ({ spin }) => spin_trylock(spin),
    unlock: ({ spin }) => spin_unlock(spin),
  },
  spin2: {
    lock: ({ spin2 }) => spin_lock(spin2),
    trylock: ({ spin2 }) => spin_trylock(spin2),
    unlock: ({ spin2 }) => spin_unlock(spin2),
  },
  mutex: {
    lock: ({ mutex }) => mutex_lock(mutex),
    trylock: ({ mutex }) => mutex_trylock(mutex),
    unlock: ({ mutex }) => mutex_unlock(mutex),
  },
  read: {
    lock: ({ sem }) => down_read(sem),
    trylock: ({ sem }) => down_read_trylock(sem),
    unlock: ({ sem }) => up_read(sem),
  },
  write: {
    lock: ({ sem }) => down_write(sem),
    trylock: ({ sem }) => down_write_trylock(sem),
    unlock: ({ sem }) => up_write(sem),
  },
};
const sections: Readonly<Record<Section, Verbs>> = {
  ...sides,
  rcu: { lock: ({ rcu }) => rcu_read_lock(rcu), unlock: ({ rcu }) => rcu_read_unlock(rcu) },
  irqs: { lock: ({ smp }) => local_irq_disable(smp), unlock: ({ smp }) => local_irq_enable(smp) },
};

/** What one thread does, word after word. */
class Actor {
  private readonly world: World;
  private readonly name: string;
  private last = 0;
  private births = 0;
  private values = 0;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
  }

  *do(words: readonly Word[]): Coroutine {
    for (const word of words) yield* this.one(word);
  }

  private keep(value: number): void {
    this.last = value;
    this.world.replies.push(`${this.name}.${++this.values}=${value}`);
  }

  /** A new actor's part. */
  private child(words: readonly Word[]): () => Coroutine {
    const { world } = this;
    const name = `${this.name}.${++this.births}`;
    return function* () {
      yield* new Actor(world, `${name}@${smp_processor_id()}`).do(words);
    };
  }

  private *one(word: Word): Coroutine {
    const { world } = this;
    const access = world.access(word);
    if (access !== null) {
      this.keep(yield* access);
      return;
    }
    switch (word[0]) {
      case 'lock':
      case 'unlock':
        yield* sections[word[1]][word[0]](world);
        return;
      case 'in':
        yield* sections[word[1]].lock(world);
        yield* this.do(word[2]);
        yield* sections[word[1]].unlock(world);
        return;
      case 'try':
      case 'tryKeep':
        this.keep(yield* sides[word[1]].trylock(world));
        if (this.last !== 1) return;
        yield* this.do(word[2]);
        if (word[0] === 'try') yield* sides[word[1]].unlock(world);
        return;
      case 'if':
        yield* this.last === word[1] ? this.do(word[2]) : NOTHING;
        return;
      case 'choose':
        this.keep(choose(2, `${this.name} at ${this.values}`));
        return;
      case 'crash':
        throw new KernelBug('crash', `${this.name}: ${word[1]}`);
      default:
        yield* this.call(word);
    }
  }

  /** Words that start threads, or wait for some. */
  private *call(word: Word): Coroutine {
    const { world } = this;
    switch (word[0]) {
      case 'sync':
        yield* synchronize_rcu(world.rcu);
        return;
      case 'callRcu':
        yield* call_rcu(world.rcu, this.child(word[1]));
        return;
      case 'ipi':
      case 'ipiAndWait': {
        const { smp } = world;
        const cpu = (smp_processor_id() + word[1]) % smp.interrupts.length;
        yield* smp_call_function_single(smp, cpu, this.child(word[2]), word[0] === 'ipiAndWait');
        return;
      }
      case 'onEachCpu':
      case 'onEachCpuAndWait':
        yield* on_each_cpu(world.smp, this.child(word[1]), word[0] === 'onEachCpuAndWait');
        return;
      case 'spawn':
      case 'spawnJoin': {
        const birth = new Birth(`${this.name}.${this.births + 1}`, smp_processor_id(), this.child(word[1]));
        yield* spawn(birth);
        if (word[0] === 'spawnJoin') yield* wait_for(birth.exited, 1);
      }
    }
  }
}

/**
 * Compile. The outcome is the final values and every reply that is a value; the rules, of which many do not hold, are
 * about the value of a word after any step, and at the end. `backwards`: the last thread is started first.
 */
export function smallProgram(threads: Threads, { rules = true, backwards = false } = {}): () => Program {
  return () => {
    const world = new World(threads.length);
    const births = threads.map((words, i) => new Birth(`T${i + 1}`, i, () => new Actor(world, `T${i + 1}`).do(words)));
    return {
      threads: backwards ? births.reverse() : births,
      ...(rules && { afterStep: () => world.broken(), atEnd: () => world.brokenAtEnd() }),
      outcome: () => world.outcome(),
    };
  };
}

/** What a program can come to, if every branch is taken. */
interface Size {
  /** Of the thread, and of those that it starts. */
  steps: number;
  readonly births: number[];
  choices: number;
}

function sizeOf(words: readonly Word[], cpus: number): Size {
  const size: Size = { steps: 0, births: [], choices: 0 };
  const take = (inner: readonly Word[], more: number): void => {
    const { steps, births, choices } = sizeOf(inner, cpus);
    size.steps += steps + more;
    size.births.push(...births);
    size.choices += choices;
  };
  const bear = (inner: readonly Word[], more: number): void => {
    const { steps, births, choices } = sizeOf(inner, cpus);
    size.births.push(steps + more, ...births);
    size.choices += choices;
    size.steps++;
  };
  for (const word of words) {
    switch (word[0]) {
      case 'in':
      case 'try':
        take(word[2], 2);
        break;
      case 'tryKeep':
        take(word[2], 1);
        break;
      case 'if':
        take(word[2], 0);
        break;
      case 'spawnJoin':
        size.steps++;
        bear(word[1], 1);
        break;
      case 'spawn':
        bear(word[1], 1);
        break;
      case 'callRcu':
        bear(word[1], 2);
        break;
      case 'ipi':
      case 'ipiAndWait':
        if (word[1] % cpus === 0) take(word[2], 2);
        else bear(word[2], 3);
        if (word[1] % cpus !== 0 && word[0] === 'ipiAndWait') size.steps++;
        break;
      case 'onEachCpu':
      case 'onEachCpuAndWait':
        for (let cpu = 1; cpu < cpus; cpu++) bear(word[1], 3);
        if (word[0] === 'onEachCpuAndWait') size.steps += cpus - 1;
        take(word[1], 2);
        break;
      case 'choose':
        size.choices++;
        break;
      case 'crash':
        break;
      default:
        size.steps++;
    }
  }
  return size;
}

/** At most so many interleavings, were nobody ever to wait: a multinomial coefficient. */
export function manyInterleavings(threads: Threads): number {
  let product = 1;
  let total = 0;
  for (const words of threads) {
    const { steps, births, choices } = sizeOf(words, threads.length);
    product *= 2 ** choices;
    for (const length of [steps, ...births]) {
      for (let i = 1; i <= length; i++) product = (product * ++total) / i;
    }
  }
  return product;
}

/** What the words of a random program are taken from. */
interface Alphabet {
  readonly variables: readonly Variable[];
  readonly sides: readonly Side[];
  /** Relative frequency of: accesses that wait, lock words, words that may end a thread early, new threads. */
  readonly waits: number;
  readonly locks: number;
  readonly crashes: number;
  readonly births: number;
  /** Of: words about RCU, about interrupts, choices. */
  readonly rcu: number;
  readonly calls: number;
  readonly choices: number;
}

const plain: Alphabet = {
  variables: ['x', 'x', 'y'],
  sides: ['spin'],
  waits: 0,
  locks: 0,
  crashes: 0,
  births: 0,
  rcu: 0,
  calls: 0,
  choices: 0,
};
const everything: Alphabet = {
  variables: ['x', 'x', 'y', 'z'],
  sides: ['spin', 'spin2', 'mutex', 'read', 'write', 'read', 'write'],
  waits: 2,
  locks: 6,
  crashes: 1,
  births: 2,
  rcu: 2,
  calls: 2,
  choices: 1,
};
/** A program made of few kinds of words has more that do not commute. */
const alphabets: readonly Alphabet[] = [
  everything,
  plain,
  { ...plain, births: 1, choices: 2 },
  { ...plain, variables: ['x', 'x', 'y'], locks: 1, waits: 5, choices: 1 },
  { ...plain, variables: ['x'], sides: ['spin', 'spin2'], waits: 1, locks: 10 },
  { ...plain, variables: ['x'], sides: ['mutex'], locks: 12, crashes: 1 },
  { ...plain, sides: ['read', 'write'], locks: 12, waits: 1 },
  { ...plain, sides: ['read', 'write'], locks: 10, crashes: 2, births: 2 },
  { ...plain, rcu: 16 },
  { ...plain, rcu: 14, locks: 3, waits: 1, births: 1, choices: 1 },
  { ...plain, variables: ['x'], calls: 16 },
  { ...plain, calls: 12, locks: 4, rcu: 2, choices: 1 },
];

const value = fc.constantFrom(0, 0, 1, 1, 2);

function accesses({ variables, waits }: Alphabet): fc.Arbitrary<Word> {
  const variable = fc.constantFrom(...variables);
  return fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constantFrom('r' as const, 'inc' as const), variable) },
    { weight: 4, arbitrary: fc.tuple(fc.constantFrom('w' as const, 'w' as const, 'xchg' as const), variable, value) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('cas' as const), variable, value, value) },
    { weight: waits, arbitrary: fc.tuple(fc.constantFrom('wait' as const, 'poll' as const), variable, value) },
  );
}

function oneOf<K extends Word[0]>(...kinds: K[]): fc.Arbitrary<K> {
  return fc.constantFrom(...kinds);
}

function words(alphabet: Alphabet): fc.Arbitrary<Word> {
  const { sides, locks, crashes, births, rcu, calls, choices } = alphabet;
  const side = fc.constantFrom(...sides);
  const section = (name: Section): fc.Arbitrary<Section> => fc.constant(name);
  const cpu = fc.integer({ min: 0, max: 3 });
  const some = (weight: number): number => Math.ceil(weight / 4);
  const { word } = fc.letrec<{ word: Word; body: Word[] }>((tie) => ({
    word: fc.oneof(
      { maxDepth: 2 },
      { weight: 16, arbitrary: accesses(alphabet) },
      { weight: locks, arbitrary: fc.tuple(oneOf('in', 'try'), side, tie('body')) },
      { weight: some(locks), arbitrary: fc.tuple(oneOf('tryKeep'), side, tie('body')) },
      { weight: some(locks), arbitrary: fc.tuple(oneOf('lock'), side) },
      { weight: crashes, arbitrary: fc.tuple(oneOf('unlock'), side) },
      { weight: 4, arbitrary: fc.tuple(oneOf('if'), value, tie('body')) },
      { weight: births, arbitrary: fc.tuple(oneOf('spawn', 'spawnJoin'), tie('body')) },
      { weight: crashes, arbitrary: fc.tuple(oneOf('crash'), fc.constantFrom('a', 'b')) },
      { weight: rcu, arbitrary: fc.tuple(oneOf('in'), section('rcu'), tie('body')) },
      { weight: rcu, arbitrary: fc.tuple(oneOf('sync')) },
      { weight: some(rcu), arbitrary: fc.tuple(oneOf('lock'), section('rcu')) },
      { weight: Math.min(rcu, crashes), arbitrary: fc.tuple(oneOf('unlock'), section('rcu')) },
      { weight: some(rcu), arbitrary: fc.tuple(oneOf('callRcu'), tie('body')) },
      { weight: some(calls), arbitrary: fc.tuple(oneOf('in'), section('irqs'), tie('body')) },
      { weight: some(calls), arbitrary: fc.tuple(oneOf('lock', 'unlock'), section('irqs')) },
      { weight: calls, arbitrary: fc.tuple(oneOf('ipi', 'ipiAndWait'), cpu, tie('body')) },
      { weight: calls, arbitrary: fc.tuple(oneOf('onEachCpu', 'onEachCpuAndWait'), tie('body')) },
      { weight: choices, arbitrary: fc.tuple(oneOf('choose')) },
    ),
    body: fc.array(tie('word'), { minLength: 1, maxLength: 2, size: 'max' }),
  }));
  return word;
}

const MOST_OPERATIONS = 6;

/** The words that fit, taken from all threads in turn. */
function shortened(threads: Threads, limit: number): Threads {
  const kept: Word[][] = threads.map(() => []);
  for (let n = 0; n < MOST_OPERATIONS; n++) {
    for (const [i, all] of threads.entries()) {
      if (n >= all.length) continue;
      kept[i].push(all[n]);
      const fits = sizeOf(kept[i], threads.length).steps <= MOST_OPERATIONS && manyInterleavings(kept) <= limit;
      if (!fits) kept[i].pop();
    }
  }
  return kept;
}

/**
 * Two to four threads of up to six steps, and threads that these start. Their interleavings are not more than `limit`,
 * were nobody ever to wait.
 */
export function randomThreads(limit: number): fc.Arbitrary<Threads> {
  const programs = alphabets.flatMap((alphabet) => {
    const thread = fc.array(words(alphabet), { minLength: 1, maxLength: MOST_OPERATIONS, size: 'max' });
    return [2, 3, 4].map((count) => fc.array(thread, { minLength: count, maxLength: count }));
  });
  return fc
    .oneof(...programs)
    .map((threads) => shortened(threads, limit))
    .filter(
      (threads) => threads.every((all) => sizeOf(all, threads.length).steps > 0) && manyInterleavings(threads) >= 20,
    );
}
