/** Verdicts in words that differ by what was done. */
import { DATA_RACE } from '../drivers/controlled/data-race.ts';
import type { Exploration, Failure, Reached } from '../drivers/controlled/tally.ts';
import { plural } from '../machine/plural.ts';

export type Word = 'Never' | 'Sometimes' | 'Always';

export function wordFor(failure: Failure | undefined, executions: number): Word {
  if (failure === undefined) return 'Never';
  return failure.executions === executions && executions > 0 ? 'Always' : 'Sometimes';
}

/** `216 of 452`: how many executions break the rule, or come by the mark. */
export function countOf({ executions }: Failure | Reached, result: Exploration): string {
  if (executions > 0) return `${executions} of ${result.executions}`;
  return result.cutOff > 0 ? 'in samples or cut-off executions only' : 'in samples only';
}

/** How much was looked at: `all 236 classes`, `10,000 sampled, random`, `stopped after 500 classes`. */
export function coverage(result: Exploration): string {
  return [looked(result), ...beside(result)].join(', ');
}

function looked(result: Exploration): string {
  const { executions, exhausted, claim, strategy } = result;
  const but = hasRaces(result) ? ' but for the order of accesses that race' : '';
  if (claim === 'all' && result.classes === executions) {
    const classes = plural(executions, 'class', 'classes');
    return result.complete ? `all ${classes}${but}` : `stopped after ${classes}`;
  }
  if (claim === 'sampled') return `${executions.toLocaleString('en-US')} sampled, ${strategy}`;
  const unit = result.complete ? plural(executions, 'interleaving') : '';
  if (result.complete) return `all ${unit}${but}`;
  const schedules = plural(executions, 'schedule');
  return exhausted ? `all ${schedules} with ${strategy}` : `stopped after ${schedules} with ${strategy}`;
}

/** Accesses race, and in what order they come was not explored. */
export function hasRaces({ failures }: Exploration): boolean {
  return failures.some(({ rule }) => rule === DATA_RACE);
}

/** Samples beside a search say nothing once it is complete. */
function beside({ sampled, cutOff, claim, complete }: Exploration): string[] {
  const samples =
    sampled > 0 && claim !== 'sampled' && !complete ? [`${sampled.toLocaleString('en-US')} sampled beside`] : [];
  return cutOff > 0 ? [...samples, `step bound hit in ${cutOff.toLocaleString('en-US')}`] : samples;
}

/** What is said of a result in which nothing is but what the scenario expects. */
export function asExpected({ complete }: Exploration): string {
  return complete ? 'as the scenario expects' : 'nothing so far that the scenario does not expect';
}

/** One line about everything that was never seen: never, not within the bound, or merely not seen. */
export function cleanVerdict(result: Exploration): string {
  if (hasRaces(result)) return 'not known: the order of accesses that race is not explored';
  const word = result.complete
    ? 'never'
    : result.exhausted && result.claim === 'bounded'
      ? 'not within the bound'
      : 'not seen';
  return `${word} (${coverage(result)})`;
}
