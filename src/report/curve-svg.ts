/** A scaling curve as SVG: threads on a logarithmic axis, rates, published points, and what ideal scaling would be. */

export interface Curve {
  readonly label: string;
  readonly points: readonly { readonly threads: number; readonly rate: number }[];
}

export interface CurveDrawing {
  readonly title: string;
  readonly unit: string;
  readonly model: readonly Curve[];
  readonly published: readonly Curve[];
}

const WIDTH = 720;
const HEIGHT = 420;
const LEFT = 80;
const RIGHT = 20;
const TOP = 40;
const BOTTOM = 60;
const COLOURS = ['#1f5fa8', '#b3471d', '#3d7d3d', '#7a4a9c'];

export function curveSvg(drawing: CurveDrawing): string {
  const all = [...drawing.model, ...drawing.published].flatMap((curve) => curve.points);
  const most = Math.max(...all.map(({ rate }) => rate)) * 1.1;
  const threads = [...new Set(all.map((point) => point.threads))].sort((a, b) => a - b);
  const last = Math.max(2, threads.at(-1)!);
  const x = (n: number): number => LEFT + (Math.log2(n) / Math.log2(last)) * (WIDTH - LEFT - RIGHT);
  const y = (rate: number): number => HEIGHT - BOTTOM - (rate / most) * (HEIGHT - TOP - BOTTOM);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${LEFT}" y="22" font-size="15">${escaped(drawing.title)}</text>`,
    ...axes(threads, most, x, y, drawing.unit),
    ...drawing.model.flatMap((curve, i) => [ideal(curve, most, last, x, y, COLOURS[i % COLOURS.length])]),
    ...drawing.model.flatMap((curve, i) => line(curve, x, y, COLOURS[i % COLOURS.length])),
    ...drawing.published.flatMap((curve, i) => dots(curve, x, y, COLOURS[i % COLOURS.length])),
    ...legend(drawing),
    '</svg>',
    '',
  ].join('\n');
}

type Scale = (value: number) => number;

function axes(threads: readonly number[], most: number, x: Scale, y: Scale, unit: string): string[] {
  const ticks = Array.from({ length: 5 }, (_, i) => (most * i) / 4);
  return [
    ...ticks.map((rate) => `<path d="M${LEFT} ${at(y(rate))}H${WIDTH - RIGHT}" stroke="#ddd"/>`),
    ...ticks.map((rate) => text(LEFT - 8, y(rate) + 4, rounded(rate), 'end')),
    ...threads.map((n) => text(x(n), HEIGHT - BOTTOM + 18, String(n), 'middle')),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 36, 'threads (log2)', 'middle'),
    text(WIDTH - RIGHT, 22, unit, 'end'),
  ];
}

/** Dashed: as many times the rate of the fewest threads, up to where the drawing ends. */
function ideal({ points }: Curve, most: number, last: number, x: Scale, y: Scale, colour: string): string {
  const [first] = points;
  const top = Math.min(last, (most / first.rate) * first.threads);
  const steps = Array.from({ length: 33 }, (_, i) => first.threads * (top / first.threads) ** (i / 32));
  const path = steps.map((n) => `${at(x(n))} ${at(y((first.rate * n) / first.threads))}`).join('L');
  return `<path d="M${path}" fill="none" stroke="${colour}" stroke-dasharray="4 4" opacity="0.5"/>`;
}

function line({ points }: Curve, x: Scale, y: Scale, colour: string): string[] {
  const path = points.map(({ threads, rate }) => `${at(x(threads))} ${at(y(rate))}`).join('L');
  return [`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>`];
}

function dots({ points }: Curve, x: Scale, y: Scale, colour: string): string[] {
  return points.map(
    ({ threads, rate }) => `<circle cx="${at(x(threads))}" cy="${at(y(rate))}" r="4" fill="white" stroke="${colour}"/>`,
  );
}

function legend({ model, published }: CurveDrawing): string[] {
  const names = model.map(({ label }, i) =>
    text(LEFT + 10, TOP + 14 + i * 16, label, 'start', COLOURS[i % COLOURS.length]),
  );
  const what = published.length > 0 ? 'line: model; circles: published; dashed: ideal' : 'line: model; dashed: ideal';
  return [...names, text(LEFT, HEIGHT - 8, what, 'start')];
}

function text(x: number, y: number, what: string, anchor: string, colour = '#333'): string {
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" fill="${colour}">${escaped(what)}</text>`;
}

function at(value: number): string {
  return value.toFixed(1);
}

function rounded(rate: number): string {
  return rate >= 1000 ? `${(rate / 1000).toFixed(0)}k` : rate.toFixed(0);
}

function escaped(words: string): string {
  return words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
