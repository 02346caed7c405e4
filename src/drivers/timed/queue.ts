/**
 * Which CPU acts next: a 4-ary heap of at most one entry per CPU, ordered by (time, rank). The order of simultaneous
 * events is therefore a rule of the model and not an accident of insertion: that is what makes it possible to merge
 * private work without changing a result.
 *
 * Keys are time * width + rank in doubles, exact up to 2^53: `width` CPUs leave 2^53 / width ticks of virtual time.
 * Times are read from the CPUs' clocks and not passed: V8 boxes a double at every call.
 */
import { clock, firstTimer, keys, second } from './cells.ts';

/** `second` is to be found: keys have changed places. */
const UNKNOWN = -1;

export class CpuQueue {
  size = 0;
  private readonly width: number;
  /** Exact, as the width is a power of 2. */
  private readonly perWidth: number;
  private readonly limit: number;

  constructor(cpus: number) {
    this.width = 2 ** Math.ceil(Math.log2(Math.max(2, cpus)));
    this.perWidth = 1 / this.width;
    this.limit = 2 ** 53 / this.width;
  }

  /** Rank of the CPU that is due. The queue must not be empty. */
  first(): number {
    const key = keys[0];
    return (key - Math.floor(key * this.perWidth) * this.width) | 0; // an integer for V8 too: ranks are stored everywhere
  }

  /** Does a CPU come next? */
  isDue(): boolean {
    return this.size > 0 && keys[0] < firstTimer[0] * this.width;
  }

  /** Has the first CPU gone on meanwhile, ahead of its time? Its place is another one then. */
  isAhead(rank: number): boolean {
    return clock[rank] * this.width + rank > keys[0];
  }

  push(rank: number): void {
    const key = clock[rank] * this.width + rank;
    second[0] = UNKNOWN;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent];
      at = parent;
    }
    keys[at] = key;
  }

  pop(): void {
    this.size--;
    second[0] = UNKNOWN;
    keys[0] = keys[this.size];
    if (this.size > 0) this.sink();
  }

  /** Would the CPU that is due still be, at what its clock shows now? */
  remains(rank: number): boolean {
    const time = clock[rank];
    if (second[0] === UNKNOWN) this.findSecond();
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
    keys[0] = key;
    if (second[0] === UNKNOWN) this.findSecond();
    if (key < second[0]) return time < firstTimer[0];
    this.sink();
    return false;
  }

  private findSecond(): void {
    const { size } = this;
    second[0] = size > 1 ? keys[1] : Infinity;
    if (size > 2 && keys[2] < second[0]) second[0] = keys[2];
    if (size > 3 && keys[3] < second[0]) second[0] = keys[3];
    if (size > 4 && keys[4] < second[0]) second[0] = keys[4];
  }

  /** Let the key at the root sink to its place. */
  private sink(): void {
    if (this.size < 5) {
      second[0] = UNKNOWN;
      this.sinkFrom(0);
      return;
    }
    const key = keys[0];
    // The second after this is the least of three that stay where they are, and of what comes to the place of the fourth.
    let child = 1;
    let least = keys[1];
    let rest = Infinity;
    for (let other = 2; other <= 4; other++) {
      const its = keys[other];
      if (its < least) {
        rest = least;
        least = its;
        child = other;
      } else if (its < rest) rest = its;
    }
    if (least >= key) {
      second[0] = least;
      return;
    }
    keys[0] = least;
    keys[child] = key;
    this.sinkFrom(child);
    second[0] = keys[child] < rest ? keys[child] : rest;
  }

  /** Let the key at a place sink from there. The least of four is found with each read once: this is a hot loop. */
  private sinkFrom(place: number): void {
    const { size } = this;
    const key = keys[place];
    let at = place;
    let first = at * 4 + 1;
    while (first + 3 < size) {
      let child = first;
      let least = keys[first];
      const other = keys[first + 1];
      if (other < least) {
        least = other;
        child = first + 1;
      }
      const third = keys[first + 2];
      if (third < least) {
        least = third;
        child = first + 2;
      }
      const fourth = keys[first + 3];
      if (fourth < least) {
        least = fourth;
        child = first + 3;
      }
      if (least >= key) break;
      keys[at] = least;
      at = child;
      first = at * 4 + 1;
    }
    keys[at] = key;
    if (first < size && first + 3 >= size) this.sinkToLast(at, first);
  }

  /** The same where there are less than four below. */
  private sinkToLast(at: number, first: number): void {
    const { size } = this;
    let child = first;
    for (let other = first + 1; other < size; other++) if (keys[other] < keys[child]) child = other;
    if (keys[child] >= keys[at]) return;
    const key = keys[at];
    keys[at] = keys[child];
    keys[child] = key;
  }
}
