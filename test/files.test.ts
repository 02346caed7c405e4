/**
 * Files are what everybody thinks they are, whatever the kernel: random programs that map, read, write, cut and copy
 * them, held to a flat model of file and memory, under every base and patch, and with both drivers.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import { random } from '../src/drivers/controlled/random.ts';
import { shrink } from '../src/drivers/controlled/shrink.ts';
import { runTimed } from '../src/drivers/timed/run.ts';
import { without } from '../src/kernel/bugs/altered.ts';
import type { FaultPath2_6 } from '../src/kernel/fault-path.ts';
import { scenarios } from '../src/fuzz/scenarios.ts';
import { bases, patches } from '../src/kernel/index.ts';
import { v2_6_10 } from '../src/kernel/memory.ts';
import { DATA } from '../src/kernel/structs.ts';
import { CLEAR, WRITE, XCHG } from '../src/machine/step.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { parseScenario, readScenario, type Scenario } from '../src/scenario/read.ts';
import { buildWorld, checkedProgram } from '../src/scenario/world.ts';
import { programs, scenarioOf } from './support/file-programs.ts';

/** What is wrong with a kernel that differs in one function; the programs must find it. */
const MUTANTS: Readonly<Record<string, Partial<FaultPath2_6>>> = {
  'truncation leaves private copies alone': {
    unmap_mapping_range: (mapping, first, last) => v2_6_10.unmap_mapping_range(mapping, first, last, false),
  },
  'a hole takes private copies with it': {
    unmap_mapping_range: (mapping, first, last) => v2_6_10.unmap_mapping_range(mapping, first, last, true),
  },
  'truncation unmaps a page less': {
    unmap_mapping_range: (mapping, first, ...rest) => v2_6_10.unmap_mapping_range(mapping, first + 1, ...rest),
  },
  'the tail of the last page is not cleared': {
    do_truncate: (inode, size) => without(v2_6_10.do_truncate(inode, size), ({ kind }) => kind === CLEAR, 0),
  },
  'i_size stays': {
    do_truncate: (inode, size) =>
      without(v2_6_10.do_truncate(inode, size), ({ kind, object }) => kind === WRITE && object === inode.i_size, 0),
  },
  'a hole keeps its blocks': {
    punchHole: (inode, ...pages) =>
      without(v2_6_10.punchHole(inode, ...pages), ({ kind, object }) => kind === WRITE && object === inode.blocks, 0),
  },
  'dirty pages are dropped': {
    invalidate_inode_pages2: (inode) =>
      without(v2_6_10.invalidate_inode_pages2(inode), ({ kind, value }) => kind === XCHG && value === 1, 0),
  },
};

function brokenIn(scenario: Scenario): string[] {
  const world = buildWorld(scenario);
  const { threads, stuck } = runTimed(world.births, world);
  expect(stuck).to.deep.equal([]);
  return checkedProgram(world)
    .atEnd(threads)
    .map(({ rule, witness }) => `${rule}: ${witness}`);
}

/** Patches that need others under them. */
const NEEDS: Readonly<Record<string, string[]>> = { 'anon-prefault-cmpxchg': ['page-fault-scalability'] };
const KERNELS: [string, string[]][] = [
  ...bases.map(({ name }): [string, string[]] => [name, []]),
  ...patches.map(({ base, name }): [string, string[]] => [base, [...(NEEDS[name] ?? []), name]]),
];

describe('files', () => {
  for (const [base, patches] of KERNELS) {
    const name = [base, ...patches].join(' + ');
    it(`are what they are: ${name} (fuzz)`, () => {
      fc.assert(
        fc.property(programs, (program) => {
          expect(brokenIn(scenarioOf(program, base, patches))).to.deep.equal([]);
        }),
      );
    });

    it(`in any order that threads and the disk may act: ${name} (fuzz)`, () => {
      fc.assert(
        fc.property(programs, fc.nat(), (program, seed) => {
          const scenario = scenarioOf(program, base, patches);
          const result = explore(() => checkedProgram(buildWorld(scenario)), { strategy: random(seed, 3) });
          expect(result.failures).to.deep.equal([]);
        }),
        { numRuns: Math.ceil((fc.readConfigureGlobal().numRuns ?? 100) / 4) },
      );
    });
  }

  for (const [name, replaces] of Object.entries(MUTANTS)) {
    it(`are not if ${name}`, () => {
      const own = [{ name: 'mutant', path: '', sha256: '', files: [], replaces }];
      const property = fc.property(programs, (program) => {
        expect(brokenIn({ ...scenarioOf(program, 'v2.6.10', []), own })).to.deep.equal([]);
      });
      expect(fc.check(property, { seed: 1, numRuns: 500, endOnFailure: true, path: '' }).failed).to.equal(true);
    });
  }
});

