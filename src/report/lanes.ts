/**
 * A schedule drawn in lanes, one column per CPU: time runs down, each step stands in the column of the thread that
 * did it, with its values before and after. A line with the function's name opens every stay in a function.
 */
import type pc from 'picocolors';
import { visible } from '../export/escape.ts';
import type { PlainAccess, TraceStep } from '../trace/step.ts';
import { wrap } from './wrap.ts';

export type Colors = ReturnType<typeof pc.createColors>;

export interface Lane {
  readonly thread: string;
  /** What stands above it: `CPU0 T1`. */
  readonly title: string;
}

export function laneOf({ name, cpu }: { readonly name: string; readonly cpu: number }): Lane {
  return { thread: name, title: `CPU${cpu} ${name}` };
}

export interface LaneOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** From left to right. */
  readonly lanes: readonly Lane[];
  readonly colors: Colors;
}

/** A line of text in a lane. */
export interface LaneRow {
  readonly kind: 'place' | 'step' | 'choice' | 'plain';
  /** Number of the step that it belongs to. */
  readonly n: number;
  /** The first line of a step, which has its number. */
  readonly first: boolean;
  readonly lane: number;
  readonly text: string;
}

const GUTTER = 5;
const SHORTEST_LANE = 24;

/** Lines of text, none wider than `width` if the lanes leave it room. */
export function drawLanes(steps: readonly TraceStep[], { lanes, colors, width }: LaneOptions): string {
  const laneWidth = Math.max(SHORTEST_LANE, Math.floor((width - GUTTER) / lanes.length) - 1);
  const paints = { place: colors.dim, step: plainText, choice: colors.bold, plain: colors.dim };
  const line = (number: string, lane: number, text: string): string => {
    const before = `${' '.repeat(laneWidth)}|`.repeat(lane);
    return `${colors.dim(number.padStart(GUTTER - 1))} ${colors.dim(before)}${text}`;
  };
  const titles = lanes.map(({ title }) => title.padEnd(laneWidth)).join(' ');
  return [
    line('', 0, colors.bold(titles.trimEnd())),
    line('', 0, colors.dim(lanes.map(() => '-'.repeat(laneWidth)).join('+'))),
    ...laneRows(steps, lanes, laneWidth).map(({ kind, n, first, lane, text }) =>
      line(first ? String(n) : '', lane, paints[kind](text)),
    ),
  ].join('\n');
}

/** What stands in the lanes, from top to bottom; no text has more than `columns` characters. */
export function laneRows(steps: readonly TraceStep[], lanes: readonly Lane[], columns: number): LaneRow[] {
  let stay = '';
  return steps.filter(saysSomething).flatMap((step) => {
    const lane = lanes.findIndex(({ thread }) => thread === step.thread);
    const rows = (kind: LaneRow['kind'], text: string): LaneRow[] =>
      wrap(visible(text), columns).map((line, i) => ({
        ...{ kind, n: step.n, lane, text: line },
        first: kind === 'step' && i === 0,
      }));
    const place = placeOf(step);
    const enters = place !== '' && `${lane} ${place}` !== stay;
    stay = `${lane} ${place}`;
    return [
      ...(enters ? rows('place', `${place}:`) : []),
      ...(step.label === '' && step.released.length === 0 ? [] : rows('step', describe(step))),
      ...(step.choices ?? []).flatMap((choice) => rows('choice', `  ? ${choice}`)),
      ...step.plain.flatMap((access) => rows('plain', describePlain(access))),
    ];
  });
}

function placeOf({ stack: [frame] }: TraceStep): string {
  if (frame === undefined) return '';
  return frame.file === '' ? frame.fn : `${frame.fn} (${frame.file})`;
}

/** An access under way has no name: it is of no interest by itself. */
function saysSomething({ label, choices = [], plain, released }: TraceStep): boolean {
  return label !== '' || plain.length > 0 || released.length > 0 || choices.length > 0;
}

function plainText(text: string): string {
  return text;
}

function describe(step: TraceStep): string {
  const at = step.stack[0]?.line ?? 0;
  const line = at === 0 ? '' : `:${at} `;
  const result = step.result === '' ? '' : `  [${step.result}]`;
  const released = step.released.length === 0 ? '' : `  lets ${step.released.join(', ')} go on`;
  return `${line}${step.label}${result}${released}`;
}

function describePlain(access: PlainAccess): string {
  if (!access.write) return `  . looks at ${access.name}: ${access.after}`;
  return `  . ${access.name}: ${access.before} -> ${access.after}`;
}

/** What is wrong with the state at the end of a schedule, and since when. */
export function witnessLines(
  found: readonly { readonly rule: string; readonly witness: string; readonly step: number }[],
  { width, colors }: Pick<LaneOptions, 'width' | 'colors'>,
): string[] {
  return found.flatMap(({ rule, witness, step }) =>
    wrap(`after step ${step}: ${witness === rule ? rule : `${rule}: ${witness}`}`, width).map((line) =>
      colors.red(line),
    ),
  );
}
