/**
 * Which CPU acts next: a 4-ary heap of at most one entry per CPU, ordered by (time, rank). The order of simultaneous
 * events is therefore a rule of the model and not an accident of insertion: that is what makes it possible to merge
 * private work without changing a result.
 *
 * Keys are time * width + rank in doubles, exact up to 2^53: `width` CPUs leave 2^53 / width ticks of virtual time.
 */
export class CpuQueue {
  size = 0;
  private readonly keys: Float64Array;
  private readonly width: number;
  private readonly limit: number;

  constructor(cpus: number) {
    this.width = 2 ** Math.ceil(Math.log2(Math.max(2, cpus)));
    this.limit = 2 ** 53 / this.width;
    this.keys = new Float64Array(cpus + 1);
  }

  /** Rank of the CPU that is due. The queue must not be empty. */
  first(): number {
    const key = this.keys[0];
    return key - Math.floor(key / this.width) * this.width;
  }

  push(time: number, rank: number): void {
    this.up(this.size++, this.key(time, rank));
  }

  pop(): void {
    const last = this.keys[--this.size];
    if (this.size > 0) this.down(last);
  }

  /** The CPU that is due moves on to `time`. Returns true if it is still the one that is due. */
  advance(time: number, rank: number): boolean {
    const key = this.key(time, rank);
    const { keys, size } = this;
    const children = size < 5 ? size : 5;
    for (let i = 1; i < children; i++) {
      if (keys[i] < key) {
        this.down(key);
        return false;
      }
    }
    keys[0] = key;
    return true;
  }

  private key(time: number, rank: number): number {
    if (time >= this.limit) throw new RangeError('virtual time has run out of exact ticks');
    return time * this.width + rank;
  }

  private up(at: number, key: number): void {
    const { keys } = this;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent]!;
      at = parent;
    }
    keys[at] = key;
  }

  /** Put `key` at the root and let it sink. */
  private down(key: number): void {
    const { keys, size } = this;
    let at = 0;
    for (;;) {
      const first = at * 4 + 1;
      if (first >= size) break;
      const end = first + 4 < size ? first + 4 : size;
      let least = first;
      for (let child = first + 1; child < end; child++) {
        if (keys[child] < keys[least]) least = child;
      }
      if (keys[least] >= key) break;
      keys[at] = keys[least]!;
      at = least;
    }
    keys[at] = key;
  }
}
