/** `faultline check`: many scenarios, a line each: what was found, and whether that is what they expect. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Search } from '../drivers/controlled/explore.ts';
import { sourceDpor } from '../drivers/controlled/dpor.ts';
import type { Exploration } from '../drivers/controlled/tally.ts';
import { junit, tap, type TestCase } from '../export/ci.ts';
import { visible } from '../export/escape.ts';
import { cleanVerdict, coverage } from '../explain/verdict.ts';
import { plural } from '../machine/plural.ts';
import { judge } from '../scenario/judge.ts';
import { benchmarkOf, type Scenario } from '../scenario/read.ts';
import { buildWorld, checkedProgram } from '../scenario/world.ts';
import { wrap } from '../report/wrap.ts';
import { EXIT, UsageError } from './exit.ts';
import { kernelName } from './heading.ts';
import type { Io } from './io.ts';
import { type CHECK_FORMATS, type CommonOptions, packagedScenarios } from './options.ts';
import { PatchMisfit, readPatched } from './patch.ts';
import { progress } from './progress.ts';

export interface CheckOptions extends Omit<CommonOptions, 'format'> {
  readonly format: (typeof CHECK_FORMATS)[number];
  readonly executions: number;
  readonly maxSteps?: number;
}

interface Named {
  readonly name: string;
  readonly scenario: Scenario;
}

interface Checked extends Named {
  /** Null: it is for the clock. */
  readonly result: Exploration | null;
  readonly problems: readonly string[];
  /** That not all was seen, and what was; null: it was, or is for the clock. */
  readonly unseen: string | null;
}

export async function check(io: Io, given: readonly string[], options: CheckOptions): Promise<number> {
  const { named, leftOut } = await readAll(given, options);
  refuseIfAllTimed(named);
  const bar = progress(io, options.quiet);
  const all: Checked[] = [];
  for (const one of named) {
    bar.update(() => `${one.name}, ${all.length + 1} of ${named.length}`);
    const checked = checkOne(one, options);
    all.push(checked);
    bar.done();
    if (options.format === 'table') io.out(lineFor(checked, io.width));
    if (options.format === 'ndjson') io.out(`${JSON.stringify(json(checked))}\n`);
  }
  if (options.format === 'json') {
    io.out(`${JSON.stringify({ schema: 'faultline.check/1', scenarios: all.map(json) }, null, 2)}\n`);
  }
  if (options.format === 'junit') io.out(junit('faultline', all.map(testCase)));
  if (options.format === 'tap') io.out(tap(all.map(testCase)));
  if (options.format === 'table') io.out(`${summary(all, leftOut)}\n`);
  if (all.some(({ problems }) => problems.length > 0)) return EXIT.finding;
  return all.every(({ unseen }) => unseen === null) ? EXIT.ok : EXIT.inconclusive;
}

/** The scenarios, and how many of a folder the patches are not for: those are left out. */
async function readAll(
  given: readonly string[],
  options: CheckOptions,
): Promise<{ readonly named: readonly Named[]; readonly leftOut: number }> {
  const names = given.length === 0 ? packagedScenarios().map(nameOf) : given.flatMap(scenariosIn);
  const named: Named[] = [];
  let misfit: PatchMisfit | null = null;
  for (const name of names) {
    try {
      named.push({ name, scenario: await readPatched(name, options) });
    } catch (error) {
      if (!(error instanceof PatchMisfit) || given.includes(name)) throw error;
      misfit ??= error;
    }
  }
  if (named.length === 0 && misfit !== null) throw misfit;
  return { named, leftOut: names.length - named.length };
}

/** That nothing is explored must not read as if all were well. */
function refuseIfAllTimed(named: readonly Named[]): void {
  if (named.some(({ scenario }) => benchmarkOf(scenario) === null)) return;
  const what = named.length === 1 ? `${named[0].name} is` : `all ${named.length} scenarios are`;
  throw new UsageError(`there is nothing to explore: ${what} for the clock, use 'faultline run'`);
}

