/**
 * Several strategies side by side: source-DPOR, which ends with a verdict on all classes if they are not too many, and
 * samplers that reach deep into a space it would never get through. They take turns by numbers of executions, never by
 * the clock, so that a search is the same every time.
 *
 * The first executions are all source-DPOR's: small programs are done before anything is sampled. Then it has every
 * second turn, and the samplers share the others: PCT of depth 2, 3 and 5, and URW.
 */
import type { Thread } from '../../machine/thread.ts';
import { DporStrategy, type SavedPath } from './dpor.ts';
import type { Execution } from './execution.ts';
import { pct, type Sampler, urw } from './random.ts';
import type { Strategy } from './strategy.ts';

const HEAD_START = 200;

export class Portfolio implements Strategy {
  readonly name: string;
  readonly claim = 'all';
  readonly byClasses = true;
  /** Whose turn it is. */
  member: Strategy;
  readonly exhaustive = new DporStrategy();
  private readonly samplers: readonly Sampler[];
  private turn = 0;

  constructor(seed: number) {
    this.samplers = [pct(3, seed), urw(seed), pct(2, seed), pct(5, seed)];
    this.member = this.exhaustive;
    this.name = `${this.exhaustive.name}, with PCT d=2, 3, 5 and URW`;
  }

  get kept(): number {
    return this.member.kept;
  }

  get done(): number {
    return this.exhaustive.done;
  }

  begin(): boolean {
    const turn = this.turn++ - HEAD_START;
    const samples = turn >= 0 && turn % 2 === 1;
    this.member = samples ? this.samplers[((turn - 1) / 2) % this.samplers.length] : this.exhaustive;
    return this.member.begin();
  }
  choose(execution: Execution): Thread | null {
    return this.member.choose(execution);
  }
  answer(n: number): number {
    return this.member.answer(n);
  }
  end(execution: Execution): void {
    this.member.end(execution);
  }

  save(): unknown {
    return { turn: this.turn, path: this.exhaustive.save(), samplers: this.samplers.map((sampler) => sampler.save()) };
  }
  restore(saved: unknown): void {
    const { turn, path, samplers } = saved as { turn: number; path: SavedPath; samplers: unknown[] };
    this.turn = turn;
    this.exhaustive.restore(path);
    this.samplers.forEach((sampler, i) => {
      sampler.restore(samplers[i]);
    });
  }
}

/** Source-DPOR, PCT and URW side by side. The default. */
export function portfolio(seed = 1): Strategy {
  return new Portfolio(seed);
}
