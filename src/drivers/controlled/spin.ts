/**
 * Why did an execution not end within the step bound? The schedule is run again and its tail looked at: a thread that
 * does the same steps with the same replies round after round is spinning. Then it is tried what becomes of it: each of
 * the others gets a turn, and all of them in turn.
 *
 * - `spin`: a scheduler that is fair lets it go on. The program is right, its text is not: a wait has to be a predicate
 *   (`wait_for`, `poll_for`, a lock), or else the explorer takes every number of rounds for an execution of its own.
 * - `livelock`: threads keep each other from going on; left alone, one of them would.
 * - `hang`: nobody is left who could change what it looks at. It spins for ever.
 * - `busy`: it spins, and the others are still at work after all that time.
 * - `long`: nobody repeats himself; the execution is just long.
 */
import { Words } from '../../machine/memory.ts';
import { CMPXCHG, POLL, READ, type Step, TRYLOCK, TRYLOCK_SHARED, WAIT, WALK } from '../../machine/step.ts';
import type { Thread } from '../../machine/thread.ts';
import { Execution, type Program } from './execution.ts';
import { recorded } from './replay.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

export interface SpinOptions {
  /** Rounds that make a spin; default 10. */
  readonly minRounds?: number;
  /** Steps to try what becomes of it; default 10,000. */
  readonly tries?: number;
}

/** What a spinning thread looks at, as it found it. */
export interface Watched {
  /** `flag`, `mm.page_table_lock`. */
  readonly name: string;
  /** What a word holds: `0`, `pfn 7 rw`; null for a lock. */
  readonly value: string | null;
  /** Names of the threads that hold the lock. */
  readonly holders: readonly string[];
}

/** A thread that repeats its steps. */
export interface Spinner {
  readonly thread: string;
  /** Times that it has done so, at the end of the schedule. */
  readonly rounds: number;
  /** One round, in words: `read flag`. */
  readonly steps: readonly string[];
  readonly watches: readonly Watched[];
  /** A round leaves everything as it was; false: it changes something, and others change it back. */
  readonly idle: boolean;
}

/** A thread that does not repeat itself. */
export interface Bystander {
  readonly thread: string;
  readonly state: 'ended' | 'waits' | 'runnable';
  /** Runnable at every step of the spin, and never chosen. */
  readonly neglected: boolean;
  /** Steps that it did during the spin. */
  readonly steps: number;
  /** The step it cannot do: `spin_lock(A)`; empty if it does not wait. */
  readonly wait: string;
}

export interface Freed {
  /** The spinner that went on. */
  readonly thread: string;
  /** Who did the last step before that changed what it looks at, and what: `flag = 1`; null: nobody, it took its turn. */
  readonly by: { readonly thread: string; readonly step: string } | null;
  /** Steps of others until then. */
  readonly steps: number;
}

export interface Spin {
  readonly kind: 'spin' | 'livelock' | 'hang' | 'busy';
  readonly spinners: readonly Spinner[];
  readonly others: readonly Bystander[];
  /** Up to the end of the second round: enough to draw it. */
  readonly schedule: Schedule;
  /** Steps before the first round, and in it. */
  readonly from: number;
  readonly length: number;
  /** What happened when somebody else had a turn. */
  readonly freed: Freed | null;
  /** Steps that were tried in vain. */
  readonly tried: number;
}

export interface Long {
  readonly kind: 'long';
  readonly steps: number;
  /** A thread that repeats itself, and leaves the loop after so many more rounds; null if nobody does. */
  readonly loop: { readonly thread: string; readonly rounds: number } | null;
}

/** What the tail of an execution that was cut off is about. */
export function findSpin(program: () => Program, schedule: Schedule, options: SpinOptions = {}): Spin | Long {
  const { minRounds = 10, tries = 10_000 } = options;
  const tail = tailOf(program, schedule, minRounds);
  if (tail.spinning.length === 0) return { kind: 'long', steps: schedule.threads.length, loop: null };
  return new Trial(program, tail, tries).verdict(minRounds);
}

/** What one thread has done. */
interface Track {
  readonly thread: Thread;
  /** By step: a number for what it was and what came of it. */
  readonly deeds: number[];
  /** By step: its number in the schedule. */
  readonly at: number[];
}

