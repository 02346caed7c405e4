/** A failing schedule beside the nearest one that passes: where they part, and the two steps that changed places. */
import { said, type TraceStep } from '../trace/step.ts';

export interface PassOptions {
  readonly failing: readonly TraceStep[];
  readonly passing: readonly TraceStep[];
  /** Position, in the failing schedule, of the step that now comes later. */
  readonly overtaken: number;
  /** Position, in the passing schedule, of the step that comes before it. */
  readonly moved: number;
  /** Columns of the terminal. */
  readonly width: number;
}

/** Rows before and after the place where the two part. */
const BEFORE = 2;
const AFTER = 8;
const GAP = '    ...';

export function drawPass({ width, ...given }: PassOptions): string[] {
  const column = Math.floor((width - 3) / 2);
  const [early, late] = [given.failing[given.overtaken], given.passing[given.moved]];
  const failing = given.failing.filter((step) => step === early || step.label !== '');
  const passing = given.passing.filter((step) => step === late || step.label !== '');
  const [overtaken, moved] = [failing.indexOf(early), passing.indexOf(late)];
  const marked = {
    failing: [overtaken, failing.findIndex((step, at) => at > overtaken && isSame(step, late))],
    passing: [moved, passing.findIndex((step, at) => at > moved && isSame(step, early))],
  };
  const parted = failing.findIndex((step, at) => !isSame(step, passing[at]));
  const shown = (at: number): boolean => {
    const near = at >= parted - BEFORE && at <= parted + AFTER;
    return near || marked.failing.includes(at) || marked.passing.includes(at);
  };
  const rows: string[] = [];
  for (let at = 0; at < Math.max(failing.length, passing.length); at++) {
    if (shown(at)) {
      const left = cell(failing[at], marked.failing.includes(at), column).padEnd(column);
      rows.push(`${left} | ${cell(passing[at], marked.passing.includes(at), column)}`.trimEnd());
    } else if (rows.length > 0 && rows.at(-1) !== GAP) rows.push(GAP);
  }
  return [
    'it passes if',
    fit(`  ${late.thread}: ${said(late)}${place(late)}`, width),
    'comes before',
    fit(`  ${early.thread}: ${said(early)}${place(early)}`, width),
    '',
    `${'fails'.padEnd(column)} | passes`,
    `${'-'.repeat(column)}-+-${'-'.repeat(column)}`,
    ...rows,
    '',
  ];
}

function isSame(a: TraceStep | undefined, b: TraceStep | undefined): boolean {
  return a?.thread === b?.thread && a?.label === b?.label;
}

function place({ stack: [frame] }: TraceStep): string {
  return frame === undefined || frame.file === '' ? '' : ` (${frame.fn}, ${frame.file}:${frame.line})`;
}

/** `> 12 T1 spin_lock(ptl)`; the mark is at the steps that changed places. */
function cell(step: TraceStep | undefined, marked: boolean, width: number): string {
  if (step === undefined) return '';
  return fit(`${marked ? '>' : ' '}${String(step.n).padStart(3)} ${step.thread} ${said(step)}`, width);
}

function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}~`;
}
