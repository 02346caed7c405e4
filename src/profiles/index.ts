/** The machines there are, by name. */
import type { Profile } from '../machine/profile.ts';
import { altix_3700_8p } from './altix-3700-8p.ts';

export const profiles: readonly Profile[] = [altix_3700_8p];

export const defaultProfile = altix_3700_8p.name;

/** Throws on a name that is not there. */
export function findProfile(name: string): Profile {
  const found = profiles.find((profile) => profile.name === name);
  if (found === undefined)
    throw new Error(`unknown profile '${name}' (there are: ${profiles.map((p) => p.name).join(', ')})`);
  return found;
}
