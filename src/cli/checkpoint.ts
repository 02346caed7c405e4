/** A search in a file, so that it can be taken up again: after Ctrl-C, after a power cut. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { Checkpoint, Search } from '../drivers/controlled/explore.ts';
import type { Scenario } from '../scenario/read.ts';
import { UsageError } from './exit.ts';
import { shapeProblem } from './shape.ts';
import { makeFolder } from './write.ts';

const SCHEMA = z.object({
  format: z.literal('faultline.checkpoint/1'),
  version: z.string(),
  scenario: z.object({ path: z.string(), sha256: z.string() }),
  options: z.record(z.string(), z.unknown()),
  sha256: z.string(),
  search: z.object({
    strategy: z.string(),
    state: z.unknown(),
    tally: z.custom<Checkpoint['tally']>((value) => typeof value === 'object' && value !== null),
    classes: z.array(z.number()).nullable(),
  }),
});

function sumOf(search: unknown): string {
  return createHash('sha256').update(JSON.stringify(search)).digest('hex');
}

/** What a search must have in common with the one it goes on with. */
export interface SearchKey {
  readonly version: string;
  readonly scenario: Scenario;
  /** Options that decide which executions there are, and in which order. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The usual place: searches of other scenarios, or with other options, have another. */
export function checkpointPath({ scenario, options }: SearchKey): string {
  const name = basename(scenario.path).replace(/\.ya?ml$/, '');
  const key = sumOf([scenario.sha256, options]).slice(0, 8);
  return join('reports', 'checkpoints', `${name}-${key}.checkpoint.json`);
}

/** Milliseconds before the first time; then twice as many each time, up to the most. */
const FIRST_MS = 50;
const MOST_MS = 500;
/** Part of the time that may go into writing. */
const SHARE = 0.05;

/** Writes the search down from time to time; whoever reads the file finds the whole of the last time. */
export class CheckpointFile {
  readonly path: string;
  /** Written first, to take the place of the other when it is whole. */
  readonly draft: string;
  private readonly key: SearchKey;
  private readonly given: boolean;
  private last = performance.now();
  private every = FIRST_MS;
  private took = 0;
  private broken = false;

  /** `given`: the user has asked for this path, so it must be possible to write there. */
  constructor(path: string, key: SearchKey, given: boolean) {
    this.path = path;
    this.draft = `${path}.new`;
    this.key = key;
    this.given = given;
  }

  /** True if it was time, and the search is on disk now. */
  writeIfDue(search: Search): boolean {
    const now = performance.now();
    if (this.broken || now - this.last < Math.max(this.every, this.took / SHARE)) return false;
    return this.write(search);
  }

  /** False: it cannot be written here. */
  write(search: Search): boolean {
    const start = performance.now();
    const saved = search.save();
    const { version, scenario, options } = this.key;
    const { path, sha256 } = scenario;
    const data = {
      format: 'faultline.checkpoint/1',
      version,
      scenario: { path, sha256 },
      options,
      sha256: sumOf(saved),
      search: saved,
    };
    try {
      makeFolder(dirname(this.path));
      const file = openSync(this.draft, 'w');
      writeFileSync(file, JSON.stringify(data));
      fsyncSync(file);
      closeSync(file);
      renameSync(this.draft, this.path);
    } catch (error) {
      if (this.given) throw new UsageError(`cannot write ${this.path}: ${(error as Error).message}`);
      this.broken = true; // a read-only folder: the search goes on without
      return false;
    }
    this.every = Math.min(MOST_MS, 2 * this.every);
    this.last = performance.now();
    this.took = this.last - start;
    return true;
  }

  /** The search is done. */
  remove(): void {
    if (!this.broken) rmSync(this.path, { force: true });
  }
}

/** A checkpoint takes the place of what is there, and goes in the end: throws a UsageError if that is something else. */
export function refuseOther(path: string): void {
  if (existsSync(path) && !isCheckpoint(path))
    throw new UsageError(`${path} is there already, and is not a checkpoint: nothing is written over it`);
}

function isCheckpoint(path: string): boolean {
  try {
    const { format } = JSON.parse(readFileSync(path, 'utf8')) as { format?: unknown };
    return typeof format === 'string' && format.startsWith('faultline.checkpoint/');
  } catch {
    return false;
  }
}

/** Where a search was interrupted; null: there is no such file. Throws a UsageError if it is another search. */
export function readCheckpoint(path: string, { version, scenario, options }: SearchKey): Checkpoint | null {
  if (!existsSync(path)) return null;
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
    throw new UsageError(`${path} is not a checkpoint: it is not JSON. Remove it, or explore without --resume.`);
  }
  const parsed = SCHEMA.safeParse(data);
  if (!parsed.success) {
    throw new UsageError(`${path} is not a checkpoint: ${shapeProblem(parsed.error, data)}`);
  }
  const { data: saved } = parsed;
  if (sumOf((data as { search: unknown }).search) !== saved.sha256) {
    throw new UsageError(`${path} is damaged: its sum is not that of its contents`);
  }
  const differs = (what: string, was: unknown, is: unknown): string[] =>
    JSON.stringify(was) === JSON.stringify(is) ? [] : [`${what} was ${JSON.stringify(was)}, is ${JSON.stringify(is)}`];
  const changes = [
    ...differs('version', saved.version, version),
    ...differs('scenario', saved.scenario.sha256.slice(0, 12), scenario.sha256.slice(0, 12)),
    ...Object.keys(options).flatMap((name) => differs(`--${name}`, saved.options[name], options[name])),
  ];
  if (changes.length > 0) throw new UsageError(`${path} is of another search: ${changes.join('; ')}`);
  return saved.search;
}
