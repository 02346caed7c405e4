/** Spans as calls: functions that begin and end, each inside of the one that called it. */
import type { Span, Task } from '../trace/span.ts';
import type { Frame } from '../trace/step.ts';
import type { Timeline } from './timeline.ts';

export interface Slice {
  readonly task: Task;
  readonly from: number;
  to: number;
  /** 0 is outermost. */
  readonly depth: number;
  readonly name: string;
  /** Null: the slice is a span, the innermost of all. */
  readonly frame: Frame | null;
  readonly span: Span;
  /** The function around it. */
  readonly caller: string;
}

/**
 * Calls of all tasks, each before those inside of it. One function that is called twice in a row from the same place is
 * one slice: backtraces do not tell the calls apart.
 */
export function slicesOf({ tasks, spans }: Timeline): Slice[] {
  const byTask = new Map<Task, Span[]>(tasks.map((task) => [task, []]));
  for (const span of spans) byTask.get(span.task)!.push(span);
  return [...byTask.values()].flatMap(slicesOfTask);
}

function slicesOfTask(spans: readonly Span[]): Slice[] {
  const slices: Slice[] = [];
  let open: Slice[] = [];
  for (const span of spans) {
    const frames = span.stack.toReversed();
    const same = sameCalls(open, frames, span);
    open = open.slice(0, same);
    for (const slice of open) slice.to = span.to;
    frames.slice(same).forEach((frame, i) => {
      open.push(slice(span, same + i, frame.fn, frame, open.at(-1)?.name ?? ''));
      slices.push(open.at(-1)!);
    });
    const name = span.what === '' ? span.kind : `${span.kind}: ${span.what}`;
    slices.push(slice(span, frames.length, name, null, open.at(-1)?.name ?? ''));
  }
  return slices;
}

function slice(span: Span, depth: number, name: string, frame: Frame | null, caller: string): Slice {
  const { task, from, to } = span;
  return { task, from, to, depth, name, frame, span, caller };
}

/** How many of the open calls the next span is in. */
function sameCalls(open: readonly Slice[], frames: readonly Frame[], { from }: Span): number {
  if (open.length > 0 && open[0].to !== from) return 0;
  const end = open.findIndex(({ frame }, i) => frames[i]?.fn !== frame!.fn || frames[i].file !== frame!.file);
  return end < 0 ? open.length : end;
}

/** When a task has its CPU. */
export interface Stay {
  readonly task: Task;
  readonly cpu: number;
  readonly from: number;
  to: number;
  /** The state it leaves in, as sched_switch has it. */
  left: 'S' | 'R' | 'X';
}

/** Stays on CPUs in the order of their beginnings. */
export function staysOf({ tasks, spans }: Timeline): Stay[] {
  const last = new Map<Task, Stay>();
  const stays: Stay[] = [];
  for (const { task, cpu, from, to, kind } of spans) {
    if (task.device) continue;
    const before = last.get(task);
    const stay = before?.to === from && before.left === 'X' ? before : null;
    const off = kind === 'sleep' || kind === 'ready';
    if (!off && stay?.cpu === cpu) {
      stay.to = to;
      continue;
    }
    if (stay !== null) stay.left = kind === 'sleep' ? 'S' : 'R';
    if (off) continue;
    const next: Stay = { task, cpu, from, to, left: 'X' };
    last.set(task, next);
    stays.push(next);
  }
  return stays.sort((a, b) => a.from - b.from || tasks.indexOf(a.task) - tasks.indexOf(b.task));
}

/** When a task has a lock. */
export interface Hold {
  readonly task: Task;
  readonly lock: Timeline['locks'][number]['lock'];
  readonly shared: boolean;
  readonly from: number;
  readonly to: number;
}

/** Holds in the order of their beginnings; those that never end, end with the timeline. */
export function holdsOf({ locks, spans }: Timeline): Hold[] {
  const end = spans.reduce((latest, { to }) => Math.max(latest, to), 0);
  const open = new Map<string, (typeof locks)[number]>();
  const holds: Hold[] = [];
  const close = ({ task, lock, shared, at }: (typeof locks)[number], to: number): void => {
    holds.push({ task, lock, shared, from: at, to: Math.max(at, to) });
  };
  for (const event of locks) {
    const key = `${event.task.id} ${event.lock.number}`;
    const taken = open.get(key);
    if (event.what === 'acquired') open.set(key, event);
    else if (event.what === 'released' && taken !== undefined && open.delete(key)) close(taken, event.at);
  }
  for (const event of open.values()) close(event, end);
  return holds.sort((a, b) => a.from - b.from || a.task.id - b.task.id || a.lock.number - b.lock.number);
}
