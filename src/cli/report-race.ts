/** The page of a scenario with threads: its interleavings, explored as `faultline check` does. */
import { readFileSync } from 'node:fs';
import { snapshotOf } from '../check/snapshot.ts';
import { sourceDpor } from '../drivers/controlled/dpor.ts';
import { explore } from '../drivers/controlled/explore.ts';
import type { Exploration } from '../drivers/controlled/tally.ts';
import { racePage } from '../html/race-page.ts';
import { plural } from '../machine/plural.ts';
import { judge } from '../scenario/judge.ts';
import type { Scenario } from '../scenario/read.ts';
import { buildWorld, type CheckedProgram, checkedProgram, type World } from '../scenario/world.ts';
import { kernelName, patchWords, quoted } from './heading.ts';
import { commandName } from './report-names.ts';

export function exploreForReport(scenario: Scenario, maxExecutions: number): Exploration {
  return explore(() => checkedProgram(buildWorld(scenario)), { strategy: sourceDpor(), maxExecutions });
}

/** The page and the drawing in it. `name` is what the package calls it, or the name of the file. */
export function raceTexts(
  scenario: Scenario,
  result: Exploration,
  name: string,
  index: string | null,
): ReturnType<typeof racePage> {
  let world: World | null = null;
  const program = (): CheckedProgram => checkedProgram((world = buildWorld(scenario)));
  const { machine, threads } = scenario;
  const path = [quoted(commandName(scenario, name)), ...patchWords(scenario.own?.map((patch) => patch.path))].join(' ');
  const seen = `${result.strategy}, ${plural(result.steps, 'step')}`;
  return racePage({
    name,
    index,
    about: scenario.about.replace(/\s+/g, ' ').trim(),
    setting: `kernel ${kernelName(scenario)}, machine ${machine.profile}, ${plural(threads.length, 'thread')}; ${seen}`,
    result,
    problems: judge(scenario.expect, result),
    program,
    look: () => snapshotOf(world!.system),
    replay: (schedule) => `npx faultline replay ${path} --schedule ${quoted(schedule)}`,
    explore: `npx faultline explore ${path}`,
    source: readFileSync(scenario.path, 'utf8'),
  });
}
