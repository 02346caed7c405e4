/**
 * Kernel text with its coroutines written out (dist/workload/flat.js, by scripts/flatten.ts) does what the text does: the same steps at
 * the same ticks on every kernel, and the same classes under the explorer. What is compared comes out of one build.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Linter } from 'eslint';
import fc from 'fast-check';
import globals from 'globals';
import type * as Fingerprint from '../src/check/fingerprint.ts';
import type * as Explore from '../src/drivers/controlled/explore.ts';
import type * as Ask from '../src/machine/ask.ts';
import type * as Timed from '../src/drivers/timed/run.ts';
import type * as Flat from '../src/workload/flat.ts';
import type * as Scenarios from '../src/fuzz/scenarios.ts';
import type * as Fork from '../src/kernel/fork.ts';
import type { Inode } from '../src/kernel/fs.ts';
import type { Mm } from '../src/kernel/structs.ts';
import type { Coroutine } from '../src/machine/step.ts';
import type * as Threads from '../src/machine/thread.ts';
import type * as Kernels from '../src/kernel/index.ts';
import type * as Catalog from '../src/scenario/catalog.ts';
import type * as LatProc from '../src/scenario/lat-proc-result.ts';
import type * as Read from '../src/scenario/read.ts';
import type * as Seqread from '../src/scenario/seqread-result.ts';
import type * as Worlds from '../src/scenario/world.ts';
import { built } from './support/built.ts';
import { long, onlyInLongRuns } from './support/long.ts';

const { own } = await built<typeof Ask>('machine/ask');
const { flat } = await built<typeof Flat>('workload/flat');
const { catalog } = await built<typeof Catalog>('scenario/catalog');
const { describeWorld } = await built<typeof Fingerprint>('check/fingerprint');
const { explore } = await built<typeof Explore>('drivers/controlled/explore');
const { bases, bugs, patches } = await built<typeof Kernels>('kernel/index');
const { latProcRows } = await built<typeof LatProc>('scenario/lat-proc-result');
const { parseScenario } = await built<typeof Read>('scenario/read');
const { scenarios } = await built<typeof Scenarios>('fuzz/scenarios');
const { seqreadRows } = await built<typeof Seqread>('scenario/seqread-result');
const { runTimed } = await built<typeof Timed>('drivers/timed/run');
const { Birth } = await built<typeof Threads>('machine/thread');
const { mm_alloc } = await built<typeof Fork>('kernel/fork');
/** What a module keeps to itself, and has exported for the twins. */
const { reader } = await built<{ reader: (mm: Mm, file: Inode, pages: number) => Coroutine }>('workload/seqread');
const { asWritten, buildLatProcWorld, buildPftWorld, buildSeqreadWorld, buildWorld, checkedProgram, pftRows } =
  await built<typeof Worlds>('scenario/world');

type Options = Partial<Timed.TimedOptions>;

const NUM_RUNS = long ? 20 : 2;
const TEXTS = [asWritten, flat];

const WAYS: readonly Options[] = long ? [{}, { eager: true }, { recordOrder: true }] : [{}];

/** What a run comes to; a run that ends in a finding, that. */
function outcome(world: Worlds.World, options: Options = {}): unknown {
  try {
    const { threads, stuck, ...result } = runTimed(world.births, { ...world, ...options });
    return { ...result, threads: threads.length, stuck: stuck.length, world: describeWorld(world.system) };
  } catch (error) {
    return String(error);
  }
}

function same(make: (text: Worlds.Text) => Worlds.World, ways = WAYS): void {
  for (const way of ways) {
    const [written, flattened] = TEXTS.map((text) => outcome(make(text), way));
    expect(flattened).to.deep.equal(written);
  }
}

interface Kernel {
  readonly base: string;
  readonly patches: readonly string[];
  readonly bugs: readonly string[];
}

/** The patches that a change is made for. */
function needed({ base, on = [base] }: { base: string; on?: readonly string[] }): string[] {
  if (on.includes(base)) return [];
  const first = patches.find(({ name }) => name === on[0])!;
  return [...needed(first), first.name];
}

const kernels: readonly Kernel[] = [
  ...bases.map(({ name }) => ({ base: name, patches: [], bugs: [] })),
  ...patches.map((patch) => ({ base: patch.base, patches: [...needed(patch), patch.name], bugs: [] })),
  ...bugs.map((bug) => ({ base: bug.base, patches: needed(bug), bugs: [bug.name] })),
];

function small(kernel: Kernel, rest: string) {
  const text = [
    'about: small',
    `kernel: { base: ${kernel.base}, patches: [${kernel.patches.join()}], bugs: [${kernel.bugs.join()}] }`,
    rest,
    'expect: { never: anything }',
  ];
  return parseScenario(`${text.join('\n')}\n`, 'small.yaml', catalog());
}

