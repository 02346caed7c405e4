/** What has interleavings: a program or a scenario; and how it is written in code. */
import { existsSync } from 'node:fs';
import type { Program } from '../drivers/controlled/execution.ts';
import { catalog } from '../scenario/catalog.ts';
import { benchmarkOf, parseScenario, readScenario, type Scenario } from '../scenario/read.ts';
import { buildWorld, checkedProgram } from '../scenario/world.ts';

/** A program, as a function that builds it afresh; a scenario with vmas and threads, or its text, or the path of its file. */
export type Subject = (() => Program) | Scenario | string;

export interface Resolved {
  readonly program: () => Program;
  /** The subject as an expression. */
  readonly code: string;
  /** The file to give to `faultline replay`; null if there is none. */
  readonly file: string | null;
  /** Equal for equal subjects. */
  readonly key: unknown;
}

/** The subject as a program. Throws a ScenarioError if it is a file that is no scenario. */
export function resolve(subject: Subject): Resolved {
  if (typeof subject === 'function') {
    const { name } = subject;
    return { program: subject, code: name === '' ? 'program' : name, file: null, key: subject };
  }
  const scenario = typeof subject === 'string' ? scenarioOf(subject) : subject;
  const benchmark = benchmarkOf(scenario);
  if (benchmark !== null) throw new Error(`${scenario.path} is a ${benchmark} scenario: it has no interleavings`);
  const file = existsSync(scenario.path) ? scenario.path : null;
  return {
    program: () => checkedProgram(buildWorld(scenario)),
    code: file === null ? 'scenario' : quoted(file),
    file,
    key: scenario.sha256,
  };
}

/** A path has no line breaks. */
function scenarioOf(subject: string): Scenario {
  return subject.includes('\n') ? parseScenario(subject, '<text>', catalog()) : readScenario(subject, catalog());
}

/** As a string in code. */
export function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

/** As a word for the shell. */
export function shellWord(text: string): string {
  return /^[\w./+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
