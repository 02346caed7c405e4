/**
 * Find the free costs of a machine from tables of unpatched kernels.
 *
 * The search sees logarithms: of costs, and of ratios between simulated and published rates. A row counts twice, by wall
 * time and by CPU time, where both were published. Derivatives are used afterwards only: to say what each cost does, what the rows cannot tell apart,
 * and how well rows are predicted that the fit has not seen.
 */
import type { FreeCost, Profile } from '../machine/profile.ts';
import { eigen, leastSquares, type Matrix, normal } from './linear.ts';
import { costAt, withValues } from './parameters.ts';
import { isBase, type ObserveOptions, type Observed } from './observed.ts';
import { fit } from './search.ts';

export interface CalibrateOptions extends ObserveOptions {
  readonly evaluations: number;
  readonly report?: (what: string) => void;
}

/** Errors are parts: 0.01 is one percent too fast. */
export interface RowError {
  readonly gb: number;
  readonly threads: number;
  readonly wall: number;
  /** Null: CPU times were not published. */
  readonly cpu: number | null;
}

interface MeanError {
  readonly wall: number;
  readonly cpu: number | null;
}

export interface Calibrated {
  readonly path: string;
  readonly unit: string;
  readonly value: number;
  readonly before: number;
  readonly min: number;
  readonly max: number;
  /** By how much the mean error grows, in percent points, with a value 20 % lower and 20 % higher. */
  readonly sensitivity: readonly [number, number];
  /** Change of the value that moves the rates by as much as the rows scatter, everything else held; a part. */
  readonly uncertainty: number;
  readonly atBound: boolean;
}

export interface Calibration {
  readonly profile: string;
  readonly evaluations: number;
  readonly parameters: readonly Calibrated[];
  readonly rows: readonly RowError[];
  readonly meanError: MeanError;
  /** Changes of several costs at once that no row notices. */
  readonly flat: readonly { readonly effect: number; readonly shares: readonly { path: string; share: number }[] }[];
  /** Rows that were left out in turn, predicted from the others. */
  readonly heldOut: readonly RowError[];
  readonly heldOutError: MeanError;
}

/** Why the rows are no ground to calibrate on; null: they are. */
export function refusal(rows: readonly Observed[], profile: Profile): string | null {
  const patched = rows.find(({ scenario }) => !isBase(scenario));
  if (patched !== undefined) {
    const { path, kernel } = patched.scenario;
    const what = [...kernel.patches, ...kernel.bugs, ...(patched.scenario.own ?? []).map(({ name }) => name)];
    return `${path} is a table of a patched kernel (${what.join(', ')}): a machine is calibrated on base kernels, what a patch does to it is predicted`;
  }
  const other = rows.find(({ scenario }) => scenario.machine.profile !== profile.name);
  if (other !== undefined) return `${other.scenario.path} was measured on ${other.scenario.machine.profile}`;
  if (rows.length === 0) return 'there is no measured row in these tables';
  if (rows.length === 1)
    return 'calibrate needs at least two rows: each is predicted from the others, and there is one';
  return (profile.free ?? []).length === 0 ? `profile ${profile.name} declares no free costs` : null;
}

export function calibrate(rows: readonly Observed[], profile: Profile, options: CalibrateOptions): Calibration {
  const free = profile.free!;
  const machine = (logs: readonly number[]): Profile => withValues(profile, free, logs.map(Math.exp));
  const at = (logs: readonly number[]): number[] => rows.flatMap((row) => row.logs(machine(logs), options));
  const found = fit(
    at,
    free.map(({ path }) => Math.log(costAt(profile, path).value)),
    free.map(({ min, max }) => ({ min: Math.log(min), max: Math.log(max) })),
    {
      evaluations: options.evaluations,
      report: (evaluations, error) =>
        options.report?.(`${evaluations} of at most ${options.evaluations} runs, error ${(error * 100).toFixed(2)} %`),
    },
  );
  options.report?.('sensitivities');
  const best = found.residuals;
  const { jacobian, sensitivity } = derivatives(found.at, best, at);
  const held = heldOut(found.at, best, jacobian, rows, (row, logs) => row.logs(machine(logs), options));
  return {
    profile: profile.name,
    evaluations: found.evaluations,
    parameters: free.map((one, i) => described(one, profile, Math.exp(found.at[i]), sensitivity[i], jacobian, i)),
    rows: rowErrors(rows, best),
    meanError: means(rowErrors(rows, best)),
    flat: flatDirections(free, jacobian),
    heldOut: rowErrors(rows, held),
    heldOutError: means(rowErrors(rows, held)),
  };
}