describe('flat kernel text', () => {
  it('has a twin of each coroutine of each base', () => {
    const coroutine = Object.getPrototypeOf(function* () {}) as unknown;
    for (const { path } of bases) {
      const without = Object.entries(path).filter(([, f]) => Object.getPrototypeOf(f) === coroutine && flat(f) === f);
      expect(without).to.deep.equal([]);
    }
  });

  it('has no name that is not declared, or not yet, also where no program ever comes', function () {
    onlyInLongRuns(this);
    const text = readFileSync(new URL('../dist/workload/flat.js', import.meta.url), 'utf8');
    const languageOptions = { ecmaVersion: 2023, sourceType: 'module', globals: globals.es2021 } as const;
    const before = ['error', { functions: false, classes: false, variables: false }] as const;
    const rules = { 'no-undef': 'error', 'no-const-assign': 'error', 'no-import-assign': 'error' } as const;
    const found = new Linter().verify(text, [
      { languageOptions, rules: { ...rules, 'no-use-before-define': [...before] } },
    ]);
    expect(found.map(({ line, message }) => `${line}: ${message}`)).to.deep.equal([]);
  });

  it('reads by no pointer that may be null', () => {
    const text = readFileSync(new URL('../dist/workload/flat.js', import.meta.url), 'utf8');
    expect(text).to.contain('const entry = pte?.plain ?? 0;'); // page_check_address
  });

  it('has variables of its own for each step', () => {
    const text = readFileSync(new URL('../dist/workload/flat.js', import.meta.url), 'utf8');
    const set = [...text.matchAll(/(\$[wsl]\$\d+) = /g)].map(([, name]) => name);
    expect(set).to.have.length.greaterThan(1000);
    expect(new Set(set).size).to.equal(set.length);
  });

  for (const kernel of kernels) {
    it(`runs as the text does: ${[kernel.base, ...kernel.patches, ...kernel.bugs].join(' + ')}`, () => {
      const { base, ...changes } = kernel;
      const programs = scenarios({ kernel: base, ...changes, files: 2 });
      fc.assert(
        fc.property(programs, (scenario) => same((text) => buildWorld(scenario, undefined, text))),
        { numRuns: NUM_RUNS },
      );
      const scenario = small(kernel, 'pft: { gb: 0.004, repetitions: 2, threads: 5 }');
      same((text) => buildPftWorld(scenario, pftRows(scenario)[0], undefined, text));
    });
  }

  for (const { base, patches: names, bugs: none } of kernels.filter((kernel) => kernel.bugs.length === 0)) {
    const kernel = { base, patches: names, bugs: none };
    const title = [base, ...names].join(' + ');
    it(`runs as the text does: sequential reads on ${title}`, () => {
      for (const readers of ['processes: 9', 'threads: 5']) {
        const machine = 'machine: { profile: ivybridge-ex-4s }\n';
        const scenario = small(kernel, `${machine}seqread: { gib: ${100 / 2 ** 18}, ${readers} }`);
        const [row] = seqreadRows(scenario.seqread!);
        same((text) => buildSeqreadWorld(scenario, row, undefined, text));
      }
    });
  }

  /** Reads 100 pages of a file and one more, on a CPU, in an address space that is confined to CPU 0. */
  function oneReader(cpu: number): (text: Worlds.Text) => Worlds.World {
    const rest = `machine: { profile: ivybridge-ex-4s }\nseqread: { gib: ${100 / 2 ** 18}, processes: 2 }`;
    const scenario = small({ base: 'v3.17', patches: [], bugs: [] }, rest);
    const [row] = seqreadRows(scenario.seqread!);
    return (text) => {
      const world = buildSeqreadWorld(scenario, row, undefined, text);
      const mm = mm_alloc(world.system, 'reader');
      mm.confineTo(0);
      const body = (): Coroutine => text(reader)(mm, world.system.inodes[0], 101);
      return { ...world, births: [new Birth('reader', cpu, body)] };
    };
  }

  it('runs as the text does: a reader that goes beyond the end of its file', () => {
    expect(outcome(oneReader(0)(flat))).to.equal('KernelBug: reader is killed by SIGBUS at pte[reader.file+100]');
    same(oneReader(0));
  });

  it('leaves nothing that a thread may use to whoever runs next', () => {
    outcome(oneReader(0)(flat));
    expect(own).to.include({ cpu: -9, readers: -9 });
  });

  it('runs as the text does: a reader that uses what is confined to another CPU', () => {
    expect(outcome(oneReader(1)(flat))).to.match(/^Misuse: reader: .*, which is confined to CPU 0$/);
    same(oneReader(1));
  });

  it('runs as the text does: lat_proc', () => {
    const scenario = small(kernels[0], 'lat_proc: { kind: [fork, exec], iterations: 2 }');
    for (const run of latProcRows(scenario.latProc!)
      .flatMap(({ runs }) => runs)
      .slice(0, 6)) {
      same((text) => buildLatProcWorld(scenario, { ...run, iterations: 2 }, text), [{}]);
    }
  });

  it('has the same classes under the explorer', () => {
    fc.assert(
      fc.property(scenarios({ kernel: 'v3.17', files: 1, threads: 2, operations: 2 }), (scenario) => {
        const [written, flattened] = TEXTS.map((text) => {
          const program = () => checkedProgram(buildWorld(scenario, undefined, text));
          const { executions, failures } = explore(program, { maxExecutions: 200 });
          return { executions, failures: failures.map(({ rule }) => rule) };
        });
        expect(flattened).to.deep.equal(written);
      }),
      { numRuns: NUM_RUNS },
    );
  });
});

describe('modules of the build', () => {
  for (const path of ['machine/step', 'machine/work', 'machine/thread', 'sync/lock', 'kernel/pgtable', 'kernel']) {
    it(`export what the text does: ${path}`, async () => {
      const text = (await import(`../src/${path}.ts`)) as object;
      expect(await built<object>(path)).to.include.keys(Object.keys(text));
    });
  }

  it('have names of their own for what they import', () => {
    const url = new URL('../dist/sync/tlb.js', import.meta.url);
    expect(readFileSync(url, 'utf8')).to.match(
      /^import \{.*UNLOCK as UNLOCK\$ \} from .*; const .*UNLOCK = UNLOCK\$;$/m,
    );
  });
});
