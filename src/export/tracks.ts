/** What viewers of timelines draw, once for all formats: tracks with slices that never cross each other. */
import type { Task } from '../trace/span.ts';
import { holdsOf, slicesOf, staysOf } from './slices.ts';
import type { Timeline } from './timeline.ts';

export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly name: string;
  readonly category: string;
  /** Said of it when it is chosen. */
  readonly notes: Readonly<Record<string, string>>;
}

export interface Track {
  readonly group: 'CPUs' | 'threads' | 'locks';
  readonly name: string;
  /** CPU, number of the thread, number of the track of locks: from 0. */
  readonly number: number;
  /** A bar comes before those inside of it. */
  readonly bars: readonly Bar[];
}

export function tracksOf(timeline: Timeline): Track[] {
  return [...cpuTracks(timeline), ...threadTracks(timeline), ...lockTracks(timeline)];
}

function cpuTracks(timeline: Timeline): Track[] {
  const stays = staysOf(timeline);
  return Array.from({ length: timeline.cpus }, (_, cpu) => ({
    ...{ group: 'CPUs' as const, name: `CPU${cpu}`, number: cpu },
    bars: stays
      .filter((stay) => stay.cpu === cpu)
      .map(({ task, from, to }) => ({ from, to, name: task.name, category: 'running', notes: {} })),
  }));
}

function threadTracks(timeline: Timeline): Track[] {
  const bars = new Map<Task, Bar[]>(timeline.tasks.map((task) => [task, []]));
  for (const { task, from, to, name, frame, span } of slicesOf(timeline)) {
    const { kind, holding } = span;
    const place: Record<string, string> = frame === null || frame.file === '' ? {} : { file: frame.file };
    const notes = frame === null && holding !== '' ? { holding } : place;
    bars.get(task)!.push({ from, to, name, category: frame === null ? kind : 'function', notes });
  }
  return [...bars].map(([task, mine]) => ({ group: 'threads', name: titleOf(task), number: task.id, bars: mine }));
}

export function titleOf({ name, cpu, device }: Task): string {
  return device ? `${name} (device)` : `${name} (CPU${cpu})`;
}

/** A track for each lock and each thread that has it. */
function lockTracks(timeline: Timeline): Track[] {
  const tracks = new Map<string, Bar[]>();
  for (const { task, lock, shared, from, to } of holdsOf(timeline)) {
    const name = `${lock.name} (${task.name})`;
    const notes = { class: lock.lockClass, type: lock.type, side: shared ? 'shared' : 'exclusive' };
    const bars = tracks.get(name) ?? [];
    tracks.set(name, bars);
    bars.push({ from, to, name: lock.name, category: 'hold', notes });
  }
  return [...tracks].map(([name, bars], number) => ({ group: 'locks', name, number, bars }));
}

export interface Edge {
  readonly at: number;
  readonly bar: Bar;
  readonly begins: boolean;
}

/** Beginnings and ends of bars that are nested, in order. */
export function edgesOf(bars: readonly Bar[]): Edge[] {
  const edges: Edge[] = [];
  const open: Bar[] = [];
  const closeUntil = (at: number): void => {
    while (open.length > 0 && open.at(-1)!.to <= at) {
      const bar = open.pop()!;
      edges.push({ at: bar.to, bar, begins: false });
    }
  };
  for (const bar of bars) {
    closeUntil(bar.from);
    edges.push({ at: bar.from, bar, begins: true });
    open.push(bar);
  }
  closeUntil(Infinity);
  return edges;
}
