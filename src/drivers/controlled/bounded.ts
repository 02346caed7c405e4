/**
 * Depth-first search over all schedules with at most `bound` preemptions, without reduction. With an infinite bound
 * it visits every interleaving: slow, and the yardstick that reductions are measured against.
 */
import type { Thread } from '../../machine/thread.ts';
import type { Execution } from './execution.ts';
import type { Strategy } from './strategy.ts';

interface Frame {
  readonly choices: readonly number[];
  taken: number;
}

export function boundedStrategy(bound: number): Strategy {
  const stack: Frame[] = [];
  let depth = 0;
  let preemptions = 0;
  let last: Thread | null = null;
  let first = true;

  function choices(execution: Execution, enabled: readonly Thread[]): number[] {
    if (last === null || !execution.isEnabled(last)) return enabled.map((thread) => thread.id);
    const others = enabled.filter((thread) => thread !== last).map((thread) => thread.id);
    return preemptions < bound ? [last.id, ...others] : [last.id];
  }

  return {
    name: bound === Infinity ? 'all interleavings' : `at most ${bound} preemption${bound === 1 ? '' : 's'}`,
    exhaustive: bound === Infinity,
    begin() {
      depth = 0;
      preemptions = 0;
      last = null;
      if (first) {
        first = false;
        return true;
      }
      while (stack.length > 0 && stack[stack.length - 1].taken + 1 >= stack[stack.length - 1].choices.length) {
        stack.pop();
      }
      if (stack.length === 0) return false;
      stack[stack.length - 1].taken++;
      return true;
    },
    choose(execution, enabled) {
      if (depth === stack.length) stack.push({ choices: choices(execution, enabled), taken: 0 });
      const frame = stack[depth++];
      const chosen = execution.threads[frame.choices[frame.taken]];
      if (last !== null && last !== chosen && execution.isEnabled(last)) preemptions++;
      last = chosen;
      return chosen;
    },
    end: () => undefined,
  };
}
