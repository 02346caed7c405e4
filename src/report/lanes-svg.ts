/**
 * A schedule in lanes as SVG, as `lanes.ts` has it for a terminal: time runs down, each step stands in the column of its
 * thread. Beside the steps are the locks that the thread has meanwhile; below a step after which something is wrong
 * stands what that is.
 */
import { visible } from '../export/escape.ts';
import type { TraceStep } from '../trace/step.ts';
import { heldSpans, type HeldSpan } from './held.ts';
import { type Lane, type LaneRow, laneRows } from './lanes.ts';
import { drawing, escaped, WIDTH } from './svg.ts';
import { cut, wrap } from './wrap.ts';
import { plural } from '../machine/plural.ts';

export interface Mark {
  readonly step: number;
  readonly text: string;
}

export interface LanesDrawing {
  readonly title: string;
  /** Lines above the lanes: what was answered before the first step, what is left out. */
  readonly notes: readonly string[];
  /** From left to right. */
  readonly lanes: readonly Lane[];
  readonly steps: readonly TraceStep[];
  /** What is wrong, and after which step. */
  readonly marks: readonly Mark[];
}

/** The style of the drawing, for policies that name it. All of it is about what is within a drawing. */
export const LANES_STYLE = [
  '.steps text{fill:#1c1e21}',
  '.steps .paper{fill:#fdfdfc}',
  '.steps .faint{fill:#62676e}',
  '.steps .side{stroke:#d5d8dc}',
  '.steps .box{fill:#f1f2f4}',
  '.steps .lock{fill:#f7c493}',
  '.steps .wrong{fill:#b3261e}',
  '.steps .after{fill:#fde7e4;stroke:#b3261e}',
  '@media(prefers-color-scheme:dark){',
  '.steps text{fill:#e3e5e8}',
  '.steps .paper{fill:#16181b}',
  '.steps .faint{fill:#9aa1aa}',
  '.steps .side{stroke:#383d44}',
  '.steps .box{fill:#202327}',
  '.steps .lock{fill:#80501c}',
  '.steps .wrong{fill:#ff8a80}',
  '.steps .after{fill:#4a2320;stroke:#ff8a80}',
  '}',
].join('');

/** Pixels. */
const TOP = 44;
const GUTTER = 38;
const ROW = 15;
const LEAST_LANE = 280;
const LOCK = 13;
/** Of a row: where its letters stand. */
const BASE = 11;
const PAD = 6;
/** Of a character, with some room for fonts that are wider than usual. */
const CHARACTER = 6.8;
const LOCK_CHARACTER = 5.6;
const FONT = 'ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace';

/** A line of the drawing; what is wrong stands in no lane. */
type Row = LaneRow | { readonly kind: 'wrong'; readonly n: number; readonly text: string };

/** Where things are. */
interface Plan {
  readonly rows: readonly Row[];
  readonly laneWidth: number;
  readonly width: number;
  readonly left: (lane: number) => number;
  /** Where the text of a lane begins, right of its locks. */
  readonly textLeft: (lane: number) => number;
  /** The upper edge of a row. */
  readonly top: (row: number) => number;
}

export function lanesSvg({ title, notes, lanes, steps, marks }: LanesDrawing): string {
  const held = lanes.map(({ thread }) => heldSpans(steps, thread));
  const locks = Math.max(0, ...held.flat().map(({ row }) => row + 1)) * LOCK;
  const laneWidth = Math.max(LEAST_LANE + locks, Math.floor((WIDTH - GUTTER) / lanes.length));
  const columns = Math.floor((laneWidth - locks - 2 * PAD) / CHARACTER);
  const width = GUTTER + laneWidth * lanes.length;
  const head = notes.flatMap((note) => wrap(visible(note), Math.floor((width - 16) / CHARACTER)));
  const left = (lane: number): number => GUTTER + lane * laneWidth;
  const plan: Plan = {
    rows: withMarks(laneRows(steps, lanes, columns), marks, Math.floor((width - GUTTER - 2 * PAD) / CHARACTER)),
    ...{ laneWidth, width, left },
    textLeft: (lane) => left(lane) + locks + PAD,
    top: (row) => TOP + 6 + (head.length + 1 + row) * ROW,
  };
  const floor = plan.top(plan.rows.length);
  const parts = [
    `<g font-family="${FONT}" font-size="11">`,
    ...head.map((note, i) => line(16, TOP + i * ROW, note, 'faint')),
    ...lanes.map((lane, i) => titleOf(lane, plan.textLeft(i), TOP + head.length * ROW, columns)),
    ...lanes.map((_, i) => `<path class="side" d="M${left(i)} ${plan.top(0) - 6}V${floor}"/>`),
    ...held.flatMap((spans, lane) => spans.map((span) => lockBar(span, lane, plan))),
    ...boxes(plan, marks),
    ...rules(plan),
    '<g text-anchor="end">',
    ...numbers(plan),
    '</g>',
    ...plan.rows.map((row, i) => rowText(row, plan.top(i) + BASE, plan)),
    ...(locks > 0 ? [line(16, floor + 18, 'bars: locks held', 'faint')] : []),
    '</g>',
  ];
  const about = [
    `${plural(steps.length, 'step')} in lanes, one for each thread: ${lanes.map((lane) => lane.title).join(', ')}.`,
    ...marks.map(({ step, text }) => `After step ${step}: ${text}.`),
  ];
  const sheet = { width, style: LANES_STYLE, kind: 'steps', about: about.join(' ') };
  return drawing(floor + 2 * ROW, cut(visible(title), Math.floor(width / 9)), parts, sheet);
}

