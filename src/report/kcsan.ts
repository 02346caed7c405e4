/**
 * A data race as the Kernel Concurrency Sanitizer would put it: both accesses, with the backtrace of each, and the locks
 * held. But it did not have to catch the two in the act: nothing orders them in the execution that is drawn.
 */
import type { Thread } from '../machine/thread.ts';
import type { Frame, PlainAccess, TraceStep } from '../trace/step.ts';

/** One of the two accesses. */
export interface DrawnAccess {
  /** Id of the thread. */
  readonly thread: number;
  readonly write: boolean;
  /** False: a step. */
  readonly plain: boolean;
  /**
   * Number of the step, or of that which was next when it was still waited for; of a plain access, of the one before it,
   * 0: before the first.
   */
  readonly step: number;
}

export interface DrawnRace {
  /** Name of the word. */
  readonly word: string;
  readonly first: DrawnAccess;
  readonly second: DrawnAccess;
}

export interface RaceOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** What happened, up to the race at least. */
  readonly steps: readonly TraceStep[];
  /** Plain accesses before the first step. */
  readonly beforeFirst: readonly PlainAccess[];
  /** By id, as they stand after the last step. */
  readonly threads: readonly Thread[];
  /** From where a thread has asked for its next step, innermost frame first. */
  readonly stackOf: (thread: Thread) => readonly Frame[];
}

const RULE = 66;

/** Lines of text, none wider than `width` if names leave it room. */
export function drawDataRace(race: DrawnRace, options: RaceOptions): string {
  const { width } = options;
  const both = [race.first, race.second].map((access) => seen(race.word, access, options));
  const names = both.map(({ stack, thread }) => stack[0]?.fn ?? thread).sort();
  const rule = '='.repeat(Math.min(width, RULE));
  return [
    rule,
    ...wrap(`BUG: data race in ${names.join(' / ')}`, width),
    ...both.flatMap((access) => ['', ...wrap(`${access.what}:`, width), ...backtrace(access.stack, width)]),
    '',
    ...locks(both, width),
    ...wrap(simultaneous(race, options), width),
    rule,
  ].join('\n');
}

/** An access as it was recorded. */
interface Seen {
  readonly thread: string;
  /** `write to mm.rss (1 -> 2) by T1 on CPU0, plain, after step 27`. */
  readonly what: string;
  readonly held: readonly string[];
  readonly stack: readonly Frame[];
}

function seen(word: string, access: DrawnAccess, options: RaceOptions): Seen {
  const { name, cpu } = options.threads[access.thread];
  const head = `${access.write ? 'write to' : 'read of'} ${word}`;
  const who = `by ${name} on CPU${cpu}`;
  return access.plain ? seenPlain(head, who, word, access, options) : seenStep(`${head} ${who}`, access, options);
}

function seenStep(head: string, { thread: id, step: n }: DrawnAccess, { steps, threads, stackOf }: RaceOptions): Seen {
  const thread = threads[id];
  const step = steps.find((one) => one.thread === thread.name && one.n >= n);
  if (step !== undefined) {
    const result = step.result === '' ? '' : `  [${step.result}]`;
    const what = `${head}, step ${step.n} (marked): ${step.label}${result}`;
    return { thread: thread.name, what, held: step.held, stack: step.stack };
  }
  const what = `${head}, which waits (marked): ${thread.pending?.object.label(thread.pending) ?? ''}`;
  const held = thread.held.map(({ lock }) => lock.describe(0));
  return { thread: thread.name, what, held, stack: stackOf(thread) };
}

function seenPlain(
  head: string,
  who: string,
  word: string,
  access: DrawnAccess,
  { steps, beforeFirst, threads }: RaceOptions,
): Seen {
  const thread = threads[access.thread].name;
  const step = steps.find(({ n }) => n === access.step);
  const accesses = access.step === 0 ? beforeFirst : (step?.plain ?? []);
  const plain = accesses.find((one) => one.thread === thread && one.name === word);
  const value = plain === undefined ? '' : plain.write ? ` (${plain.before} -> ${plain.after})` : ` (${plain.before})`;
  const place = access.step === 0 ? 'before the first step' : `after step ${access.step}`;
  const what = `${head}${value} ${who}, ${place} (plain)`;
  return { thread, what, held: plain?.held ?? [], stack: plain?.stack ?? [] };
}

function backtrace(stack: readonly Frame[], width: number): string[] {
  if (stack.length === 0) return [' (functions without a name)'];
  return stack.flatMap(({ fn, file, line }) => wrap(` ${fn}${file === '' ? '' : ` (${file}:${line})`}`, width));
}

/** How it could have come about. */
function simultaneous({ word, first, second }: DrawnRace, { steps, threads }: RaceOptions): string {
  const { name } = threads[first.thread];
  const next = steps.find(
    (step) => step.thread === name && (first.plain ? step.n > first.step : step.n === first.step),
  );
  if (next === undefined) return `simultaneous: ${name} has not gone on since`;
  const other = threads[second.thread].name;
  const waits = !steps.some((step) => step.thread === other && step.n >= second.step);
  const then = waits && !second.plain ? `${other} waits for ${word}` : `step ${second.step}`;
  return `could be simultaneous: step ${next.n} (${name}: ${next.label}) need not come before ${then}`;
}

/** What each thread holds; a lock that both hold does not keep them apart if both hold it for reading. */
function locks(both: readonly Seen[], width: number): string[] {
  const [first, second] = both;
  const list = ({ held }: Seen): string => (held.length === 0 ? 'none' : held.join(', '));
  const common = first.held.filter((lock) => second.held.includes(lock));
  return [
    ...wrap(`locks held: ${both.map((access) => `${access.thread}: ${list(access)}`).join('; ')}`, width),
    ...wrap(`in common: ${common.length === 0 ? 'none' : `${common.join(', ')}, but both for reading`}`, width),
  ];
}

/** Break at blanks; continuation lines are indented. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<=\S)(?= )/)) {
    if (line.trim() !== '' && line.length + word.length > width) {
      lines.push(line);
      line = `    ${word.trimStart()}`;
    } else line += word;
  }
  return [...lines, line].map((one) => (one.length <= width ? one : `${one.slice(0, width - 1)}~`));
}
