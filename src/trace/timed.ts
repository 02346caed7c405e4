/**
 * Writes down a timed run while it runs: what each thread is at, from when to when, with the backtrace of the kernel
 * text, and who waits for, takes and releases which lock.
 */
import type { Location, Words } from '../machine/memory.ts';
import {
  CLEAR,
  type Counted,
  LOAD,
  LOCK,
  LOCK_SHARED,
  observeAsked,
  type Step,
  UNLOCK_SHARED,
  WALK,
} from '../machine/step.ts';
import { type Held, running, type Thread, USER } from '../machine/thread.ts';
import { allWork, observeCharges } from '../machine/work.ts';
import { Backtraces } from './backtrace.ts';
import type { LockEvent, LockName, Span, SpanKind, Task, TimedSink } from './span.ts';
import type { Frame } from './step.ts';

export const USER_PROGRAM: readonly Frame[] = [{ fn: 'user program', file: '', line: 0 }];

/** What is known of a thread. */
interface Book {
  readonly task: Task;
  readonly thread: Thread;
  /** Up to where its spans reach. */
  cursor: number;
  /** Goes on by itself: its charges are spans. */
  runs: boolean;
  /** What it waits for in which way, while it does. */
  waits: 'spin' | 'sleep' | 'ready' | null;
  /** Where its pending step was asked for. */
  stack: readonly Frame[];
  held: readonly Held[];
  /** `heldChanges` of the thread then. */
  heldChanges: number;
  holding: string;
}

type Lockish = Counted & { readonly spins: boolean; verb(step: Step): string };

export class TimedRecorder {
  readonly tasks: Task[] = [];
  /** Ticks of an access to a line that the CPU has: what takes longer is a transfer. */
  private readonly hit: number;
  private readonly sinks: readonly TimedSink[];
  private readonly full: boolean;
  private readonly backtraces = new Backtraces();
  private readonly books: Book[] = [];
  private readonly locks = new Map<unknown, LockName>();
  /** The plain access that the next charge is for. */
  private touched: Location | null = null;

  /** Unless `full`, what takes most of the time is left out: backtraces, and names of words that the CPU had. */
  constructor(hit: number, sinks: readonly TimedSink[], { full = true } = {}) {
    this.full = full;
    this.hit = hit;
    this.sinks = sinks;
  }

  /** Watch everything that happens while `run` runs. */
  watch<T>(run: () => T): T {
    observeCharges((id, ticks) => {
      this.charged(id, ticks);
      return ticks;
    });
    if (this.full) {
      observeAsked(() => {
        if (running.id >= 0) this.bookOf(running).stack = this.backtraces.now();
      });
    }
    try {
      return run();
    } finally {
      observeCharges(null);
      observeAsked(null);
    }
  }

  resumes(thread: Thread, now: number, device: boolean): void {
    const book = this.bookOf(thread, device);
    this.noteLocks(book, thread, now);
    if (book.waits !== null) this.span(book, now, 'ready', '');
    else book.cursor = now;
    book.waits = null;
    book.runs = !device;
  }

  touches(words: Words, index: number): void {
    this.touched = { words, index };
  }

  step(thread: Thread, from: number, done: number): void {
    const book = this.bookOf(thread);
    const step = thread.pending!;
    if (isUsers(step, book.stack)) book.stack = USER_PROGRAM;
    if (book.waits === null) book.cursor = from;
    const kind = this.kindOf(step, done - book.cursor);
    this.span(book, done, kind, this.full || kind === 'transfer' ? nameOf(step) : '');
    book.runs = false;
    book.waits = null;
  }

  stops(thread: Thread, now: number): void {
    const book = this.bookOf(thread);
    const step = thread.pending;
    // Pushed off its CPU: it goes on waiting.
    if (book.waits !== null) this.span(book, now, book.waits, nameOf(step!), lockClassOf(step));
    book.cursor = now;
    book.runs = false;
    if (step === null) return;
    if (lockClassOf(step) !== '' && book.waits === null) {
      this.lock(book, 'contended', now, this.locked(step.object as Lockish, isShared(step)), isShared(step));
    }
    book.waits = thread.spinning ? 'spin' : 'sleep';
  }

  granted(thread: Thread, now: number): void {
    const book = this.bookOf(thread);
    if (book.waits === null) return;
    this.span(book, now, book.waits, nameOf(thread.pending!), lockClassOf(thread.pending));
    if (book.waits !== 'spin') this.noteLocks(book, thread, now);
    book.waits = 'ready';
  }