/** Below the last line of a step stands what is wrong after it. */
function withMarks(rows: readonly LaneRow[], marks: readonly Mark[], columns: number): Row[] {
  const wrong = marks.flatMap(({ step, text }) =>
    wrap(`after step ${step}: ${visible(text)}`, columns).map((part) => ({
      kind: 'wrong' as const,
      n: step,
      text: part,
    })),
  );
  return [...rows, ...wrong].sort((a, b) => a.n - b.n);
}

function titleOf({ title }: Lane, x: number, y: number, columns: number): string {
  return `<text x="${x}" y="${y}" font-weight="bold">${escaped(cut(visible(title), columns))}</text>`;
}

/** Blanks at the start are room: SVG has none. */
function line(x: number, y: number, words: string, kind: string): string {
  const indent = words.length - words.trimStart().length;
  const look = kind === '' ? '' : ` class="${kind}"`;
  return `<text x="${x + Math.round(indent * CHARACTER)}" y="${y}"${look}>${escaped(words.trim())}</text>`;
}

function rowText(row: Row, y: number, { textLeft }: Plan): string {
  if (row.kind === 'wrong') return line(GUTTER + PAD, y, row.text, 'wrong');
  return line(textLeft(row.lane), y, row.text, row.kind === 'place' || row.kind === 'plain' ? 'faint' : '');
}

function numbers({ rows, top }: Plan): string[] {
  const x = GUTTER - 6;
  return rows.flatMap((row, i) =>
    row.kind !== 'wrong' && row.first ? [`<text x="${x}" y="${top(i) + BASE}" class="faint">${row.n}</text>`] : [],
  );
}

/** Around each step, with its accesses. */
function boxes(plan: Plan, marks: readonly Mark[]): string[] {
  const { rows, top } = plan;
  const of = (wrong: boolean): string =>
    rows
      .map((row, i) => {
        if (row.kind === 'wrong' || !row.first || marks.some(({ step }) => step === row.n) !== wrong) return '';
        const end = rows.findIndex(({ kind, n }, j) => j > i && (n !== row.n || kind === 'wrong'));
        return boxOf(row.lane, top(i), top(end < 0 ? rows.length : end), plan);
      })
      .join('');
  return [`<path class="box" d="${of(false)}"/>`, `<path class="after" d="${of(true)}"/>`];
}

function boxOf(lane: number, top: number, floor: number, { laneWidth, textLeft, left }: Plan): string {
  const x = textLeft(lane) - PAD / 2;
  return `M${x} ${top + 1}H${left(lane) + laneWidth - PAD / 2}V${floor - 1}H${x}Z`;
}

/** Across all lanes, where things go wrong: the step before it may be one that goes without saying. */
function rules({ rows, width, top }: Plan): string[] {
  return rows.flatMap(({ kind }, i) =>
    kind === 'wrong' && rows[i - 1]?.kind !== 'wrong'
      ? [`<path class="after" d="M${GUTTER} ${top(i)}H${width}"/>`]
      : [],
  );
}

/** From the step that takes it to the one that releases it, with its name where there is room. */
function lockBar({ lock, row, from, to }: HeldSpan, lane: number, { rows, left, top }: Plan): string {
  const first = rows.findIndex(({ kind, n }) => kind !== 'place' && n >= from);
  const last = rows.findLastIndex(({ kind, n }) => kind !== 'wrong' && n <= to);
  const x = left(lane) + 3 + row * LOCK;
  const y = top(first) + 1;
  const height = top(last + 1) - 1 - y;
  const name = visible(lock);
  const room = Math.floor((height - 4) / LOCK_CHARACTER);
  const bar = `<rect class="lock" x="${x}" y="${y}" width="${LOCK - 2}" height="${height}"><title>${escaped(name)}</title></rect>`;
  if (room < Math.min(name.length, 8)) return bar;
  const foot = `transform="translate(${x + 3} ${y + 3}) rotate(90)" font-size="9"`;
  return `${bar}<text ${foot}>${escaped(cut(name, room))}</text>`;
}
