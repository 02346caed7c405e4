/** The Promela twin: compile it with spin and gcc, run the verifier, read what it says. */
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { hold, STATES } from './counts.ts';

/** One verification, from the text to the verdict. */
export interface SpinRun {
  readonly states: number;
  readonly errors: number;
  /** spin, gcc and the verifier. */
  readonly seconds: number;
  /** The verifier alone. */
  readonly panSeconds: number;
}

const TEMPLATE = 'fault.pml';

export class Spin {
  private readonly folder: string;

  /** Everything is written to `folder`, and nothing beside the template: pan leaves its trails there. */
  constructor(folder: string) {
    this.folder = folder;
    copyFileSync(path.join(import.meta.dirname, TEMPLATE), path.join(folder, TEMPLATE));
  }

  /** Why it cannot run here; null if it can. */
  static missing(): string | null {
    const missing = [
      ['spin', '-V'],
      ['gcc', '--version'],
    ].filter(([tool, option]) => spawnSync(tool, [option]).error !== undefined);
    return missing.length === 0 ? null : `${missing.map(([tool]) => tool).join(' and ')} not found`;
  }

  /** Safety, exhaustively, with partial-order reduction, which is the default. */
  exhaust(faulters: number): SpinRun {
    const run = this.verify([`-DN=${faulters}`], []);
    hold(`Spin, errors with ${faulters} faulters`, run.errors, 0);
    return run;
  }

  findBug(faulters: number): void {
    const { errors } = this.verify([`-DN=${faulters}`, '-DBUGGY'], []);
    hold(`Spin finds the bug with ${faulters} faulters`, errors > 0, true);
  }

  countStates(faulters: number): void {
    const { states } = this.verify([`-DN=${faulters}`, '-DNO_CHECK'], ['-DNOREDUCE']);
    hold(`Spin, states of ${faulters} faulters`, states, STATES[faulters]);
  }

  private verify(model: readonly string[], verifier: readonly string[]): SpinRun {
    const start = performance.now();
    this.call('spin', ['-a', ...model, TEMPLATE]);
    this.call('gcc', ['-O2', '-DSAFETY', ...verifier, '-o', 'pan', 'pan.c']);
    const compiled = performance.now();
    const output = this.call('./pan', ['-m10000', '-w20']);
    const end = performance.now();
    return { ...read(output), seconds: (end - start) / 1000, panSeconds: (end - compiled) / 1000 };
  }

  private call(tool: string, options: readonly string[]): string {
    const { error, status, stdout, stderr } = spawnSync(tool, options, { cwd: this.folder, encoding: 'utf8' });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`${tool} ${options.join(' ')} ends with ${String(status)}:\n${stdout}${stderr}`);
    return stdout;
  }
}

function read(output: string): { states: number; errors: number } {
  const states = /(\d+) states, stored/.exec(output);
  const errors = /errors: (\d+)/.exec(output);
  const incomplete = /max search depth too small|hash-?table.*full|out of memory/i.test(output);
  if (states === null || errors === null || incomplete) throw new Error(`pan did not finish:\n${output}`);
  return { states: Number(states[1]), errors: Number(errors[1]) };
}
