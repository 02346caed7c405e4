/** `faultline explore --liveness`: is there a cycle in which a thread acts for ever and never finishes? */
import { findLivelock, type Livelock } from '../drivers/controlled/liveness.ts';
import { visible } from '../export/escape.ts';
import { record } from '../explain/record.ts';
import { laneOf } from '../report/lanes.ts';
import { drawLivelock, livenessVerdict } from '../report/liveness.ts';
import { plural } from '../machine/plural.ts';
import { wrap } from '../report/wrap.ts';
import type { Scenario } from '../scenario/read.ts';
import type { CheckedProgram } from '../scenario/world.ts';
import { EXIT } from './exit.ts';
import { jsonHead, kernelName } from './heading.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { progress } from './progress.ts';

export interface LivenessCommandOptions extends CommonOptions {
  /** States to look at. */
  readonly executions?: number;
}

/** Exit code: 1 if there is a cycle, 0 if there is none, 3 if the budget was spent before that was known. */
export function liveness(
  io: Io,
  scenario: Scenario,
  make: () => CheckedProgram,
  options: LivenessCommandOptions,
): number {
  const bar = progress(io, options.quiet);
  const result = findLivelock(make, {
    ...(options.executions === undefined ? {} : { maxStates: options.executions }),
    progress: (states) => {
      bar.update(() => `${states.toLocaleString('en-US')} states`);
    },
  });
  bar.done();
  if (options.format === 'table') {
    const setting = `kernel ${kernelName(scenario)}, ${plural(scenario.threads.length, 'thread')}`;
    io.out(`${[io.colors.bold(visible(scenario.path)), ...wrap(setting, io.width)].join('\n')}\n\n`);
    io.out(`a thread acts for ever: ${livenessVerdict(result)}\n`);
    for (const cycle of result.cycles) io.out(`\n${draw(io, make, cycle)}\n`);
  } else {
    const head = jsonHead('faultline.liveness/1', scenario, options.seed);
    io.out(`${JSON.stringify({ ...head, ...result }, null, options.format === 'json' ? 2 : 0)}\n`);
  }
  if (result.cycles.length > 0) return EXIT.finding;
  return result.complete ? EXIT.ok : EXIT.inconclusive;
}

function draw(io: Io, make: () => CheckedProgram, cycle: Livelock): string {
  const { steps, execution } = record(make, cycle.schedule);
  const lanes = execution.threads.map(laneOf);
  return drawLivelock(cycle, { width: io.width, colors: io.colors, lanes, steps });
}
