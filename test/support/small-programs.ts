/** Programs in a few words, small enough to enumerate all their interleavings, and a generator of random ones. */
import fc from 'fast-check';
import type { Program } from '../../src/drivers/controlled/execution.ts';
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
import type { Coroutine, Step } from '../../src/machine/step.ts';
import { Birth, KernelBug, spawn } from '../../src/machine/thread.ts';
import { Mutex, mutex_lock, mutex_trylock, mutex_unlock } from '../../src/sync/mutex.ts';
import {
  down_read,
  down_read_trylock,
  down_write,
  down_write_trylock,
  RwSemaphore,
  up_read,
  up_write,
} from '../../src/sync/rwsem.ts';
import { spin_lock, spin_trylock, spin_unlock, Spinlock } from '../../src/sync/spinlock.ts';

export type Variable = 'x' | 'y' | 'z';
/** `read` and `write` are the two sides of one rwsem. */
export type Side = 'spin' | 'spin2' | 'mutex' | 'read' | 'write';

/** One word of a program: variables start at 0, `if` looks at the last reply, `crash` is a BUG(). */
export type Word =
  | readonly ['r' | 'inc', Variable]
  | readonly ['w' | 'xchg' | 'wait' | 'poll', Variable, number]
  | readonly ['cas', Variable, number, number]
  | readonly ['lock' | 'unlock', Side]
  /** Lock, do, unlock. */
  | readonly ['in', Side, readonly Word[]]
  /** The same if trylock gets the lock, else nothing. */
  | readonly ['try', Side, readonly Word[]]
  /** The same, and the lock is not given back. */
  | readonly ['tryKeep', Side, readonly Word[]]
  | readonly ['if', number, readonly Word[]]
  | readonly ['crash', string]
  | readonly ['spawn' | 'spawnJoin', readonly Word[]];

export type Threads = readonly (readonly Word[])[];

interface LockSteps {
  lock(): Step;
  trylock(): Step;
  unlock(): Step;
}

function buildLocks(): Record<Side, LockSteps> {
  const spinlock = (lock: Spinlock): LockSteps => ({
    lock: () => spin_lock(lock),
    trylock: () => spin_trylock(lock),
    unlock: () => spin_unlock(lock),
  });
  const mutex = new Mutex('mutex');
  const sem = new RwSemaphore('sem');
  return {
    spin: spinlock(new Spinlock('spin')),
    spin2: spinlock(new Spinlock('spin2')),
    mutex: {
      lock: () => mutex_lock(mutex),
      trylock: () => mutex_trylock(mutex),
      unlock: () => mutex_unlock(mutex),
    },
    read: { lock: () => down_read(sem), trylock: () => down_read_trylock(sem), unlock: () => up_read(sem) },
    write: { lock: () => down_write(sem), trylock: () => down_write_trylock(sem), unlock: () => up_write(sem) },
  };
}

