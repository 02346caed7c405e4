/**
 * Searches without derivatives, within bounds: where they go depends on nothing but the function.
 *
 * `minimise` is the simplex of Nelder and Mead (1965), for functions that cost nothing. `fit` is for residuals that take
 * seconds each: it tries every parameter once, takes what comes out for linear, has the simplex find the best place near
 * by, goes there if it is better, and corrects its picture by what it finds (Broyden, 1965).
 */
import type { Matrix } from './linear.ts';

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

export interface Point {
  readonly at: readonly number[];
  readonly value: number;
}

export interface SearchOptions {
  readonly evaluations: number;
  /** How far the first simplex reaches in each direction, as a part of the distance between its bounds. */
  readonly step?: number;
  /** Stop when the values of the simplex differ by less, or one is no number. */
  readonly tolerance?: number;
  readonly report?: (evaluations: number, best: number) => void;
}

type Evaluate = (at: readonly number[]) => number;

export function minimise(
  of: Evaluate,
  start: readonly number[],
  bounds: readonly Bounds[],
  options: SearchOptions,
): Point {
  const { evaluations, step = 0.1, tolerance = 1e-7, report } = options;
  let spent = 0;
  let best = Infinity;
  const point = (at: readonly number[]): Point => {
    const inside = at.map((x, i) => Math.min(bounds[i].max, Math.max(bounds[i].min, x)));
    const value = of(inside);
    best = Math.min(best, value);
    report?.(++spent, best);
    return { at: inside, value };
  };
  let simplex = corners(start, bounds, step).map(point);
  while (spent < evaluations) {
    simplex = simplex.sort((a, b) => a.value - b.value);
    const spread = simplex.at(-1)!.value - simplex[0].value;
    if (!Number.isFinite(spread) || spread < tolerance) break;
    simplex = improved(simplex, point);
  }
  return simplex.sort((a, b) => a.value - b.value)[0];
}

/** The start, and a point beside it in each direction: to the side where there is room. */
function corners(start: readonly number[], bounds: readonly Bounds[], step: number): number[][] {
  const beside = start.map((x, i) => {
    const reach = step * (bounds[i].max - bounds[i].min);
    return start.map((y, j) => (i === j ? (x + reach <= bounds[i].max ? x + reach : x - reach) : y));
  });
  return [[...start], ...beside];
}

/** The sorted simplex with its worst point replaced, or drawn together around its best. */
function improved(simplex: readonly Point[], point: (at: readonly number[]) => Point): Point[] {
  const kept = simplex.slice(0, -1);
  const worst = simplex.at(-1)!;
  const centre = worst.at.map((_, i) => kept.reduce((sum, { at }) => sum + at[i], 0) / kept.length);
  const along = (factor: number): Point => point(centre.map((c, i) => c + factor * (c - worst.at[i])));
  const mirrored = along(1);
  if (mirrored.value < kept[0].value) {
    const further = along(2);
    return [...kept, further.value < mirrored.value ? further : mirrored];
  }
  if (mirrored.value < kept.at(-1)!.value) return [...kept, mirrored];
  const inside = along(mirrored.value < worst.value ? 0.5 : -0.5);
  if (inside.value < Math.min(mirrored.value, worst.value)) return [...kept, inside];
  const [first, ...others] = simplex;
  return [first, ...others.map(({ at }) => point(at.map((x, i) => (x + first.at[i]) / 2)))];
}

export interface Fit {
  readonly at: readonly number[];
  readonly residuals: readonly number[];
  readonly evaluations: number;
}

export interface FitOptions {
  readonly evaluations: number;
  /** `error` is the root of the mean square. */
  readonly report?: (evaluations: number, error: number) => void;
}

type Residuals = (at: readonly number[]) => number[];

/** The first steps, and how far a step may go; parameters are logarithms. */
const TRIAL = 0.15;
const REACH = 0.5;

/** The place where the residuals are least, by the sum of their squares. */
export function fit(of: Residuals, start: readonly number[], bounds: readonly Bounds[], options: FitOptions): Fit {
  let spent = 0;
  let lowest = Infinity;
  const measure = (at: readonly number[]): number[] => {
    const found = of(at);
    lowest = Math.min(lowest, Math.sqrt(sumOfSquares(found) / found.length));
    options.report?.(++spent, lowest);
    return found;
  };
  let here: Place = { at: start, residuals: measure(start) };
  for (;;) {
    const before = sumOfSquares(here.residuals);
    here = round(measure, here, bounds, () => spent < options.evaluations);
    if (spent >= options.evaluations || sumOfSquares(here.residuals) > 0.98 * before) break;
  }
  return { ...here, evaluations: spent };
}

interface Place {
  readonly at: readonly number[];
  readonly residuals: readonly number[];
}

/** Try every parameter, then go where that leads, in shorter steps when it leads astray. */
function round(measure: Residuals, start: Place, bounds: readonly Bounds[], goesOn: () => boolean): Place {
  const beside = start.at.map((x, i) => {
    const by = x + TRIAL <= bounds[i].max ? TRIAL : -TRIAL;
    const at = start.at.map((y, j) => (i === j ? y + by : y));
    return { at, by, residuals: measure(at) };
  });
  let slopes: Matrix = start.residuals.map((r, k) => beside.map(({ by, residuals }) => (residuals[k] - r) / by));
  let here = [start, ...beside].reduce((best, place) => (isBetter(place, best) ? place : best));
  for (let reach = REACH; goesOn() && reach > 0.02;) {
    const at = bestNear(here.at, here.residuals, slopes, bounds, reach);
    const step = at.map((x, i) => x - here.at[i]);
    if (Math.max(...step.map(Math.abs)) < 0.005) break;
    const next = { at, residuals: measure(at) };
    slopes = corrected(slopes, here.residuals, next.residuals, step);
    reach = isBetter(next, here) ? reach * 1.5 : reach / 3;
    if (isBetter(next, here)) here = next;
  }
  return here;
}

function isBetter(a: Place, b: Place): boolean {
  return sumOfSquares(a.residuals) < sumOfSquares(b.residuals);
}

function bestNear(
  at: readonly number[],
  residuals: readonly number[],
  slopes: Matrix,
  bounds: readonly Bounds[],
  reach: number,
): readonly number[] {
  const near = at.map((x, i) => ({ min: Math.max(bounds[i].min, x - reach), max: Math.min(bounds[i].max, x + reach) }));
  const expected = (place: readonly number[]): number =>
    sumOfSquares(residuals.map((r, k) => slopes[k].reduce((sum, slope, i) => sum + slope * (place[i] - at[i]), r)));
  const once = minimise(expected, at, near, { evaluations: 2000, step: 0.3, tolerance: 1e-10 });
  return minimise(expected, once.at, near, { evaluations: 2000, step: 0.3, tolerance: 1e-12 }).at;
}

/** The slopes that would have foretold what was found, and else differ least. */
function corrected(
  slopes: Matrix,
  before: readonly number[],
  found: readonly number[],
  step: readonly number[],
): Matrix {
  const length = sumOfSquares(step);
  return slopes.map((row, k) => {
    const expected = row.reduce((sum, slope, i) => sum + slope * step[i], before[k]);
    return row.map((slope, i) => slope + ((found[k] - expected) * step[i]) / length);
  });
}

function sumOfSquares(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x * x, 0);
}
