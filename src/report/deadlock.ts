/**
 * A deadlock as lockdep would put it: who is trying to acquire what and where, what it holds and where it took that,
 * the chain, and the table with a column for each CPU. But it is no warning: this has happened.
 */
import { Words } from '../machine/memory.ts';
import { POLL, type Shared, type Step, WAIT } from '../machine/step.ts';
import type { Thread } from '../machine/thread.ts';
import type { Frame, TraceStep } from '../trace/step.ts';
import { cut, wrap } from './wrap.ts';

/** A thread that cannot go on: what it wants to do, and who would have to act first. */
export interface StuckThread {
  readonly thread: Thread;
  readonly step: Step;
  readonly for: readonly Thread[];
}

export interface DrawnDeadlock {
  /** Number of steps after which it was there. */
  readonly at: number;
  /** Each waits for the next, the last one for the first; empty: all wait, but in no circle. */
  readonly cycle: readonly StuckThread[];
  /** The other threads that do not get on because of it. */
  readonly others: readonly StuckThread[];
}

export interface DeadlockOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** What happened, up to the deadlock at least. */
  readonly steps: readonly TraceStep[];
  /** Where a thread is stuck, innermost frame first. */
  readonly stackOf: (thread: Thread) => readonly Frame[];
}

const NUMBERS = 5;
const NARROWEST = 8;

/** Lines of text, none wider than `width` if the columns leave it room. */
export function drawDeadlock(deadlock: DrawnDeadlock, options: DeadlockOptions): string {
  const { cycle, others, at } = deadlock;
  const steps = options.steps.filter((step) => step.n <= at);
  const report = { ...options, steps };
  const lines =
    cycle.length === 0
      ? banner(`DEADLOCK: nobody can go on after step ${at}, and no circle of locks`, options.width)
      : banner(
          `DEADLOCK: ${isRecursive(cycle) ? 'recursive locking' : 'circular locking dependency'}, closed after step ${at}`,
          options.width,
        );
  for (const stuck of cycle.length === 0 ? others : cycle) lines.push(...account(stuck, cycle, report), '');
  if (cycle.length === 0) return lines.slice(0, -1).join('\n');
  lines.push(...chain(cycle, options.width), '', ' *** DEADLOCK ***', '', ...table(cycle, report));
  if (others.length > 0) lines.push('', 'stuck behind it:');
  for (const { thread, step, for: those } of others) {
    lines.push(...wrap(`  ${thread.name}: ${labelOf(step)}, waits for ${names(those)}`, options.width));
  }
  return lines.join('\n');
}

function banner(title: string, width: number): string[] {
  const lines = wrap(title, width);
  const length = Math.min(width, Math.max(60, ...lines.map((line) => line.length)));
  return ['='.repeat(length), ...lines, '-'.repeat(length)];
}

/** All wait for one and the same lock. */
function isRecursive(cycle: readonly StuckThread[]): boolean {
  return cycle.every(({ step }) => step.object === cycle[0].step.object);
}

/** What one thread waits for and where, and what it holds. */
function account(stuck: StuckThread, cycle: readonly StuckThread[], report: DeadlockOptions): string[] {
  const { thread, step } = stuck;
  const lines = isWord(step)
    ? [`${thread.name} on CPU${thread.cpu} waits for ever:`, `  ${awaited(step)}, at:`]
    : [
        `${thread.name} on CPU${thread.cpu} is trying to acquire lock:`,
        `  ${described(step.object, labelOf(step))}, ${inTheWay(stuck, cycle)}, at:`,
      ];
  lines.push(...backtrace(report.stackOf(thread)));
  let lead = `but ${thread.name} is already holding lock:`;
  const { held } = thread;
  for (const [i, place] of placesOf(thread, report.steps).entries()) {
    const { lock } = held[i];
    const taken = place === null ? '' : ` in step ${place.n}, at:`;
    lines.push(lead, `  ${described(lock, place?.label ?? '')}${taken}`, ...backtrace(place?.stack ?? []));
    lead = 'and:';
  }
  return lines.flatMap((line) => wrap(line, report.width));
}

function isWord(step: Step): boolean {
  return step.kind === WAIT || step.kind === POLL;
}

/** `flag is 0, to be 1, and nobody is left to change it`. */
function awaited({ object, index, value }: Step): string {
  const is = object instanceof Words ? object.show(index, object.get(index)) : '?';
  return `${object.describe(index)} is ${is} and should be ${object.show(index, value)}; nobody is left to change it`;
}

