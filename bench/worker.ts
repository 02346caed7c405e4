/** A process of its own for one point, so that no point is measured with what V8 has learnt from another. */
import { runTimed, type TimedOptions } from '../src/drivers/timed/run.ts';
import { Birth } from '../src/machine/thread.ts';
import { pft } from '../src/workload/pft.ts';
import { formBirths } from './forms/index.ts';
import { bootFor, machineOf, pagesPerThread, type Point } from './machine.ts';
import { outcomeOf, type Sample } from './outcome.ts';

export interface WorkerRequest {
  readonly point: Point;
  /** Collect garbage before the resident set is read. */
  readonly collect: boolean;
}

export interface WorkerReply {
  readonly sample: Sample;
  /** Bytes of resident set. */
  readonly rss: number;
}

/**
 * Boot, then measure the run: the CPU time of all threads of this process, collector and compiler included. There is
 * no collection in between: when no object of a class is left it would take the compiled code of the class with it.
 */
function measure(point: Point): Sample {
  const { births, options } = prepare(point);
  const before = process.cpuUsage();
  const result = runTimed(births, options);
  const { user, system } = process.cpuUsage(before);
  return { ...outcomeOf(result), seconds: (user + system) / 1e6 };
}

function prepare(point: Point): { births: Birth[]; options: TimedOptions } {
  const { cpus, repetitions } = point;
  const profile = machineOf(point);
  const system = bootFor(point);
  if (point.form !== 'pft') {
    return {
      births: formBirths(point.form, system, cpus, pagesPerThread(point)),
      options: { profile, cpus, eager: point.form === 'eager' },
    };
  }
  const gb = (point.faults * profile.geometry.pageBytes) / 2 ** 30;
  const births = [new Birth('pft', 0, () => pft(system, { gb, repetitions, threads: cpus, cpus }))];
  return { births, options: { profile, cpus } };
}

process.on('message', ({ point, collect }: WorkerRequest) => {
  const sample = measure(point);
  if (collect) globalThis.gc?.();
  const reply: WorkerReply = { sample, rss: process.memoryUsage.rss() };
  process.send!(reply);
});
