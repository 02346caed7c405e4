/** `faultline validate`: measured against predicted, for every published table. */
import { visible } from '../export/escape.ts';
import { validateReads } from '../predict/seqread.ts';
import { checkSizes } from '../predict/sizes.ts';
import { summaries, validate } from '../predict/validate.ts';
import { findProfile } from '../profiles/index.ts';
import { validationMarkdown, validationText } from '../report/validation.ts';
import { EXIT } from './exit.ts';
import type { Io } from './io.ts';
import { type CommonOptions, packaged, packagedScenarios, scenarioPath } from './options.ts';
import { progress } from './progress.ts';
import { doubtsOf } from './report-markdown.ts';
import { scenariosWithTables } from './tables.ts';
import { refuseOverwriting, writeOutput } from './write.ts';

export interface ValidateCommandOptions extends CommonOptions {
  readonly scale: number;
  readonly replications: number;
  readonly output: string;
}

export function validateCommand(io: Io, given: readonly string[], options: ValidateCommandOptions): number {
  const { scale, replications, seed, output, format } = options;
  const bar = progress(io, options.quiet);
  const report = (what: string): void => bar.update(() => what);
  const scenarios = scenariosWithTables(given);
  refuseOverwriting(given.length > 0 ? given.map(scenarioPath) : packagedScenarios().map(packaged), [output]);
  for (const scenario of scenarios) checkSizes(scenario, findProfile(scenario.machine.profile), scale);
  const pft = scenarios.filter((scenario) => scenario.pft !== null);
  const tables = validate(pft, findProfile, { scale, replications, seed, report });
  const reads = scenarios
    .filter(({ seqread }) => seqread !== undefined)
    .map((scenario) => validateReads(scenario, findProfile(scenario.machine.profile), { scale, report }));
  bar.done();
  const means = summaries(tables, reads);
  const words = [...given, `--scale ${scale}`, `--replications ${replications}`, `--seed ${seed}`];
  const doubts = new Map(scenarios.map((scenario) => [scenario.machine.profile, doubtsOf(scenario)]));
  const command = `faultline validate ${words.join(' ')}`;
  writeOutput(output, validationMarkdown(tables, reads, means, command, doubts));
  if (format === 'table')
    io.out(`${[...validationText(tables, reads, means), '', `written to ${visible(output)}`].join('\n')}\n`);
  else {
    const json = { schema: 'faultline.validate/1', seed, scale, replications, tables, reads, means };
    io.out(`${JSON.stringify(json, null, format === 'json' ? 2 : 0)}\n`);
  }
  return EXIT.ok;
}
