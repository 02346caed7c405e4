/** A schedule as a timeline: a lane for each thread, a box for each step, and the state of the machine after each. */
import type { Execution, Program } from '../drivers/controlled/execution.ts';
import type { Schedule } from '../drivers/controlled/schedule.ts';
import { record, type Recording } from '../explain/record.ts';
import * as machine from '../machine/step.ts';
import type { Step } from '../machine/step.ts';
import type { Thread } from '../machine/thread.ts';
import { heldSpans } from '../report/held.ts';
import { laneOf } from '../report/lanes.ts';
import { type PlainAccess, said, type TraceStep } from '../trace/step.ts';
import { type BarData, type BoxData, type Kind, KINDS, type RunData } from './model.ts';
import type { Strings } from './strings.ts';
import { type Cell, worldOf } from './world.ts';

/** A schedule that was run again, with what is seen of the machine in the part that is shown. */
export interface Film extends Recording {
  /** Steps before the first one that is shown. */
  readonly from: number;
  /** Moment n is the one after n shown steps. */
  readonly moments: readonly Moment[];
}

interface Moment {
  readonly cells: readonly Cell[];
  /** Of the step that is next. */
  readonly kind: Kind;
  /** What threads wait for, by name. */
  readonly waits: ReadonlyMap<string, string>;
}

/** Steps that are shown at most: the last ones of what fails, the first ones of what does not. */
const MOST_STEPS = 300;

/** `look`: the state of what is run, in cells. */
export function film(
  program: () => Program,
  schedule: Schedule,
  look: () => readonly Cell[],
  fails: boolean = false,
): Film {
  const { threads } = schedule;
  const from = fails ? Math.max(0, threads.length - MOST_STEPS) : 0;
  const moments: Moment[] = [];
  let at = 0;
  const recording = record(program, schedule, (execution) => {
    const next = execution.threads[threads[at]]?.pending ?? null;
    if (at >= from && at <= from + MOST_STEPS) moments.push(momentOf(execution, next, look));
    at++;
  });
  return { ...recording, from, moments };
}

function momentOf(execution: Execution, next: Step | null, look: () => readonly Cell[]): Moment {
  const { threads } = execution;
  return {
    cells: [...threads.map((thread) => threadCell(thread, execution)), ...lockCells(execution), ...look()],
    kind: next === null ? 'other' : kindOf(next),
    waits: new Map(threads.filter((one) => isWaiting(one, execution)).map((one) => [one.name, labelOf(one.pending!)])),
  };
}

/** Plain accesses of a step that are shown at most: fork looks at whole tables. */
export const MOST_ACCESSES = 12;

/** Those that are shown, with as much as is shown of them. */
export function shownSteps({ steps, from }: Film): readonly TraceStep[] {
  return steps.slice(from, from + MOST_STEPS).map((step) => ({ ...step, plain: step.plain.slice(0, MOST_ACCESSES) }));
}

export function runOf(
  given: Film,
  about: Pick<RunData, 'name' | 'command'>,
  marks: readonly { readonly step: number; readonly text: string }[],
  strings: Strings,
): RunData {
  const { moments, from } = given;
  const { length } = given.steps;
  const steps = shownSteps(given);
  const { threads } = given.execution;
  const lanes = threads.map(({ name }) => name);
  const stuck = from + steps.length === length && moments.at(-1)!.waits.size > 0;
  return {
    ...about,
    about: steps.length === length ? '' : `the ${from > 0 ? 'last' : 'first'} ${steps.length} of ${length} steps`,
    lanes: threads.map((thread) => laneOf(thread).title),
    from,
    to: from + steps.length + (stuck ? 1 : 0),
    boxes: steps.map((step, i) => box(step, lanes, moments[i].kind, strings)),
    bars: lanes.flatMap((name, lane) => [
      ...heldBars(steps, name, lane, strings),
      ...waitBars(from, stuck ? moments : moments.slice(0, -1), name, lane, strings),
    ]),
    marks: [
      ...marks.map(({ step, text }) => [step, strings.of(text), 0] as const),
      ...marksOf(given).map(({ step, text }) => [step, strings.of(text), 1] as const),
    ].filter(([step]) => step > from && step <= from + steps.length),
    world: worldOf(
      moments.map(({ cells }) => cells),
      strings,
    ),
  };
}

/** What is wrong, and after which step. */
export function marksOf({ found }: Recording): { step: number; text: string }[] {
  return found.map(({ rule, witness, step }) => ({ step, text: rule === witness ? rule : `${rule}: ${witness}` }));
}

