/** A schedule run again, with everything written down that a drawing needs. */
import { deadlockViolation, DeadlockWatch, type FoundDeadlock } from '../drivers/controlled/deadlock.ts';
import type { Execution, Found, Program } from '../drivers/controlled/execution.ts';
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
}

/** Throws a Divergence where a thread cannot act. */
export function record(program: () => Program, schedule: Schedule): Recording {
  let recorder: Recorder | null = null;
  let execution: Execution | null = null;
  const watch = new DeadlockWatch();
  const stream = traceStream((sink) => {
    const watching = new Recorder(sink);
    recorder = watching;
    execution = watching.watch(() =>
      replay(program, schedule, () => ({
        beforeStep(thread, runnable) {
          watching.beforeStep(thread, runnable);
        },
        afterStep(thread, after) {
          watching.afterStep(thread, after);
          watch.afterStep(thread, after);
        },
      })),
    );
  });
  const steps = collect(stream);
  if (watch.found !== null) execution!.report([deadlockViolation(execution!.threads)]);
  return { steps, found: execution!.found, execution: execution!, recorder: recorder!, deadlock: watch.found };
}
