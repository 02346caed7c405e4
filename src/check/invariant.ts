/** What an invariant is, and what it may look at. */
import type { System } from '../kernel/structs.ts';
import type { Thread } from '../machine/thread.ts';
import type { Ledger } from '../workload/ledger.ts';

/** What a check may look at. */
export interface Checked {
  readonly system: System;
  /** Completed stores. */
  readonly ledger: Ledger;
  readonly threads: readonly Thread[];
  /** What the run should count. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface Invariant {
  /** Name of the breach, as scenario files spell it. */
  readonly name: string;
  readonly sentence: string;
  readonly moment: 'end' | 'always';
  /** One line for each way in which it does not hold. */
  readonly check: (world: Checked) => string[];
}