/** `mm.page_table_lock (&mm->page_table_lock) by spin_lock`. */
function described(lock: Shared, label: string): string {
  const name = lock.describe(0);
  const lockClass = classOf(lock);
  const verb = /^(\w+)\(/.exec(label)?.[1];
  return `${name}${lockClass === name ? '' : ` (${lockClass})`}${verb === undefined ? '' : ` by ${verb}`}`;
}

function classOf(lock: Shared): string {
  return (lock as Partial<{ readonly lockClass: string }>).lockClass ?? lock.describe(0);
}

function labelOf(step: Step): string {
  return step.object.label(step);
}

/** Who keeps the thread from its lock: the next in the circle, or all. */
function inTheWay({ thread, step, for: those }: StuckThread, cycle: readonly StuckThread[]): string {
  const at = cycle.findIndex((stuck) => stuck.thread === thread);
  const [next] = at < 0 ? those : [cycle[(at + 1) % cycle.length].thread];
  if (next === undefined) return 'held by nobody who is known';
  const holds = next.held.some(({ lock }) => lock === step.object);
  const who = next === thread ? 'itself' : next.name;
  if (!holds) return `queued behind ${who}`;
  return `held by ${who}${next.pending === null ? ', which has ended' : ''}`;
}

function names(threads: readonly Thread[]): string {
  return threads.map((thread) => thread.name).join(', ');
}

function backtrace(frames: readonly Frame[]): string[] {
  return frames.map(({ fn, file, line }) => `      ${fn}${file === '' ? '' : ` (${file}:${line})`}`);
}

/** The step that took each of the locks that a thread holds, in the order of its book; null if it cannot be told. */
function placesOf(thread: Thread, steps: readonly TraceStep[]): (TraceStep | null)[] {
  const taken = new Map<string, TraceStep[]>();
  let before: readonly string[] = [];
  let queued: TraceStep | null = null;
  for (const step of steps) {
    if (step.thread !== thread.name) continue;
    for (const name of minus(before, step.held)) taken.get(name)?.pop();
    for (const name of minus(step.held, before)) note(taken, name, takenBy(name, step, queued));
    before = step.held;
    queued = step.result === 'queued' ? step : null;
  }
  const held = thread.held.map(({ lock }) => lock.describe(0));
  // Woken with a lock in hand, and not acted since.
  if (queued !== null) for (const name of minus(held, before)) note(taken, name, queued);
  return held.map((name) => taken.get(name)?.shift() ?? null);
}

/** A lock that a thread has after a step: taken by the step, or waited for by the one before. */
function takenBy(name: string, step: TraceStep, queued: TraceStep | null): TraceStep {
  return queued !== null && queued.label.includes(`(${name})`) ? queued : step;
}

function note(taken: Map<string, TraceStep[]>, name: string, step: TraceStep): void {
  taken.set(name, [...(taken.get(name) ?? []), step]);
}

/** What of `a` is not in `b`, counted. */
function minus(a: readonly string[], b: readonly string[]): string[] {
  const left = [...b];
  return a.filter((name) => {
    const at = left.indexOf(name);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** The circle in a line: of lock classes, each asked for while the one before it is held, and of threads. */
function chain(cycle: readonly StuckThread[], width: number): string[] {
  const wanted = cycle.map(({ step }) => classOf(step.object));
  const classes = [wanted[wanted.length - 1], ...wanted].join(' --> ');
  const waits = cycle.map(({ thread, step }) => `${thread.name} --[${step.object.describe(0)}]--> `);
  return [
    ...(isRecursive(cycle) ? [] : ['Chain exists of:', ...wrap(`  ${classes}`, width)]),
    'Who waits for whom:',
    ...wrap(`  ${waits.join('')}${cycle[0].thread.name}`, width),
  ];
}

interface Row {
  /** Where it stands in time. */
  readonly at: number;
  readonly number: string;
  readonly column: number;
  readonly text: string;
}

/** The steps that matter, a column for each thread of the circle. */
function table(cycle: readonly StuckThread[], { steps, width }: DeadlockOptions): string[] {
  const columns = [...cycle].sort((a, b) => a.thread.cpu - b.thread.cpu || a.thread.id - b.thread.id);
  const rows = columns
    .flatMap((stuck, column) => [...taking(stuck, column, cycle, steps), waitingRow(stuck, column, steps)])
    .sort((a, b) => a.at - b.at);
  const room = Math.max(NARROWEST, Math.floor((width - NUMBERS) / columns.length) - 2);
  const line = (number: string, column: number, text: string): string =>
    `${number.padStart(NUMBERS - 1)} ${' '.repeat(column * (room + 2))}${text}`;
  const heads = columns.map(({ thread }) => cut(`CPU${thread.cpu} ${thread.name}`, room));
  const across = (cells: readonly string[]): string =>
    line('', 0, cells.map((cell) => cell.padEnd(room + 2)).join('')).trimEnd();
  return [
    across(heads),
    across(heads.map((head) => '-'.repeat(head.length))),
    ...rows.flatMap(({ number, column, text }) =>
      wrap(text, room, '  ').map((piece, i) => line(i === 0 ? number : '', column, piece)),
    ),
  ];
}

/** The locks of a thread for which others in the circle wait. */
function taking(stuck: StuckThread, column: number, cycle: readonly StuckThread[], steps: readonly TraceStep[]): Row[] {
  const { held } = stuck.thread;
  const wanted = new Set(cycle.filter((other) => other.for.includes(stuck.thread)).map(({ step }) => step.object));
  return placesOf(stuck.thread, steps).flatMap((place, i) =>
    place === null || !wanted.has(held[i].lock)
      ? []
      : [{ at: place.n, number: String(place.n), column, text: place.label }],
  );
}

/** What a thread waits for: a step that was done if it has joined a queue, else one that will never be. */
function waitingRow({ thread, step }: StuckThread, column: number, steps: readonly TraceStep[]): Row {
  const last = steps.findLast((done) => done.thread === thread.name);
  const text = `${labelOf(step)}  [waits]`;
  if (thread.asleep && last !== undefined) return { at: last.n, number: String(last.n), column, text };
  return { at: steps.length + 1 + (last?.n ?? 0), number: '', column, text };
}
