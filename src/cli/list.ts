/** `faultline list`: what there is to run. */
import { join } from 'node:path';
import { invariants, standingRules } from '../check/invariants.ts';
import { bases, bugs, patches } from '../kernel/index.ts';
import { marks } from '../kernel/marks.ts';
import { profiles } from '../profiles/index.ts';
import { type Entry, listTable } from '../report/list-table.ts';
import { catalog } from '../scenario/catalog.ts';
import { benchmarkOf, readScenario } from '../scenario/read.ts';
import { EXIT } from './exit.ts';
import type { Io } from './io.ts';
import type { LISTS } from './options.ts';
import { type Format, packagedScenarios, packageRoot } from './options.ts';
import { plural } from '../machine/plural.ts';

export type ListName = (typeof LISTS)[number];

const ENTRIES: Record<ListName, () => Entry[]> = {
  scenarios: () =>
    packagedScenarios().map((file) => {
      const scenario = readScenario(join(packageRoot(), 'scenarios', file), catalog());
      const kind = benchmarkOf(scenario) === null ? 'explore' : 'run';
      return { name: file.replace(/\.yaml$/, ''), kind, about: firstSentence(scenario.about) };
    }),
  kernels: () => [
    ...bases.map(({ name, date, about }) => ({ name, kind: 'kernel', about: `${date}: ${about}` })),
    ...patches.map(({ name, base, about, mail }) => ({
      name,
      kind: 'patch',
      about: mail === undefined ? `on ${base}: ${about}` : `${mail.date} "${mail.subject}", on ${base}: ${mail.claim}`,
    })),
    ...bugs.map(({ name, base, about }) => ({ name, kind: 'bug', about: `on ${base}: ${about}` })),
  ],
  machines: () => profiles.map(({ name, title, cpus }) => ({ name, kind: plural(cpus, 'CPU'), about: title })),
  invariants: () => [
    ...invariants.map(({ name, sentence, moment }) => ({ name, kind: moment, about: sentence })),
    ...Object.entries(standingRules).map(([name, sentence]) => ({ name, kind: 'always', about: sentence })),
  ],
  marks: () => Object.entries(marks).map(([name, about]) => ({ name, kind: 'reachable', about })),
};

function firstSentence(text: string): string {
  return text
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/(?<=[.?]) .*$/, '');
}

export function list(io: Io, what: readonly ListName[], format: Format): number {
  const entries = what.flatMap((name) => ENTRIES[name]().map((entry) => ({ list: name, ...entry })));
  if (format === 'ndjson') entries.forEach((entry) => io.out(`${JSON.stringify(entry)}\n`));
  else if (format === 'json') io.out(`${JSON.stringify({ schema: 'faultline.list/1', entries }, null, 2)}\n`);
  else for (const name of what) io.out(listTable(name, ENTRIES[name](), io.width));
  return EXIT.ok;
}
