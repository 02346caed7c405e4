/** `faultline layout`: C structs of the page-fault path as pahole prints them, and what moving a member changes. */
import { consequences } from '../layout/consequences.ts';
import { layOut, linesOf, type Member, type Move, moved, sumsOf } from '../layout/layout.ts';
import { type CStruct, type Era, kernelsOf, structs } from '../layout/structs.ts';
import type { Bits } from '../layout/types.ts';
import { profiles } from '../profiles/index.ts';
import { conclusion, layoutTable, lineSizesThatMatter } from '../report/layout-table.ts';
import { listTable } from '../report/list-table.ts';
import { asArchived, pahole } from '../report/pahole.ts';
import { wrap } from '../report/wrap.ts';
import { didYouMean, listNames, quote } from '../scenario/diagnostic.ts';
import { EXIT, UsageError } from './exit.ts';
import type { Io } from './io.ts';
import { LAYOUT_BITS, LAYOUT_LINES, type LayoutFormat } from './options.ts';

export interface LayoutOptions {
  readonly format: LayoutFormat;
  readonly kernel?: string;
  readonly bits?: string;
  readonly line?: string;
  readonly move?: string;
}

const SCHEMA = 'faultline.layout/1';
/** Prose is hard to read in longer lines. */
const WIDTH = 80;

export function layoutCommand(io: Io, name: string | undefined, options: LayoutOptions): number {
  if (name === undefined) return listStructs(io, options);
  const struct = named('struct', name, structs, 'there are');
  const era = eraOf(struct, options.kernel ?? struct.usual);
  if (options.move === undefined) showLayout(io, struct, era, options);
  else showMove(io, struct, era, moveOf(options.move, struct, era), options);
  return EXIT.ok;
}

function listStructs(io: Io, options: LayoutOptions): number {
  const lonely = (['kernel', 'bits', 'line', 'move'] as const).find((name) => options[name] !== undefined);
  if (lonely !== undefined) throw new UsageError(`--${lonely} needs a struct (there are: ${namesOf(structs)})`);
  if (options.format === 'json') json(io, { structs });
  else io.out(listTable('structs', structs.flatMap(entriesOf), io.width));
  return EXIT.ok;
}

function entriesOf(struct: CStruct): { name: string; kind: string; about: string }[] {
  return struct.eras.map((era) => {
    const [wide, narrow] = [layOut(era.members, 64), layOut(era.members, 32)];
    const also = era.also.length === 0 ? '' : `also ${era.also.join(', ')}; `;
    const usual = era.name === struct.usual ? ' (the default)' : '';
    const about = `${also}${wide.size} bytes, ${narrow.size} on 32 bits${usual}: ${era.source}`;
    return { name: struct.name, kind: era.name, about };
  });
}

function showLayout(io: Io, struct: CStruct, era: Era, options: LayoutOptions): void {
  const layout = layOut(era.members, Number(options.bits ?? 64) as Bits);
  const line = Number(options.line ?? 64);
  if (options.format === 'json') {
    const { bits, size, members, padding } = layout;
    const sums = sumsOf(layout);
    json(io, {
      ...headOf(struct, era),
      bits,
      line,
      size,
      cachelines: linesOf(layout, line),
      sumMembers: sums.members,
      holes: sums.holes,
      sumHoles: sums.holeBytes,
      padding,
      lastCacheline: size % line,
      members: members.map((member) => ({ ...member, line: Math.floor(member.offset / line) })),
    });
    return;
  }
  const text = pahole(struct.name, layout, line);
  io.out(options.format === 'pahole' ? text : asArchived(text));
}

