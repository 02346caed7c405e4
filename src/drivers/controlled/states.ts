/**
 * What is known of the threads in every state on a path, as sets: a bit for each thread, a word of each set for every
 * 32 of them.
 */

/** The sets of a state, as they lie beside each other. */
export const ENABLED = 0;
/** Enabled, or ended, and so whatever the others do. */
export const SETTLED = 1;
/** To be tried here. */
export const BACKTRACK = 2;
/** Their steps, taken here, would repeat an execution: so on entry, or tried since. */
export const ASLEEP = 3;
export const SETS = 4;

/** Bits of one thread in what is saved; above them its mode. */
const SAVED_ENABLED = 1;
const SAVED_BACKTRACK = 2;
const SAVED_ASLEEP = 4;
const SAVED_MODE = 3;

const BITS = 32;

export class States {
  /** Of each set. */
  words = 1;
  sets = new Int32Array(64 * SETS);
  /** Of each thread: the mode of its step when it was tried. What it does is the same as long as it sleeps. */
  modes = new Uint8Array(64 * BITS);

  /** Where in `sets` the state at `depth` begins. Before the first there is one of which nothing is known. */
  rowOf(depth: number): number {
    return (depth + 1) * this.words * SETS;
  }

  /** Where in `modes` it begins. */
  modesOf(depth: number): number {
    return (depth + 1) * this.words * BITS;
  }

  has(set: number, depth: number, id: number): boolean {
    if (id >= this.words * BITS) return false;
    return ((this.sets[this.rowOf(depth) + (id >> 5) * SETS + set] >> id) & 1) !== 0;
  }

  put(set: number, depth: number, id: number): void {
    this.sets[this.rowOf(depth) + (id >> 5) * SETS + set] |= 1 << id;
  }

  /** Can the thread act there, and has it been tried, or is it going to be? */
  willBeTried(depth: number, id: number): boolean {
    if (id >= this.words * BITS) return false;
    const { sets } = this;
    const at = this.rowOf(depth) + (id >> 5) * SETS;
    return (((sets[at + ENABLED] & (sets[at + BACKTRACK] | sets[at + ASLEEP])) >> id) & 1) !== 0;
  }

  /** The next thread to be tried there, -1 for none. */
  next(depth: number): number {
    const { sets, words } = this;
    const row = this.rowOf(depth);
    for (let word = words - 1; word >= 0; word--) {
      const at = row + word * SETS;
      const left = sets[at + BACKTRACK] & ~sets[at + ASLEEP];
      if (left !== 0) return word * BITS + highest(left);
    }
    return -1;
  }

  /** The threads in a set. */
  list(set: number, depth: number): number[] {
    const ids = Array.from({ length: this.words * BITS }, (_, id) => id);
    return ids.filter((id) => this.has(set, depth, id));
  }

  /** Room for the state at `depth`, with so many threads. */
  makeRoom(depth: number, threads: number): void {
    if (threads > this.words * BITS) this.widen(Math.ceil(threads / BITS));
    const end = this.rowOf(depth + 1);
    if (end > this.sets.length) this.resize(2 * end);
  }

  private resize(length: number): void {
    const { sets, modes } = this;
    this.sets = new Int32Array(length);
    this.sets.set(sets);
    this.modes = new Uint8Array((length / SETS) * BITS);
    this.modes.set(modes);
  }

  private widen(words: number): void {
    const { sets, modes, words: before } = this;
    const states = sets.length / (before * SETS);
    this.words = words;
    this.sets = new Int32Array(states * words * SETS);
    this.modes = new Uint8Array(states * words * BITS);
    for (let n = 0; n < states; n++) {
      this.sets.set(sets.subarray(n * before * SETS, (n + 1) * before * SETS), n * words * SETS);
      this.modes.set(modes.subarray(n * before * BITS, (n + 1) * before * BITS), n * words * BITS);
    }
  }

  /** A state as plain data: a number for each thread. `chosen` is the thread that acts there. */
  save(depth: number, chosen: number): number[] {
    const known = Array.from({ length: this.words * BITS }, (_, id) => {
      const asleep = this.has(ASLEEP, depth, id);
      const mode = asleep || id === chosen ? this.modes[this.modesOf(depth) + id] : 0;
      return (
        (this.has(ENABLED, depth, id) ? SAVED_ENABLED : 0) |
        (this.has(BACKTRACK, depth, id) ? SAVED_BACKTRACK : 0) |
        (asleep ? SAVED_ASLEEP : 0) |
        (mode << SAVED_MODE)
      );
    });
    return known.slice(0, known.findLastIndex((of) => of !== 0) + 1);
  }

  restore(depth: number, saved: readonly number[]): void {
    this.makeRoom(depth, saved.length);
    saved.forEach((known, id) => {
      if ((known & SAVED_ENABLED) !== 0) this.put(ENABLED, depth, id);
      if ((known & SAVED_BACKTRACK) !== 0) this.put(BACKTRACK, depth, id);
      if ((known & SAVED_ASLEEP) !== 0) this.put(ASLEEP, depth, id);
      this.modes[this.modesOf(depth) + id] = known >> SAVED_MODE;
    });
  }
}

/** Number of the highest bit. */
export function highest(bits: number): number {
  return 31 - Math.clz32(bits);
}
