/** What-if answers as a table: what is gained by each cost, section and line, the most first. */
import { wrap } from './wrap.ts';

export interface WhatIfSubject {
  readonly kind: string;
  readonly name: string;
  readonly now: string;
}

export interface GainCell {
  /** Parts of what was. */
  readonly gain: number;
  readonly halfWidth: number;
}

export interface WhatIfLine {
  readonly subject: WhatIfSubject;
  readonly scaled: GainCell;
  readonly gone: GainCell | null;
}

export interface WhatIfTable {
  readonly trial: { readonly name: string; readonly unit: string };
  readonly rate: number;
  readonly replications: number;
  readonly effects: readonly WhatIfLine[];
  readonly without: readonly WhatIfSubject[];
  readonly small: readonly WhatIfSubject[];
}

export interface WhatIfTableOptions {
  readonly factor: number;
  /** So many lines at most. */
  readonly top: number;
  readonly width: number;
}

/** Widths of the two columns of gains. */
const SCALED = 14;
const GONE = 15;
const WHAT = SCALED + GONE + 2;

export function whatIfTable(table: WhatIfTable, { factor, top, width }: WhatIfTableOptions): string[] {
  const told = table.effects.filter((one) => isTold(one.scaled));
  const untold = table.effects.filter((one) => !isTold(one.scaled)).map(({ subject }) => subject);
  const shown = told.slice(0, top);
  const names = (subjects: readonly WhatIfSubject[]): string => subjects.map(({ name }) => name).join(', ');
  const sentence = (words: string, subjects: readonly WhatIfSubject[]): string[] =>
    subjects.length === 0 ? [] : ['', ...wrap(`${words}: ${names(subjects)}`, width)];
  return [
    `${table.trial.name}: ${rateWords(table)}`,
    '',
    `${`x ${factor}`.padStart(SCALED)}${'x 0'.padStart(GONE)}  what takes that time`,
    ...shown.flatMap((one) => lines(one, width)),
    ...(told.length > shown.length ? [`${' '.repeat(WHAT)}and ${told.length - shown.length} more (--top)`] : []),
    ...sentence(`within chance over ${table.replications} runs`, untold),
    ...sentence('without effect', table.without),
    ...sentence('less than a thousandth of the time, not tried', table.small),
  ];
}

function rateWords({ rate, trial, replications }: WhatIfTable): string {
  const runs = replications === 1 ? 'nothing is random' : `mean of ${replications} runs`;
  return `${rate.toFixed(rate < 1000 ? 3 : 0)} ${trial.unit} as it is (${runs})`;
}

function isTold({ gain, halfWidth }: GainCell): boolean {
  return Math.abs(gain) > halfWidth;
}

function lines({ subject: { kind, name, now }, scaled, gone }: WhatIfLine, width: number): string[] {
  const gains = `${cell(scaled).padStart(SCALED)}${(gone === null ? '' : cell(gone)).padStart(GONE)}  `;
  const what = wrap(`${kind} ${name}${kind === 'cost' ? ` (${now})` : ''}`, width - WHAT, '  ');
  return what.map((part, i) => `${i === 0 ? gains : ' '.repeat(WHAT)}${part}`);
}

function cell({ gain, halfWidth }: GainCell): string {
  const percent = `${gain < 0 ? '-' : '+'}${Math.abs(gain * 100).toFixed(1)}`;
  return halfWidth === 0 ? `${percent} %` : `${percent} ±${(halfWidth * 100).toFixed(1)} %`;
}
