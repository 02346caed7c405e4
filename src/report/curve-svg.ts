/** Scaling curves as SVG: threads on a logarithmic axis, rates with their spread, published points, and ideal scaling. */
import { at, COLOURS, drawing, HEIGHT, rounded, text, ticksTo, WIDTH } from './svg.ts';

export interface CurvePoint {
  readonly threads: number;
  readonly rate: number;
  /** Half the width of the 95 % interval; none if nothing is random. */
  readonly half?: number;
}

export interface Curve {
  readonly label: string;
  readonly points: readonly CurvePoint[];
}

export interface CurveDrawing {
  readonly title: string;
  readonly unit: string;
  /** What is counted on the axis: threads, processes. */
  readonly actors: string;
  /** A colour each. */
  readonly model: readonly Curve[];
  /** In the colours of those with the same label. */
  readonly published: readonly Curve[];
}

const LEFT = 80;
const RIGHT = 20;
const TOP = 48;
const BOTTOM = 60;

type Scale = (value: number) => number;

export function curveSvg({ title, unit, actors, model, published }: CurveDrawing): string {
  const all = [...model, ...published].flatMap((curve) => curve.points);
  const most = Math.max(...all.map(({ rate, half = 0 }) => rate + half)) * 1.08;
  const threads = [...new Set(all.map((point) => point.threads))].sort((a, b) => a - b);
  const last = Math.max(2, threads.at(-1)!);
  const x = (n: number): number => LEFT + (Math.log2(n) / Math.log2(last)) * (WIDTH - LEFT - RIGHT);
  const y = (rate: number): number => HEIGHT - BOTTOM - (rate / most) * (HEIGHT - TOP - BOTTOM);
  const colour = (label: string): string => COLOURS[model.findIndex((curve) => curve.label === label) % COLOURS.length];
  return drawing(HEIGHT, title, [
    ...axes(threads, most, x, y, unit, actors),
    ...model.map((curve) => ideal(curve, most, last, x, y, colour(curve.label))),
    ...model.flatMap((curve) => line(curve, x, y, colour(curve.label))),
    ...published.flatMap((curve) => dots(curve, x, y, colour(curve.label))),
    ...legend(model, published, colour),
  ]);
}

function axes(threads: readonly number[], most: number, x: Scale, y: Scale, unit: string, actors: string): string[] {
  const ticks = ticksTo(most);
  return [
    ...ticks.map((rate) => `<path d="M${LEFT} ${at(y(rate))}H${WIDTH - RIGHT}" stroke="#ddd"/>`),
    ...ticks.map((rate) => text(LEFT - 8, y(rate) + 4, rounded(rate), 'end')),
    ...threads.map((n) => text(x(n), HEIGHT - BOTTOM + 18, String(n), 'middle')),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 36, `${actors} (log2)`, 'middle'),
    text(16, TOP - 8, unit, 'start'),
  ];
}

/** Dashed: as many times the rate of the fewest threads, up to where the drawing ends. */
function ideal({ points }: Curve, most: number, last: number, x: Scale, y: Scale, colour: string): string {
  const [first] = points;
  const top = Math.min(last, (most / first.rate) * first.threads);
  const steps = Array.from({ length: 33 }, (_, i) => first.threads * (top / first.threads) ** (i / 32));
  const path = steps.map((n) => `${at(x(n))} ${at(y((first.rate * n) / first.threads))}`).join('L');
  return `<path d="M${path}" fill="none" stroke="${colour}" stroke-dasharray="4 4" opacity="0.4"/>`;
}

function line({ points }: Curve, x: Scale, y: Scale, colour: string): string[] {
  const path = points.map(({ threads, rate }) => `${at(x(threads))} ${at(y(rate))}`).join('L');
  return [
    `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.flatMap((point) => errorBar(point, x, y, colour)),
  ];
}

function errorBar({ threads, rate, half = 0 }: CurvePoint, x: Scale, y: Scale, colour: string): string[] {
  if (half === 0) return [];
  const [middle, high, low] = [x(threads), y(rate + half), y(Math.max(0, rate - half))];
  const cap = (where: number): string => `M${at(middle - 4)} ${at(where)}h8`;
  return [`<path d="M${at(middle)} ${at(high)}V${at(low)}${cap(high)}${cap(low)}" stroke="${colour}" fill="none"/>`];
}

function dots({ points }: Curve, x: Scale, y: Scale, colour: string): string[] {
  return points.map(
    ({ threads, rate }) => `<circle cx="${at(x(threads))}" cy="${at(y(rate))}" r="4" fill="white" stroke="${colour}"/>`,
  );
}

function legend(model: readonly Curve[], published: readonly Curve[], colour: (label: string) => string): string[] {
  const names = model.map(({ label }, i) => text(LEFT + 10, TOP + 14 + i * 16, label, 'start', colour(label)));
  const points = [...model, ...published].flatMap((curve) => curve.points);
  const what = [
    'line: model',
    ...(points.some(({ half = 0 }) => half > 0) ? ['bars: 95 % interval of the mean'] : []),
    ...(published.length > 0 ? ['circles: published'] : []),
    'dashed: ideal',
  ];
  return [...names, text(LEFT, HEIGHT - 8, what.join('; '), 'start')];
}
