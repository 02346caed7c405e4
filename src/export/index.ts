/** Files that other people's tools open, by kind. */
import type { TimedSink } from '../trace/span.ts';
import { chrome } from './chrome.ts';
import { collapsed, Flames, speedscope } from './flame.ts';
import { ftrace } from './ftrace.ts';
import { LockStats } from './lock-stats.ts';
import { lockStat, perfLock } from './lock-tables.ts';
import { perfetto } from './perfetto.ts';
import { csvOf, ndjson } from './records.ts';
import { type Timeline, TimelineSink } from './timeline.ts';

const TIMELINES = { chrome, perfetto, ftrace, csv: csvOf, ndjson } as const;

export type TimelineKind = keyof typeof TIMELINES;
export type ExportKind = TimelineKind | 'lock_stat' | 'perf-lock' | 'collapsed' | 'speedscope';

export const TIMELINE_KINDS = Object.keys(TIMELINES) as TimelineKind[];

export function timelineFile(kind: TimelineKind, timeline: Timeline): string | Uint8Array {
  return TIMELINES[kind](timeline);
}

/** Hears what a run does, and only what the kinds of files asked for need. */
export class Listener {
  readonly locks = new LockStats();
  readonly flames = new Flames();
  readonly timeline: TimelineSink;
  readonly sinks: readonly TimedSink[];

  constructor(kinds: readonly ExportKind[], limit: number) {
    this.timeline = new TimelineSink(limit);
    const any = (...of: readonly ExportKind[]): boolean => kinds.some((kind) => of.includes(kind));
    this.sinks = [
      ...(any('lock_stat', 'perf-lock') ? [this.locks] : []),
      ...(any('collapsed', 'speedscope') ? [this.flames] : []),
      ...(any(...TIMELINE_KINDS) ? [this.timeline] : []),
    ];
  }

  file(kind: ExportKind, run: Pick<Timeline, 'title' | 'cpus' | 'tasks'>): string | Uint8Array {
    if (kind === 'lock_stat') return lockStat(this.locks.rows());
    if (kind === 'perf-lock') return perfLock(this.locks.contentions());
    if (kind === 'collapsed') return collapsed(this.flames);
    if (kind === 'speedscope') return speedscope(run.title, this.flames);
    const { spans, locks, leftOut } = this.timeline;
    return timelineFile(kind, { ...run, clock: true, spans, locks, leftOut });
  }
}
