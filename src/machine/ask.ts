/**
 * How the flat text (scripts/flatten.ts) asks for steps: without making them, and of what its CPU has to itself without asking
 * the driver.
 */
import { type Line, plainAccess, type Words } from './memory.ts';
import {
  ANYBODY,
  driven,
  LOAD,
  type PageLine,
  READERS,
  type Shared,
  Step,
  type StepKind,
  STOP,
  type Walk,
} from './step.ts';
import { now } from './thread.ts';
import { account, outOfRoom, owe, ROOM, STEPS } from './work.ts';

/** No CPU, and nothing that a word could be confined to. */
const NOBODY = -9;

/**
 * What the thread that runs may use as it likes: what is confined to `cpu`, and words that are confined to `readers`, to read
 * them. The flat text does so where it is, and only pays: there V8 sees one class of words, and here all. `hit`: ticks that a
 * word costs which has a line. `page`: confined to the CPU for as long as there is ROOM (work.ts).
 */
export const own: { cpu: number; readers: number; hit: number; page: PageLine | null } = {
  cpu: NOBODY,
  readers: NOBODY,
  hit: 0,
  page: null,
};

export function mayUse(cpu: number, hit: number): void {
  own.cpu = cpu;
  own.readers = READERS;
  own.hit = hit;
}

/**
 * The CPU has just used a page, and nobody comes before it until it has spent `room` ticks: it has the page to itself so long, and
 * as its cache has the line of that, what it does there costs nothing.
 */
export function keep(page: PageLine, cpu: number, room: number): void {
  if (!page.lendTo(cpu)) return;
  own.page = page;
  account[ROOM] = room;
}

export function letGo(): void {
  const { page } = own;
  if (page === null) return;
  own.page = null;
  account[ROOM] = Infinity;
  page.lendTo(ANYBODY);
}
outOfRoom.call = letGo;

/** The thread that runs has to ask. */
export function mustAsk(): void {
  own.cpu = NOBODY;
  own.readers = NOBODY;
  letGo();
}

/** For a step on a word with such a line, which the driver is not asked for. */
export function pay(line: Line | null): void {
  account[STEPS]++;
  if (line === null) return;
  owe(now.running.mode, own.hit);
}

/** The driver hears of such a step on a lock once it has taken effect. */
export function passed(step: Step, reply: number): number {
  driven.by!.passed!(step, reply);
  return reply;
}

/** A step of a kind below WALK. Replies STOP if the thread has to stop; the step that it has to yield then is `stop.step`. */
export function askWord(kind: StepKind, words: Words, index: number, value: number, other: number): number {
  const { by } = driven;
  const reply = by === null ? STOP : by.word(kind, words, index, value, other);
  if (reply === STOP) stop.step = stepOf(kind, words, index, value, other);
  return reply;
}

/** The same of a LOAD. */
export function askLoad(page: Shared, index: number, bytes: number, home: number): number {
  const { by } = driven;
  const reply = by === null ? STOP : by.load(page, index, bytes, home);
  if (reply === STOP) stop.step = stepOf(LOAD, page, index, bytes, home);
  return reply;
}

/** A plain read: where the thread has the word to itself it only pays. */
export function readPlain(words: Words, index: number): number {
  if (words.confinedTo !== own.cpu) plainAccess(words, index, false);
  else if (words.line !== null) owe(now.running.mode, own.hit);
  return words.get(index);
}

/** What has to be yielded where `askWord` or `askLoad` has replied STOP. */
export const stop: { step: Step | null } = { step: null };

/** May a step be written over when it has taken effect? If nobody but the thread has seen it, nobody keeps it. */
export function isWrittenOver(): boolean {
  return driven.by !== null && !now.running.stepwise;
}

/** A step to ask for. */
export function stepOf(kind: StepKind, object: Shared, index: number, value: number, other: number): Step {
  if (!isWrittenOver()) return new Step(kind, object, index, value, other);
  const { running } = now;
  const step = running.rewritten;
  if (step === null) return (running.rewritten = new Step(kind, object, index, value, other));
  step.kind = kind;
  step.object = object;
  step.index = index;
  step.value = value;
  step.other = other;
  return step;
}

export function askWalk(walk: Walk): number {
  const { by } = driven;
  return by?.walk === undefined ? STOP : by.walk(walk);
}
