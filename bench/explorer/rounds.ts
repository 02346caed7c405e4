/** Who is measured, in rounds. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { median } from '../summary.ts';
import { CLASSES } from './counts.ts';
import type { Spin } from './spin.ts';
import type { Sample, WorkerRequest } from './worker.ts';

export type Tool = WorkerRequest['tool'] | 'Spin';

/** What one round says about a tool. */
export interface Figure {
  /** Executions, or states. */
  readonly count: number;
  readonly perSecond: number;
  /** From the text of the model to the end of the search, compiler or start of node included; null: there is no end. */
  readonly secondsToEnd: number | null;
}

export interface Contender {
  readonly tool: Tool;
  readonly faulters: number;
  /** By round. */
  readonly figures: Figure[];
}

export class Rounds {
  readonly contenders: readonly Contender[];
  private readonly compiled: string;
  private readonly spin: Spin | null;
  private readonly seconds: number;

  /** `compiled` is the folder of the compiled bench; a sample takes `seconds`. */
  constructor(contenders: readonly Contender[], compiled: string, spin: Spin | null, seconds: number) {
    this.contenders = contenders;
    this.compiled = compiled;
    this.spin = spin;
    this.seconds = seconds;
  }

  /** Every contender once in each round: what disturbs the host for a while disturbs all. */
  run(rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      for (const contender of this.contenders) contender.figures.push(this.figure(contender));
    }
  }

  private figure({ tool, faulters }: Contender): Figure {
    if (tool !== 'Spin') return this.sampled(tool, faulters);
    const { states, seconds, panSeconds } = this.spin!.exhaust(faulters);
    return { count: states, perSecond: states / panSeconds, secondsToEnd: seconds };
  }

  private sampled(tool: WorkerRequest['tool'], faulters: number): Figure {
    const worker = path.join(this.compiled, 'bench', 'explorer', 'worker.js');
    const request: WorkerRequest = { tool, faulters, seconds: this.seconds, asked: Date.now() };
    const output = execFileSync(process.execPath, [worker, JSON.stringify(request)], { encoding: 'utf8' });
    const { executions, seconds, secondsToFirst } = JSON.parse(output) as Sample;
    const perSecond = executions / seconds;
    if (tool !== 'faultline') return { count: executions, perSecond, secondsToEnd: null };
    return { count: CLASSES[faulters], perSecond, secondsToEnd: secondsToFirst };
  }

  /** The median over the rounds of `value(one) / value(other)`; null if one of them was not measured. */
  ratio(one: Tool, other: Tool, faulters: number, value: (figure: Figure) => number): number | null {
    const [a, b] = [one, other].map((tool) => this.find(tool, faulters));
    if (a === undefined || b === undefined) return null;
    return median(a.figures.map((figure, round) => value(figure) / value(b.figures[round])));
  }

  private find(tool: Tool, faulters: number): Contender | undefined {
    return this.contenders.find((one) => one.tool === tool && one.faulters === faulters);
  }
}
