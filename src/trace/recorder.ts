/**
 * Writes down an execution while it is run again: values before and after, locks held, and for every step the
 * backtrace of the kernel text that asked for it (a `yield*` chain is a real stack while it is resumed).
 */
import { observePlain, type PlainObserver, Words } from '../machine/memory.ts';
import {
  ADD,
  BLOCKED,
  CLEAR,
  CMPXCHG,
  COPY,
  DMA,
  LOAD,
  observeAsked,
  type Step,
  TRYLOCK,
  TRYLOCK_SHARED,
  WALK,
  WRITE,
  XCHG,
} from '../machine/step.ts';
import { running, type Thread } from '../machine/thread.ts';
import { Backtraces } from './backtrace.ts';
import type { Frame, PlainAccess, TraceStep } from './step.ts';

const USER_PROGRAM: readonly Frame[] = [{ fn: 'user program', file: '', line: 0 }];
/** Steps that look at many words: the reply says nothing of what they find. */
const WIDE: ReadonlySet<number> = new Set([COPY, DMA, LOAD]);
const NOWHERE: readonly Frame[] = [];

/** Of all recordings: they come by the same places. */
const backtraces = new Backtraces();

interface PendingPlain {
  readonly thread: Thread;
  readonly words: Words;
  readonly index: number;
  readonly before: number;
  write: boolean;
  readonly held: readonly string[];
  /** Of the write, if there is one. */
  stack: readonly Frame[];
  /** Null: the value that the word has in the end. */
  after: number | null;
}

export class Recorder implements PlainObserver {
  private readonly sink: (step: TraceStep) => void;
  /** By thread: where it has asked for its step. */
  private readonly stacks = new Map<number, readonly Frame[]>();
  /** Since the last step, in order, and the same by where they are. */
  private accesses: PendingPlain[] = [];
  private readonly places = new Map<Words, PendingPlain[][]>();
  /** Plain accesses before the first step. */
  private early: readonly PlainAccess[] | null = null;
  private n = 0;
  private draft: Pick<TraceStep, 'runnable' | 'label' | 'stack'> = { runnable: [], label: '', stack: [] };
  private before = 0;
  private found = '';

  constructor(sink: (step: TraceStep) => void) {
    this.sink = sink;
  }

  /** Watch everything that happens while `run` runs. */
  watch<T>(run: () => T): T {
    observeAsked(() => this.stacks.set(running.id, backtraces.now()));
    const outer = observePlain(this);
    try {
      return run();
    } finally {
      observeAsked(null);
      observePlain(outer);
    }
  }

  /** A plain access. */
  plain(words: Words, index: number, write: boolean): void {
    const same = this.accessesOf(words, index);
    const known = same.find(({ thread }) => thread === running);
    for (const access of same) if (access !== known) access.after ??= words.get(index);
    const stack = known === undefined || (write && !known.write) ? backtraces.now() : known.stack;
    if (known !== undefined) {
      Object.assign(known, { stack, write: write || known.write });
      return;
    }
    const held = running.held.map(({ lock }) => lock.describe(0));
    const access = { thread: running, words, index, before: words.get(index), write, held, stack, after: null };
    this.accesses.push(access);
    same.push(access);
  }

  /** Since the last step, of one word. */
  private accessesOf(words: Words, index: number): PendingPlain[] {
    let those = this.places.get(words);
    if (those === undefined) this.places.set(words, (those = []));
    return (those[index] ??= []);
  }

  /** What threads have done before the first step; to be asked for when that is over. */
  get beforeFirst(): readonly PlainAccess[] {
    return this.early ?? this.accesses.map(finished);
  }

  /** Before a step takes effect. */
  beforeStep(thread: Thread, runnable: readonly Thread[]): void {
    const step = thread.pending!;
    this.draft = { runnable: runnable.map((t) => t.name), label: step.object.label(step), stack: this.stackOf(thread) };
    this.before = step.object instanceof Words ? step.object.get(step.index) : 0;
    this.found = step.object instanceof Words && WIDE.has(step.kind) ? step.object.found(step) : '';
    this.early ??= this.beforeFirst;
    this.accesses = [];
    this.places.clear();
  }

  /** After it has taken effect and its thread has gone on to its next step. */
  afterStep(
    thread: Thread,
    { step, reply, released }: { step: Step | null; reply: number; released: readonly Thread[] },
  ): void {
    this.sink({
      n: ++this.n,
      thread: thread.name,
      ...this.draft,
      result: WIDE.has(step!.kind) ? this.found : result(step!, reply, this.before),
      plain: this.accesses.map(finished),
      held: thread.held.map((held) => held.lock.describe(0)),
      released: released.map((other) => other.name),
    });
  }

  /** Backtrace of the step that a thread wants to do. */
  stackOf(thread: Thread): readonly Frame[] {
    const frames = this.stacks.get(thread.id) ?? NOWHERE;
    // The MMU acts for the instruction of a user program, which has no place in kernel text.
    return thread.pending?.kind === WALK || frames[0]?.fn === 'access' ? USER_PROGRAM : frames;
  }
}

function finished({ thread, words, index, before, write, held, stack, after }: PendingPlain): PlainAccess {
  return {
    thread: thread.name,
    name: words.describe(index),
    write,
    before: words.show(index, before),
    after: words.show(index, after ?? words.get(index)),
    held,
    stack,
  };
}

function result(step: Step, reply: number, before: number): string {
  const { object, kind } = step;
  if (reply === BLOCKED) return 'queued';
  if (kind === TRYLOCK || kind === TRYLOCK_SHARED) return reply === 1 ? 'taken' : 'not taken';
  if (kind === CLEAR || !(object instanceof Words) || object.label(step) === '') return '';
  const was = object.show(step.index, before);
  if (kind === WRITE || kind === XCHG) return `was ${was}`;
  if (kind === ADD) return `${was} -> ${object.show(step.index, reply)}`;
  if (kind === CMPXCHG) return reply === step.value ? 'exchanged' : `not exchanged, is ${was}`;
  return object.show(step.index, reply);
}
