/**
 * The state of an execution in words, as far as it can be told from outside: what every shared object touched so far
 * holds, and for every thread its control point. That is the step it is about to do, the place in the text from which
 * it asked for it (all frames of the `yield*` chain), and what it has read last at each place before: most local
 * variables are one of these. A counter in a local variable is not, which is why those who find that a state comes
 * back must try whether it really does.
 */
import { observePlain, type PlainObserver, Words } from '../../machine/memory.ts';
import {
  ADD,
  CMPXCHG,
  observeAsked,
  READ,
  type Shared,
  type Step,
  TRYLOCK,
  TRYLOCK_SHARED,
  XCHG,
} from '../../machine/step.ts';
import { running, Thread } from '../../machine/thread.ts';
import { type Answers, Execution, type Program } from './execution.ts';

/** A place in the text: a number for the frames from the step outwards. 0: nobody asked, the machine did. */
export type Place = number;

/** Numbers for texts, the same for equal texts. */
export class Numbering {
  private readonly numbers = new Map<string, number>();
  of(text: string): number {
    let number = this.numbers.get(text);
    if (number === undefined) this.numbers.set(text, (number = this.numbers.size + 1));
    return number;
  }
}

/** Below this frame is the driver. */
const BOTTOM = /(^|[\\/])machine[\\/]thread\.[jt]s$/;
const FRAMES = 40;

/** The stack as positions, without source maps: it is compared and never shown. */
function framesOf(_error: Error, sites: NodeJS.CallSite[]): string {
  let text = '';
  for (const site of sites) {
    const file = site.getFileName() ?? '';
    if (BOTTOM.test(file)) break;
    text += `${file}:${site.getLineNumber() ?? 0}:${site.getColumnNumber() ?? 0} `;
  }
  return text;
}

/** Do something and learn from where each thread has asked for its step last. */
function placesAskedFrom(act: () => void): Map<Thread, string> {
  const asked = new Map<Thread, string>();
  const stacks: { stackTraceLimit: number; prepareStackTrace?: unknown } = Error;
  const { stackTraceLimit, prepareStackTrace } = stacks;
  stacks.stackTraceLimit = FRAMES;
  observeAsked(() => {
    stacks.prepareStackTrace = framesOf;
    asked.set(running, String(new Error().stack));
    stacks.prepareStackTrace = prepareStackTrace;
  });
  try {
    act();
  } finally {
    observeAsked(null);
    stacks.stackTraceLimit = stackTraceLimit;
  }
  return asked;
}

/** What is known of the local state of a thread. */
export interface Local {
  readonly place: Place;
  /** What was read last, by place or by word. */
  readonly read: ReadonlyMap<string, number>;
  /** By number of the `Distinction`: how often in a row. */
  readonly counts: readonly number[];
  /** Deeds that it has done last, as many as somebody wants to know. */
  readonly recent: readonly number[];
  readonly text: string;
}

/**
 * What tells states of a thread apart that look alike: how often in a row it has done one of some deeds, or which it has
 * done last.
 */
export type Distinction =
  | { readonly thread: number; readonly within: ReadonlySet<number> }
  | { readonly thread: number; readonly last: number };

/** A step that was done, with its reply: equal for equal deeds. */
export interface Deed {
  readonly step: string;
  readonly reply: number;
  /** A number for these, and for where it was asked for. */
  readonly name: number;
}

/** Replies to these tell something that the text may keep. */
const TELLING: ReadonlySet<number> = new Set([READ, ADD, XCHG, CMPXCHG, TRYLOCK, TRYLOCK_SHARED]);

/** An execution that is looked at from outside. */
export class WatchedExecution implements PlainObserver {
  readonly execution: Execution;
  private readonly touched = new Map<Shared, Set<number>>();
  private readonly numbering: Numbering;
  private readonly distinctions: readonly Distinction[];
  /** Plain reads of the step that is watched. */
  private looked: { readonly thread: Thread; readonly word: string; readonly value: number }[] | null = null;
  /** Local states at the beginning. */
  readonly first: readonly Local[];

  constructor(
    program: () => Program,
    answers: Answers,
    numbering = new Numbering(),
    distinctions: readonly Distinction[] = [],
  ) {
    this.numbering = numbering;
    this.distinctions = distinctions;
    let execution: Execution | null = null;
    const asked = this.watching(() => (execution = new Execution(program, answers, [], Infinity)));
    this.execution = execution!;
    const chosen = this.chosenAfter(0);
    this.first = this.execution.threads.map((thread) => this.localAfter(thread, undefined, asked, chosen));
    this.looked = null;
  }

  /** Let a thread act. */
  perform(thread: Thread): void {
    this.touch(thread.pending!);
    observePlain(this);
    try {
      this.execution.perform(thread);
    } finally {
      observePlain(null);
    }
  }

  /** Let a thread act, and tell what it did and what is known of all threads afterwards. */
  performWatched(thread: Thread, locals: readonly Local[]): { readonly deed: Deed; readonly locals: Local[] } {
    const { execution } = this;
    const step = thread.pending!;
    const known = locals[thread.id];
    const at = this.numbering.of(`${known.place} ${step.kind} ${this.wordOf(step.object, step.index)}`);
    const text = this.textOf(step);
    const choices = execution.choices.length;
    this.touch(step);
    const asked = this.watching(() => this.execution.perform(thread));
    const { reply } = execution;
    const deed: Deed = { step: text, reply, name: this.numbering.of(`${at} ${text} ${reply}`) };
    const news: [string, number][] = [];
    if (TELLING.has(step.kind)) news.push([String(at), reply]);
    news.push(...this.chosenAfter(choices));
    // Threads that are started from different places, or by different threads, are different ones.
    const born = this.numbering.of(`${thread.id} ${text} ${known.text}`);
    const after = execution.threads.map((other): Local => {
      if (other === thread) return this.localAfter(thread, known, asked, news, deed);
      const before = locals[other.id];
      if (before === undefined) return this.localAfter(other, before, asked, [['born', born]]);
      return execution.released.includes(other) ? this.localAfter(other, before, asked, []) : before;
    });
    this.looked = null;
    return { deed, locals: after };
  }

