/**
 * Random programs with loops: instructions with jumps. Each is run in two ways: as kernel text, every instruction at a
 * place of its own, and as a machine whose whole state is in the open. The second tells what the first can come to.
 */
import fc from 'fast-check';
import type { Program } from '../../src/drivers/controlled/execution.ts';
import { Cell, cmpxchg, READ_ONCE, wait_for, WRITE_ONCE, xchg } from '../../src/machine/memory.ts';
import type { Coroutine } from '../../src/machine/step.ts';
import { Birth } from '../../src/machine/thread.ts';
import { spin_lock, spin_trylock, spin_unlock, Spinlock } from '../../src/sync/spinlock.ts';

/**
 * `x` is the number of a variable, `l` of a lock; the reply goes into the thread's register. Jumps are private: `jeq` if
 * the register has a value, `times` as often as it says before it goes on.
 */
export type Instruction =
  | readonly ['read' | 'writeRegister', number]
  | readonly ['write' | 'xchg' | 'wait', number, number]
  | readonly ['cas', number, number, number]
  | readonly ['lock' | 'trylock' | 'unlock', number]
  | readonly ['jeq', number, number]
  | readonly ['times', number, number]
  | readonly ['jump', number];

export type Looping = readonly (readonly Instruction[])[];

const WORDS = 2;
const LOCKS = 2;
const MOST_JUMPS = 40;

const small = fc.integer({ min: 0, max: 1 });
const target = fc.integer({ min: 0, max: 5 });

const instruction: fc.Arbitrary<Instruction> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('read' as const), small) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('write' as const), small, small) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('writeRegister' as const), small) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('xchg' as const), small, small) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('wait' as const), small, small) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('cas' as const), small, small, small) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('lock' as const, 'trylock' as const, 'unlock' as const), small) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('jeq' as const), small, target) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('times' as const), fc.integer({ min: 1, max: 4 }), target) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('jump' as const), target) },
);

export const loopingThreads: fc.Arbitrary<Looping> = fc.array(
  fc.array(instruction, { minLength: 2, maxLength: 6, size: 'max' }),
  { minLength: 2, maxLength: 3 },
);

/** The state of a thread; `pc` beyond the last instruction: it has ended. */
interface ThreadState {
  readonly pc: number;
  readonly register: number;
  /** By `pc` of the instruction. */
  readonly counts: readonly number[];
}

interface State {
  readonly threads: readonly ThreadState[];
  readonly words: readonly number[];
  readonly owners: readonly number[];
}

/** Go on to the next instruction that is a step; null if there is none, and no end either. */
function settle(code: readonly Instruction[], thread: ThreadState): ThreadState | null {
  let { pc } = thread;
  const counts = [...thread.counts];
  for (let jumps = 0; jumps < MOST_JUMPS; jumps++) {
    const now = code[pc];
    if (now === undefined) return { pc: code.length, register: 0, counts: [] };
    if (now[0] === 'jump') pc = now[1];
    else if (now[0] === 'jeq') pc = thread.register === now[1] ? now[2] : pc + 1;
    else if (now[0] === 'times') {
      counts[pc] = ((counts[pc] ?? 0) + 1) % (now[1] + 1);
      pc = counts[pc] === 0 ? pc + 1 : now[2];
    } else return { ...thread, pc, counts };
  }
  return null;
}

/** What becomes of a state if thread `id` acts: null if it cannot, 'crash' if it must not. */
function act(program: Looping, state: State, id: number): State | 'crash' | 'endless' | null {
  const thread = state.threads[id];
  const now = program[id][thread.pc];
  if (now === undefined) return null;
  const [words, owners] = [[...state.words], [...state.owners]];
  const at = now[1];
  let { register } = thread;
  switch (now[0]) {
    case 'read':
      register = words[at];
      break;
    case 'write':
      words[at] = now[2];
      break;
    case 'writeRegister':
      words[at] = register;
      break;
    case 'xchg':
      register = words[at];
      words[at] = now[2];
      break;
    case 'wait':
      if (words[at] !== now[2]) return null;
      break;
    case 'cas':
      register = words[at];
      if (register === now[2]) words[at] = now[3];
      break;
    case 'lock':
      if (owners[at] !== -1) return null;
      owners[at] = id;
      break;
    case 'trylock':
      register = owners[at] === -1 ? 1 : 0;
      if (register === 1) owners[at] = id;
      break;
    case 'unlock':
      if (owners[at] !== id) return 'crash';
      owners[at] = -1;
      break;
    default:
      throw new Error('a jump is no step');
  }
  const next = settle(program[id], { ...thread, pc: thread.pc + 1, register });
  if (next === null) return 'endless';
  return { threads: state.threads.map((other, i) => (i === id ? next : other)), words, owners };
}

/** A state with those who can act in it, and what they make of it: a number, -1 for a crash. */
export interface OpenState {
  readonly enabled: readonly number[];
  readonly next: ReadonlyMap<number, number>;
}

