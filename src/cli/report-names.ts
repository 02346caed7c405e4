/** What scenarios are called in reports. */
import { basename } from 'node:path';
import { benchmarkOf, type Scenario } from '../scenario/read.ts';
import { packagedScenarios } from './options.ts';

/** As the package calls it (`races/anon-fault+anon-fault`); of other files their own name. */
export function nameOf({ path }: Scenario): string {
  return (packaged(path) ?? basename(path)).replace(/\.ya?ml$/, '');
}

/** All that may be written of it, from the folder of the reports: the page, and beside it texts and drawings. */
export function pathsOf(scenario: Scenario, name: string, apart: boolean): string[] {
  const stem = basename(name);
  const beside = benchmarkOf(scenario) === null ? [`${name}.svg`] : [`${stem}.md`, `${stem}.svg`, `${stem}-time.svg`];
  return [`${name}.html`, ...(apart ? beside : [])];
}

/** For a command line: the name, or where the file is. */
export function commandName({ path }: Scenario, name: string): string {
  return packaged(path) === undefined ? path : name;
}

function packaged(path: string): string | undefined {
  const slashes = path.replaceAll('\\', '/');
  return packagedScenarios().find((file) => slashes.endsWith(`scenarios/${file}`));
}
