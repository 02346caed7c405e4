/**
 * Which CPU acts next: a 4-ary heap of at most one entry per CPU, ordered by (time, rank). The order of simultaneous
 * events is therefore a rule of the model and not an accident of insertion: that is what makes it possible to merge
 * private work without changing a result.
 *
 * Keys are time * width + rank in doubles, exact up to 2^53: `width` CPUs leave 2^53 / width ticks of virtual time.
 * Times are read from the CPUs' clocks and not passed: V8 boxes a double at every call.
 */
import { clock, firstTimer, keys, second } from './cells.ts';

export class CpuQueue {
  size = 0;
  private readonly width: number;
  /** Exact, as the width is a power of 2. */
  private readonly perWidth: number;
  private readonly limit: number;
  /** Where in the heap the second is. */
  private secondAt = 1;

  constructor(cpus: number) {
    this.width = 2 ** Math.ceil(Math.log2(Math.max(2, cpus)));
    this.perWidth = 1 / this.width;
    this.limit = 2 ** 53 / this.width;
    keys.fill(Infinity); // behind the last of the heap too
    second[0] = Infinity;
  }

  /** Rank of the CPU that is due. The queue must not be empty. */
  first(): number {
    const key = keys[0];
    return (key - Math.floor(key * this.perWidth) * this.width) | 0; // an integer for V8 too: ranks are stored everywhere
  }

  /** Does a CPU come next? */
  isDue(): boolean {
    return keys[0] < firstTimer[0] * this.width;
  }

  /** Has the first CPU gone on meanwhile, ahead of its time? Its place is another one then. */
  isAhead(rank: number): boolean {
    return clock[rank] * this.width + rank > keys[0];
  }

  push(rank: number): void {
    const key = clock[rank] * this.width + rank;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent];
      at = parent;
    }
    keys[at] = key;
    this.findSecond();
  }

  pop(): void {
    const last = keys[--this.size];
    keys[this.size] = Infinity;
    if (this.size > 0) sink(last, 0);
    this.findSecond();
  }

  /** Would the CPU that is due still be, at what its clock shows now? */
  remains(rank: number): boolean {
    const time = clock[rank];
    return time < firstTimer[0] && time * this.width + rank < second[0];
  }

  /** How long will it be? */
  room(rank: number): number {
    const time = (second[0] - rank) * this.perWidth;
    return (time < firstTimer[0] ? time : firstTimer[0]) - clock[rank];
  }

  /** The clock of the CPU that is due has moved on. Returns true if it is still the one that is due. */
  advance(rank: number): boolean {
    const time = clock[rank];
    if (time >= this.limit) throw new RangeError('virtual time has run out of exact ticks');
    const key = time * this.width + rank;
    if (key < second[0]) {
      keys[0] = key;
      return time < firstTimer[0];
    }
    keys[0] = second[0];
    sink(key, this.secondAt);
    this.findSecond();
    return false;
  }

  private findSecond(): void {
    this.secondAt = least(1);
    second[0] = keys[this.secondAt];
  }
}

/** Put the key where it belongs, at a place or below it. */
function sink(key: number, place: number): void {
  let at = place;
  for (;;) {
    const child = least((at * 4 + 1) | 0);
    if (keys[child] >= key) break;
    keys[at] = keys[child];
    at = child;
  }
  keys[at] = key;
}

/** Where the least of four keys is that begin at a place. Without a branch: which it is no CPU can foresee. */
function least(place: number): number {
  const left = (place + Number(keys[place + 1] < keys[place])) | 0;
  const right = (place + 2 + Number(keys[place + 3] < keys[place + 2])) | 0;
  return (left + Math.imul(right - left, Number(keys[right] < keys[left]))) | 0;
}
