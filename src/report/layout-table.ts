/** What moving a member of a struct changes: a table for each word size, and a sentence. */
import type { Consequences, Pair } from '../layout/consequences.ts';

const NAME = 17;
const OFFSET = 11;
const LINE = 15;

/** An arrow stands where something changes. */
export function layoutTable({ bits, size, lines, members }: Consequences): string[] {
  const sizes = lineSizesOf({ lines });
  const row = (name: string, offset: string, cells: readonly string[]): string =>
    `  ${name.padEnd(NAME)}${offset.padStart(OFFSET)}${cells.map((cell) => cell.padStart(LINE)).join('')}`;
  return [
    `${bits} bits, ${size[0]} bytes${size[0] === size[1] ? '' : `, then ${size[1]}`}`,
    row(
      'member',
      'offset',
      sizes.map((lineBytes) => `${lineBytes}-byte line`),
    ),
    ...members.map(({ name, offset, line }) =>
      row(
        name,
        arrow(offset),
        sizes.map((lineBytes) => arrow(line[lineBytes])),
      ),
    ),
    row(
      'lines in all',
      '',
      sizes.map((lineBytes) => arrow(lines[lineBytes])),
    ),
  ];
}

function lineSizesOf({ lines }: Pick<Consequences, 'lines'>): number[] {
  return Object.keys(lines)
    .map(Number)
    .sort((a, b) => a - b);
}

function arrow([before, after]: Pair): string {
  return before === after ? `${before}` : `${before} -> ${after}`;
}

/** Sizes of a line for which a member changes its line, on any of these machines. */
export function lineSizesThatMatter(cases: readonly Consequences[]): number[] {
  const all = cases.flatMap((one) => lineSizesOf(one).filter((lineBytes) => changesOf(one, lineBytes).length > 0));
  return [...new Set(all)].sort((a, b) => a - b);
}

/** One sentence. */
export function conclusion(cases: readonly Consequences[]): string {
  const clauses = cases.flatMap((one) =>
    lineSizesOf(one).flatMap((lineBytes) => {
      const changes = changesOf(one, lineBytes);
      return changes.length === 0 ? [] : [`on ${one.bits} bits with ${lineBytes}-byte lines ${listed(changes)}`];
    }),
  );
  const wholes = cases.flatMap(oneLine);
  const what = clauses.length === 0 ? 'no member changes its line' : `${clauses.join('; ')}; no other line changes`;
  const text = wholes.length === 0 ? what : `${what}, and before as after ${listed(wholes)}`;
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

function changesOf({ members }: Consequences, lineBytes: number): string[] {
  return members
    .filter(({ line }) => line[lineBytes][0] !== line[lineBytes][1])
    .map(({ name, line }) => `${name} goes from line ${line[lineBytes][0]} to ${line[lineBytes][1]}`);
}

/** The smallest line that holds the whole struct, if one does. */
function oneLine(one: Consequences): string[] {
  const lineBytes = lineSizesOf(one).find((bytes) => one.lines[bytes].every((lines) => lines === 1));
  const size = [...new Set(one.size)].join(' or ');
  return lineBytes === undefined ? [] : [`${size} bytes are one line of ${lineBytes} on ${one.bits} bits`];
}

function listed(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0] : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)!}`;
}