  private bookOf(thread: Thread, device = false): Book {
    const known = this.books[thread.id];
    if (known !== undefined) return known;
    const task = { id: thread.id, name: thread.name, cpu: thread.cpu, device };
    this.tasks.push(task);
    const nothing = { held: [], heldChanges: 0, holding: '' };
    return (this.books[thread.id] = {
      task,
      thread,
      cursor: 0,
      runs: false,
      waits: null,
      stack: USER_PROGRAM,
      ...nothing,
    });
  }

  private charged(id: number, ticks: number): void {
    const { id: thread } = running;
    const book = thread < 0 ? undefined : this.books[thread];
    if (book === undefined || !book.runs || ticks === 0) return;
    const plain = id < 0;
    const kind = plain && ticks > this.hit ? 'transfer' : 'work';
    const what = plain ? this.nameOfTouched(kind) : allWork()[id].name;
    this.span(book, book.cursor + ticks, kind, what, '', this.full ? this.backtraces.now() : []);
  }

  private nameOfTouched(kind: SpanKind): string {
    if (this.touched === null || !(this.full || kind === 'transfer')) return '';
    return this.touched.words.describe(this.touched.index);
  }

  private kindOf({ kind }: Step, ticks: number): SpanKind {
    if (kind === CLEAR) return 'zero';
    if (kind === LOAD) return 'work';
    return ticks > this.hit ? 'transfer' : 'work';
  }

  /** What the task is at up to `to`. */
  private span(book: Book, to: number, kind: SpanKind, what: string, lockClass = '', asked = book.stack): void {
    const { task, thread, cursor: from, holding } = book;
    book.cursor = to;
    if (to === from) return;
    const stack = asked.length === 0 ? USER_PROGRAM : asked;
    const span: Span = { task, cpu: thread.cpu, from, to, kind, what, lockClass, holding, stack };
    for (const sink of this.sinks) sink.span?.(span, thread.mode === USER);
  }

  /** What the book of the thread has now that it had not, and the other way round. */
  private noteLocks(book: Book, thread: Thread, now: number): void {
    const { held: before, heldChanges } = book;
    if (thread.heldChanges === heldChanges) return;
    const { held } = thread;
    book.held = held;
    book.heldChanges = thread.heldChanges;
    for (const entry of before) if (!held.includes(entry)) this.changed(book, 'released', now, entry);
    for (const entry of held) if (!before.includes(entry)) this.changed(book, 'acquired', now, entry);
    const innermost = held.findLast((entry) => !entry.shared && classOf(entry.lock) !== '');
    book.holding = innermost === undefined ? '' : classOf(innermost.lock);
  }

  private changed(book: Book, what: 'acquired' | 'released', now: number, { lock, shared }: Held): void {
    if (classOf(lock) !== '') this.lock(book, what, now, this.locked(lock as Lockish, shared), shared);
  }

  private lock(book: Book, what: LockEvent['what'], at: number, lock: LockName, shared: boolean): void {
    const { task, stack } = book;
    const { cpu } = book.thread;
    const depth = book.held.filter(({ spins }) => spins).length;
    for (const sink of this.sinks) sink.lock?.({ task, cpu, at, what, lock, shared, depth, stack });
  }

  private locked(lock: Lockish, shared: boolean): LockName {
    const known = this.locks.get(lock);
    if (known !== undefined) return known;
    const verb = lock.verb({ kind: shared ? LOCK_SHARED : LOCK, object: lock, value: 0 } as unknown as Step);
    const number = this.locks.size + 1;
    const name = { number, name: lock.describe(0), lockClass: lock.lockClass, type: typeOf(verb) };
    this.locks.set(lock, name);
    return name;
  }
}

/** Does a user program ask for it, or the MMU for one? */
function isUsers(step: Step, stack: readonly Frame[]): boolean {
  return step.kind === WALK || stack[0]?.fn === 'access';
}

function nameOf(step: Step): string {
  return step.object.describe(step.index);
}

function isLock({ kind }: Step): boolean {
  return kind === LOCK || kind === LOCK_SHARED;
}

function isShared({ kind }: Step): boolean {
  return kind >= LOCK_SHARED && kind <= UNLOCK_SHARED;
}

/** As `perf lock` names types; those that it does not know by their function: `lock_page`. */
function typeOf(verb: string): string {
  if (verb.startsWith('spin_')) return 'spinlock';
  if (verb.startsWith('down_')) return 'rwsem';
  return verb.startsWith('mutex_') ? 'mutex' : verb;
}

function classOf(lock: unknown): string {
  return (lock as { lockClass?: string }).lockClass ?? '';
}

function lockClassOf(step: Step | null): string {
  return step !== null && isLock(step) ? classOf(step.object) : '';
}
