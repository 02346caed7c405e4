/** `faultline whatif`: what would be gained if one cost, one critical section or one line took another time? */
import { checkSizes } from '../predict/sizes.ts';
import { type Trial, trialsOf } from '../predict/trials.ts';
import { whatIf, type WhatIfRow } from '../predict/whatif.ts';
import { findProfile } from '../profiles/index.ts';
import { whatIfTable } from '../report/whatif-table.ts';
import { wrap } from '../report/wrap.ts';
import type { Scenario } from '../scenario/read.ts';
import { EXIT, UsageError } from './exit.ts';
import { jsonHead, kernelName } from './heading.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { readPatched } from './patch.ts';
import { progress } from './progress.ts';
import { plural } from '../machine/plural.ts';

export interface WhatIfCommandOptions extends CommonOptions {
  readonly factor: number;
  /** Rows with so many threads; without it those with the most. */
  readonly threads: readonly number[];
  readonly top: number;
  readonly scale: number;
  readonly replications: number;
  readonly json?: boolean;
}

export async function whatIfCommand(io: Io, file: string, options: WhatIfCommandOptions): Promise<number> {
  const scenario = await readPatched(file, options);
  const profile = findProfile(scenario.machine.profile);
  const scale = scenario.pft === null ? 1 : Math.max(options.scale, scenario.pft.scale ?? 1);
  checkSizes(scenario, profile, scale);
  const trials = chosen(scenario, trialsOf(scenario, profile, scale), options.threads);
  const { factor, seed, replications } = options;
  const format = options.json === true ? 'json' : options.format;
  const bar = progress(io, options.quiet);
  if (format === 'table') io.out(heading(io, scenario, scale, options));
  const rows = trials.map((trial) => {
    const row = whatIf(trial, profile, { factor, seed, replications, report: (what) => bar.update(() => what) });
    bar.done();
    if (format === 'table') io.out(`\n${whatIfTable(row, { factor, top: options.top, width: io.width }).join('\n')}\n`);
    if (format === 'ndjson') io.out(`${JSON.stringify(shortened(row, options))}\n`);
    return row;
  });
  if (format === 'json') {
    const head = jsonHead('faultline.whatif/1', scenario, seed);
    const json = { ...head, factor, scale, rows: rows.map((row) => shortened(row, options)) };
    io.out(`${JSON.stringify(json, null, 2)}\n`);
  }
  return EXIT.ok;
}

function chosen(scenario: Scenario, trials: readonly Trial[], threads: readonly number[]): Trial[] {
  if (trials.length === 0) throw new UsageError(`${scenario.path} is a lat_proc scenario: it has no throughput`);
  const there = [...new Set(trials.map((trial) => trial.threads))];
  const unknown = threads.find((n) => !there.includes(n));
  if (unknown !== undefined) {
    throw new UsageError(`${scenario.path} has no row with ${unknown} threads; there are ${there.join(', ')}`);
  }
  const wanted = threads.length > 0 ? threads : [Math.max(...there)];
  return trials.filter((trial) => wanted.includes(trial.threads));
}

function heading(io: Io, scenario: Scenario, scale: number, { factor }: WhatIfCommandOptions): string {
  const { profile, cpus } = scenario.machine;
  const part = scale === 1 ? '' : `; one part in ${scale} of the memory is simulated`;
  const lines = [
    `kernel ${kernelName(scenario)}, machine ${profile} with ${plural(cpus, 'CPU')}`,
    `Throughput if one thing takes ${factor} of its time, or none, and all else stays as it is${part}.`,
  ];
  return `${lines.flatMap((line) => wrap(line, io.width, '')).join('\n')}\n`;
}

function shortened(row: WhatIfRow, { top }: WhatIfCommandOptions): WhatIfRow {
  return { ...row, effects: row.effects.slice(0, top) };
}