  /** Answers of `choose` after the first `before`. */
  private chosenAfter(before: number): [string, number][] {
    return this.execution.choices.slice(before).map(({ what, answer }, i) => [`? ${i} ${what}`, answer]);
  }

  private watching(act: () => void): Map<Thread, string> {
    this.looked = [];
    observePlain(this);
    try {
      return placesAskedFrom(act);
    } finally {
      observePlain(null);
    }
  }

  private localAfter(
    thread: Thread,
    before: Local | undefined,
    asked: ReadonlyMap<Thread, string>,
    news: readonly (readonly [string, number])[],
    deed: Deed | null = null,
  ): Local {
    const from = asked.get(thread);
    // A thread whose step has joined a queue has not asked for another.
    const still = thread.asleep && before !== undefined ? before.place : 0;
    const place = from === undefined ? still : this.numbering.of(from);
    const read = new Map(before?.read);
    for (const [what, value] of news) read.set(what, value);
    for (const look of this.looked ?? []) if (look.thread === thread) read.set(look.word, look.value);
    const counts = [...(before?.counts ?? this.distinctions.map(() => 0))];
    let wanted = 0;
    this.distinctions.forEach((distinction, i) => {
      if (distinction.thread !== thread.id) return;
      if ('last' in distinction) wanted = Math.max(wanted, distinction.last);
      else if (deed !== null) counts[i] = distinction.within.has(deed.name) ? counts[i] + 1 : 0;
    });
    const done = before?.recent ?? [];
    const recent = deed === null || wanted === 0 ? done : [...done, deed.name].slice(-wanted);
    const memory = [...read].map(([what, value]) => `${what}=${value}`).sort();
    const text = `${place} (${memory.join(' ')}) ${counts.join(' ')} after ${recent.join(' ')}`;
    return { place, read, counts, recent, text };
  }

  /** A plain access. */
  plain(words: Words, index: number, write: boolean): void {
    this.note(words, index);
    if (write || this.looked === null) return;
    this.looked.push({ thread: running, word: this.wordOf(words, index), value: words.get(index) });
  }

  private touch(step: Step): void {
    this.note(step.object, step.index);
  }

  private note(object: Shared, index: number): void {
    const { whole, base } = object;
    const known = this.touched.get(whole);
    if (known === undefined) this.touched.set(whole, new Set([base + index]));
    else known.add(base + index);
  }

  private wordOf(object: Shared, index: number): string {
    return `${this.number(object.whole)}.${object.base + index}`;
  }

  /** Number of an object, the same in every execution that begins alike. */
  private number(object: Shared): number {
    return object.serial - this.execution.firstSerial;
  }

  private textOf({ kind, object, index, value, other }: Step): string {
    return `${kind} ${this.wordOf(object, index)} ${value} ${other}`;
  }

  /** The next step of a thread; empty if it has ended. */
  stepOf(thread: Thread): string {
    return thread.pending === null ? '' : this.textOf(thread.pending);
  }

  /** What a thread is about to do; empty if it has ended. */
  pendingOf(thread: Thread): string {
    return thread.asleep ? `${this.stepOf(thread)} asleep` : this.stepOf(thread);
  }

  /** What all shared objects hold that were touched so far. */
  shared(): string {
    const objects = [...this.touched].sort(([a], [b]) => a.serial - b.serial);
    return objects.map(([object, indexes]) => `${this.number(object)}:${contents(object, indexes)}`).join(' ');
  }

  /** The whole state, given what is known of the threads. */
  key(locals: readonly Local[]): string {
    const { threads, crashed } = this.execution;
    const each = threads.map((thread) => {
      const pending = this.pendingOf(thread);
      return pending === '' ? 'ended' : `${pending} ${locals[thread.id].text}`;
    });
    return `${crashed ? 'crashed ' : ''}${this.shared()}\n${each.join('\n')}`;
  }
}

function contents(object: Shared, indexes: ReadonlySet<number>): string {
  if (!(object instanceof Words)) return dataOf(fieldsOf(object));
  return [...indexes]
    .sort((a, b) => a - b)
    .map((index) => `${index}=${object.get(index)}`)
    .join(',');
}

/** What is not the state of an object: its number, and what is there for drawings and for the clock. */
const NO_STATE: ReadonlySet<string> = new Set(['serial', 'name', 'line', 'waiters', 'lockRow', 'heldSince']);

/** The fields of a lock, or of an object of somebody else's. */
function fieldsOf(object: Shared): object {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !NO_STATE.has(name)));
}

/** Plain data and threads; anything else is not looked into. */
function dataOf(value: unknown): string {
  if (value instanceof Thread) return `@${value.id}`;
  if (Array.isArray(value)) return `[${value.map(dataOf).join()}]`;
  if (value instanceof Set || value instanceof Map) return dataOf([...value]);
  if (typeof value === 'object' && value !== null) {
    if (Object.getPrototypeOf(value) !== Object.prototype) return '';
    return `{${Object.entries(value)
      .map(([name, inner]) => `${name}:${dataOf(inner)}`)
      .join()}}`;
  }
  return typeof value === 'function' || typeof value === 'symbol' ? '' : String(value);
}