/** Compile. The outcome is the final values and every reply that is a value. */
export function smallProgram(threads: Threads): () => Program {
  return () => {
    const cells = { x: new Cell('x'), y: new Cell('y'), z: new Cell('z') };
    const locks = buildLocks();
    const replies: string[] = [];

    function access(word: Word): Step | null {
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

    function birth(name: string, words: readonly Word[]): Birth {
      let last = 0;
      let births = 0;
      const log: number[] = [];

      function* body(words: readonly Word[]): Coroutine {
        for (const word of words) yield* one(word);
      }

      function* one(word: Word): Coroutine {
        const step = access(word);
        if (step !== null) {
          last = yield step;
          log.push(last);
          replies.push(`${name}.${log.length}=${last}`);
          return;
        }
        switch (word[0]) {
          case 'lock':
          case 'unlock':
            yield locks[word[1]][word[0]]();
            return;
          case 'in':
            yield locks[word[1]].lock();
            yield* body(word[2]);
            yield locks[word[1]].unlock();
            return;
          case 'try':
          case 'tryKeep':
            last = yield locks[word[1]].trylock();
            replies.push(`${name} tries ${word[1]}: ${last}`);
            if (last !== 1) return;
            yield* body(word[2]);
            if (word[0] === 'try') yield locks[word[1]].unlock();
            return;
          case 'if':
            if (last === word[1]) yield* body(word[2]);
            return;
          case 'crash':
            throw new KernelBug('crash', `${name}: ${word[1]}`);
          case 'spawn':
          case 'spawnJoin': {
            const child = birth(`${name}.${++births}`, word[1]);
            yield spawn(child);
            if (word[0] === 'spawnJoin') yield wait_for(child.exited, 1);
          }
        }
      }
      return new Birth(name, 0, () => body(words));
    }

    return {
      threads: threads.map((words, i) => birth(`T${i + 1}`, words)),
      outcome: () => [...Object.values(cells).map((cell) => `${cell.name}=${cell.value}`), ...replies.sort()].join(' '),
    };
  };
}

/** Steps of a thread and of those it starts, if every branch is taken. */
function lengths(words: readonly Word[], births: number[][] = []): { steps: number; births: number[][] } {
  let steps = 0;
  for (const word of words) {
    if (word[0] === 'crash') continue;
    if (word[0] === 'spawn' || word[0] === 'spawnJoin') {
      births.push([lengths(word[1], births).steps + 1]);
      steps += word[0] === 'spawn' ? 1 : 2;
    } else if (word[0] === 'in' || word[0] === 'try') steps += 2 + lengths(word[2], births).steps;
    else if (word[0] === 'tryKeep') steps += 1 + lengths(word[2], births).steps;
    else if (word[0] === 'if') steps += lengths(word[2], births).steps;
    else steps++;
  }
  return { steps, births };
}

/** At most so many interleavings, were nobody ever to wait: a multinomial coefficient. */
export function manyInterleavings(threads: Threads): number {
  const all = threads.flatMap((words) => {
    const { steps, births } = lengths(words);
    return [steps, ...births.flat()];
  });
  let product = 1;
  let total = 0;
  for (const steps of all) for (let i = 1; i <= steps; i++) product = (product * ++total) / i;
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
}

const everything: Alphabet = {
  variables: ['x', 'x', 'y', 'z'],
  sides: ['spin', 'spin2', 'mutex', 'read', 'write', 'read', 'write'],
  waits: 2,
  locks: 6,
  crashes: 1,
  births: 2,
};
/** A program made of few kinds of words has more that do not commute. */
const alphabets: readonly Alphabet[] = [
  everything,
  { ...everything, variables: ['x', 'y'], locks: 0, waits: 0, crashes: 0, births: 1 },
  { ...everything, variables: ['x', 'x', 'y'], locks: 1, waits: 5, crashes: 0 },
  { ...everything, variables: ['x'], sides: ['spin', 'spin2'], waits: 1, locks: 10, crashes: 0, births: 0 },
  { ...everything, variables: ['x'], sides: ['mutex'], locks: 12, births: 0 },
  { ...everything, variables: ['x', 'y'], sides: ['read', 'write'], locks: 12, waits: 1, crashes: 0, births: 0 },
  { ...everything, variables: ['x', 'y'], sides: ['read', 'write'], locks: 10, crashes: 2 },
];

const value = fc.integer({ min: 0, max: 2 });

function accesses({ variables, waits }: Alphabet): fc.Arbitrary<Word> {
  const variable = fc.constantFrom(...variables);
  return fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constantFrom('r' as const, 'inc' as const), variable) },
    { weight: 4, arbitrary: fc.tuple(fc.constantFrom('w' as const, 'w' as const, 'xchg' as const), variable, value) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('cas' as const), variable, value, value) },
    { weight: waits, arbitrary: fc.tuple(fc.constantFrom('wait' as const, 'poll' as const), variable, value) },
  );
}

function words(alphabet: Alphabet): fc.Arbitrary<Word> {
  const { sides, locks, crashes, births } = alphabet;
  const side = fc.constantFrom(...sides);
  const { word } = fc.letrec<{ word: Word; body: Word[] }>((tie) => ({
    word: fc.oneof(
      { maxDepth: 2 },
      { weight: 16, arbitrary: accesses(alphabet) },
      { weight: locks, arbitrary: fc.tuple(fc.constantFrom('in' as const, 'try' as const), side, tie('body')) },
      { weight: Math.ceil(locks / 4), arbitrary: fc.tuple(fc.constant('tryKeep' as const), side, tie('body')) },
      { weight: Math.ceil(locks / 4), arbitrary: fc.tuple(fc.constantFrom('lock' as const, 'unlock' as const), side) },
      { weight: 4, arbitrary: fc.tuple(fc.constant('if' as const), value, tie('body')) },
      { weight: births, arbitrary: fc.tuple(fc.constantFrom('spawn' as const, 'spawnJoin' as const), tie('body')) },
      { weight: crashes, arbitrary: fc.tuple(fc.constant('crash' as const), fc.constantFrom('a', 'b')) },
    ),
    body: fc.array(tie('word'), { maxLength: 2, size: 'max' }),
  }));
  return word;
}

/** Two to four threads. Their interleavings are few, or the test's own limit stops the count. */
export function randomThreads(limit: number): fc.Arbitrary<Threads> {
  const programs = alphabets.map((alphabet) => {
    const thread = fc.array(words(alphabet), { minLength: 1, maxLength: 4, size: 'max' });
    return fc.array(thread, { minLength: 2, maxLength: 4, size: 'max' });
  });
  return fc.oneof(...programs).filter((threads) => {
    const many = manyInterleavings(threads);
    return many >= 20 && many <= limit;
  });
}
