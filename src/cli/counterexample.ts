/** A counterexample to a scenario: stored as a trail, drawn, with the commands that repeat it. */
import type { Program } from '../drivers/controlled/execution.ts';
import type { Failure } from '../drivers/controlled/tally.ts';
import { type Counterexample, counterexampleOf } from '../explain/counterexample.ts';
import { drawCounterexample } from '../explain/explain.ts';
import type { Scenario } from '../scenario/read.ts';
import { exploreLine, type SearchOptions } from './explore-line.ts';
import { patchWords, quoted } from './heading.ts';
import type { Io } from './io.ts';
import { trailOf, writeTrail } from './trail.ts';

export interface StoredCounterexample extends Counterexample {
  /** Path of the trail; null if it could not be written. */
  readonly trail: string | null;
}

/** Shrink a failure and store it. */
export function storedCounterexample(
  scenario: Scenario,
  make: () => Program,
  failure: Failure,
  { output, maxSteps }: SearchOptions & { readonly output?: string },
): StoredCounterexample {
  const shown = counterexampleOf(make, failure, maxSteps === undefined ? {} : { maxSteps });
  const trail = trailOf(scenario, shown.found, shown.preemptions, shown.recording, shown.schedule);
  return { ...shown, trail: store(trail, output) };
}

function store(trail: ReturnType<typeof trailOf>, path: string | undefined): string | null {
  try {
    return writeTrail(trail, path);
  } catch (error) {
    if (path !== undefined) throw error;
    return null; // a read-only folder: the drawing is all there is
  }
}

/** All there is to say of it. */
export function drawStored(io: Io, scenario: Scenario, shown: StoredCounterexample, options: SearchOptions): string[] {
  const { trail, line, pass } = shown;
  const patches = scenario.own?.map((patch) => patch.path);
  const path = [quoted(scenario.path), ...patchWords(patches)].join(' ');
  const paste = (schedule: string): string => `npx faultline replay ${path} --schedule ${quoted(schedule)}`;
  const lines = drawCounterexample(shown, io);
  if (pass !== null) lines.push(`passes: ${paste(pass.line)}`);
  lines.push(`fails:  ${paste(line)}`);
  if (trail === null) lines.push('the trail could not be written here; use -o FILE');
  else lines.push(`repeat: npx faultline replay ${quoted(trail)}`);
  lines.push(`search: ${exploreLine(scenario.path, patches, options)}`);
  return lines;
}
