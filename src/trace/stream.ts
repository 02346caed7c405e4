/** Traces as streams. rxjs lives on the read side only, and carries batches: a Subject costs more than a step. */
import { bufferCount, Observable, reduce } from 'rxjs';
import type { TraceStep } from './step.ts';

const BATCH = 256;

/** A cold stream of what `run` tells its sink, in batches. Errors of `run` are errors of the stream. */
export function traceStream(run: (sink: (step: TraceStep) => void) => void): Observable<readonly TraceStep[]> {
  return new Observable<TraceStep>((subscriber) => {
    run((step) => {
      subscriber.next(step);
    });
    subscriber.complete();
  }).pipe(bufferCount(BATCH));
}

/** All steps of a stream that completes synchronously; rethrows its error. */
export function collect(stream: Observable<readonly TraceStep[]>): TraceStep[] {
  let all: TraceStep[] = [];
  let failure: Error | null = null;
  stream.pipe(reduce((sum: TraceStep[], batch) => [...sum, ...batch], [])).subscribe({
    next: (steps) => {
      all = steps;
    },
    error: (error: Error) => {
      failure = error;
    },
  });
  if (failure !== null) throw failure as Error;
  return all;
}
