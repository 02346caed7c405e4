/**
 * Depth-first search over schedules, without reduction, as far as a bound allows:
 *
 * - `preemptionBounded`: at most so many switches away from a thread that could have gone on (Musuvathi, Qadeer, PLDI
 *   2007). Without a bound it visits every interleaving: slow, and the yardstick that reductions are measured against.
 * - `delayBounded`: a scheduler without choice (go on with the same thread, else the next by number), which may be told
 *   at most so many times to pass over the thread whose turn it is (Emmi, Qadeer, Rakamarić, POPL 2011). Fewer
 *   schedules than with as many preemptions.
 */
import { plural } from '../../machine/plural.ts';
import type { Thread } from '../../machine/thread.ts';
import type { Execution } from './execution.ts';
import type { Claim, Strategy } from './strategy.ts';

/** A place where there was something to choose: ids of threads, or answers. */
interface Branch {
  /** Cheapest first. */
  readonly choices: readonly number[];
  /** What each costs. */
  readonly costs: readonly number[];
  taken: number;
  /** Step before which (for answers: during which) the choice was made. */
  readonly at: number;
}

/** Who may act, in the order in which it is tried: calls `allow` for each with what it costs. */
type Turns = (execution: Execution, last: Thread | null, allow: (thread: Thread, cost: number) => void) => void;

class BoundedSearch implements Strategy {
  readonly name: string;
  readonly claim: Claim;
  kept = 0;
  private readonly turns: Turns;
  private readonly bound: number;
  private readonly path: Branch[] = [];
  private depth = 0;
  private left = 0;
  private last: Thread | null = null;
  private at = 0;
  private started = false;

  constructor(name: string, bound: number, turns: Turns) {
    this.name = name;
    this.claim = bound === Infinity ? 'all' : 'bounded';
    this.bound = bound;
    this.turns = turns;
  }

  begin(): boolean {
    this.depth = 0;
    this.left = this.bound;
    this.last = null;
    this.at = 0;
    if (!this.started) {
      this.started = true;
      return true;
    }
    for (let top = this.path.at(-1); top !== undefined; top = this.path.at(-1)) {
      if (++top.taken < top.choices.length) {
        this.kept = Math.max(0, top.at);
        return true;
      }
      this.path.pop();
    }
    return false;
  }

  choose(execution: Execution): Thread | null {
    this.at = execution.length;
    if (this.depth === this.path.length && !this.branch(execution)) return null;
    return (this.last = execution.threads[this.take()]);
  }

  answer(n: number): number {
    if (this.depth === this.path.length) {
      this.path.push({ choices: Array.from({ length: n }, (_, i) => i), costs: [], taken: 0, at: this.at });
    }
    return this.take();
  }

  private take(): number {
    const { choices, costs, taken } = this.path[this.depth++];
    if (taken < costs.length) this.left -= costs[taken];
    return choices[taken];
  }

  /** A state not seen before; false if nobody can act. */
  private branch(execution: Execution): boolean {
    const choices: number[] = [];
    const costs: number[] = [];
    this.turns(execution, this.last, (thread, cost) => {
      if (cost > this.left) return;
      choices.push(thread.id);
      costs.push(cost);
    });
    if (choices.length === 0) return false;
    this.path.push({ choices, costs, taken: 0, at: execution.length });
    return true;
  }

  end(_execution: Execution): void {}

  /** Part of the search that is done. */
  get done(): number {
    let done = 0;
    let share = 1;
    for (const { choices, taken } of this.path) {
      share /= choices.length;
      done += taken * share;
    }
    return done;
  }

  save(): unknown {
    return { started: this.started, path: this.path };
  }
  restore(saved: unknown): void {
    const { started, path } = saved as { started: boolean; path: Branch[] };
    this.started = started;
    this.path.push(...path);
  }
}

/** Every schedule with at most `bound` preemptions. */
export function preemptionBounded(bound: number): Strategy {
  const name = bound === Infinity ? 'all interleavings' : `at most ${plural(bound, 'preemption')}`;
  return new BoundedSearch(name, bound, (execution, last, allow) => {
    const goesOn = last !== null && execution.isEnabled(last);
    if (goesOn) allow(last, 0);
    for (const thread of execution.threads) {
      if (thread !== last && execution.isEnabled(thread)) allow(thread, goesOn ? 1 : 0);
    }
  });
}

/** Every interleaving there is. */
export function allInterleavings(): Strategy {
  return preemptionBounded(Infinity);
}

/** Every schedule that passes over at most `bound` threads whose turn it was. */
export function delayBounded(bound: number): Strategy {
  return new BoundedSearch(`at most ${plural(bound, 'delay')}`, bound, (execution, last, allow) => {
    const enabled = execution.enabled();
    const first = Math.max(
      0,
      enabled.findIndex(({ id }) => id >= (last?.id ?? 0)),
    );
    for (let i = 0; i < enabled.length; i++) allow(enabled[(first + i) % enabled.length], i);
  });
}
