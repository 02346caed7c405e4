/** What chooses. One interface for every way to search. */
import type { Thread } from '../../machine/thread.ts';
import type { Execution } from './execution.ts';
import type { Order } from './order.ts';

/** What may be said of what a search has not seen: it does not exist, or not within the bound; or nothing. */
export type Claim = 'all' | 'bounded' | 'sampled';

export interface Strategy {
  /** How the search is named in verdicts: `source-DPOR`, `PCT d=3`. */
  readonly name: string;
  /** What is known once `begin` has returned false. */
  readonly claim: Claim;
  /** No two executions that run to their end are of the same class. */
  readonly byClasses?: boolean;
  /** Number of first steps that the execution begun has in common with the one before it; 0 if none are known. */
  readonly kept: number;
  /** Before each execution; false when there is nothing left to try. */
  begin(): boolean;
  /** Who acts next: one of the enabled threads. Null: nobody can, or the execution would repeat another. */
  choose(execution: Execution): Thread | null;
  /** The answer to a question that is not about order: a number from 0 to `n` - 1. */
  answer(n: number): number;
  /** After each execution, also one that was left. */
  end(execution: Execution): void;
  /** The order of the execution that has just ended, if the strategy keeps it. */
  orderOf?(execution: Execution): Order;
  /** The strategy whose turn it is, if several take turns. */
  readonly member?: Strategy;
  /** Part of the search that is done, as far as can be seen from here. */
  readonly done?: number;
  /** All that is needed to go on later, as plain data; between two executions. */
  save(): unknown;
  /** Go on from there: for a strategy that was made with the same arguments and has not begun. */
  restore(saved: unknown): void;
}
