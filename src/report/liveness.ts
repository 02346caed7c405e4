/**
 * Threads that act for ever, in words and in lanes: a cycle that a search for livelocks has found, and a spin at the
 * end of an execution that was cut off, with its likely cause.
 */
import { plural } from '../machine/plural.ts';
import type { Frame, TraceStep } from '../trace/step.ts';
import { drawLanes, type LaneOptions } from './lanes.ts';
import { wrap } from './wrap.ts';

/** A cycle in which threads act for ever. */
export interface DrawnLivelock {
  /** Steps before the cycle, and in it. */
  readonly from: number;
  readonly length: number;
  /** Threads that act in it and never finish. */
  readonly threads: readonly string[];
  /** Threads that act in it and are meant to act for ever. */
  readonly endless: readonly string[];
  /** Threads that can act now and then, and never do. */
  readonly starved: readonly string[];
  /** Threads that wait all the time. */
  readonly waiting: readonly string[];
  readonly fairness: 'strong' | 'weak';
  /** How often it was repeated. */
  readonly rounds: number;
}

/** What a search for such cycles has come to. */
export interface LivenessVerdict {
  readonly cycles: readonly unknown[];
  readonly states: number;
  readonly complete: boolean;
  readonly walks: number;
  /** Cycles that did not repeat, for reasons unknown. */
  readonly unclear: number;
}

export interface DrawnSpinner {
  readonly thread: string;
  readonly rounds: number;
  /** One round, in words. */
  readonly steps: readonly string[];
  /** What it looks at: a word with its value, or a lock (`value` is null) with those who hold it. */
  readonly watches: readonly {
    readonly name: string;
    readonly value: string | null;
    readonly holders: readonly string[];
  }[];
  /** A round leaves everything as it was. */
  readonly idle: boolean;
}

/** Threads that repeat themselves at the end of a schedule. */
export interface DrawnSpin {
  readonly kind: 'spin' | 'livelock' | 'hang' | 'busy';
  readonly spinners: readonly DrawnSpinner[];
  readonly others: readonly {
    readonly thread: string;
    readonly state: 'ended' | 'waits' | 'runnable';
    readonly neglected: boolean;
    readonly steps: number;
    readonly wait: string;
  }[];
  readonly from: number;
  readonly length: number;
  readonly freed: {
    readonly thread: string;
    readonly by: { readonly thread: string; readonly step: string } | null;
    readonly steps: number;
  } | null;
  readonly tried: number;
}

/** An execution that is cut off, and nobody in it repeats himself for ever. */
export interface DrawnLong {
  readonly kind: 'long';
  readonly steps: number;
  readonly loop: { readonly thread: string; readonly rounds: number } | null;
}

export interface LivenessDrawing extends LaneOptions {
  /** What happened, up to the end of the first round at least. */
  readonly steps: readonly TraceStep[];
}

/** `no such cycle (692 states, by control point and shared memory)`. */
export function livenessVerdict({ cycles, states, complete, walks, unclear }: LivenessVerdict): string {
  const seen = `${plural(states, 'state')}, by control point and shared memory`;
  if (cycles.length > 0) return `${plural(cycles.length, 'cycle')} in which a thread acts for ever (${seen})`;
  if (complete) return `no such cycle (${seen})`;
  if (walks === 0) return `not seen (${seen}, of which ${unclear} did not come back as they were)`;
  return `not seen (budget of ${plural(states, 'state')} spent, and ${plural(walks, 'fair walk')})`;
}

