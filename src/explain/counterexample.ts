/** A failure made simple, run again and written down, and the nearest schedule that passes. */
import type { Program } from '../drivers/controlled/execution.ts';
import { type NearestPass, nearestPass } from '../drivers/controlled/nearest.ts';
import { formatSchedule, type Schedule } from '../drivers/controlled/schedule.ts';
import { shrink, type ShrinkOptions, type Shrunk } from '../drivers/controlled/shrink.ts';
import type { Failure } from '../drivers/controlled/tally.ts';
import { record, type Recording } from './record.ts';

export interface Counterexample<R extends Recording = Recording> extends Shrunk {
  readonly recording: R;
  /** The schedule in one line, to be pasted. */
  readonly line: string;
  /** Null: no single reordering makes it pass. */
  readonly pass: (NearestPass & { readonly line: string; readonly recording: R }) | null;
}

/** Runs a schedule again and writes it down; `fails`: it is the one that breaks the rule. */
type Take<R extends Recording> = (schedule: Schedule, fails: boolean) => R;

/** The simplest schedule that breaks the rule of a failure. */
export function counterexampleOf(
  program: () => Program,
  failure: Failure,
  options: ShrinkOptions = {},
): Counterexample {
  return takenOf(program, failure, (schedule) => record(program, schedule), options);
}

/** The same, written down by `take`. */
export function takenOf<R extends Recording>(
  program: () => Program,
  failure: Failure,
  take: Take<R>,
  options: ShrinkOptions = {},
): Counterexample<R> {
  const shrunk = shrink(program, failure.rule, failure.schedule, options);
  const recording = take(shrunk.schedule, true);
  const names = recording.execution.threads.map(({ name }) => name);
  const pass = nearestPass(program, shrunk.schedule, options);
  return {
    ...shrunk,
    recording,
    line: formatSchedule(shrunk.schedule, names),
    pass:
      pass === null
        ? null
        : { ...pass, line: formatSchedule(pass.schedule, names), recording: take(pass.schedule, false) },
  };
}
