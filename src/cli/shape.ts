/** What is wrong with the shape of a JSON file that faultline has written itself. */
import type { z } from 'zod';

/** `its 'format' is "x", not "faultline.trail/2"`, `'steps.3.thread' is missing`: the first of zod's issues, in words. */
export function shapeProblem({ issues: [issue] }: z.ZodError, data: unknown): string {
  if (issue.path.length === 0) return 'it is not an object';
  const name = `'${issue.path.map(String).join('.')}'`;
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null)?.[key], data);
  if (value === undefined) return `${name} is missing`;
  if (issue.code === 'invalid_value') return `${name} is not ${issue.values.map(String).join(' or ')}`;
  if (issue.code === 'invalid_type') return `${name} is not ${AN[issue.expected] ?? issue.expected}`;
  return `${name} is not as it should be`;
}

const AN: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};
