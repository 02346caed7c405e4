/** What chooses. One interface for every way to search. */
import type { Thread } from '../../machine/thread.ts';
import type { Execution } from './execution.ts';

export interface Strategy {
  /** How the search is named in verdicts: `source-DPOR`, `random`. */
  readonly name: string;
  /** True when all executions (up to the order of steps that commute) have been seen once `begin` returns false. */
  readonly exhaustive: boolean;
  /** Before each execution; false when there is nothing left to try. */
  begin(): boolean;
  /** Who acts next: one of the enabled threads, or null to leave an execution that would repeat another. */
  choose(execution: Execution, enabled: readonly Thread[]): Thread | null;
  /** After each execution, also one that was left. */
  end(execution: Execution): void;
}
