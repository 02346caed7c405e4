/** Verdicts in words that differ by what was done. */
import type { Exploration, Failure } from '../drivers/controlled/explore.ts';

export type Word = 'Never' | 'Sometimes' | 'Always';

export function wordFor(failure: Failure | undefined, executions: number): Word {
  if (failure === undefined) return 'Never';
  return failure.executions === executions ? 'Always' : 'Sometimes';
}

function plural(n: number, one: string, many: string): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`;
}

/** How much was looked at: `all 236 classes`, `10,000 sampled, random`, `stopped after 500 classes`. */
export function coverage(result: Exploration): string {
  const cutOff = result.cutOff === 0 ? '' : `, step bound hit in ${result.cutOff}`;
  if (result.strategy === 'source-DPOR') {
    const classes = plural(result.executions, 'class', 'classes');
    return result.complete ? `all ${classes}` : `stopped after ${classes}${cutOff}`;
  }
  if (result.complete) return `all ${plural(result.executions, 'interleaving', 'interleavings')}`;
  const unit = result.strategy.startsWith('random') ? 'sampled' : 'schedules';
  return `${result.executions.toLocaleString('en-US')} ${unit}, ${result.strategy}${cutOff}`;
}

/** One line about everything that was never seen. */
export function cleanVerdict(result: Exploration): string {
  return result.complete ? `never (${coverage(result)})` : `not seen (${coverage(result)})`;
}
