/** Scenarios with published tables, for the commands that compare with them. */
import { join } from 'node:path';
import { catalog } from '../scenario/catalog.ts';
import { readScenario, type Scenario } from '../scenario/read.ts';
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
  return tablesOf(all.filter(({ pft }) => pft !== null));
}

export function withTable(name: string): Scenario {
  const scenario = readScenario(scenarioPath(name), catalog());
  if (scenario.pft === null || scenario.measured === null) throw new UsageError(`${name} has no published table`);
  return scenario;
}
