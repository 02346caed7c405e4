/** Where the members of a C struct come to lie, by C's rules, and what moving one of them changes. */
import { type Bits, extentOf } from './types.ts';

export interface Member {
  readonly name: string;
  readonly type: string;
}

export interface Placed extends Member {
  readonly offset: number;
  readonly size: number;
  /** Bytes between its end and the next member. */
  readonly hole: number;
}

export interface Layout {
  readonly bits: Bits;
  readonly size: number;
  readonly members: readonly Placed[];
  /** Bytes after the last member. */
  readonly padding: number;
}

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Each member at the next offset that its alignment allows; the size is a multiple of the largest alignment. */
export function layOut(members: readonly Member[], bits: Bits): Layout {
  let end = 0;
  let align = 1;
  const placed = members.map((member) => {
    const extent = extentOf(member.type, bits);
    const offset = roundUp(end, extent.align);
    end = offset + extent.size;
    align = Math.max(align, extent.align);
    return { name: member.name, type: member.type, offset, size: extent.size };
  });
  const size = roundUp(end, align);
  const before = (i: number): number => placed[i].offset + placed[i].size;
  const withHoles = placed.map((member, i) => ({ ...member, hole: (placed[i + 1]?.offset ?? end) - before(i) }));
  return { bits, size, members: withHoles, padding: size - end };
}

/** Sums as pahole has them. */
export function sumsOf({ members }: Layout): { members: number; holes: number; holeBytes: number } {
  return {
    members: members.reduce((sum, { size }) => sum + size, 0),
    holes: members.filter(({ hole }) => hole > 0).length,
    holeBytes: members.reduce((sum, { hole }) => sum + hole, 0),
  };
}

/** Cache lines that a struct takes if it starts on one. */
export function linesOf({ size }: Layout, lineBytes: number): number {
  return Math.ceil(size / lineBytes);
}

/** A member comes after another one, or after none. */
export interface Move {
  readonly member: string;
  readonly after: string | null;
}

/** The members in their new order. Both names must be there, and differ. */
export function moved(members: readonly Member[], { member, after }: Move): Member[] {
  const rest = members.filter(({ name }) => name !== member);
  const at = after === null ? 0 : rest.findIndex(({ name }) => name === after) + 1;
  return [...rest.slice(0, at), members.find(({ name }) => name === member)!, ...rest.slice(at)];
}