/** Which of the figures of all rows are those of each row. */
function figuresOf(rows: readonly Observed[]): (readonly [from: number, to: number])[] {
  let from = 0;
  return rows.map(({ figures }) => [from, (from += figures)] as const);
}

function described(
  { path, min, max }: FreeCost,
  profile: Profile,
  value: number,
  sensitivity: readonly [number, number],
  jacobian: Matrix,
  i: number,
): Calibrated {
  const { unit, value: before } = costAt(profile, path);
  const effect = Math.hypot(...jacobian.map((row) => row[i]));
  const atBound = value <= min * 1.001 || value >= max / 1.001;
  return { path, unit, value, before, min, max, sensitivity, uncertainty: SCATTER / effect, atBound };
}

/** How far the same row scatters when it is measured again, at best: four postings of one experiment differ by 1 to 3 %. */
const SCATTER = 0.02;
const STEP = Math.log(1.2);

/** What each cost does to each figure, per unit of its logarithm; and to the mean error. */
function derivatives(
  logs: readonly number[],
  best: readonly number[],
  at: (logs: readonly number[]) => number[],
): { jacobian: number[][]; sensitivity: [number, number][] } {
  const moved = (i: number, by: number): number[] => at(logs.map((x, j) => (i === j ? x + by : x)));
  const both = logs.map((_, i) => [moved(i, -STEP), moved(i, STEP)] as const);
  const jacobian = best.map((_, row) => both.map(([less, more]) => (more[row] - less[row]) / (2 * STEP)));
  const here = meanAbsolute(best);
  const sensitivity = both.map(([less, more]): [number, number] => [
    (meanAbsolute(less) - here) * 100,
    (meanAbsolute(more) - here) * 100,
  ]);
  return { jacobian, sensitivity };
}

/** Directions in which costs can be halved or doubled together while no rate moves by more than rows scatter. */
function flatDirections(free: readonly FreeCost[], jacobian: Matrix): Calibration['flat'] {
  return eigen(normal(jacobian))
    .map(({ value, vector }) => ({ effect: Math.sqrt(Math.max(0, value) / jacobian.length), vector }))
    .filter(({ effect }) => effect * Math.LN2 < SCATTER)
    .map(({ effect, vector }) => ({
      effect,
      shares: free
        .map(({ path }, i) => ({ path, share: vector[i] }))
        .filter(({ share }) => Math.abs(share) > 0.2)
        .sort((a, b) => Math.abs(b.share) - Math.abs(a.share)),
    }));
}

/** Each row as the fit without it has it: a step of Gauss and Newton from the optimum, then the row is simulated. */
function heldOut(
  logs: readonly number[],
  best: readonly number[],
  jacobian: Matrix,
  rows: readonly Observed[],
  simulated: (row: Observed, logs: readonly number[]) => number[],
): number[] {
  return figuresOf(rows).flatMap(([from, to], k) => {
    const isSeen = (_: unknown, i: number): boolean => i < from || i >= to;
    const target = best.filter(isSeen).map((x) => -x);
    const shift = leastSquares(jacobian.filter(isSeen), target, 1e-3);
    return simulated(
      rows[k],
      logs.map((x, i) => x + Math.max(-1, Math.min(1, shift[i]))),
    );
  });
}

function rowErrors(rows: readonly Observed[], logs: readonly number[]): RowError[] {
  return figuresOf(rows).map(([from, to], k) => {
    const [wall, cpu = null] = logs.slice(from, to).map((log) => Math.exp(log) - 1);
    return { gb: rows[k].gb, threads: rows[k].threads, wall, cpu };
  });
}

function means(errors: readonly RowError[]): MeanError {
  const cpu = errors.flatMap((error) => (error.cpu === null ? [] : [error.cpu]));
  return { wall: meanAbsolute(errors.map(({ wall }) => wall)), cpu: cpu.length === 0 ? null : meanAbsolute(cpu) };
}

function meanAbsolute(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + Math.abs(x), 0) / values.length;
}
