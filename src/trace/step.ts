/** What happened, one record per step: plain data for drawings, files and comparisons. */

/** A place in kernel text. */
export interface Frame {
  readonly fn: string;
  /** Base name of the file. */
  readonly file: string;
  readonly line: number;
}

/** A plain access that went with a step: not a scheduling point of its own. */
export interface PlainAccess {
  /** Who made it: the thread of the step, or one that the step has let go on. */
  readonly thread: string;
  readonly name: string;
  readonly write: boolean;
  readonly before: string;
  readonly after: string;
  /** Locks held meanwhile, in the order taken. */
  readonly held: readonly string[];
  /** Innermost frame first. */
  readonly stack: readonly Frame[];
}

export interface TraceStep {
  /** Position, from 1. */
  readonly n: number;
  readonly thread: string;
  /** Names of all threads that could have acted. */
  readonly runnable: readonly string[];
  /** What was done: `spin_lock(mm.page_table_lock)`; empty where that goes without saying, as the begin of an access. */
  readonly label: string;
  /** What came of it: `none`, `0 -> 1`, `queued`; empty if there is nothing to say. */
  readonly result: string;
  /** Plain accesses between this step and the thread's next one. */
  readonly plain: readonly PlainAccess[];
  /** Answers to questions that are not about order, asked during this step: `alloc_page fails: yes`. */
  readonly choices?: readonly string[];
  /** Locks held afterwards, in the order taken. */
  readonly held: readonly string[];
  /** Threads that this step let go on. */
  readonly released: readonly string[];
  /** Innermost frame first. */
  readonly stack: readonly Frame[];
}

/** What a step is called where something has to be said of it. */
export function said({ label }: Pick<TraceStep, 'label'>): string {
  return label === '' ? '(what goes without saying)' : label;
}
