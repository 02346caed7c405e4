/** Files that are memory are files: the random programs of files.test.ts, held to the same flat model. */
import { expect } from 'chai';
import fc from 'fast-check';
import { explore } from '../src/drivers/controlled/explore.ts';
import { random } from '../src/drivers/controlled/random.ts';
import { runTimed } from '../src/drivers/timed/run.ts';
import { bases, bugs, patches } from '../src/kernel/index.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { parseScenario, type Scenario } from '../src/scenario/read.ts';
import { buildWorld, checkedProgram } from '../src/scenario/world.ts';
import { kernelTitle } from './support/kernels.ts';
import { type Program, programs, scenarioOf } from './support/file-programs.ts';

const KERNELS = [
  ...bases.filter(({ name }) => name.startsWith('v3')).map(({ name }) => ({ base: name, patches: [] })),
  ...patches.filter(({ name }) => /^(dax|xip)-/.test(name)).map(({ base, name }) => ({ base, patches: [name] })),
];

function onDax(program: Program, base: string, names: string[]): Scenario {
  const scenario = scenarioOf(program, base, names);
  const files = scenario.files!.map(({ name, pages, holes = [] }) => ({ name, pages, holes, dax: true as const }));
  return { ...scenario, files };
}

describe('files that are memory', () => {
  for (const kernel of KERNELS) {
    it(`are what they are: ${kernelTitle(kernel)} (fuzz)`, () => {
      fc.assert(
        fc.property(programs, (program) => {
          const world = buildWorld(onDax(program, kernel.base, kernel.patches));
          const { threads, stuck } = runTimed(world.births, world);
          expect(stuck).to.deep.equal([]);
          expect(checkedProgram(world).atEnd(threads)).to.deep.equal([]);
        }),
      );
    });

    it(`in any order that threads may act: ${kernelTitle(kernel)} (fuzz)`, () => {
      fc.assert(
        fc.property(programs, fc.nat(), (program, seed) => {
          const scenario = onDax(program, kernel.base, kernel.patches);
          const result = explore(() => checkedProgram(buildWorld(scenario)), { strategy: random(seed, 3) });
          expect(result.failures).to.deep.equal([]);
        }),
        { numRuns: Math.ceil((fc.readConfigureGlobal().numRuns ?? 100) / 4) },
      );
    });

    it(`take two faults for the first store to a page that is mapped shared: ${kernelTitle(kernel)}`, () => {
      const text = `about: test\nkernel: { base: ${kernel.base}, patches: [${kernel.patches.join()}] }\nmachine: { profile: altix-3700-8p, cpus: 1 }\nfiles: { data: { pages: 1, dax: true } }\nvmas: { map: { pages: 1, file: data, shared: true } }\nthreads: { T: [{ write: map, page: 0 }, { write: map, page: 0 }] }\nexpect: { never: anything, counts: { pgfault: 2 } }\n`;
      const world = buildWorld(parseScenario(text, 'test.yaml', catalog()));
      const { threads } = runTimed(world.births, world);
      expect(checkedProgram(world).atEnd(threads)).to.deep.equal([]);
    });
  }
});

describe('bugs of files that are memory', () => {
  const store = '[{ write: map, page: 0, catches: SIGBUS }]';
  const cut = '[{ truncate: data, to: 0 }]';
  const shown: Readonly<Record<string, [rule: string, shared: boolean, other: string]>> = {
    'dax-cow-no-mutex': ['mapped beyond end of file', false, cut],
    'dax-null-page-unlocked': ['broken ->fault contract', false, cut],
    'dax-null-page-shared': ['broken ->fault contract', true, cut],
    'dax-cow-no-unlock-raced': ['lock held at the end', false, store],
    'dax-cow-no-unlock-sigbus': ['lock held at the end', false, cut],
    'dax-cow-write-unlock': ['unlock by non-owner', false, cut],
  };
  for (const { name, on = [], base } of bugs.filter((bug) => bug.name.startsWith('dax-'))) {
    for (const patch of on) {
      it(`${name} on ${patch}`, () => {
        const [rule, shared, other] = shown[name];
        const text = `about: test\nkernel: { base: ${base}, patches: [${patch}], bugs: [${name}] }\nmachine: { profile: x86-64-2p, cpus: 2 }\nfiles: { data: { pages: 1, dax: true } }\nvmas: { map: { pages: 1, file: data, shared: ${shared} } }\nthreads: { T1: ${store}, T2: ${other} }\nexpect: { never: anything }\n`;
        const scenario = parseScenario(text, 'test.yaml', catalog());
        const found = explore(() => checkedProgram(buildWorld(scenario)), { maxExecutions: 300 });
        expect(found.failures.map((failure) => failure.rule)).to.include(rule);
      });
    }
  }
});
