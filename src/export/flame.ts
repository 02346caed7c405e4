/**
 * Where virtual time goes, by kernel backtrace. The innermost frame says what it went to:
 *
 * - `[work]` private work and words that the CPU had, with no lock held exclusively
 * - `[hold]` the same, with one held: time that others may have to wait for
 * - `[transfer]` a cache line came from elsewhere, hand-over of a lock included
 * - `[zero]` zeroing a page, waiting for the memory bus included
 * - `[wait]` for a lock, on the CPU or off it; `[spin]` and `[sleep]` for anything else
 * - `[ready]` let go, and not on its CPU yet
 */
import { TICKS_PER_NS } from '../machine/profile.ts';
import type { Span, Task, TimedSink } from '../trace/span.ts';
import type { Frame } from '../trace/step.ts';
import { frame, json } from './escape.ts';

/** One stack with its time, in ticks. */
interface Flame {
  readonly task: Task;
  /** Outermost first. */
  readonly frames: readonly Frame[];
  readonly leaf: string;
  ticks: number;
}

export class Flames implements TimedSink {
  /** By task, then backtrace, then innermost frame. */
  private readonly known = new Map<Task, Map<readonly Frame[], Map<string, Flame>>>();

  span(span: Span): void {
    const { task, stack, from, to } = span;
    const leaves = inner(inner(this.known, task), stack);
    const leaf = leafOf(span);
    const flame = leaves.get(leaf);
    if (flame !== undefined) flame.ticks += to - from;
    else leaves.set(leaf, { task, frames: stack.toReversed(), leaf, ticks: to - from });
  }

  /** In the order of their first moments, task by task. */
  rows(): Flame[][] {
    return [...this.known.values()].map((stacks) => [...stacks.values()].flatMap((leaves) => [...leaves.values()]));
  }
}

function inner<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let found = map.get(key);
  if (found === undefined) map.set(key, (found = new Map<L, V>()));
  return found;
}

function leafOf({ kind, what, lockClass, holding }: Span): string {
  if (kind === 'ready') return '[ready]';
  if (kind === 'work') return holding === '' ? `[work] ${kindOf(what)}` : `[hold] ${holding}`;
  if (lockClass !== '') return `[wait] ${lockClass}`;
  return `[${kind}] ${kindOf(what)}`;
}

/** Words of a kind together: `pte[]`, `page N->_count`. */
function kindOf(what: string): string {
  return what.replace(/\[[^\]]*\]/g, '[]').replace(/\d+/g, 'N');
}

/** `thread;outermost;...;innermost nanoseconds`, for flamegraph.pl, inferno and others. */
export function collapsed(flames: Flames): string {
  const sums = new Map<string, number>();
  for (const { task, frames, leaf, ticks } of flames.rows().flat()) {
    const stack = [task.name, ...frames.map(({ fn }) => fn), leaf].map(frame).join(';');
    sums.set(stack, (sums.get(stack) ?? 0) + ticks);
  }
  return [...sums].map(([stack, ticks]) => `${stack} ${Math.round(ticks / TICKS_PER_NS)}\n`).join('');
}

/** https://www.speedscope.app/file-format-schema.json: a profile for each thread. */
export function speedscope(title: string, flames: Flames): string {
  const numbers = new Map<string, number>();
  const frames: { readonly name: string; readonly file?: string }[] = [];
  const numberOf = (name: string, file: string): number => {
    const key = `${file} ${name}`;
    const known = numbers.get(key) ?? frames.push(file === '' ? { name } : { name, file }) - 1;
    numbers.set(key, known);
    return known;
  };
  const profiles = flames.rows().map((rows) => ({
    ...{ type: 'sampled', name: rows[0].task.name, unit: 'nanoseconds', startValue: 0 },
    endValue: rows.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_NS,
    samples: rows.map((row) => [...row.frames.map(({ fn, file }) => numberOf(fn, file)), numberOf(row.leaf, '')]),
    weights: rows.map(({ ticks }) => ticks / TICKS_PER_NS),
  }));
  const $schema = 'https://www.speedscope.app/file-format-schema.json';
  return `${json({ $schema, exporter: 'faultline', name: title, activeProfileIndex: 0, shared: { frames }, profiles })}\n`;
}
