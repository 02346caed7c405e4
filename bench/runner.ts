/** Samples of a point, by name of what was measured. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Point } from './machine.ts';
import type { Sample } from './outcome.ts';
import { runTwin } from './twin.ts';
import type { WorkerReply, WorkerRequest } from './worker.ts';

export class Runner {
  private readonly compiled: string;
  /** Null: no C compiler. */
  readonly twin: string | null;

  constructor(compiled: string, twin: string | null) {
    this.compiled = compiled;
    this.twin = twin;
  }

  /**
   * After the warm-up, `rounds` rounds in which each point is run once and the C twin after it: what disturbs the
   * machine for a while disturbs both. Returns the samples of each point and of the twin.
   */
  async alternate(
    points: readonly Point[],
    warmups: number,
    rounds: number,
  ): Promise<{ forms: Sample[][]; twin: Sample[] }> {
    const workers = points.map(() => this.start());
    const forms: Sample[][] = points.map(() => []);
    const twin: Sample[] = [];
    for (let round = -warmups; round < rounds; round++) {
      for (const [i, point] of points.entries()) {
        const { sample } = await ask(workers[i], { point, collect: false });
        if (round >= 0) forms[i].push(sample);
      }
      // In a process of its own the first run of the twin pays for fresh memory: take the second.
      if (round >= 0 && this.twin !== null) twin.push(runTwin(this.twin, points[0], 2)[1]);
    }
    for (const worker of workers) worker.disconnect();
    return { forms, twin };
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
