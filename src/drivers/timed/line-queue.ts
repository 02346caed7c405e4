/** Who waits for a cache line: nodes and cores, and until when. Times are ticks. */

export class LineQueue {
  /** When each of those that wait has it, and on which node that is, in order; the first of them at `first`. */
  private readonly ends: number[] = [];
  private readonly nodesOf: number[] = [];
  private first = 0;
  /** How many of them are on each node. */
  private readonly ofNode: Int32Array;
  /** When each core has it, or had it last. */
  private readonly ofCore: Float64Array;
  private share = 0;

  constructor(nodes: number, cores: number) {
    this.ofNode = new Int32Array(nodes);
    this.ofCore = new Float64Array(cores);
  }

  /** How many wait at a moment. */
  waiting(now: number): number {
    while (this.first < this.ends.length && this.ends[this.first] <= now) this.ofNode[this.nodesOf[this.first++]]--;
    if (this.first > 1024) {
      this.ends.splice(0, this.first);
      this.nodesOf.splice(0, this.first);
      this.first = 0;
    }
    return this.ends.length - this.first;
  }

  /** What it takes to get the line to a node, on average over the nodes of those that wait. */
  mean(transfer: Float64Array, to: number): number {
    const nodes = this.ofNode.length;
    let sum = 0;
    for (let from = 0; from < nodes; from++) sum += this.ofNode[from] * transfer[from * nodes + to];
    return Math.round(sum / (this.ends.length - this.first));
  }

  servedAt(core: number): number {
    return this.ofCore[core];
  }

  /** Such a part of those who ask are answered yes, evenly. */
  isShared(part: number): boolean {
    this.share += part;
    if (this.share < 1) return false;
    this.share--;
    return true;
  }

  add(end: number, node: number, core: number): void {
    this.ends.push(end);
    this.nodesOf.push(node);
    this.ofNode[node]++;
    this.ofCore[core] = end;
  }
}