/** A thread at the end of a schedule that repeats itself. */
interface Period {
  readonly track: Track;
  /** Steps of a round. */
  readonly length: number;
  readonly rounds: number;
  /** Step of the schedule with which it begins. */
  readonly from: number;
  /** What the steps of a round are for. */
  readonly ways: ReadonlySet<string>;
}

interface Tail {
  readonly schedule: Schedule;
  readonly spinning: readonly Period[];
  /** Step from which all of them spin. */
  readonly from: number;
  /** The thread that spins and acted last: its first round, and the end of its second. */
  readonly first: number;
  readonly second: number;
  readonly end: number;
  readonly others: readonly Bystander[];
}

function tailOf(program: () => Program, schedule: Schedule, minRounds: number): Tail {
  const execution = new Execution(program, recorded(schedule), [], Infinity);
  const numbers = new Map<string, number>();
  const tracks = new Map<Thread, Track>();
  const heldUp = new Map<Thread, number>();
  schedule.threads.forEach((id, n) => {
    for (const thread of execution.threads) if (!execution.isEnabled(thread)) heldUp.set(thread, n);
    const thread = execution.threads[id];
    const step = thread.pending!;
    execution.perform(thread);
    const track = tracks.get(thread) ?? { thread, deeds: [], at: [] };
    tracks.set(thread, track);
    const deed = `${wayOf(execution, step)} ${step.value} ${step.other} ${execution.reply}`;
    let number = numbers.get(deed);
    if (number === undefined) numbers.set(deed, (number = numbers.size));
    track.deeds.push(number);
    track.at.push(n);
  });
  const texts = [...numbers.keys()];
  const spinning = execution.crashed
    ? []
    : [...tracks.values()].flatMap((track) => periodOf(execution, track, texts, minRounds));
  const from = Math.max(0, ...spinning.map((period) => period.from));
  const others = execution.threads
    .filter((thread) => !spinning.some(({ track }) => track.thread === thread))
    .map((thread) => bystander(execution, thread, tracks.get(thread), heldUp.get(thread) ?? -1, from));
  return { schedule, spinning, from, ...firstRounds(spinning, from), others };
}

/** Where the first round begins and ends, and where it is plain that there is another. */
function firstRounds(spinning: readonly Period[], from: number): Pick<Tail, 'first' | 'second' | 'end'> {
  let latest: Period | null = null;
  for (const period of spinning) {
    if (latest === null || period.track.at.at(-1)! > latest.track.at.at(-1)!) latest = period;
  }
  if (latest === null) return { first: 0, second: 0, end: 0 };
  const { at } = latest.track;
  const begin = at.findIndex((n) => n >= from);
  const end = Math.max(
    ...spinning.map(({ track, length }) => {
      const rounds = track.at.filter((n) => n >= from).slice(0, track === latest.track ? 2 * length : length);
      return (rounds.at(-1) ?? 0) + 1;
    }),
  );
  return { first: at[begin], second: at[begin + latest.length] ?? end, end };
}

/** What a step is for, without what it stores. */
function wayOf({ firstSerial }: Execution, { kind, object, index }: Step): string {
  return `${kind} ${object.serial - firstSerial} ${object.base + index}`;
}

function periodOf(execution: Execution, track: Track, texts: readonly string[], minRounds: number): Period[] {
  const { thread, deeds, at } = track;
  if (thread.pending === null || thread.asleep) return [];
  const { length, run } = longestRun(deeds, minRounds);
  if (length === 0) return [];
  const ways = deeds.slice(-length).map((deed) => texts[deed].split(' ').slice(0, 3).join(' '));
  // What it is about to do belongs to the round as well: it has not got stuck, or gone on.
  if (wayOf(execution, thread.pending) !== ways[0]) return [];
  return [{ track, length, rounds: Math.floor(run / length), from: at[deeds.length - run], ways: new Set(ways) }];
}

/** The shortest piece whose repetition goes back furthest from the end; 0 if none comes `minRounds` times. */
function longestRun(deeds: readonly number[], minRounds: number): { length: number; run: number } {
  const same = matches([...deeds].reverse());
  let best = { length: 0, run: 0 };
  for (let length = 1; length * minRounds <= deeds.length; length++) {
    const run = length + same[length];
    if (run >= length * minRounds && run > best.run) best = { length, run };
  }
  return best;
}

