/** The command that searches again, in one line for the shell. */
import { patchWords, quoted } from './heading.ts';
import { type STRATEGIES, USUAL } from './options.ts';

/** Options that decide which executions a search has, and in which order. */
export interface SearchOptions {
  readonly strategy: (typeof STRATEGIES)[number];
  readonly seed: number;
  /** With the strategies that have one only, as the next. */
  readonly bound?: number;
  readonly depth?: number;
  readonly executions?: number;
  readonly maxSteps?: number;
}

/** What is as usual goes without saying; `more` are words that are no part of the search. */
export function exploreLine(
  file: string,
  patches: readonly string[] | undefined,
  { strategy, seed, bound, depth, executions, maxSteps }: SearchOptions,
  more: readonly string[] = [],
): string {
  const values = {
    strategy: strategy === USUAL.strategy ? undefined : strategy,
    seed: seed === USUAL.seed ? undefined : seed,
    ...{ bound, depth, executions, 'max-steps': maxSteps },
  };
  const words = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]));
  return ['npx faultline explore', quoted(file), ...patchWords(patches), ...words, ...more].join(' ');
}
