/** How results say what they are results of. */
import type { Scenario } from '../scenario/read.ts';

/** The kernel with its patches and bugs: `v2.6.10 + no-pte-none-recheck`. */
export function kernelName({ kernel }: Scenario): string {
  return [kernel.base, ...kernel.patches, ...kernel.bugs].join(' + ');
}

/** The first keys of every JSON result. */
export function jsonHead(schema: string, scenario: Scenario, seed: number): object {
  const { path, sha256, kernel, machine } = scenario;
  return { schema, scenario: { path, sha256 }, kernel, machine, seed };
}
