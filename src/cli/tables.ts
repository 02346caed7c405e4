/** Scenarios with published tables, for the commands that compare with them. */
import { join } from 'node:path';
import { catalog } from '../scenario/catalog.ts';
import { readScenario, type Scenario } from '../scenario/read.ts';
import { findProfile } from '../profiles/index.ts';
import { tablesOf } from '../predict/validate.ts';
import { UsageError } from './exit.ts';
import { packagedScenarios, packageRoot, scenarioPath } from './options.ts';

/** Those that are named, or every one of the package that has a table of its own. Paths are relative to the package. */
export function scenariosWithTables(given: readonly string[]): Scenario[] {
  if (given.length > 0) return given.map(withTable);
  const all = packagedScenarios().map((file) => ({
    ...readScenario(join(packageRoot(), 'scenarios', file), catalog()),
    path: file.replace(/\.yaml$/, ''),
  }));
  const reads = all.filter((scenario) => scenario.seqread !== undefined && hasTable(scenario));
  return [...tablesOf(all.filter(({ pft }) => pft !== null)), ...reads];
}

/** Of which somebody has published figures; or sequential reads on a machine that was calibrated, so that they are predicted. */
function hasTable({ machine, pft, measured, seqread }: Scenario): boolean {
  if (seqread === undefined) return pft !== null && measured !== null;
  return seqread.measured !== null || (findProfile(machine.profile).free ?? []).length > 0;
}

export function withTable(name: string): Scenario {
  const scenario = readScenario(scenarioPath(name), catalog());
  if (!hasTable(scenario)) throw new UsageError(`${name} has no published table`);
  return scenario;
}
