/**
 * Trace Event Format, the JSON of chrome://tracing, which Perfetto and speedscope read too. Times are microseconds, to four
 * decimals exact. Slices are pairs of events and not complete ones: readers add `dur` to `ts` in floating point, and what
 * ends together then does not nest. Holds of locks are pairs of asynchronous events, which need not nest.
 */
import { TICKS_PER_NS } from '../machine/profile.ts';
import { json } from './escape.ts';
import type { Timeline } from './timeline.ts';
import { type Bar, type Edge, edgesOf, type Track, tracksOf } from './tracks.ts';

const TICKS_PER_US = TICKS_PER_NS * 1000;
const PIDS = { CPUs: 1, threads: 2, locks: 3 } as const;

export function chrome(timeline: Timeline): string {
  const groups = Object.entries(PIDS).flatMap(([name, pid]) => [
    { name: 'process_name', ph: 'M', pid, tid: 0, args: { name } },
    { name: 'process_sort_index', ph: 'M', pid, tid: 0, args: { sort_index: pid } },
  ]);
  const events = [...groups, ...tracksOf(timeline).flatMap(eventsOf)];
  const lines = events.map(json).join(',\n');
  const other = json({ schema: 'faultline.chrome/1', title: timeline.title, leftOut: timeline.leftOut });
  return `{"displayTimeUnit":"ns","otherData":${other},"traceEvents":[\n${lines}\n]}\n`;
}

function eventsOf(track: Track): object[] {
  const place = { pid: PIDS[track.group], tid: track.number };
  const named = { name: 'thread_name', ph: 'M', ...place, args: { name: track.name } };
  return [
    named,
    ...(track.group === 'locks'
      ? track.bars.flatMap((bar, i) => hold(track, bar, i))
      : edgesOf(track.bars).map((edge) => edgeOf(place, edge))),
  ];
}

/** An end says what has begun: readers match them by name and arguments where several fall together. */
function edgeOf(place: object, { at, bar: { name, category, notes }, begins }: Edge): object {
  return { name, cat: category, ph: begins ? 'B' : 'E', ...place, ts: at / TICKS_PER_US, args: notes };
}

function hold({ group, number }: Track, { from, to, name, category, notes }: Bar, i: number): object[] {
  const same = { name, cat: category, pid: PIDS[group], tid: number, id: `${number}.${i}` };
  return [
    { ...same, ph: 'b', ts: from / TICKS_PER_US, args: notes },
    { ...same, ph: 'e', ts: to / TICKS_PER_US },
  ];
}
