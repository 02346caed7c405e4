/** Spans and locks of one run, kept for the files that show them one by one. */
import type { LockEvent, LockName, Span, Task, TimedSink } from '../trace/span.ts';
import type { TraceStep } from '../trace/step.ts';

export interface Timeline {
  /** What it is a timeline of, in one line. */
  readonly title: string;
  readonly cpus: number;
  /** Times are of a clock; else a step has a microsecond, whatever it does. */
  readonly clock: boolean;
  readonly tasks: readonly Task[];
  /** Those of one task follow each other. */
  readonly spans: readonly Span[];
  readonly locks: readonly LockEvent[];
  /** Spans and events that came after the limit. */
  readonly leftOut: number;
}

/** Keeps so many spans and events, and counts the others. */
export class TimelineSink implements TimedSink {
  readonly spans: Span[] = [];
  readonly locks: LockEvent[] = [];
  leftOut = 0;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  span(span: Span): void {
    if (this.room()) this.spans.push(span);
  }
  lock(event: LockEvent): void {
    if (this.room()) this.locks.push(event);
  }

  private room(): boolean {
    if (this.spans.length + this.locks.length < this.limit) return true;
    this.leftOut++;
    return false;
  }
}

/** Ticks of a step where there is no clock: a microsecond each. */
export const STEP_TICKS = 10_000;

/** A schedule as a timeline: step n takes from n - 1 to n microseconds. */
export function timelineOfSteps(
  title: string,
  steps: readonly TraceStep[],
  threads: readonly { readonly name: string; readonly cpu: number }[],
): Timeline {
  const tasks = threads.map(({ name, cpu }, id): Task => ({ id, name, cpu, device: false }));
  const names = new Map<string, LockName>();
  const held = new Map<string, readonly string[]>();
  const locks: LockEvent[] = [];
  const spans: Span[] = [];
  for (const step of steps) {
    const task = tasks.find(({ name }) => name === step.thread)!;
    const { label, stack } = step;
    const to = step.n * STEP_TICKS;
    spans.push({
      task,
      cpu: task.cpu,
      from: to - STEP_TICKS,
      to,
      kind: 'work',
      what: label,
      lockClass: '',
      holding: '',
      stack,
    });
    const before = held.get(step.thread) ?? [];
    const [, verb = '', name = ''] = /^(\w+)\((.*)\)$/.exec(label) ?? [];
    if (step.result === 'queued') locks.push(event('contended', name));
    for (const lock of before) if (!step.held.includes(lock)) locks.push(event('released', lock));
    for (const lock of step.held) if (!before.includes(lock)) locks.push(event('acquired', lock));
    held.set(step.thread, step.held);

    function event(what: LockEvent['what'], lock: string): LockEvent {
      const known = names.get(lock) ?? { number: names.size + 1, name: lock, lockClass: lock, type: typeOf(verb) };
      names.set(lock, known);
      const shared = /read/.test(verb);
      return { task, cpu: task.cpu, at: to, what, lock: known, shared, depth: 0, stack };
    }
  }
  const cpus = Math.max(0, ...threads.map(({ cpu }) => cpu + 1));
  return { title, cpus, clock: false, tasks, spans, locks, leftOut: 0 };
}

function typeOf(verb: string): string {
  if (verb.startsWith('spin_')) return 'spinlock';
  return verb.startsWith('down_') ? 'rwsem' : verb;
}
