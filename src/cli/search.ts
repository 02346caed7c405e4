/** Runs a search with progress on stderr, checkpoints on disk, and an ear for Ctrl-C. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Checkpoint, ExploreOptions } from '../drivers/controlled/explore.ts';
import { Search } from '../drivers/controlled/explore.ts';
import type { Program } from '../drivers/controlled/execution.ts';
import { visible } from '../export/escape.ts';
import { plural } from '../machine/plural.ts';
import { type CheckpointFile, readCheckpoint, type SearchKey } from './checkpoint.ts';
import { UsageError } from './exit.ts';
import type { Io } from './io.ts';
import { progress } from './progress.ts';

/** Milliseconds between two looks at the clock and at signals. */
const SLICE_MS = 50;

export interface SearchRun {
  readonly search: Search;
  /** The signal that ended it before its time. */
  readonly interrupted: 'SIGINT' | 'SIGTERM' | null;
  /** It is on disk, as it was when it was interrupted. */
  readonly saved: boolean;
}

export interface SearchPlan {
  readonly program: () => Program;
  readonly options: ExploreOptions;
  readonly key: SearchKey;
  readonly file: CheckpointFile;
  /** From the file; if there is none it begins at the beginning, but not where the user has named it. */
  readonly resume: 'if there' | 'named' | null;
  readonly quiet: boolean;
}

export async function runSearch(io: Io, plan: SearchPlan): Promise<SearchRun> {
  const from = beginning(io, plan);
  const search = new Search(plan.program, plan.options, from);
  const bar = progress(io, plan.quiet);
  const before = search.tally.total;
  const started = performance.now();
  let interrupted: SearchRun['interrupted'] = null;
  const stop = (signal: NodeJS.Signals): void => {
    interrupted = signal as SearchRun['interrupted'];
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    let going = true;
    while (going && interrupted === null) {
      const until = performance.now() + SLICE_MS;
      while (going && performance.now() < until) going = search.advance();
      plan.file.writeIfDue(search);
      bar.update(() => describe(search, (search.tally.total - before) / (performance.now() - started)));
      await nextTurn();
    }
  } finally {
    bar.done();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
  return { search, interrupted, saved: interrupted !== null && plan.file.write(search) };
}

function beginning(io: Io, { resume, file: { path }, key, quiet }: SearchPlan): Checkpoint | null {
  if (resume === null) return null;
  const from = readCheckpoint(path, key);
  if (from === null && resume === 'named') {
    throw new UsageError(`${path} cannot be read: no such file; to begin there, use --checkpoint`);
  }
  const words = from === null ? `no checkpoint at ${path}: from the beginning` : `resuming from ${path}`;
  if (!quiet) io.err(`faultline: ${visible(words)}\n`);
  return from;
}

/** `12,345 executions of about 118,000, 45,000/s, 3 s left, 2 rules broken`. */
function describe(search: Search, perMs: number): string {
  const { executions, sampled, broken } = search.tally;
  const { estimate } = search;
  const parts = [plural(executions, 'execution')];
  if (estimate !== null) parts[0] += ` of about ${roughly(estimate)}`;
  if (sampled > 0) parts.push(`${sampled.toLocaleString('en-US')} sampled`);
  parts.push(`${Math.round(perMs * 1000).toLocaleString('en-US')}/s`);
  if (estimate !== null && perMs > 0) parts.push(`${timeLeft((estimate - executions) / perMs / 1000)} left`);
  if (broken > 0) parts.push(plural(broken, 'rule broken', 'rules broken'));
  return parts.join(', ');
}

/** Two digits are all that an estimate is worth. */
export function roughly(n: number): string {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(n)) - 1);
  return (Math.round(n / unit) * unit).toLocaleString('en-US');
}

export function timeLeft(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
  return seconds < 2e6 ? `${Math.ceil(seconds / 3600)} h` : 'ages';
}
