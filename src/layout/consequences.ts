/** What becomes of offsets and cache lines when members change places. */
import { layOut, type Layout, linesOf, type Member } from './layout.ts';
import type { Bits } from './types.ts';

/** Before and after. */
export type Pair = readonly [number, number];

export interface MemberChange {
  readonly name: string;
  readonly offset: Pair;
  /** The line of its first byte, for each size of a line. */
  readonly line: Readonly<Record<number, Pair>>;
}

export interface Consequences {
  readonly bits: Bits;
  readonly size: Pair;
  /** Lines in all, for each size of a line. */
  readonly lines: Readonly<Record<number, Pair>>;
  /** In the order before. */
  readonly members: readonly MemberChange[];
}

export function consequences(
  before: readonly Member[],
  after: readonly Member[],
  bits: Bits,
  lineSizes: readonly number[],
): Consequences {
  const layouts = [layOut(before, bits), layOut(after, bits)] as const;
  const perLine = (pair: (lineBytes: number) => Pair): Record<number, Pair> =>
    Object.fromEntries(lineSizes.map((lineBytes) => [lineBytes, pair(lineBytes)]));
  return {
    bits,
    size: [layouts[0].size, layouts[1].size],
    lines: perLine((lineBytes) => [linesOf(layouts[0], lineBytes), linesOf(layouts[1], lineBytes)]),
    members: before.map(({ name }): MemberChange => {
      const offset: Pair = [offsetOf(layouts[0], name), offsetOf(layouts[1], name)];
      const line = perLine((lineBytes) => [Math.floor(offset[0] / lineBytes), Math.floor(offset[1] / lineBytes)]);
      return { name, offset, line };
    }),
  };
}

function offsetOf(layout: Layout, name: string): number {
  return layout.members.find((member) => member.name === name)!.offset;
}
