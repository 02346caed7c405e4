/** Spans and lock events as records: NDJSON and CSV, each with the version of its schema. */
import { TICKS_PER_NS } from '../machine/profile.ts';
import type { Frame } from '../trace/step.ts';
import { csv, json } from './escape.ts';
import type { Timeline } from './timeline.ts';

export const TIMELINE_SCHEMA = 'faultline.timeline/1';

/** A head, then one record a line. Times are nanoseconds. */
export function ndjson({ title, cpus, tasks, spans, locks, leftOut }: Timeline): string {
  const threads = tasks.map(({ name, cpu, device }) => ({ name, cpu, device }));
  const lines = [
    json({ schema: TIMELINE_SCHEMA, record: 'head', title, unit: 'ns', cpus, threads, leftOut }),
    ...spans.map(({ task, from, to, kind, what, lockClass, holding, stack }) =>
      json({
        record: 'span',
        thread: task.name,
        fromNs: ns(from),
        toNs: ns(to),
        kind,
        what,
        lockClass,
        holding,
        stack,
      }),
    ),
    ...locks.map(({ task, at, what, lock, shared, stack }) =>
      json({ record: 'lock', thread: task.name, atNs: ns(at), what, ...lock, shared, stack }),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

const COLUMNS = [
  'schema',
  'record',
  'thread',
  'cpu',
  'from_ns',
  'to_ns',
  'kind',
  'what',
  'lock_class',
  'holding',
  'stack',
];

/** One table for both: a lock event has its moment in both times. The stack is as in a collapsed one, outermost first. */
export function csvOf({ spans, locks }: Timeline): string {
  const rows = [
    COLUMNS,
    ...spans.map(({ task, cpu, from, to, kind, what, lockClass, holding, stack }) => [
      ...[TIMELINE_SCHEMA, 'span', task.name, cpu, ns(from), ns(to)],
      ...[kind, what, lockClass, holding, stackOf(stack)],
    ]),
    ...locks.map(({ task, cpu, at, what, lock, stack }) => [
      ...[TIMELINE_SCHEMA, 'lock', task.name, cpu, ns(at), ns(at)],
      ...[what, lock.name, lock.lockClass, '', stackOf(stack)],
    ]),
  ];
  return rows.map((row) => `${row.map(csv).join(',')}\r\n`).join('');
}

function ns(ticks: number): number {
  return ticks / TICKS_PER_NS;
}

function stackOf(stack: readonly Frame[]): string {
  return stack
    .toReversed()
    .map(({ fn }) => fn)
    .join(';');
}