/** By position: how far the sequence from there on is like the sequence from its beginning (Z algorithm). */
function matches(sequence: readonly number[]): Int32Array {
  const z = new Int32Array(sequence.length + 1);
  for (let i = 1, left = 0, right = 0; i < sequence.length; i++) {
    if (i < right) z[i] = Math.min(right - i, z[i - left]);
    while (i + z[i] < sequence.length && sequence[z[i]] === sequence[i + z[i]]) z[i]++;
    if (i + z[i] > right) [left, right] = [i, i + z[i]];
  }
  return z;
}

function bystander(
  execution: Execution,
  thread: Thread,
  track: Track | undefined,
  heldUp: number,
  from: number,
): Bystander {
  const state = thread.pending === null ? 'ended' : execution.isEnabled(thread) ? 'runnable' : 'waits';
  const steps = track === undefined ? 0 : track.at.filter((n) => n >= from).length;
  return {
    thread: thread.name,
    state,
    neglected: state === 'runnable' && steps === 0 && heldUp < from,
    steps,
    wait: state === 'waits' ? thread.pending!.object.label(thread.pending!) : '',
  };
}

/** A step that was done, with what can be told of it. */
interface Account {
  readonly step: Step;
  readonly label: string;
  readonly reply: number;
  readonly before: number;
  readonly after: number;
  /** What the thread looked at. */
  readonly watched: Watched | null;
}

/** An attempt to get a spinning thread to go on. */
interface Attempt {
  readonly execution: Execution;
  readonly freed: Freed | null;
  /** Steps of the thread that went on. */
  readonly own: number;
}

/** Tries what becomes of threads that spin. */
class Trial {
  private readonly program: () => Program;
  private readonly tail: Tail;
  private readonly tries: number;
  private readonly start: Schedule;
  private readonly accounts = new Map<number, Account[]>();

  constructor(program: () => Program, tail: Tail, tries: number) {
    this.program = program;
    this.tail = tail;
    this.tries = tries;
    this.start = { threads: tail.schedule.threads.slice(0, tail.end), answers: tail.schedule.answers };
  }

  verdict(minRounds: number): Spin | Long {
    const { spinning, others } = this.tail;
    const spins = (thread: Thread): boolean => spinning.some(({ track }) => track.thread.id === thread.id);
    const able = this.attempt(null, 0).execution.enabled();
    const helped = able.filter((thread) => !spins(thread)).map(({ id }) => this.attempt(id, this.tries));
    const inTurn = this.attempt(null, this.tries);
    const freed = fewestSteps([...helped, inTurn]);
    if (freed !== null && others.some(({ state }) => state === 'runnable')) return this.spin('spin', freed);
    for (const { track, length, rounds } of spinning) {
      const alone = this.attempt(track.thread.id, this.tries);
      if (alone.freed === null || alone.freed.thread !== track.thread.name) continue;
      const more = Math.ceil(alone.own / length);
      // If it takes more rounds than were seen with the others about, it is not because of them.
      if (more < rounds && spinning.length > 1) return this.spin('livelock', alone.freed);
      return {
        kind: 'long',
        steps: this.tail.schedule.threads.length,
        loop: { thread: track.thread.name, rounds: more },
      };
    }
    if (freed !== null) return this.spin('livelock', freed);
    const later = inTurn.execution.enabled().filter((thread) => !spins(thread));
    if (later.length === 0) return this.spin('hang', null);
    // The others had their turn: do they do anything but spin as well?
    const all = tailOf(this.program, scheduleOf(inTurn.execution), minRounds);
    const allSpin = later.every(({ id }) => all.spinning.some(({ track }) => track.thread.id === id));
    if (!allSpin) return this.spin('busy', null);
    return new Trial(this.program, all, 0).spin('hang', null, this.tries);
  }

