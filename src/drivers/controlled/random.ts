/** Uniform choice among the enabled threads at every step. Finds shallow bugs; exponentially bad at deep ones. */
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Thread } from '../../machine/thread.ts';
import type { Execution } from './execution.ts';
import type { Strategy } from './strategy.ts';

export function randomStrategy(seed: number, executions: number): Strategy {
  const generator = xoroshiro128plus(seed);
  let left = executions;
  return {
    name: `random, seed ${seed}`,
    exhaustive: false,
    begin: () => left-- > 0,
    choose: (_execution: Execution, enabled: readonly Thread[]) =>
      enabled[uniformInt(generator, 0, enabled.length - 1)],
    end: () => undefined,
  };
}