/** Lines of text, none wider than `width` if the lanes leave it room. */
export function drawLivelock(livelock: DrawnLivelock, options: LivenessDrawing): string {
  const { threads, endless, starved, waiting, from, length, rounds } = livelock;
  const tell = (text: string): string[] => wrap(text, options.width);
  const lines = [
    ...tell(title(livelock)).map((line) => options.colors.red(line)),
    ...tell(wayThere(from, options.steps)),
    '',
    round(from, length, options),
    ...tell(`     and again from step ${from + 1}: repeated ${rounds} times, with the same steps and replies`),
    '',
  ];
  if (starved.length === 0) {
    lines.push(...tell('Strongly fair: whoever can act at any moment of the cycle acts in it; nobody is neglected.'));
  } else {
    lines.push(
      ...tell(
        `Only weakly fair: ${list(starved)} can act now and then, but not at every moment, and never ${starved.length === 1 ? 'does' : 'do'}. A lock or a scheduler that lets nobody wait for ever would end it.`,
      ),
    );
  }
  if (endless.length > 0) lines.push(...tell(`${list(endless)} ${be(endless)} meant to act for ever.`));
  if (waiting.length > 0)
    lines.push(...tell(`${list(waiting)} ${waiting.length === 1 ? 'waits' : 'wait'} all the time.`));
  if (threads.length > 1) {
    lines.push(...tell(`Likely cause: ${list(threads)} back off and come back in step, or undo each other's work.`));
  } else if (endless.length > 0) {
    lines.push(
      ...tell(
        `Likely cause: ${list(endless)} ${endless.length === 1 ? 'undoes' : 'undo'} what ${threads[0]} has done, each time.`,
      ),
    );
  } else if (starved.length === 0) {
    lines.push(...tell(`Likely cause: ${threads[0]} looks for something that nobody who is left will do.`));
  }
  return lines.join('\n');
}

function title({ threads, starved }: DrawnLivelock): string {
  const finish = `${list(threads)} ${threads.length === 1 ? 'acts' : 'act'} for ever and never ${threads.length === 1 ? 'finishes' : 'finish'}`;
  return starved.length === 0
    ? `LIVELOCK: ${finish}`
    : `STARVATION: ${finish}, while ${list(starved)} ${be(starved)} kept out`;
}

/** The steps before a cycle, in a few words. */
function wayThere(from: number, steps: readonly TraceStep[]): string {
  const before = steps.slice(0, from);
  const last = before.at(-1);
  if (last === undefined) return 'It begins with the first step.';
  const shares = [...new Set(before.map(({ thread }) => thread))].map(
    (thread) => `${thread} ${before.filter((step) => step.thread === thread).length}`,
  );
  return `The way there: ${plural(from, 'step')} (${shares.join(', ')}), the last one ${last.thread}: ${last.label}${placed(last.stack)}`;
}

/** Once round, in the lanes of those who act. */
function round(from: number, length: number, options: LivenessDrawing): string {
  const steps = options.steps.slice(from, from + length);
  const lanes = options.lanes.filter(({ thread }) => steps.some((step) => step.thread === thread));
  return drawLanes(steps, { width: options.width, colors: options.colors, lanes });
}

/** Why an execution did not end within the step bound. */
export function drawSpin(spin: DrawnSpin | DrawnLong, options: LivenessDrawing): string {
  const tell = (text: string): string[] => wrap(text, options.width);
  if (spin.kind === 'long') return tell(long(spin)).join('\n');
  const lines: string[] = [];
  for (const spinner of spin.spinners) {
    lines.push(
      ...tell(
        `${spinner.thread} ${HEADS[spin.kind]}: ${plural(spinner.rounds, 'round')} of ${plural(spinner.steps.length, 'step')}`,
      ),
    );
    lines.push(...looksAt(spinner, options.steps).flatMap(tell));
  }
  lines.push('', round(spin.from, spin.length, options), '', ...aboutOthers(spin).flatMap(tell), ...tell(cause(spin)));
  return lines.join('\n');
}

const HEADS: Readonly<Record<DrawnSpin['kind'], string>> = {
  spin: 'spins',
  livelock: 'repeats itself',
  hang: 'spins for ever',
  busy: 'spins',
};

function long({ steps, loop }: DrawnLong): string {
  if (loop === null) {
    return `No thread repeats itself step by step in ${plural(steps, 'step')}: threads may set each other back without end (try --strategy bounded), or the execution is just long (raise --max-steps).`;
  }
  return `${loop.thread} repeats itself and leaves the loop by itself after ${plural(loop.rounds, 'more round')}; raise --max-steps.`;
}

