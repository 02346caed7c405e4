/** The free costs of a profile, by path, and profiles with other values in their place. */
import type { Cost, FreeCost, Profile } from '../machine/profile.ts';

/** The cost at a path such as `clear.local` or `lineTransfer.1`. Throws if there is none. */
export function costAt(profile: Profile, path: string): Cost {
  let at: unknown = profile;
  for (const key of path.split('.')) at = (at as Record<string, unknown> | undefined)?.[key];
  const cost = at as Cost | undefined;
  if (typeof cost?.value !== 'number') throw new Error(`profile ${profile.name} has no cost '${path}'`);
  return cost;
}

/** The same machine with another value there. */
export function withValue(profile: Profile, path: string, value: number): Profile {
  const put = (at: unknown, keys: readonly string[]): unknown => {
    if (keys.length === 0) return { ...(at as Cost), value };
    const [key, ...rest] = keys;
    const copy = (Array.isArray(at) ? [...(at as unknown[])] : { ...(at as object) }) as Record<string, unknown>;
    copy[key] = put(copy[key], rest);
    return copy;
  };
  return put(profile, path.split('.')) as Profile;
}

export function withValues(profile: Profile, free: readonly FreeCost[], values: readonly number[]): Profile {
  return free.reduce((machine, { path }, i) => withValue(machine, path, values[i]), profile);
}

/** Every cost of a profile with its path. */
export function allCosts(profile: Profile): { path: string; cost: Cost }[] {
  const found: { path: string; cost: Cost }[] = [];
  const visit = (at: unknown, path: string): void => {
    if (typeof at !== 'object' || at === null) return;
    if ('status' in at) found.push({ path, cost: at as Cost });
    else for (const [key, part] of Object.entries(at)) visit(part, path === '' ? key : `${path}.${key}`);
  };
  visit(profile, '');
  return found;
}

/** The same machine with everything at the path multiplied: one cost, or all that are below it. */
export function withFactor(profile: Profile, path: string, factor: number): Profile {
  const below = allCosts(profile).filter((one) => one.path === path || one.path.startsWith(`${path}.`));
  return below.reduce((machine, { path: at, cost }) => withValue(machine, at, cost.value * factor), profile);
}
