/**
 * Pages of files in rss, as each task counts them for itself (mm/memory.c of 3.14, SPLIT_RSS_COUNTING): otherwise all
 * threads of a process would fight for one line at each fault.
 *
 * Left out: the same of anonymous pages.
 */
import { atomic_add_return, atomic_inc } from '../machine/memory.ts';
import { type Coroutine, NOTHING, type Step } from '../machine/step.ts';
import { current } from './sched.ts';
import type { Mm } from './structs.ts';

/** TASK_RSS_EVENTS_THRESH */
const EVENTS = 64;

/** A page of a file has been mapped. */
export function inc_file_rss(mm: Mm): Step | Coroutine {
  if (!mm.system.config.SPLIT_RSS_COUNTING) return atomic_inc(mm.file_rss);
  current().rss_stat++;
  return NOTHING;
}

/** At each fault. */
export function check_sync_rss_stat(mm: Mm): Coroutine {
  if (!mm.system.config.SPLIT_RSS_COUNTING || current().rss_events++ < EVENTS) return NOTHING;
  return sync_mm_rss(mm);
}

/** What the task has counted is added to rss: now and then, when it unmaps something, and when it exits. */
export function* sync_mm_rss(mm: Mm): Coroutine {
  const task = current();
  task.rss_events = 0;
  if (task.rss_stat === 0) return;
  const pages = task.rss_stat;
  task.rss_stat = 0;
  yield* atomic_add_return(pages, mm.file_rss);
}
