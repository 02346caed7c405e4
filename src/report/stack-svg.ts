/** Stacked bars as SVG: what each of several runs spends its time on. */
import { at, drawing, escaped, rounded, text, ticksTo, WIDTH } from './svg.ts';

export interface StackPart {
  readonly label: string;
  readonly colour: string;
  readonly value: number;
}

export interface StackBar {
  /** Under the bar. */
  readonly label: string;
  /** Under the bars of one group, which stand next to each other; every other one is lower if there is no room. */
  readonly group: string;
  /** The lowest first; all bars have the same, some of them nothing. */
  readonly parts: readonly StackPart[];
}

export interface StackDrawing {
  readonly title: string;
  readonly unit: string;
  /** What the labels under the bars count. */
  readonly actors: string;
  readonly bars: readonly StackBar[];
}

/** Where the highest bar is so many times the lowest one, bars show shares, with the sums above them. */
const TOO_UNLIKE = 10;

const LEFT = 70;
/** For the names of parts. */
const RIGHT = 250;
const TOP = 48;
const BOTTOM = 78;
const LEAST = 420;
/** Width of one, about. */
const CHARACTER = 6;
const ROW = 17;

export function stackSvg({ title, unit, actors, bars }: StackDrawing): string {
  const names = bars[0].parts.toReversed();
  const height = Math.max(LEAST, TOP + names.length * ROW + 30);
  const floor = height - BOTTOM;
  const sums = bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0));
  const shares = Math.max(...sums) > TOO_UNLIKE * Math.min(...sums);
  const most = shares ? 105 : Math.max(...sums) * 1.05;
  const y = (value: number): number => floor - (value / most) * (floor - TOP);
  const groups = [...new Set(bars.map(({ group }) => group))];
  const slot = (WIDTH - LEFT - RIGHT) / (bars.length + (groups.length - 1) / 2);
  const x = (i: number): number => LEFT + slot * (i + groups.indexOf(bars[i].group) / 2);
  return drawing(height, title, [
    ...ticksTo(most).flatMap((value) => [
      `<path d="M${LEFT} ${at(y(value))}H${WIDTH - RIGHT}" stroke="#ddd"/>`,
      text(LEFT - 8, y(value) + 4, rounded(value), 'end'),
    ]),
    ...bars.flatMap((bar, i) =>
      barOf(bar, x(i) + slot * 0.12, slot * 0.76, (sum) => y(shares ? (sum / sums[i]) * 100 : sum)),
    ),
    ...bars.map(({ label }, i) => text(x(i) + slot / 2, floor + 18, label, 'middle')),
    ...groups.map((group, i) => groupLabel(group, bars, x, slot, floor, (i % 2) * 15)),
    ...(shares ? sums.map((sum, i) => text(x(i) + slot / 2, y(100) - 4, rounded(sum), 'middle')) : []),
    text(16, TOP - 8, shares ? `% of ${unit}, which stand above the bars` : unit, 'start'),
    text(LEFT, height - 8, `under the bars: ${actors}`, 'start'),
    ...names.flatMap(({ label, colour }, i) => [
      `<rect x="${WIDTH - RIGHT + 16}" y="${TOP + i * ROW}" width="11" height="11" fill="${colour}"/>`,
      text(WIDTH - RIGHT + 33, TOP + 10 + i * ROW, label, 'start'),
    ]),
  ]);
}

function barOf({ parts }: StackBar, x: number, width: number, y: (value: number) => number): string[] {
  let sum = 0;
  return parts
    .filter(({ value }) => value > 0)
    .map(({ label, colour, value }) => {
      const low = y(sum);
      sum += value;
      const high = y(sum);
      const box = `x="${at(x)}" y="${at(high)}" width="${at(width)}" height="${at(low - high)}"`;
      return `<rect ${box} fill="${colour}"><title>${escaped(`${label}: ${rounded(value)}`)}</title></rect>`;
    });
}

function groupLabel(
  group: string,
  bars: readonly StackBar[],
  x: (i: number) => number,
  slot: number,
  floor: number,
  lower: number,
): string {
  const first = bars.findIndex((bar) => bar.group === group);
  const last = bars.findLastIndex((bar) => bar.group === group);
  const crowded = group.length * CHARACTER > (last - first + 1.5) * slot;
  return text((x(first) + x(last) + slot) / 2, floor + 36 + (crowded ? lower : 0), group, 'middle');
}
