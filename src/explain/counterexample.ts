/** A failure made simple, run again and written down, and the nearest schedule that passes. */
import type { Program } from '../drivers/controlled/execution.ts';
import { type NearestPass, nearestPass } from '../drivers/controlled/nearest.ts';
import { formatSchedule } from '../drivers/controlled/schedule.ts';
import { shrink, type Shrunk } from '../drivers/controlled/shrink.ts';
import type { Failure } from '../drivers/controlled/tally.ts';
import { record, type Recording } from './record.ts';

export interface Counterexample extends Shrunk {
  readonly recording: Recording;
  /** The schedule in one line, to be pasted. */
  readonly line: string;
  /** Null: no single reordering makes it pass. */
  readonly pass: (NearestPass & { readonly line: string; readonly recording: Recording }) | null;
}

/** The simplest schedule that breaks the rule of a failure. */
export function counterexampleOf(program: () => Program, failure: Failure): Counterexample {
  const shrunk = shrink(program, failure.rule, failure.schedule);
  const recording = record(program, shrunk.schedule);
  const names = recording.execution.threads.map(({ name }) => name);
  const pass = nearestPass(program, shrunk.schedule);
  return {
    ...shrunk,
    recording,
    line: formatSchedule(shrunk.schedule, names),
    pass:
      pass === null
        ? null
        : { ...pass, line: formatSchedule(pass.schedule, names), recording: record(program, pass.schedule) },
  };
}
