/** The names that scenario files may use, from the registries. */
import { ruleNames } from '../check/invariants.ts';
import { type Change, misfit } from '../kernel/change.ts';
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
    misfit: (base, before, name) => {
      const change = changeOf(name);
      return change === undefined ? null : misfit(base, before.map(changeOf).filter(isChange), change);
    },
    knobsOf,
    windowKnobs,
    profiles: Object.fromEntries(profiles.map((profile) => [profile.name, sizeOf(profile)])),
    defaultProfile,
    invariants: ruleNames(),
    marks: Object.keys(marks),
  };
}

function changeOf(name: string): Change | undefined {
  return [...patches, ...bugs].find((change) => change.name === name);
}
function isChange(change: Change | undefined): change is Change {
  return change !== undefined;
}

function sizeOf({ cpus, cpusPerNode, memoryPerNode, geometry }: Profile): MachineSize {
  return { cpus, cpusPerNode, gibPerNode: memoryPerNode.value / 1024, largest: largestOf(geometry) };
}
