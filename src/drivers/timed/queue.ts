/**
 * Which CPU acts next: a 4-ary heap of at most one entry per CPU, ordered by (time, rank). The order of simultaneous
 * events is therefore a rule of the model and not an accident of insertion: that is what makes it possible to merge
 * private work without changing a result.
 *
 * Keys are time * width + rank in doubles, exact up to 2^53: `width` CPUs leave 2^53 / width ticks of virtual time.
 * Times are read from the CPUs' clocks and not passed: V8 boxes a double at every call.
 */
export class CpuQueue {
  size = 0;
  private readonly keys: Float64Array;
  private readonly width: number;
  /** Exact, as the width is a power of 2. */
  private readonly perWidth: number;
  private readonly limit: number;

  private readonly clock: Float64Array;
  /** Until when CPUs may act: what happens at that time comes before them. A cell of one number. */
  private readonly horizon: Float64Array;

  /** `clock[rank]` is the time at which each CPU wants to act. */
  constructor(clock: Float64Array, horizon: Float64Array = Float64Array.of(Infinity)) {
    const cpus = clock.length;
    this.clock = clock;
    this.horizon = horizon;
    this.width = 2 ** Math.ceil(Math.log2(Math.max(2, cpus)));
    this.perWidth = 1 / this.width;
    this.limit = 2 ** 53 / this.width;
    this.keys = new Float64Array(cpus + 1);
  }

  /** Rank of the CPU that is due. The queue must not be empty. */
  first(): number {
    const key = this.keys[0];
    return (key - Math.floor(key * this.perWidth) * this.width) | 0; // an integer for V8 too: ranks are stored everywhere
  }

  /** Does a CPU come next? */
  isDue(): boolean {
    return this.size > 0 && this.keys[0] < this.horizon[0] * this.width;
  }

  push(rank: number): void {
    const { keys } = this;
    const key = this.clock[rank] * this.width + rank;
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
    this.keys[0] = this.keys[this.size];
    if (this.size > 0) this.sink();
  }

  /** Would the CPU that is due still be, at what its clock shows now? */
  remains(rank: number): boolean {
    const { keys, size } = this;
    const time = this.clock[rank];
    if (time >= this.horizon[0]) return false;
    const key = time * this.width + rank;
    const end = size < 5 ? size : 5;
    for (let child = 1; child < end; child++) if (keys[child] < key) return false;
    return true;
  }

  /** The clock of the CPU that is due has moved on. Returns true if it is still the one that is due. */
  advance(rank: number): boolean {
    const time = this.clock[rank];
    if (time >= this.limit) throw new RangeError('virtual time has run out of exact ticks');
    const { keys, size } = this;
    const key = time * this.width + rank;
    keys[0] = key;
    const end = size < 5 ? size : 5;
    for (let child = 1; child < end; child++) {
      if (keys[child] < key) {
        this.sink();
        return false;
      }
    }
    return time < this.horizon[0];
  }

  /** Let the key at the root sink to its place. The least of four is found with each of them read once: this is a hot loop. */
  private sink(): void {
    const { keys, size } = this;
    const key = keys[0];
    let at = 0;
    let first = 1;
    while (first + 3 < size) {
      let child = first;
      let least = keys[first];
      const second = keys[first + 1];
      if (second < least) {
        least = second;
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
    const { keys, size } = this;
    let child = first;
    for (let other = first + 1; other < size; other++) if (keys[other] < keys[child]) child = other;
    if (keys[child] >= keys[at]) return;
    const key = keys[at];
    keys[at] = keys[child];
    keys[child] = key;
  }
}