describe('a file that grows', () => {
  const grown = (kernel: string, last: string): Scenario =>
    parseScenario(
      `about: 2^28 pages
kernel: { base: ${kernel} }
machine: { profile: x86-64-2p, cpus: 1 }
files: { data: { pages: 4, holes: [1] } }
vmas: { map: { pages: 4, file: data, shared: true } }
threads:
  T1: [{ truncate: data, to: 1 }, { truncate: data, to: 268435456 }, { read: map, page: 3, sees: 0 },
    { pwrite: data, page: 268435455, value: 7 }, { pread: data, page: 268435455, sees: 7 }, ${last}]
expect: { never: anything }
`,
      'grown.yaml',
      catalog(),
    );
  for (const { name } of bases) {
    it(`has all that was stored, and costs nothing else: ${name}`, () => {
      expect(brokenIn(grown(name, '{ writeback: data }'))).to.deep.equal([]);
    });
  }
  it('is looked at where it is new', () => {
    const world = buildWorld(grown('v3.17', '{ pread: data, page: 268435454, sees: 0 }'));
    const { threads } = runTimed(world.births, world);
    const { inodes, mem_map } = world.system;
    const rules = (): string[] =>
      checkedProgram(world)
        .atEnd(threads)
        .map(({ rule }) => rule);
    expect(rules()).to.deep.equal([]);
    const page = mem_map[inodes[0].i_mapping.page_tree.get(268435454)];
    page.set(DATA, 9);
    expect(rules()).to.include('foreign data');
  });
});

describe('random scenarios with files', () => {
  const OPS = ['read', 'write', 'pread', 'pwrite', 'truncate', 'msync', 'writeback', 'madvise_dontneed'] as const;
  const brokenBy = (arbitrary: ReturnType<typeof scenarios>, ignored: readonly string[] = []) =>
    fc.property(arbitrary, fc.nat(), (scenario, seed) => {
      const { failures } = explore(() => checkedProgram(buildWorld(scenario)), { strategy: random(seed, 20) });
      expect(failures.map(({ rule }) => rule).filter((rule) => !ignored.includes(rule))).to.deep.equal([]);
    });

  for (const { name: kernel } of bases) {
    // A page that is allocated anew is counted by a plain store, and kernels since 2.6.27 may look at any count.
    const ignored = kernel.startsWith('v2.6') ? [] : ['data race'];
    it(`break nothing in ${kernel} (fuzz)`, () => {
      fc.assert(brokenBy(scenarios({ kernel, files: 2, kinds: OPS }), ignored));
    });
  }

  it('with invalidation break 2.6.10, where faults do not lock the page', () => {
    const property = brokenBy(scenarios({ files: 1, vmas: 1, pages: 1, threads: 2, kinds: ['write', 'invalidate'] }));
    const { failed, counterexample } = fc.check(property, { seed: 1, numRuns: 500 });
    expect(failed).to.equal(true);
    expect(counterexample![0].threads.flatMap(({ ops }) => ops.map(({ kind }) => kind)).sort()).to.deep.equal([
      'invalidate',
      'read',
    ]);
  });
});

describe('truncation against faults, in the wrong order', () => {
  const beyond = 'mapped beyond end of file';
  const PREEMPTIONS: Readonly<Record<string, number>> = {
    'truncate-count-late': 1,
    'truncate-check-early': 1,
    'truncate-unmap-first': 1,
    'truncate-count-first': 2,
    'truncate-count-last': 2,
  };
  for (const [name, fewest] of Object.entries(PREEMPTIONS)) {
    it(`takes ${fewest} preemptions to be seen: ${name}`, () => {
      const scenario = readScenario(`scenarios/races/file-fault+${name}.yaml`, catalog());
      const program = () => checkedProgram(buildWorld(scenario));
      const failure = explore(program, { strategy: new DporStrategy() }).failures.find(({ rule }) => rule === beyond)!;
      const shrunk = shrink(program, beyond, failure.schedule);
      expect([shrunk.preemptions, shrunk.fewest]).to.deep.equal([fewest, true]);
    });
  }
});
