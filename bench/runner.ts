/** Samples of a point, by name of what was measured. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Point } from './machine.ts';
import type { Sample } from './outcome.ts';
import { runTwin } from './twin.ts';
import type { WorkerReply, WorkerRequest } from './worker.ts';

export interface Samples {
  readonly form: readonly Sample[];
  /** Empty without a C compiler. */
  readonly twin: readonly Sample[];
}

export class Runner {
  private readonly compiled: string;
  /** Null: no C compiler. */
  readonly twin: string | null;

  constructor(compiled: string, twin: string | null) {
    this.compiled = compiled;
    this.twin = twin;
  }

  /**
   * After the warm-up, `rounds` rounds in which each point is run once, and the C twin with it for each number of
   * CPUs: what disturbs the host for a while disturbs all. Returns the samples of each point, and of its twin.
   */
  async alternate(points: readonly Point[], warmups: number, rounds: number): Promise<Samples[]> {
    const workers = points.map(() => this.start());
    const forms: Sample[][] = points.map(() => []);
    const twins = new Map(points.map(({ cpus }): [number, Sample[]] => [cpus, []]));
    for (let round = -warmups; round < rounds; round++) {
      for (const [i, point] of points.entries()) {
        const { sample } = await ask(workers[i], { point, collect: false });
        if (round < 0) continue;
        forms[i].push(sample);
        if (point.cpus !== points.at(i + 1)?.cpus) this.runTwin(point, twins);
      }
    }
    for (const worker of workers) worker.disconnect();
    return points.map(({ cpus }, i) => ({ form: forms[i], twin: twins.get(cpus)! }));
  }

  private runTwin(point: Point, twins: ReadonlyMap<number, Sample[]>): void {
    if (this.twin === null) return;
    // In a process of its own the first run of the twin pays for fresh memory: take the second.
    twins.get(point.cpus)!.push(runTwin(this.twin, point, 2)[1]);
  }

  /** Resident bytes after a run in a fresh process. */
  async residentAfter(point: Point): Promise<number> {
    const worker = this.start();
    const { rss } = await ask(worker, { point, collect: true });
    worker.disconnect();
    return rss;
  }

  private start(): ChildProcess {
    return fork(path.join(this.compiled, 'bench', 'worker.js'), { execArgv: ['--expose-gc'] });
  }
}

async function ask(worker: ChildProcess, request: WorkerRequest): Promise<WorkerReply> {
  const { form, cpus } = request.point;
  const end = new AbortController();
  const { signal } = end;
  worker.send(request);
  try {
    return await Promise.race([
      once(worker, 'message', { signal }).then(([reply]) => reply as WorkerReply),
      once(worker, 'exit', { signal }).then(([code]) => {
        throw new Error(`${form} at ${cpus} CPUs ended with exit code ${String(code)}`);
      }),
    ]);
  } finally {
    end.abort();
  }
}
