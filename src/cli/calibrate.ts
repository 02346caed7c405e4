/** `faultline calibrate`: find the free costs of a machine from tables of unpatched kernels. */
import { calibrate, type Calibration, refusal } from '../predict/calibrate.ts';
import { observedRows } from '../predict/observed.ts';
import { checkSizes } from '../predict/sizes.ts';
import { findProfile, profiles } from '../profiles/index.ts';
import { calibrationText } from '../report/calibration.ts';
import { didYouMean, quote } from '../scenario/diagnostic.ts';
import { EXIT, UsageError } from './exit.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { withTable } from './tables.ts';

export interface CalibrateCommandOptions extends CommonOptions {
  readonly machine?: string;
  readonly scale: number;
  readonly replications: number;
  readonly evaluations: number;
  readonly json: boolean;
}

export function calibrateCommand(io: Io, tables: readonly string[], options: CalibrateCommandOptions): number {
  const scenarios = tables.map(withTable);
  const name = options.machine ?? scenarios[0].machine.profile;
  const names = profiles.map((profile) => profile.name);
  if (!names.includes(name)) {
    const guess = didYouMean(name, names);
    const hint = guess === undefined ? '' : `. ${guess}`;
    throw new UsageError(`unknown machine ${quote(name)} (there are: ${names.join(', ')})${hint}`);
  }
  const profile = findProfile(name);
  const rows = scenarios.flatMap((scenario) => observedRows(scenario, profile.geometry.pageBytes));
  const why = refusal(rows, profile);
  if (why !== null) throw new UsageError(why);
  const scale = Math.max(options.scale, ...scenarios.map(({ pft, seqread }) => pft?.scale ?? seqread?.scale ?? 1));
  for (const scenario of scenarios) checkSizes(scenario, profile, scale);
  const found = calibrate(rows, profile, {
    scale,
    replications: options.replications,
    evaluations: options.evaluations,
    ...(!options.quiet && { report: (what: string) => io.err(`${what}\n`) }),
  });
  io.out(options.json || options.format !== 'table' ? json(found, options) : `${calibrationText(found).join('\n')}\n`);
  return EXIT.ok;
}

function json(found: Calibration, { format, scale, replications }: CalibrateCommandOptions): string {
  const all = { schema: 'faultline.calibrate/1', scale, replications, ...found };
  return `${JSON.stringify(all, null, format === 'ndjson' ? 0 : 2)}\n`;
}
