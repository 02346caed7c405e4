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
  observeAsked,
  type Step,
  TRYLOCK,
  TRYLOCK_SHARED,
  WALK,
  WRITE,
  XCHG,
} from '../machine/step.ts';
import { running, type Thread } from '../machine/thread.ts';
import { parseStack } from './stack.ts';
import type { Frame, PlainAccess, TraceStep } from './step.ts';

const USER_PROGRAM: readonly Frame[] = [{ fn: 'user program', file: '', line: 0 }];

interface PendingPlain {
  readonly words: Words;
  readonly index: number;
  readonly before: number;
  write: boolean;
}

export class Recorder implements PlainObserver {
  private readonly sink: (step: TraceStep) => void;
  private readonly stacks = new Map<number, string>();
  private accesses: PendingPlain[] = [];
  private n = 0;
  private draft: Pick<TraceStep, 'runnable' | 'label' | 'stack'> = { runnable: [], label: '', stack: [] };
  private before = 0;

  constructor(sink: (step: TraceStep) => void) {
    this.sink = sink;
  }

  /** Watch everything that happens while `run` runs. */
  watch<T>(run: () => T): T {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 40;
    observeAsked(() => this.stacks.set(running.id, new Error().stack ?? ''));
    observePlain(this);
    try {
      return run();
    } finally {
      observeAsked(null);
      observePlain(null);
      Error.stackTraceLimit = limit;
    }
  }

  /** A plain access. */
  plain(words: Words, index: number, write: boolean): void {
    const known = this.accesses.find((access) => access.words === words && access.index === index);
    if (known !== undefined) known.write ||= write;
    else this.accesses.push({ words, index, before: words.get(index), write });
  }

  /** Before a step takes effect. */
  beforeStep(thread: Thread, runnable: readonly Thread[]): void {
    const step = thread.pending!;
    this.draft = { runnable: runnable.map((t) => t.name), label: step.object.label(step), stack: this.stackOf(thread) };
    this.before = step.object instanceof Words ? step.object.get(step.index) : 0;
    this.accesses = [];
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
      result: result(step!, reply, this.before),
      plain: this.accesses.map(finished),
      held: thread.held.map((held) => held.lock.describe(0)),
      released: released.map((other) => other.name),
    });
  }

  /** Backtrace of the step that a thread wants to do. */
  stackOf(thread: Thread): readonly Frame[] {
    const frames = parseStack(this.stacks.get(thread.id) ?? '');
    // The MMU acts for the instruction of a user program, which has no place in kernel text.
    return thread.pending?.kind === WALK || frames[0]?.fn === 'access' ? USER_PROGRAM : frames;
  }
}

function finished({ words, index, before, write }: PendingPlain): PlainAccess {
  return {
    name: words.describe(index),
    write,
    before: words.show(index, before),
    after: words.show(index, words.get(index)),
  };
}

function result(step: Step, reply: number, before: number): string {
  const { object, kind } = step;
  if (reply === BLOCKED) return 'queued';
  if (kind === TRYLOCK || kind === TRYLOCK_SHARED) return reply === 1 ? 'taken' : 'not taken';
  if (kind === CLEAR || !(object instanceof Words)) return '';
  const was = object.show(step.index, before);
  if (kind === WRITE || kind === XCHG) return `was ${was}`;
  if (kind === ADD) return `${was} -> ${object.show(step.index, reply)}`;
  if (kind === CMPXCHG) return reply === step.value ? 'exchanged' : `not exchanged, is ${was}`;
  return object.show(step.index, reply);
}
