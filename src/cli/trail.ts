/** A recorded schedule in a file: enough to repeat it, and to tell where another run parts from it. */
import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Schedule } from '../drivers/controlled/schedule.ts';
import type { Found } from '../drivers/controlled/execution.ts';
import type { Recording } from '../explain/record.ts';
import type { Scenario } from '../scenario/read.ts';
import { UsageError } from './exit.ts';
import { shapeProblem } from './shape.ts';
import { writeOutput } from './write.ts';

const trailSchema = z.object({
  format: z.literal('faultline.trail/2'),
  scenario: z.object({ path: z.string(), sha256: z.string(), meaning: z.unknown() }),
  /** Of the user's own; left out if there are none. */
  patches: z.array(z.object({ path: z.string(), sha256: z.string() })).optional(),
  expect: z.object({ rule: z.string(), witness: z.string(), step: z.number() }),
  preemptions: z.number(),
  schedule: z.object({ threads: z.array(z.int().min(0)), answers: z.array(z.int().min(0)) }),
  steps: z.array(z.object({ thread: z.string(), step: z.string(), result: z.string(), runnable: z.array(z.string()) })),
});

export type Trail = z.infer<typeof trailSchema>;

/** What a scenario means, without where it is and what it says about itself. */
export function meaningOf(scenario: Scenario): object {
  const { kernel, machine, vmas, threads, pft, expect } = scenario;
  return { kernel, machine, vmas, threads, pft, expect };
}

export function trailOf(
  scenario: Scenario,
  found: Found,
  preemptions: number,
  recording: Recording,
  schedule: Schedule,
): Trail {
  return {
    format: 'faultline.trail/2',
    scenario: { path: scenario.path, sha256: scenario.sha256, meaning: meaningOf(scenario) },
    ...(scenario.own !== undefined && { patches: scenario.own.map(({ path, sha256 }) => ({ path, sha256 })) }),
    expect: { rule: found.rule, witness: found.witness, step: found.step },
    preemptions,
    schedule: { threads: [...schedule.threads], answers: [...schedule.answers] },
    steps: recording.steps.map(({ thread, label, result, runnable }) => ({
      thread,
      step: label,
      result,
      runnable: [...runnable],
    })),
  };
}

/** Write the trail to `reports/trails/<scenario>.trail.json` or to `path`; returns where it is. */
export function writeTrail(trail: Trail, path?: string): string {
  const name = basename(trail.scenario.path).replace(/\.ya?ml$/, '');
  const target = path ?? join('reports', 'trails', `${name}.trail.json`);
  writeOutput(target, `${JSON.stringify(trail, null, 1)}\n`);
  return target;
}

const MAX_BYTES = 64 * 2 ** 20;

/** Throws a UsageError with one clear message. */
export function readTrail(path: string): Trail {
  let data: unknown;
  try {
    if (statSync(path).isDirectory()) throw new UsageError(`${path} is a directory, not a trail file`);
    if (statSync(path).size > MAX_BYTES) throw new UsageError(`${path} is larger than a trail can be`);
    data = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof SyntaxError ? 'it is not JSON' : 'it cannot be read';
    throw new UsageError(`${path} is not a trail: ${reason}. 'faultline explore' writes trails.`);
  }
  const parsed = trailSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${path} is not a trail: ${shapeProblem(parsed.error, data)}`);
}
