/** Where CPU time went, for tables and stacked bars: parts under 2 % of every row are put together, kind by kind. */
import type { StackPart } from './stack-svg.ts';

export interface TimePart {
  readonly kind: string;
  readonly what: string;
  readonly ns: number;
}

export interface TimedRow {
  readonly parts: readonly TimePart[];
  readonly cpuNs: number;
  readonly pages: number | null;
}

/** One kind of time in all rows, in microseconds: of a page, if rows have pages. */
export interface PartLine {
  readonly label: string;
  readonly colour: string;
  readonly values: readonly number[];
}

interface Kind {
  readonly name: string;
  /** One shade after the other. */
  readonly colours: readonly string[];
}

/** The lowest first. */
const KINDS: Readonly<Record<string, Kind>> = {
  user: { name: 'user', colours: ['#8fbf8f'] },
  walk: { name: 'page walk', colours: ['#b9a77c'] },
  work: { name: 'other kernel work', colours: ['#c9c9c9'] },
  hold: { name: 'hold', colours: ['#f0a860', '#f4c48e', '#f8dcbb', '#fbeedd'] },
  clear: { name: 'zeroing', colours: ['#6d9bd1'] },
  bus: { name: 'memory bus', colours: ['#33568a'] },
  transfer: { name: 'transfer', colours: ['#7a4a9c', '#9a72b6', '#b899cd', '#d5c3e2', '#e8dff0'] },
  wait: { name: 'wait', colours: ['#b3271d', '#d06a61', '#e2a29c', '#efcfcc'] },
};
const SMALL = 0.02;

export function partLines(rows: readonly TimedRow[]): PartLine[] {
  return Object.entries(KINDS).flatMap(([kind, { name, colours }]) => {
    const whats = [...new Set(rows.flatMap(({ parts }) => parts.filter((p) => p.kind === kind).map((p) => p.what)))];
    const large = whats.filter((what) => rows.some((row) => nsOf(row, kind, [what]) >= SMALL * row.cpuNs));
    large.sort((a, b) => most(rows, kind, b) - most(rows, kind, a));
    const small = whats.filter((what) => !large.includes(what));
    const line = (label: string, those: readonly string[], i: number): PartLine => ({
      label,
      colour: colours[Math.min(i, colours.length - 1)],
      values: rows.map((row) => nsOf(row, kind, those) / (row.pages ?? 1) / 1000),
    });
    return [
      ...large.map((what, i) => line(what === '' ? name : `${name} ${what}`, [what], i)),
      ...(small.length > 0 ? [line(small.join() === '' ? name : `${name}, others`, small, large.length)] : []),
    ];
  });
}

/** All of them, also those that the row has nothing of: bars then agree on their order. */
export function stackParts(lines: readonly PartLine[], row: number): StackPart[] {
  return lines.map(({ label, colour, values }) => ({ label, colour, value: values[row] }));
}

function nsOf({ parts }: TimedRow, kind: string, whats: readonly string[]): number {
  return parts.reduce((sum, part) => (part.kind === kind && whats.includes(part.what) ? sum + part.ns : sum), 0);
}

function most(rows: readonly TimedRow[], kind: string, what: string): number {
  return Math.max(...rows.map((row) => nsOf(row, kind, [what]) / row.cpuNs));
}