function showMove(io: Io, struct: CStruct, era: Era, move: Move, options: LayoutOptions): void {
  const after = moved(era.members, move);
  const lines = (options.line === undefined ? LAYOUT_LINES : [options.line]).map(Number);
  const bits = (options.bits === undefined ? LAYOUT_BITS : [options.bits]).map((n) => Number(n) as Bits);
  const cases = bits.map((n) => consequences(era.members, after, n, lines));
  const remarks = [...lineSizesThatMatter(cases).map(machinesWith), ...struct.remarks];
  if (options.format === 'json') {
    json(io, { ...headOf(struct, era), move, cases, conclusion: conclusion(cases), remarks });
    return;
  }
  const text = [
    `struct ${struct.name} of ${era.name}, with ${move.member} moved ${placeOf(move, after)}`,
    ...cases.flatMap((one) => ['', ...layoutTable(one)]),
    '',
    ...[conclusion(cases), ...remarks].flatMap((sentence) => wrap(sentence, Math.min(io.width, WIDTH), '')),
  ];
  io.out(`${text.join('\n')}\n`);
}

function placeOf({ member, after }: Move, members: readonly Member[]): string {
  if (after === null) return 'to the front';
  return members.at(-1)!.name === member ? 'to the end' : `after ${after}`;
}

/** Whether the machines for which a move matters are there at all. */
function machinesWith(lineBytes: number): string {
  const found = profiles.filter(({ geometry }) => geometry.lineBytes === lineBytes);
  const groups = LAYOUT_BITS.map((bits) => {
    const names = found.filter(({ geometry }) => `${geometry.wordBits}` === bits).map(({ name }) => name);
    return names.length === 0 ? [] : [`of ${bits} bits: ${names.join(', ')}`];
  });
  if (found.length === 0) return `No machine here has ${lineBytes}-byte lines.`;
  return `Machines here with ${lineBytes}-byte lines are ${groups.flat().join('; ')}.`;
}

function headOf(struct: CStruct, era: Era): object {
  return { struct: struct.name, kernel: era.name, also: era.also, source: era.source };
}

function json(io: Io, data: object): void {
  io.out(`${JSON.stringify({ schema: SCHEMA, ...data }, null, 2)}\n`);
}

/** `4.1` is the era it belongs to; `v4.1` too. */
function eraOf(struct: CStruct, given: string): Era {
  const found = struct.eras.find((era) => kernelsOf(era).some((name) => name === given || `v${name}` === given));
  if (found !== undefined) return found;
  const names = struct.eras.flatMap(kernelsOf);
  throw new UsageError(`unknown kernel ${quote(given)} (${struct.name} is known of: ${names.join(', ')})`);
}

const PLACES = 'first, end, after:<member>';

function moveOf(given: string, struct: CStruct, era: Era): Move {
  const [, name, place] = /^([^=]*)=(.*)$/s.exec(given) ?? [];
  if (place === undefined) throw new UsageError(`--move is <member>=<place>, not ${quote(given)} (places: ${PLACES})`);
  const has = `${struct.name} of ${era.name} has`;
  const member = named('member', name, era.members, has).name;
  if (place === 'first') return { member, after: null };
  const others = era.members.filter((other) => other.name !== member);
  if (place === 'end') return { member, after: others.at(-1)!.name };
  if (!place.startsWith('after:'))
    throw new UsageError(unknown('place', place, ['first', 'end', 'after:'], `places: ${PLACES}`));
  const after = named('member', place.slice('after:'.length), era.members, has).name;
  if (after === member) throw new UsageError(`${member} cannot come after itself`);
  return { member, after };
}

function namesOf(all: readonly { readonly name: string }[]): string {
  return listNames(all.map(({ name }) => name));
}

/** The one of that name, or an error that says which there are. */
function named<T extends { readonly name: string }>(kind: string, given: string, all: readonly T[], has: string): T {
  const found = all.find(({ name }) => name === given);
  if (found !== undefined) return found;
  const names = all.map(({ name }) => name);
  throw new UsageError(unknown(kind, given, names, `${has}: ${names.join(', ')}`));
}

function unknown(kind: string, given: string, names: readonly string[], possible: string): string {
  const begun = names.filter((name) => given !== '' && name.startsWith(given));
  const guess = didYouMean(given, names) ?? (begun.length === 1 ? `Did you mean ${quote(begun[0])}?` : undefined);
  return `unknown ${kind} ${quote(given)} (${possible})${guess === undefined ? '' : `. ${guess}`}`;
}
