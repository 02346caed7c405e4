/**
 * A schedule drawn in lanes, one column per CPU: time runs down, each step stands in the column of the thread that
 * did it, with its values before and after. A line with the function's name opens every stay in a function.
 */
import type pc from 'picocolors';
import type { PlainAccess, TraceStep } from '../trace/step.ts';
import { wrap } from './wrap.ts';

export type Colors = ReturnType<typeof pc.createColors>;

export interface LaneOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** Lanes from left to right, with what stands above each: `CPU0 T1`. */
  readonly lanes: readonly { readonly thread: string; readonly title: string }[];
  readonly colors: Colors;
  /** Step after which something is wrong, and what; drawn as a rule across all lanes. */
  readonly marks?: ReadonlyMap<number, string>;
}

const GUTTER = 5;
const SHORTEST_LANE = 24;

/** Lines of text, none wider than `width` if the lanes leave it room. */
export function drawLanes(steps: readonly TraceStep[], options: LaneOptions): string {
  const { lanes, colors } = options;
  const laneWidth = Math.max(SHORTEST_LANE, Math.floor((options.width - GUTTER) / lanes.length) - 1);
  const out: string[] = [];
  const row = (number: string, lane: number, text: string, paint: (s: string) => string): void => {
    const before = `${' '.repeat(laneWidth)}|`.repeat(lane);
    out.push(`${colors.dim(number.padStart(GUTTER - 1))} ${colors.dim(before)}${paint(text)}`);
  };
  row(
    '',
    0,
    lanes
      .map(({ title }) => title.padEnd(laneWidth))
      .join(' ')
      .trimEnd(),
    colors.bold,
  );
  row('', 0, lanes.map(() => '-'.repeat(laneWidth)).join('+'), colors.dim);
  let stay = '';
  for (const step of steps) {
    if (goesWithoutSaying(step) && options.marks?.has(step.n) !== true) continue;
    const lane = lanes.findIndex(({ thread }) => thread === step.thread);
    const frame = step.stack[0];
    const place = frame === undefined ? '' : frame.file === '' ? frame.fn : `${frame.fn} (${frame.file})`;
    if (`${lane} ${place}` !== stay && place !== '') {
      for (const text of wrap(`${place}:`, laneWidth)) row('', lane, text, colors.dim);
    }
    stay = `${lane} ${place}`;
    wrap(describe(step), laneWidth).forEach((text, i) => {
      row(i === 0 ? String(step.n) : '', lane, text, plainText);
    });
    for (const choice of step.choices ?? []) {
      wrap(`  ? ${choice}`, laneWidth).forEach((text) => {
        row('', lane, text, colors.bold);
      });
    }
    for (const access of step.plain) {
      wrap(describePlain(access), laneWidth).forEach((text) => {
        row('', lane, text, colors.dim);
      });
    }
    const mark = options.marks?.get(step.n);
    if (mark !== undefined) out.push(colors.red(`${' '.repeat(GUTTER)}^ ${mark}`));
  }
  return out.join('\n');
}

function goesWithoutSaying({ label, choices, plain, released }: TraceStep): boolean {
  return label === '' && plain.length === 0 && released.length === 0 && (choices ?? []).length === 0;
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