  /**
   * From the end of the second round on: `first` acts as long as it can, then all in turn, until a thread that spun does
   * something else.
   */
  private attempt(first: number | null, tries: number): Attempt {
    const execution = new Execution(this.program, recorded(this.start), [], Infinity);
    this.accounts.clear();
    const mine = new Map(this.tail.spinning.map(({ track, ways }) => [track.thread.id, ways]));
    for (const id of this.start.threads) this.account(execution, execution.threads[id], mine.has(id));
    const changes = new Map<string, { where: string; thread: string; step: string }>();
    const done: number[] = [];
    let turn = -1;
    for (let n = 0; n < tries; n++) {
      const able = execution.enabled();
      if (able.length === 0) break;
      turn = able.find(({ id }) => id === first)?.id ?? able.find(({ id }) => id > turn)?.id ?? able[0].id;
      const thread = execution.threads[turn];
      const where = whereOf(wayOf(execution, thread.pending!));
      const account = this.account(execution, thread, false);
      if (changesSomething(account)) {
        changes.delete(`${thread.name}${where}`);
        changes.set(`${thread.name}${where}`, { where, thread: thread.name, step: account.label });
      }
      done[turn] = (done[turn] ?? 0) + 1;
      for (const [id, ways] of mine) {
        const spinner = execution.threads[id];
        const next = spinner.pending;
        if (next !== null && ways.has(wayOf(execution, next))) continue;
        const watched = new Set([...ways].map(whereOf));
        const last = [...changes.values()].findLast((c) => c.thread !== spinner.name && watched.has(c.where));
        const by = last === undefined ? null : { thread: last.thread, step: last.step };
        const own = done[id] ?? 0;
        return { execution, freed: { thread: spinner.name, by, steps: n + 1 - own }, own };
      }
    }
    return { execution, freed: null, own: 0 };
  }

  private account(execution: Execution, thread: Thread, keep: boolean): Account {
    const step = thread.pending!;
    const label = step.object.label(step);
    const value = (): number => (step.object instanceof Words ? step.object.get(step.index) : 0);
    const before = value();
    const watched = keep ? watchedBy(step, before, execution) : null;
    execution.perform(thread);
    const account = { step, label, reply: execution.reply, before, after: value(), watched };
    if (!keep) return account;
    const known = this.accounts.get(thread.id);
    if (known === undefined) this.accounts.set(thread.id, [account]);
    else known.push(account);
    return account;
  }

  private spin(kind: Spin['kind'], freed: Freed | null, tried = this.tries): Spin {
    this.attempt(null, 0);
    const { spinning, others, first, second } = this.tail;
    return {
      kind,
      spinners: spinning.map((period) => this.spinner(period)),
      others,
      schedule: this.start,
      from: first,
      length: second - first,
      freed,
      tried: freed === null ? tried : 0,
    };
  }

  private spinner({ track, length, rounds }: Period): Spinner {
    const round = this.accounts.get(track.thread.id)!.slice(-length);
    const watches = new Map<string, Watched>();
    for (const { step, reply, watched } of round) if (inVain(step, reply)) watches.set(watched!.name, watched!);
    return {
      thread: track.thread.name,
      rounds,
      steps: round.map(({ label }) => label),
      watches: [...watches.values()],
      idle: leavesAllAsItWas(round),
    };
  }
}

function whereOf(way: string): string {
  return way.slice(way.indexOf(' '));
}

function changesSomething({ step: { kind, object }, reply, before, after }: Account): boolean {
  if (object instanceof Words) return before !== after;
  return reply === 1 || (kind !== TRYLOCK && kind !== TRYLOCK_SHARED);
}

function fewestSteps(attempts: readonly Attempt[]): Freed | null {
  let best: Freed | null = null;
  for (const { freed } of attempts) if (freed !== null && (best === null || freed.steps < best.steps)) best = freed;
  return best;
}

const LOOKING: ReadonlySet<number> = new Set([READ, WALK, WAIT, POLL, CMPXCHG]);

/** What a step looks at that is about to be done. */
function watchedBy({ object, index }: Step, before: number, execution: Execution): Watched {
  const name = object.describe(index);
  if (object instanceof Words) return { name, value: object.show(index, before), holders: [] };
  const holders = execution.threads.filter(({ held }) => held.some(({ lock }) => lock === object));
  return { name, value: null, holders: holders.map((thread) => thread.name) };
}

/** Did the step only look, or try? */
function inVain({ kind, value }: Step, reply: number): boolean {
  if (kind === TRYLOCK || kind === TRYLOCK_SHARED) return reply === 0;
  return LOOKING.has(kind) && !(kind === CMPXCHG && reply === value);
}

function leavesAllAsItWas(round: readonly Account[]): boolean {
  const words = new Map<string, { before: number; after: number }>();
  for (const { step, before, after } of round) {
    const name = `${step.object.serial} ${step.object.base + step.index}`;
    words.set(name, { before: (words.get(name) ?? { before }).before, after });
  }
  return [...words.values()].every(({ before, after }) => before === after);
}