function box(step: TraceStep, lanes: readonly string[], kind: Kind, strings: Strings): BoxData {
  const label = said(step);
  const result = step.result === '' ? '' : `  [${step.result}]`;
  return [
    lanes.indexOf(step.thread),
    step.n - 1,
    step.n,
    KINDS.indexOf(kind),
    strings.of(label + result),
    strings.of(notesOf(step).join('\n')),
  ];
}

/** Where it is done, and what goes with it. */
function notesOf({ stack, plain, choices = [], released }: TraceStep): string[] {
  const places = stack.map(({ fn, file, line }) => (file === '' ? fn : `${fn} (${file}:${line})`));
  return [
    places.join(' < '),
    ...choices.map((choice) => `? ${choice}`),
    ...plain.map(plainText),
    ...(released.length === 0 ? [] : [`lets ${released.join(', ')} go on`]),
  ];
}

function plainText({ write, name, before, after }: PlainAccess): string {
  return write ? `. ${name}: ${before} -> ${after}` : `. looks at ${name}: ${after}`;
}

/** Each lock has a row while it is held. */
function heldBars(steps: readonly TraceStep[], name: string, lane: number, strings: Strings): BarData[] {
  return heldSpans(steps, name).map(
    ({ lock, row, from, to }) => [lane, row, from - 1, to, KINDS.indexOf('held'), strings.of(lock)] as const,
  );
}

/** In the row of the boxes, where it has none; who waits when all is over waits a step longer. */
function waitBars(first: number, moments: readonly Moment[], name: string, lane: number, strings: Strings): BarData[] {
  const bars: BarData[] = [];
  moments.forEach(({ waits }, i) => {
    const what = waits.get(name);
    if (what === undefined) return;
    const label = strings.of(`waits: ${what}`);
    const last = bars.at(-1);
    if (last?.[3] === first + i && last[5] === label) bars.pop();
    const since = last?.[3] === first + i && last[5] === label ? last[2] : first + i;
    bars.push([lane, -1, since, first + i + 1, KINDS.indexOf('blocked'), label]);
  });
  return bars;
}

const BY_KIND: readonly Kind[] = [
  ...(['read', 'write', 'atomic', 'atomic', 'atomic', 'walk', 'lock', 'lock', 'unlock', 'lock', 'lock'] as const),
  ...(['unlock', 'wait', 'wait', 'page', 'start', 'wait', 'page', 'page', 'wait', 'read'] as const),
];

function kindOf({ kind, object, index }: Step): Kind {
  if (object.describe(index).endsWith('.tlb')) return 'tlb';
  if (object.describe(index).startsWith('pte[') && kind < machine.WALK && kind !== machine.READ) return 'pte';
  return BY_KIND[kind];
}

function labelOf(step: Step): string {
  const label = step.object.label(step);
  return label === '' ? `access by way of ${step.object.describe(step.index)}` : label;
}

function isWaiting(thread: Thread, execution: Execution): boolean {
  return thread.pending !== null && !execution.crashed && !execution.isEnabled(thread);
}

function threadCell(thread: Thread, execution: Execution): Cell {
  const { pending, name } = thread;
  const next =
    pending === null ? 'has ended' : `${isWaiting(thread, execution) ? 'waits' : 'next'}: ${labelOf(pending)}`;
  return { panel: 'threads', row: name, column: '', value: next };
}

/** Who has them, and who wants them. */
function lockCells(execution: Execution): Cell[] {
  const { threads } = execution;
  const held = threads.flatMap((thread) =>
    thread.held.map(({ lock, shared }) => ({ row: lock.describe(0), who: thread.name + (shared ? ' (shared)' : '') })),
  );
  const wanted = threads
    .filter(({ pending }) => pending !== null && 'lockClass' in pending.object && pending.object.lockClass !== '')
    .filter((thread) => isWaiting(thread, execution))
    .map(({ name, pending }) => ({ row: pending!.object.describe(0), who: name }));
  const cells = (column: string, all: readonly { row: string; who: string }[]): Cell[] =>
    [...new Set(all.map(({ row }) => row))].map((row) => ({
      panel: 'locks',
      row,
      column,
      value: all.flatMap((one) => (one.row === row ? [one.who] : [])).join(', '),
    }));
  return [...cells('held by', held), ...cells('waiting', wanted)];
}
