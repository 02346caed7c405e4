/** A process of its own for one sample, so that nothing is measured with what V8 has learnt from another model. */
import { type Drive, sample } from './fast-check.ts';
import { exhaust } from './faultline.ts';

export interface WorkerRequest {
  readonly tool: 'faultline' | Drive;
  readonly faulters: number;
  /** Measure for at least so long, after a warm-up. */
  readonly seconds: number;
  /** When the process was asked for, as of `Date.now()`. */
  readonly asked: number;
}

export interface Sample {
  readonly executions: number;
  /** The time these executions took. */
  readonly seconds: number;
  /** Until the first unit of work was done, the start of the process included. */
  readonly secondsToFirst: number;
}

/** Does some work; replies the number of executions. */
type Unit = () => number | Promise<number>;

const WARMUP_SECONDS = 0.5;

function unitOf({ tool, faulters }: WorkerRequest): Unit {
  if (tool === 'faultline') return () => exhaust(faulters);
  let seed = 0;
  return () => sample(faulters, tool, ++seed);
}

async function measure(unit: Unit, { seconds, asked }: WorkerRequest): Promise<Sample> {
  const first = await repeat(unit, 0);
  const secondsToFirst = (Date.now() - asked) / 1000;
  // So long that warming up does not show in it.
  if (first.seconds >= WARMUP_SECONDS + seconds) return { ...first, secondsToFirst };
  await repeat(unit, WARMUP_SECONDS);
  return { ...(await repeat(unit, seconds)), secondsToFirst };
}

/** Once, and again until `atLeast` seconds have passed. */
async function repeat(unit: Unit, atLeast: number): Promise<{ executions: number; seconds: number }> {
  const start = performance.now();
  let executions = 0;
  while (true) {
    executions += await unit();
    const seconds = (performance.now() - start) / 1000;
    if (seconds >= atLeast) return { executions, seconds };
  }
}

const request = JSON.parse(process.argv[2]) as WorkerRequest;
console.log(JSON.stringify(await measure(unitOf(request), request)));
