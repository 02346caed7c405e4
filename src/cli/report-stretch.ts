/** A stretch of a run under the clock, for the timeline of a page. */
import { runTimed } from '../drivers/timed/run.ts';
import { plural } from '../machine/plural.ts';
import { TimelineSink } from '../export/timeline.ts';
import type { TimelineData } from '../html/model.ts';
import { timelineOfSpans } from '../html/spans.ts';
import { TICKS_PER_NS } from '../machine/profile.ts';
import { scaled } from '../predict/rows.ts';
import { findProfile } from '../profiles/index.ts';
import type { Scenario } from '../scenario/read.ts';
import { buildPftWorld, buildWorld, pftRows, type World } from '../scenario/world.ts';
import { TimedRecorder } from '../trace/timed.ts';

/** More threads than that are too many lanes. */
const MOST_THREADS = 8;
/** Each thread of the test takes so many faults. */
const FAULTS = 32;
/** Spans and lock events that are looked at. */
const LIMIT = 200_000;

/** The row with the most threads that are still few, with a part of its memory: it goes on as it begins. */
export function stretchOf(scenario: Scenario): { readonly timeline: TimelineData; readonly stretch: string } {
  const rows = pftRows(scenario).filter(({ threads }) => threads <= MOST_THREADS);
  const row = rows.reduce((most, one) => (one.threads > most.threads ? one : most), rows[0]);
  const profile = findProfile(scenario.machine.profile);
  const gb = (FAULTS * row.threads * profile.geometry.pageBytes) / 2 ** 30;
  const world = buildPftWorld(scenario, { ...row, gb, repetitions: 1 }, scaled(profile, row.gb / gb));
  const threads = plural(row.threads, 'thread');
  const timeline = timelineOf(world, threads);
  return { timeline, stretch: `${threads} of the page fault test, ${FAULTS} pages each: ${timeline.runs[0].about}` };
}

/** Of a scenario with threads. */
export function stretchOfThreads(scenario: Scenario): TimelineData {
  return timelineOf(buildWorld(scenario), plural(scenario.threads.length, 'thread'));
}

function timelineOf({ births, profile, cpus }: World, name: string): TimelineData {
  const sink = new TimelineSink(LIMIT);
  const recorder = new TimedRecorder(Math.round(profile.lineHit.value * TICKS_PER_NS), [sink]);
  recorder.watch(() => runTimed(births, { profile, cpus, watcher: recorder }));
  const { spans, locks, leftOut } = sink;
  const timeline = { title: name, cpus, clock: true, tasks: recorder.tasks, spans, locks, leftOut };
  return timelineOfSpans(timeline, name, '');
}
