/** Holds what came out to what a scenario expects. */
import type { Scenario } from './read.ts';

/** What an exploration has seen: which rules were broken, in how many of the executions. */
export interface Seen {
  readonly executions: number;
  readonly complete: boolean;
  readonly failures: readonly { readonly rule: string; readonly executions: number }[];
  /** Marks that executions came by. */
  readonly reached: readonly { readonly name: string }[];
  /** What became of the first execution that was cut off, if any was. */
  readonly spin?: { readonly kind: string; readonly spinners?: readonly { readonly thread: string }[] } | null;
}

/** One sentence for each expectation that does not hold; empty when all is as expected. */
export function judge(expect: Scenario['expect'], seen: Seen): string[] {
  const count = new Map(seen.failures.map((failure) => [failure.rule, failure.executions]));
  const problems: string[] = [];
  for (const rule of expect.sometimes) {
    if (!count.has(rule)) problems.push(`expected '${rule}' sometimes, it was not seen`);
    else if (seen.complete && count.get(rule) === seen.executions)
      problems.push(`expected '${rule}' sometimes, it is always so`);
  }
  for (const rule of expect.always) {
    if (count.get(rule) !== seen.executions) {
      problems.push(`expected '${rule}' always, it is so in ${count.get(rule) ?? 0} of ${seen.executions}`);
    }
  }
  for (const mark of expect.reachable) {
    if (!seen.reached.some(({ name }) => name === mark)) problems.push(`expected to reach '${mark}', no execution did`);
  }
  const foreseen = new Set([...expect.sometimes, ...expect.always]);
  for (const { rule, executions } of seen.failures) {
    if (foreseen.has(rule)) continue;
    const how = executions > 0 ? `is so in ${executions} of ${seen.executions}` : 'was seen';
    problems.push(`expected never '${rule}', it ${how}`);
  }
  if (seen.spin?.kind === 'hang' || seen.spin?.kind === 'livelock') {
    const threads = (seen.spin.spinners ?? []).map(({ thread }) => thread);
    problems.push(`expected that every thread ends, and ${threads.join(' and ')} may go on for ever`);
  }
  return problems;
}
