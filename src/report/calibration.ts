/** What a calibration has found, for a terminal of 80 columns. */
import { signed } from './validation.ts';

interface ErrorLine {
  readonly gb: number;
  readonly threads: number;
  readonly wall: number;
  readonly cpu: number | null;
}

interface Means {
  readonly wall: number;
  readonly cpu: number | null;
}

export interface CalibrationLines {
  readonly profile: string;
  readonly evaluations: number;
  readonly parameters: readonly {
    readonly path: string;
    readonly unit: string;
    readonly value: number;
    readonly before: number;
    readonly min: number;
    readonly max: number;
    readonly sensitivity: readonly [number, number];
    readonly uncertainty: number;
    readonly atBound: boolean;
  }[];
  readonly rows: readonly ErrorLine[];
  readonly meanError: Means;
  readonly flat: readonly { readonly shares: readonly { readonly path: string; readonly share: number }[] }[];
  readonly heldOut: readonly ErrorLine[];
  readonly heldOutError: Means;
}

export function calibrationText(found: CalibrationLines): string[] {
  return [
    `${found.profile}, ${found.evaluations} runs of all rows`,
    '',
    'cost              value unit        was  bounds      20 % less, more  known to',
    ...found.parameters.map(parameterLine),
    '',
    '(what 20 % less and 20 % more do to the mean error, in percent points; how',
    'far the cost alone can go before the rows move by 2 %)',
    '',
    ...identifiability(found),
    '',
    '   Gb    n    wall %     cpu %   left out: wall %     cpu %',
    ...found.rows.map((row, i) => rowLine(row, found.heldOut[i])),
    ` mean      ${unsigned(found.meanError)}             ${unsigned(found.heldOutError)}`,
    '',
    'Left out: the row is predicted from a fit to the others.',
  ];
}

function parameterLine(one: CalibrationLines['parameters'][number]): string {
  const { path, value, unit, before, min, max, sensitivity, uncertainty, atBound } = one;
  const effects = sensitivity.map((points) => signed(points / 100)).join(', ');
  return [
    path.padEnd(15),
    short(value).padStart(8),
    ` ${unit.padEnd(7)}`,
    short(before).padStart(8),
    `  ${`${min}..${max}`.padEnd(11)}`,
    effects.padEnd(15),
    uncertainty > 5 ? '  nothing' : `  +-${(uncertainty * 100).toFixed(0)} %`,
    atBound ? '  AT BOUND' : '',
  ]
    .join('')
    .trimEnd();
}

function short(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toPrecision(3);
}

function identifiability({ flat }: CalibrationLines): string[] {
  if (flat.length === 0) return ['identifiable: every direction; none can be doubled unnoticed'];
  return flat.map(({ shares }) => {
    const words = shares.map(({ path, share }) => `${share < 0 ? '-' : '+'}${Math.abs(share).toFixed(2)} ${path}`);
    return `NOT identifiable (no row notices): ${words.join(' ')}`;
  });
}

function rowLine(row: ErrorLine, held: ErrorLine): string {
  const cell = (part: number | null, width: number): string => (part === null ? '-' : signed(part)).padStart(width);
  return `${String(row.gb).padStart(5)}${String(row.threads).padStart(5)}${cell(row.wall, 10)}${cell(row.cpu, 10)}${cell(held.wall, 19)}${cell(held.cpu, 10)}`;
}

function unsigned({ wall, cpu }: Means): string {
  return [wall, cpu].map((part) => (part === null ? '-' : (part * 100).toFixed(1)).padStart(9)).join(' ');
}
