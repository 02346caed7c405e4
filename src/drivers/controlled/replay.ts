/** Run a schedule again, step for step. */
import type { Thread } from '../../machine/thread.ts';
import { type Event, Execution, type Program } from './execution.ts';

/** Told of every step of a replay. */
export interface ReplayObserver {
  beforeStep(thread: Thread, runnable: readonly Thread[]): void;
  afterStep(event: Event): void;
}

/** A schedule does not fit the program: at step `at` (from 1) `thread` cannot act. */
export class Divergence extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.name = 'Divergence';
    this.at = at;
  }
}

/** The schedule names the thread of each step. Throws a Divergence where a thread cannot act. */
export function replay(
  program: () => Program,
  schedule: readonly number[],
  observer?: (execution: Execution) => ReplayObserver,
): Execution {
  const execution = new Execution(program());
  const told = observer?.(execution);
  schedule.forEach((id, i) => {
    const runnable = execution.enabled();
    const thread = execution.threads[id];
    if (thread === undefined || !runnable.includes(thread))
      throw new Divergence(i + 1, cannotAct(execution, id, runnable));
    told?.beforeStep(thread, runnable);
    const event = execution.perform(thread);
    told?.afterStep(event);
  });
  return execution;
}

function cannotAct(execution: Execution, id: number, runnable: readonly Thread[]): string {
  const name = execution.threads[id]?.name ?? `thread ${id}`;
  const others = runnable.map((thread) => thread.name).join(', ');
  return `${name} cannot act here (runnable: ${others === '' ? 'nobody' : others})`;
}
