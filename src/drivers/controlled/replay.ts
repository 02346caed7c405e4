/** Run a schedule again, step for step. */
import type { Thread } from '../../machine/thread.ts';
import type { PlainLog } from './data-race.ts';
import { Execution, type Program } from './execution.ts';
import type { Schedule } from './schedule.ts';

/** Told of every step of a replay. */
export interface ReplayObserver {
  beforeStep(thread: Thread, runnable: readonly Thread[]): void;
  /** `execution.step`, `reply` and `released` say what `thread` has done. */
  afterStep(thread: Thread, execution: Execution): void;
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

/** Run a schedule to its end. Throws a Divergence where a thread cannot act. `log` is told of plain accesses. */
export function replay(
  program: () => Program,
  schedule: Schedule,
  observer?: (execution: Execution) => ReplayObserver,
  log: PlainLog | null = null,
): Execution {
  const execution = new Execution(program, recorded(schedule), [], 0, log);
  const told = observer?.(execution);
  schedule.threads.forEach((id, i) => {
    const runnable = execution.enabled();
    const thread = execution.threads[id];
    if (thread === undefined || !runnable.includes(thread))
      throw new Divergence(i + 1, cannotAct(execution, id, runnable));
    told?.beforeStep(thread, runnable);
    execution.perform(thread);
    told?.afterStep(thread, execution);
  });
  if (execution.over) execution.finish();
  return execution;
}

/** Answers as recorded, then 0. */
export function recorded(schedule: Schedule): (n: number) => number {
  let asked = 0;
  return (n) => {
    const answer = schedule.answers[asked++] ?? 0;
    return answer < n ? answer : 0;
  };
}

function cannotAct(execution: Execution, id: number, runnable: readonly Thread[]): string {
  const name = execution.threads[id]?.name ?? `thread ${id}`;
  const others = runnable.map((thread) => thread.name).join(', ');
  return `${name} cannot act here (runnable: ${others === '' ? 'nobody' : others})`;
}
