/** A schedule run again, with everything written down that a drawing needs. */
import { type DataRace, RaceWatch } from '../drivers/controlled/data-race.ts';
import { deadlockViolation, DeadlockWatch, type FoundDeadlock } from '../drivers/controlled/deadlock.ts';
import type { Choice, Execution, Found, Program } from '../drivers/controlled/execution.ts';
import { replay } from '../drivers/controlled/replay.ts';
import type { Schedule } from '../drivers/controlled/schedule.ts';
import { Recorder } from '../trace/recorder.ts';
import type { TraceStep } from '../trace/step.ts';
import { collect, traceStream } from '../trace/stream.ts';

export interface Recording {
  readonly steps: readonly TraceStep[];
  readonly found: readonly Found[];
  readonly execution: Execution;
  readonly recorder: Recorder;
  readonly deadlock: FoundDeadlock | null;
  /** The earliest first. */
  readonly races: readonly DataRace[];
  /** Answers given before the first step. */
  readonly choices: readonly string[];
}

/** Told of an execution before each step, and in the end. */
export type Onlooker = (execution: Execution) => void;

/** Throws a Divergence where a thread cannot act. */
export function record(program: () => Program, schedule: Schedule, onlooker: Onlooker = () => undefined): Recording {
  let recorder: Recorder | null = null;
  let execution: Execution | null = null;
  const watch = new DeadlockWatch();
  const races = new RaceWatch();
  /** Number of answers given before each step, and in the end. */
  const answered: number[] = [];
  const stream = traceStream((sink) => {
    const watching = new Recorder(sink);
    recorder = watching;
    execution = watching.watch(() =>
      replay(
        program,
        schedule,
        (after) => ({
          beforeStep(thread, runnable) {
            onlooker(after);
            answered.push(after.choices.length);
            watching.beforeStep(thread, runnable);
            races.beforeStep(thread, after);
          },
          afterStep(thread) {
            watching.afterStep(thread, after);
            watch.afterStep(thread, after);
            races.afterStep(after);
          },
        }),
        races.log,
      ),
    );
  });
  const recorded = collect(stream);
  races.atEnd(execution!);
  onlooker(execution!);
  const choices = execution!.choices.map(describeChoice);
  answered.push(choices.length);
  const steps = recorded.map((step, i) => {
    const mine = choices.slice(answered[i], answered[i + 1]);
    return mine.length === 0 ? step : { ...step, choices: mine };
  });
  if (watch.found !== null) execution!.report([deadlockViolation(execution!.threads)]);
  return {
    steps,
    found: execution!.found,
    execution: execution!,
    recorder: recorder!,
    deadlock: watch.found,
    races: races.found,
    choices: choices
      .slice(0, answered[0])
      .map((choice, i) => `${execution!.threads[execution!.choices[i].thread].name}: ${choice}`),
  };
}

/** `alloc_page fails: yes`, `victim: 2 of 3`. */
function describeChoice({ n, what, answer }: Choice): string {
  return `${what}: ${n === 2 ? (answer === 1 ? 'yes' : 'no') : `${answer} of ${n}`}`;
}
