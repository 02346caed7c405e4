/** The machines there are, by name. */
import type { Profile } from '../machine/profile.ts';
import { altix_3700_8p } from './altix-3700-8p.ts';
import { altix_3700_32p, altix_3700_512p } from './altix-3700-large.ts';
import { ivybridge_ex_4s } from './ivybridge-ex-4s.ts';
import { pentium3_2p, pentium3_pae_2p } from './pentium3-2p.ts';
import { sparc64_2p, sparc64_32bit_2p } from './sparc64-2p.ts';
import { x86_64_2p } from './x86-64-2p.ts';
import { xeon_2s } from './xeon-2s.ts';

export const profiles: readonly Profile[] = [
  altix_3700_8p,
  altix_3700_32p,
  altix_3700_512p,
  ivybridge_ex_4s,
  pentium3_2p,
  pentium3_pae_2p,
  sparc64_2p,
  sparc64_32bit_2p,
  x86_64_2p,
  xeon_2s,
];

export const defaultProfile = altix_3700_8p.name;

/** Throws on a name that is not there. */
export function findProfile(name: string): Profile {
  const found = profiles.find((profile) => profile.name === name);
  if (found === undefined)
    throw new Error(`unknown profile '${name}' (there are: ${profiles.map((p) => p.name).join(', ')})`);
  return found;
}
