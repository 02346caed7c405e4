/**
 * A radix tree of pages of ptes, keyed by address, in the place of pgd and pmd arrays: davem's second idea ("a more
 * compact tree, based upon virtual address, such as a radix tree"). He gives no design. This one is ours: nodes of 64
 * slots with a word of presence bits in front of them, as many levels as the largest key asks for, none for an empty tree.
 */
import type { TableReads } from './table-reads.ts';

const SHIFT = 6;
const SLOTS = 2 ** SHIFT;
const SLOT_MASK = SLOTS - 1;
const SLOT_BYTES = 8;

class Node<Leaf> {
  /** Keys are told apart by the bits from this one on. */
  readonly shift: number;
  readonly slots: (Node<Leaf> | Leaf | undefined)[] = [];
  /** The presence word: bits 0 to 31, and 32 to 63. */
  readonly present: [number, number] = [0, 0];

  constructor(shift: number) {
    this.shift = shift;
  }
  put(slot: number, below: Node<Leaf> | Leaf): void {
    this.slots[slot] = below;
    this.present[slot >> 5] |= 1 << (slot & 31);
  }
  /** The first used slot from this one on; SLOTS if there is none. */
  nextPresent(from: number): number {
    let slot = from;
    while (slot < SLOTS && (this.present[slot >> 5] & (1 << (slot & 31))) === 0) slot++;
    return slot;
  }
}

export class RadixTables<Leaf extends object> {
  private root: Node<Leaf> | null = null;
  /** Nodes made so far. */
  nodes = 0;

  insert(key: number, leaf: Leaf): void {
    this.grow(key);
    let node = this.root!;
    while (node.shift > 0) {
      const slot = (key >>> node.shift) & SLOT_MASK;
      let below = node.slots[slot] as Node<Leaf> | undefined;
      if (below === undefined) node.put(slot, (below = this.make(node.shift - SHIFT)));
      node = below;
    }
    node.put(key & SLOT_MASK, leaf);
  }

  lookup(key: number, reads: TableReads): Leaf | undefined {
    const found = this.next(key, key + 1, reads);
    return found?.[1];
  }

  /** The first leaf with a key in [from, end), and its key. */
  next(from: number, end: number, reads: TableReads): [number, Leaf] | undefined {
    return this.root === null ? undefined : this.nextBelow(this.root, 0, from, end, reads);
  }

  private nextBelow(
    node: Node<Leaf>,
    base: number,
    from: number,
    end: number,
    reads: TableReads,
  ): [number, Leaf] | undefined {
    const span = 2 ** node.shift;
    reads.read(node, 0, 'node');
    let slot = Math.max(0, Math.floor((from - base) / span));
    for (slot = node.nextPresent(slot); slot < SLOTS; slot = node.nextPresent(slot + 1)) {
      const key = base + slot * span;
      if (key >= end) return undefined;
      reads.read(node, (slot + 1) * SLOT_BYTES, 'node');
      const below = node.slots[slot]!;
      if (node.shift === 0) return [key, below as Leaf];
      const found = this.nextBelow(below as Node<Leaf>, key, from, end, reads);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Until the key fits below the root. */
  private grow(key: number): void {
    this.root ??= this.make(SHIFT * Math.max(0, Math.ceil(Math.log2(key + 1) / SHIFT) - 1));
    while (Math.floor(key / 2 ** this.root.shift) >= SLOTS) {
      const above = this.make(this.root.shift + SHIFT);
      above.put(0, this.root);
      this.root = above;
    }
  }

  private make(shift: number): Node<Leaf> {
    this.nodes++;
    return new Node(shift);
  }
}
