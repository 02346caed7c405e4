/** A stretch of a run under the clock as a timeline: a lane for each thread, a box for each span. */
import { holdsOf } from '../export/slices.ts';
import { type Timeline } from '../export/timeline.ts';
import { titleOf } from '../export/tracks.ts';
import { TICKS_PER_NS } from '../machine/profile.ts';
import type { Span, Task } from '../trace/span.ts';
import { type BarData, type BoxData, type Kind, KINDS, type TimelineData } from './model.ts';
import { Strings } from './strings.ts';

/** Spans that are shown at most. */
const MOST_SPANS = 1000;

/** From the moment on at which most threads run. */
export function timelineOfSpans(timeline: Timeline, name: string, command: string): TimelineData {
  const strings = new Strings();
  const start = busiest(timeline);
  const spans = [...timeline.spans]
    .filter(({ to }) => to > start)
    .sort((a, b) => a.from - b.from || a.task.id - b.task.id)
    .slice(0, MOST_SPANS);
  const end = spans.reduce((latest, { from }) => Math.max(latest, from), start);
  const tasks = [...new Set(spans.map(({ task }) => task))].sort(
    (a, b) => cpuOf(a, spans) - cpuOf(b, spans) || a.id - b.id,
  );
  const ns = (tick: number): number => (Math.min(Math.max(tick, start), end) - start) / TICKS_PER_NS;
  const run = {
    ...{ name, command, from: 0, to: ns(end), marks: [], world: null },
    about: `${us(end - start)} of the run, from ${us(start)} on`,
    lanes: tasks.map((task) => titleOf({ ...task, cpu: cpuOf(task, spans) })),
    boxes: spans.filter(({ from }) => from < end).map((span) => boxOf(span, tasks, ns, strings)),
    bars: barsOf(timeline, tasks, ns, strings),
  };
  return { unit: 'ns', strings: strings.all, runs: [run] };
}

/** The earliest moment at which most threads have a CPU. */
function busiest({ spans }: Timeline): number {
  const running = spans.filter(({ kind, task }) => kind !== 'sleep' && kind !== 'ready' && !task.device);
  const turns = running.flatMap(({ from, to }) => [
    { at: from, more: 1 },
    { at: to, more: -1 },
  ]);
  turns.sort((a, b) => a.at - b.at || a.more - b.more);
  let [now, most, best] = [0, 0, 0];
  for (const { at, more } of turns) {
    now += more;
    if (now <= most) continue;
    most = now;
    best = at;
  }
  return best;
}

function us(ticks: number): string {
  return `${(ticks / TICKS_PER_NS / 1000).toFixed(1)} us`;
}

/** Where a task runs at first; it may be moved. */
function cpuOf(task: Task, spans: readonly Span[]): number {
  return spans.find((span) => span.task === task)!.cpu;
}

type Ns = (tick: number) => number;

function boxOf(span: Span, tasks: readonly Task[], ns: Ns, strings: Strings): BoxData {
  const { task, cpu, from, to, what, stack, holding } = span;
  const places = stack.map(({ fn, file, line }) => (file === '' ? fn : `${fn} (${file}:${line})`)).join(' < ');
  const notes = [task.device ? '' : `on CPU${cpu}`, places, holding === '' ? '' : `holding ${holding}`];
  const kind = kindOf(span);
  const said = kind === 'fault' || kind === 'user' ? what : `${kind}: ${what}`;
  return [
    ...([tasks.indexOf(task), ns(from), ns(to), KINDS.indexOf(kind)] as const),
    strings.of(what === '' ? kind : said),
    strings.of(notes.join('\n')),
  ];
}

function kindOf({ kind, stack }: Span): Kind {
  if (kind !== 'work') return kind;
  return stack[0]?.file === '' ? 'user' : 'fault';
}

/** Each lock of a thread has the lowest row that is free. */
function barsOf(timeline: Timeline, tasks: readonly Task[], ns: Ns, strings: Strings): BarData[] {
  const taken = tasks.map((): number[] => []);
  return holdsOf(timeline).flatMap(({ task, lock, shared, from, to }): BarData[] => {
    const lane = tasks.indexOf(task);
    if (lane < 0 || ns(from) === ns(to)) return [];
    const rows = taken[lane];
    const free = rows.findIndex((until) => until <= from);
    const row = free < 0 ? rows.length : free;
    rows[row] = to;
    return [[lane, row, ns(from), ns(to), KINDS.indexOf(shared ? 'shared' : 'held'), strings.of(lock.name)]];
  });
}
