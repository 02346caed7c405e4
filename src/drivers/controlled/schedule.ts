/**
 * A schedule: who acts at each step, and the answers to questions that are not about order. In one line it is written
 * `T1:7 T2:9 T1`, seven steps of T1, nine of T2, one of T1; answers that are not 0 follow after a stroke: `T1:3 T2 / 0 1`.
 * A thread whose name would be read as something else goes by its number: `#2:3`.
 */
import { Execution, type Program } from './execution.ts';

export interface Schedule {
  /** Ids of the threads in the order in which they act. */
  readonly threads: readonly number[];
  /** Answers of `choose` in the order in which it was called; those that are missing are 0. */
  readonly answers: readonly number[];
}

export function scheduleOf(execution: Execution): Schedule {
  return withoutZeros(
    [...execution.schedule],
    execution.choices.map((choice) => choice.answer),
  );
}

function withoutZeros(threads: readonly number[], answers: readonly number[]): Schedule {
  return { threads, answers: answers.slice(0, answers.findLastIndex((answer) => answer !== 0) + 1) };
}

/** Steps that a thread does in a row. */
export interface Run {
  readonly thread: number;
  readonly steps: number;
}

export function runsOf(threads: readonly number[]): Run[] {
  const runs: { thread: number; steps: number }[] = [];
  for (const thread of threads) {
    const last = runs.at(-1);
    if (last?.thread === thread) last.steps++;
    else runs.push({ thread, steps: 1 });
  }
  return runs;
}

export function fromRuns(runs: readonly Run[]): number[] {
  return runs.flatMap(({ thread, steps }) => new Array<number>(steps).fill(thread));
}

/** How often the thread that acts changes. */
export function contextSwitches(threads: readonly number[]): number {
  let switches = 0;
  for (let i = 1; i < threads.length; i++) if (threads[i] !== threads[i - 1]) switches++;
  return switches;
}

const PLAIN_NAME = /^[A-Za-z_][\w.+-]*$/;

/** The line; `names` are the names of the threads by id. */
export function formatSchedule({ threads, answers }: Schedule, names: readonly string[]): string {
  const word = (id: number): string => {
    const name = names[id] ?? '';
    return PLAIN_NAME.test(name) && names.indexOf(name) === names.lastIndexOf(name) ? name : `#${id}`;
  };
  const runs = runsOf(threads).map(({ thread, steps }) => (steps === 1 ? word(thread) : `${word(thread)}:${steps}`));
  return [...runs, ...(answers.length === 0 ? [] : ['/', ...answers])].join(' ');
}

/** A line that is no schedule, or not one of this program: says where, and what was possible. */
export class ScheduleError extends Error {
  /** Column of the word at fault, from 1. */
  readonly column: number;
  constructor(column: number, message: string) {
    super(`schedule, column ${column}: ${message}`);
    this.name = 'ScheduleError';
    this.column = column;
  }
}

interface Word {
  readonly text: string;
  readonly column: number;
}

/** Read a line, for a program: threads that are started on the way have names only then, so it is run. */
export function parseSchedule(program: () => Program, line: string): Schedule {
  const words = [...line.matchAll(/\S+/g)].map(({ 0: text, index }): Word => ({ text, column: index + 1 }));
  const stroke = words.findIndex(({ text }) => text === '/');
  const answers = (stroke < 0 ? [] : words.slice(stroke + 1)).map(readAnswer);
  let asked = 0;
  const execution = new Execution(program, (n) => Math.min(answers[asked++] ?? 0, n - 1));
  for (const word of stroke < 0 ? words : words.slice(0, stroke)) runWord(execution, word);
  return withoutZeros([...execution.schedule], answers);
}

function readAnswer({ text, column }: Word): number {
  if (!/^\d{1,9}$/.test(text)) throw new ScheduleError(column, `'${text}' is no answer: a whole number of at least 0`);
  return Number(text);
}

function runWord(execution: Execution, { text, column }: Word): void {
  const [, name, count] = /^([^:]+)(?::(\d{1,9}))?$/.exec(text) ?? [];
  if (name === undefined) throw new ScheduleError(column, `'${text}' is neither a thread nor thread:steps`);
  const { threads } = execution;
  const thread = threads.find((one) => one.name === name) ?? threads[/^#\d+$/.test(name) ? Number(name.slice(1)) : -1];
  if (thread === undefined) {
    const known = threads.map((one) => one.name).join(', ');
    throw new ScheduleError(column, `unknown thread '${name}' (there are: ${known})`);
  }
  for (let i = 0; i < Number(count ?? 1); i++) {
    if (!execution.isEnabled(thread)) throw new ScheduleError(column, cannotAct(execution, thread.name));
    execution.perform(thread);
  }
}

function cannotAct(execution: Execution, name: string): string {
  const others = execution.enabled().map((thread) => thread.name);
  const runnable = others.length === 0 ? 'nobody' : others.join(', ');
  return `${name} cannot act at step ${execution.length + 1} (runnable: ${runnable})`;
}
