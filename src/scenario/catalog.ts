/** The names that scenario files may use, from the registries. */
import { ruleNames } from '../check/invariants.ts';
import { bases, bugs, knobsOf, patches } from '../kernel/index.ts';
import { largestOf, windowKnobs } from '../kernel/knobs.ts';
import { marks } from '../kernel/marks.ts';
import { defaultProfile, profiles } from '../profiles/index.ts';
import type { Profile } from '../machine/profile.ts';
import type { Catalog, MachineSize } from './schema.ts';

export function catalog(): Catalog {
  return {
    kernels: bases.map((base) => base.name),
    patches: patches.map((patch) => patch.name),
    bugs: bugs.map((bug) => bug.name),
    basesOf: new Map([...patches, ...bugs].map(({ name, base }) => [name, base])),
    knobsOf,
    windowKnobs,
    profiles: Object.fromEntries(profiles.map((profile) => [profile.name, sizeOf(profile)])),
    defaultProfile,
    invariants: ruleNames(),
    marks: Object.keys(marks),
  };
}

function sizeOf({ cpus, cpusPerNode, memoryPerNode, geometry }: Profile): MachineSize {
  return { cpus, cpusPerNode, gibPerNode: memoryPerNode.value / 1024, largest: largestOf(geometry) };
}