/** All states of a program; null if they are more than `limit`, or if a thread jumps about for ever. */
export function statesOf(program: Looping, limit: number): OpenState[] | null {
  const first = program.map((code) => settle(code, { pc: 0, register: 0, counts: [] }));
  if (first.includes(null)) return null;
  const numbers = new Map<string, number>();
  const all: State[] = [];
  const open: OpenState[] = [];
  const numberOf = (state: State): number => {
    const key = JSON.stringify(state);
    let number = numbers.get(key);
    if (number === undefined) {
      numbers.set(key, (number = all.length));
      all.push(state);
    }
    return number;
  };
  numberOf({
    threads: first as ThreadState[],
    words: Array.from({ length: WORDS }, () => 0),
    owners: Array.from({ length: LOCKS }, () => -1),
  });
  for (const state of all) {
    if (all.length > limit) return null;
    const next = new Map<number, number>();
    for (let id = 0; id < program.length; id++) {
      const after = act(program, state, id);
      if (after === 'endless') return null;
      if (after !== null) next.set(id, after === 'crash' ? -1 : numberOf(after));
    }
    open.push({ enabled: [...next.keys()], next });
  }
  return open;
}

/** Is there a fair cycle? By definition and by force: all sets of threads that might act in it, and be enabled in it. */
export function hasFairCycle(states: readonly OpenState[], threads: number, rule: 'strong' | 'weak'): boolean {
  for (let acting = 1; acting < 1 << threads; acting++) {
    const within = states.map(({ enabled }) => rule === 'weak' || enabled.every((id) => (acting & (1 << id)) !== 0));
    for (const component of componentsOf(states, within, acting)) {
      const acts = new Set<number>();
      for (const s of component)
        for (const [id, to] of states[s].next) if ((acting & (1 << id)) !== 0 && component.has(to)) acts.add(id);
      if (acts.size === 0) continue;
      const neglected = (id: number): boolean =>
        !acts.has(id) && [...component].every((s) => states[s].enabled.includes(id));
      if (rule === 'strong') {
        if ([...component].every((s) => states[s].enabled.every((id) => acts.has(id)))) return true;
      } else if (!Array.from({ length: threads }, (_, id) => id).some(neglected)) return true;
    }
  }
  return false;
}

/** Sets of states that reach each other by steps of `acting`, within a set: by reachability, there and back. */
function componentsOf(states: readonly OpenState[], within: readonly boolean[], acting: number): Set<number>[] {
  const back: number[][] = states.map(() => []);
  const on: number[][] = states.map(() => []);
  states.forEach(({ next }, from) => {
    for (const [id, to] of next) {
      if (to < 0 || (acting & (1 << id)) === 0 || !within[from] || !within[to]) continue;
      on[from].push(to);
      back[to].push(from);
    }
  });
  const reach = (start: number, edges: readonly number[][]): Set<number> => {
    const seen = new Set([start]);
    for (const at of seen) for (const to of edges[at]) seen.add(to);
    return seen;
  };
  const done = new Set<number>();
  const components: Set<number>[] = [];
  states.forEach((_, s) => {
    if (done.has(s) || !within[s]) return;
    const there = reach(s, on);
    const component = new Set([...reach(s, back)].filter((other) => there.has(other)));
    for (const member of component) done.add(member);
    components.push(component);
  });
  return components;
}

/** As kernel text. */
export function loopingProgram(program: Looping): () => Program {
  const bodies = program.map(textOf);
  return () => {
    const words = Array.from({ length: WORDS }, (_, i) => new Cell(`x${i}`));
    const locks = Array.from({ length: LOCKS }, (_, i) => new Spinlock(`lock${i}`));
    return { threads: bodies.map((body, i) => new Birth(`T${i + 1}`, i, () => body(VERBS, words, locks))) };
  };
}

const VERBS = { READ_ONCE, WRITE_ONCE, xchg, wait_for, cmpxchg, spin_lock, spin_trylock, spin_unlock };

type Body = (verbs: typeof VERBS, words: readonly Cell[], locks: readonly Spinlock[]) => Coroutine;

function textOf(code: readonly Instruction[]): Body {
  const cases = code.map((now, pc) => {
    const at = now[1];
    const steps: Partial<Record<Instruction[0], string>> = {
      read: `register = yield* verbs.READ_ONCE(words[${at}]);`,
      write: `yield* verbs.WRITE_ONCE(words[${at}], ${now[2]});`,
      writeRegister: `yield* verbs.WRITE_ONCE(words[${at}], register);`,
      xchg: `register = yield* verbs.xchg(words[${at}], ${now[2]});`,
      wait: `yield* verbs.wait_for(words[${at}], ${now[2]});`,
      cas: `register = yield* verbs.cmpxchg(words[${at}], ${now[2]}, ${now[3]});`,
      lock: `yield* verbs.spin_lock(locks[${at}]);`,
      trylock: `register = yield* verbs.spin_trylock(locks[${at}]);`,
      unlock: `yield* verbs.spin_unlock(locks[${at}]);`,
    };
    const next =
      now[0] === 'jump'
        ? `pc = ${at};`
        : now[0] === 'jeq'
          ? `pc = register === ${at} ? ${now[2]} : ${pc + 1};`
          : now[0] === 'times'
            ? `if (counts[${pc}]++ === ${at}) { counts[${pc}] = 0; pc = ${pc + 1}; } else pc = ${now[2]};`
            : `pc = ${pc + 1};`;
    return `case ${pc}: ${steps[now[0]] ?? ''} ${next} break;`;
  });
  // A generator of its own for each program: every instruction has its place in the text.
  const text = `return function* body(verbs, words, locks) {
    let pc = 0, register = 0;
    const counts = [${code.map(() => 0).join()}];
    for (;;) switch (pc) {
      ${cases.join('\n      ')}
      default: return;
    }
  }`;
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  return (new Function(text) as () => Body)();
}