function checkOne({ name, scenario }: Named, options: CheckOptions): Checked {
  if (benchmarkOf(scenario) !== null) return { name, scenario, result: null, problems: [], unseen: null };
  const search = new Search(() => checkedProgram(buildWorld(scenario)), {
    strategy: sourceDpor(),
    maxExecutions: options.executions,
    ...(options.maxSteps === undefined ? {} : { maxSteps: options.maxSteps }),
  });
  while (search.advance() && !isTooLong(search));
  const result = search.result();
  const unseen = result.complete ? null : `not all was seen: ${coverage(result)}`;
  return { name, scenario, result, problems: judge(scenario.expect, result), unseen };
}

/** Every execution so far was cut off, as of a program that is made for the clock: more of them would tell nothing. */
function isTooLong({ tally }: Search): boolean {
  return tally.executions === 0 && tally.total >= TOO_LONG;
}
const TOO_LONG = 100;

function nameOf(file: string): string {
  return file.replace(/\.yaml$/, '');
}

/** A file or a name stands for itself, a folder (one of yours, or one of the package's) for all that is in it. */
function scenariosIn(given: string): string[] {
  if (existsSync(given) && statSync(given).isDirectory()) {
    const files = readdirSync(given, { recursive: true, encoding: 'utf8' }).filter((file) => /\.ya?ml$/.test(file));
    if (files.length === 0) throw new UsageError(`there are no scenarios in ${given}`);
    return files.sort().map((file) => join(given, file));
  }
  const folder = `${given.replace(/\/$/, '')}/`;
  const packaged = packagedScenarios().filter((file) => file.startsWith(folder));
  return packaged.length > 0 && !existsSync(given) ? packaged.map(nameOf) : [given];
}

function lineFor({ name, scenario, result, problems }: Checked, width: number): string {
  const words = result === null ? "for the clock: 'faultline run'" : found(result);
  const said = [`${visible(name)}: ${words}`, ...problems.map((problem) => `  NOT AS EXPECTED: ${problem}`)];
  const kernel = `  ${kernelName(scenario)}`;
  return `${[said[0], kernel, ...said.slice(1)].flatMap((line) => wrap(line, width)).join('\n')}\n`;
}

/** Inconclusive is not as expected: CI has no word between. */
function testCase({ name, scenario, result, problems, unseen }: Checked): TestCase {
  if (result === null) return { name, found: '', problems, skipped: "for the clock: 'faultline run'" };
  const words = `${kernelName(scenario)}: ${found(result)}`;
  return { name, found: words, problems: unseen === null ? problems : [...problems, unseen], skipped: null };
}

/** `lost store 216 of 452` or `never (all 236 classes)`. */
function found(result: Exploration): string {
  const { failures, executions } = result;
  if (failures.length === 0) return cleanVerdict(result);
  const rules = failures.map((failure) => `${failure.rule} ${failure.executions}`).join(', ');
  return `${rules} of ${executions.toLocaleString('en-US')}${result.complete ? '' : ` (${coverage(result)})`}`;
}

function summary(all: readonly Checked[], leftOut: number): string {
  const explored = all.filter(({ result }) => result !== null);
  const wrong = explored.filter(({ problems }) => problems.length > 0);
  const unseen = explored.filter((one) => one.unseen !== null).length;
  const classes = explored.reduce((sum, { result }) => sum + result!.executions, 0);
  const other = leftOut === 0 ? '' : `\n${plural(leftOut, 'scenario')} that the patch is not for left out`;
  return `\n${plural(explored.length, 'scenario')}, ${plural(classes, 'class', 'classes')}: ${verdict(wrong.length, unseen)}${other}`;
}

/** Of so many scenarios that are not as expected, and so many of which not all was seen. */
function verdict(wrong: number, unseen: number): string {
  if (unseen === 0) return wrong === 0 ? 'all as expected' : `${wrong} not as expected`;
  const found = wrong === 0 ? 'nothing unexpected, but' : `${wrong} not as expected, and`;
  return `${found} not all was seen of ${unseen}`;
}

function json({ name, scenario, result, problems, unseen }: Checked): object {
  if (result === null) return { scenario: name, kernel: kernelName(scenario), explored: false };
  const { executions, complete, failures } = result;
  return {
    scenario: name,
    kernel: kernelName(scenario),
    explored: true,
    classes: executions,
    complete,
    rules: failures.map(({ rule, witness, executions: breaks }) => ({ rule, executions: breaks, witness })),
    problems,
    unseen,
  };
}
