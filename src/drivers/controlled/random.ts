/**
 * Sampling: every execution has random numbers of its own, from the seed and its number, so that a search can be taken
 * up again in the middle.
 *
 * - `random`: uniform among the enabled threads at every step. Finds shallow bugs; exponentially bad at deep ones.
 * - `urw`: uniform over interleavings (Zhao, Wolff, Mathur, Roychoudhury, ASPLOS 2025): a thread is chosen with
 *   probability proportional to the steps it has still to do. How many those are is taken from the executions before.
 * - `pct`: probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010): random
 *   priorities, of which d - 1 change at random steps. A bug of depth d in n threads and k steps is found with
 *   probability at least 1 / (n k^(d-1)) each time.
 */
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Thread } from '../../machine/thread.ts';
import type { Execution } from './execution.ts';
import type { Strategy } from './strategy.ts';

/** What a sampling strategy does beyond counting. */
export abstract class Sampler implements Strategy {
  abstract readonly name: string;
  readonly claim = 'sampled';
  readonly kept = 0;
  private generator = xoroshiro128plus(0);
  private readonly seed: number;
  private readonly executions: number;
  /** Number of the next execution. */
  private next = 0;

  constructor(seed: number, executions: number) {
    this.seed = seed;
    this.executions = executions;
  }

  begin(): boolean {
    if (this.next >= this.executions) return false;
    this.generator = xoroshiro128plus(mixed(this.seed, this.next++));
    this.prepare();
    return true;
  }
  protected prepare(): void {}

  choose(execution: Execution): Thread | null {
    const enabled = execution.enabled();
    return enabled.length === 0 ? null : this.pick(execution, enabled);
  }
  protected abstract pick(execution: Execution, enabled: readonly Thread[]): Thread;

  answer(n: number): number {
    return this.draw(n);
  }
  end(_execution: Execution): void {}

  save(): unknown {
    return { next: this.next, learned: this.learned };
  }
  restore(saved: unknown): void {
    const { next, learned } = saved as { next: number; learned: number[] };
    this.next = next;
    this.learned = learned;
  }

  /** What executions so far have taught: lengths, by the sampler's own use. */
  protected learned: number[] = [];

  /** A random number from 0 to `n` - 1. */
  protected draw(n: number): number {
    return n <= 1 ? 0 : uniformInt(this.generator, 0, n - 1);
  }
}

/** A seed for execution `n`: neighbours must not look alike. */
function mixed(seed: number, n: number): number {
  let x = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(n + 1, 0x85ebca6b)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

class UniformSampler extends Sampler {
  readonly name = 'random';
  protected pick(_execution: Execution, enabled: readonly Thread[]): Thread {
    return enabled[this.draw(enabled.length)];
  }
}

class UrwSampler extends Sampler {
  readonly name = 'URW';
  /** Steps done so far; learned is the most that each thread has been seen to do. */
  private taken: number[] = [];

  protected override prepare(): void {
    this.taken = [];
  }
  protected pick(_execution: Execution, enabled: readonly Thread[]): Thread {
    const left = enabled.map(({ id }) => Math.max(1, (this.learned[id] ?? 0) - (this.taken[id] ?? 0)));
    let ticket = this.draw(left.reduce((sum, steps) => sum + steps, 0));
    let i = 0;
    while (ticket >= left[i]) ticket -= left[i++];
    const { id } = enabled[i];
    this.taken[id] = (this.taken[id] ?? 0) + 1;
    return enabled[i];
  }
  override end(): void {
    for (const [id, steps] of this.taken.entries()) {
      if (steps !== undefined) this.learned[id] = Math.max(this.learned[id] ?? 0, steps);
    }
  }
}

class PctSampler extends Sampler {
  readonly name: string;
  private readonly depth: number;
  /** By thread; the highest of those enabled acts. */
  private priorities: number[] = [];
  /** Steps before which the thread that is about to act falls to the priority with the same place in this list. */
  private changes: number[] = [];

  constructor(depth: number, seed: number, executions: number) {
    super(seed, executions);
    this.depth = depth;
    this.name = `PCT d=${depth}`;
  }
  protected override prepare(): void {
    this.priorities = [];
    this.changes = Array.from({ length: this.depth - 1 }, () => this.draw(this.learned[0] ?? 1));
  }
  protected pick(execution: Execution, enabled: readonly Thread[]): Thread {
    // New threads come at a random place above all priorities that a change can give.
    for (const { id } of execution.threads) this.priorities[id] ??= this.depth + this.draw(2 ** 30);
    const highest = (): Thread => enabled.reduce((a, b) => (this.priorities[b.id] > this.priorities[a.id] ? b : a));
    this.changes.forEach((at, priority) => {
      if (at === execution.length) this.priorities[highest().id] = priority;
    });
    return highest();
  }
  override end(execution: Execution): void {
    this.learned[0] = Math.max(this.learned[0] ?? 0, execution.length); // the longest so far
  }
}

/** `executions` samples, each uniform among the enabled threads at every step. */
export function random(seed = 1, executions = Infinity): Sampler {
  return new UniformSampler(seed, executions);
}

/** `executions` samples, uniform over interleavings. */
export function urw(seed = 1, executions = Infinity): Sampler {
  return new UrwSampler(seed, executions);
}

/** PCT for bugs of depth `depth`: orderings of `depth` - 1 pairs of steps that a scheduler must get right, and one. */
export function pct(depth: number, seed = 1, executions = Infinity): Sampler {
  return new PctSampler(depth, seed, executions);
}