/** What a thread looks at in vain, and where in the text. */
function looksAt({ watches, thread, idle }: DrawnSpinner, steps: readonly TraceStep[]): string[] {
  const lines = watches.map(({ name, value, holders }) => {
    const is = value === null ? (holders.length === 0 ? 'taken each time' : `held by ${list(holders)}`) : value;
    const step = steps.findLast((s) => s.thread === thread && s.label.includes(name) && s.stack.length > 0);
    return `  ${name}: ${is}${placed(step?.stack ?? [])}`;
  });
  return idle ? lines : [...lines, '  and changes what others change back'];
}

function aboutOthers({ others, freed, tried, kind }: DrawnSpin): string[] {
  const lines: string[] = [];
  const ended = others.filter(({ state }) => state === 'ended').map(({ thread }) => thread);
  if (ended.length > 0) lines.push(`${few(ended)} ${ended.length === 1 ? 'has' : 'have'} ended.`);
  for (const { thread, state, neglected, steps, wait } of others) {
    if (state === 'ended') continue;
    if (state === 'waits') lines.push(`${thread} waits: ${wait}.`);
    else if (neglected) lines.push(`The schedule is unfair: ${thread} was runnable all the time and never had a turn.`);
    else lines.push(`${thread} could act, and did ${plural(steps, 'step')} meanwhile.`);
  }
  if (freed !== null) {
    const { thread, by, steps } = freed;
    if (by !== null)
      lines.push(`After ${plural(steps, 'step')} of others, ${by.thread}: ${by.step} lets ${thread} go on.`);
    else lines.push(`${kind === 'livelock' ? 'Left alone' : 'In turn with the others'}, ${thread} goes on.`);
  } else if (others.some(({ state }) => state === 'runnable')) {
    lines.push(`Everybody had a turn in ${plural(tried, 'more step')}: nothing came of it.`);
  }
  return lines;
}

/** The likely cause, and what to do about it. */
function cause({ kind, spinners, others }: DrawnSpin): string {
  const who = list(spinners.map(({ thread }) => thread));
  const watches = spinners.flatMap((spinner) => spinner.watches);
  if (kind === 'livelock') {
    return spinners.every(({ idle }) => idle)
      ? `Likely cause: ${who} back off and come back in step. Take the locks in one order, or block instead of trying again.`
      : `Likely cause: ${who} undo each other's work, and nothing sets one of them back.`;
  }
  if (kind === 'hang') {
    const what = watches.length === 0 ? 'it' : list([...new Set(watches.map(({ name }) => name))]);
    return `Likely cause: nobody is left who will change ${what}: a store or a wake-up that was lost, or one that was never made.`;
  }
  const rivals = others.filter(({ state, steps }) => state !== 'ended' && steps > 0).map(({ thread }) => thread);
  if (rivals.length > 0 && spinners.some(({ idle }) => !idle)) {
    return `Likely cause: ${who} does its work again each time that ${list(rivals)} ${rivals.length === 1 ? 'has undone it' : 'have undone it'}, and every number of rounds is an execution of its own. Let one of them give up after some tries, or bound the search (--strategy bounded).`;
  }
  const locks = watches.filter(({ value }) => value === null);
  const advice =
    locks.length > 0
      ? `trylock in a loop: take ${list(locks.map(({ name }) => name))} by a lock step, which blocks, or count the tries`
      : 'a wait written as a loop: wait_for(x, v), or poll_for(x, v) for one that burns its CPU, blocks until the value is there';
  return `Likely cause: ${advice}.`;
}

function placed(stack: readonly Frame[]): string {
  const frame = stack[0];
  if (frame === undefined) return '';
  return frame.file === '' ? `, in ${frame.fn}` : `, in ${frame.fn} (${frame.file}:${frame.line})`;
}

/** Interrupt handlers may be many. */
function few(names: readonly string[]): string {
  return names.length < 5 ? list(names) : list([...names.slice(0, 2), `${names.length - 2} more`]);
}

function list(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}

function be(names: readonly string[]): string {
  return names.length === 1 ? 'is' : 'are';
}
