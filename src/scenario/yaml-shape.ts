/**
 * zod's issues in words: the place of each in the file, and what was possible there.
 *
 * In a union (one value or a list; the short or the long form of a thread) the branch that the value was meant for
 * speaks, if its type tells which. A key missing only because it is misspelt is not reported a second time.
 */
import type { z } from 'zod';
import { didYouMean, nearest, quote, type Report } from './diagnostic.ts';
import { scenarioSchema, type ScenarioFile } from './schema.ts';
import { describe, findPlace, type Located, type Path, type Place, refusedValue } from './yaml.ts';

type Issue = z.core.$ZodIssue;

/** The data as a scenario file, or null if its shape is wrong; then everything wrong is reported. */
export function checkShape({ data, root }: Located, report: Report): ScenarioFile | null {
  const result = scenarioSchema.safeParse(data);
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap((issue) => settle(issue, []));
  const misspelt = new Set(issues.flatMap(misspeltKeys));
  for (const { path, issue } of issues) {
    const place = findPlace(root, path);
    if (place === undefined) {
      if (!misspelt.has(JSON.stringify(path))) reportMissing(path, root, report);
    } else if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) reportUnknown(key, issue.message.split(', '), place, report);
    } else if (issue.code === 'invalid_key') {
      const words = issue.issues[0]?.message ?? 'a name';
      report(
        place.keyOffset ?? place.offset,
        `a name of one of the ${label(path.slice(0, -1))} must be ${words}, got ${quote(String(path.at(-1)))}`,
      );
    } else if (valueAt(data, path) !== refusedValue) {
      report(place.offset, `${label(path)} must be ${issue.message}, got ${describe(place.node)}`);
    }
  }
  return null;
}

interface Settled {
  readonly path: Path;
  readonly issue: Issue;
}

/** The issue with its whole path, or those of the one branch of a union that fits the value's type. */
function settle(issue: Issue, above: Path): Settled[] {
  const path = [...above, ...(issue.path as (string | number)[])];
  if (issue.code !== 'invalid_union') return [{ path, issue }];
  const fitting = issue.errors.filter(
    (branch) => !branch.some((i) => i.path.length === 0 && i.code === 'invalid_type'),
  );
  const [branch] = fitting;
  return branch !== undefined && fitting.length === 1 ? branch.flatMap((i) => settle(i, path)) : [{ path, issue }];
}

/** The paths of the keys that were probably meant. */
function misspeltKeys({ path, issue }: Settled): string[] {
  if (issue.code !== 'unrecognized_keys') return [];
  const possible = issue.message.split(', ');
  return issue.keys.map((key) => JSON.stringify([...path, nearest(key, possible)]));
}

function reportUnknown(key: string, possible: readonly string[], parent: Place, report: Report): void {
  const offset = parent.children.get(key)?.keyOffset ?? parent.offset;
  const message = `unknown key ${quote(key)} (possible here: ${possible.join(', ')})`;
  report(offset, message, () => didYouMean(key, possible));
}

function reportMissing(path: Path, root: Place, report: Report): void {
  const above = path.slice(0, -1);
  const parent = findPlace(root, above) ?? root;
  const where = above.length === 0 ? '' : ` in ${label(above)}`;
  report(parent.keyOffset ?? parent.offset, `missing key ${quote(String(path.at(-1)))}${where}`);
}

/** The value at the end of the path, undefined if the path ends before. */
export function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** What to call the value at the end of the path: its key, or "entry 2 of patches". */
export function label(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return 'a scenario';
  if (typeof last === 'number') return `entry ${last + 1} of ${label(path.slice(0, -1))}`;
  return /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(last) ? last : quote(last);
}
