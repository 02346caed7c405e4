/**
 * What a program reads does not depend on the kernel: random programs on one CPU, held to memory as everybody thinks of
 * it, under every base and patch, and with every driver.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { scenarioText } from '../src/fuzz/scenario-text.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import { random } from '../src/drivers/controlled/random.ts';
import { runTimed } from '../src/drivers/timed/run.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { type Op, parseScenario, type Scenario } from '../src/scenario/read.ts';
import { buildWorld, checkedProgram } from '../src/scenario/world.ts';
import { type Kernel, kernels, kernelTitle } from './support/kernels.ts';

const PAGES = 5;
const AREAS = ['heap', 'data'];

/** One wish of a program; what cannot be had (a page that is no longer mapped) is left out. */
type Wish =
  | { readonly kind: 'write' | 'read' | 'munmap' | 'madvise_dontneed'; readonly area: number; readonly page: number }
  | { readonly kind: 'mmap' }
  | { readonly kind: 'fork'; readonly child: readonly Wish[] };

const page = { area: fc.nat(AREAS.length - 1), page: fc.nat(PAGES - 1) };
const access = fc.record({ kind: fc.constantFrom('write', 'read'), ...page });
const simple = fc.oneof(
  { weight: 12, arbitrary: access },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('madvise_dontneed' as const), ...page }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('munmap' as const), ...page }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('mmap' as const) }) },
);
const wishes: fc.Arbitrary<readonly Wish[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: simple },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('fork' as const), child: fc.array(simple, { minLength: 1 }) }),
    },
  ),
  { minLength: 1, maxLength: 25 },
);

/** Memory as everybody thinks of it: by page, by thread, the value; null: not mapped. */
type Flat = Map<string, Map<string, number> | null>;

/** A program and what each of its loads must show. */
class Writer {
  private children = 0;
  private value = 0;
  private readonly threads = ['T1'];

  ops(wishes: readonly Wish[], me: string, flat: Flat): Op[] {
    return wishes.flatMap((wish) => this.op(wish, me, flat));
  }

  private op(wish: Wish, me: string, flat: Flat): Op[] {
    if (wish.kind === 'mmap') return [{ kind: 'mmap', pages: 2 }];
    if (wish.kind === 'fork') return this.fork(wish.child, flat);
    const vma = AREAS[wish.area];
    const where = { vma, first: wish.page, last: wish.page };
    const key = `${vma} ${wish.page}`;
    const words = flat.get(key) ?? (flat.has(key) ? null : new Map<string, number>());
    if (wish.kind === 'munmap') {
      flat.set(key, null);
      return [{ kind: wish.kind, ...where }];
    }
    if (words === null) return []; // it would be killed
    flat.set(key, words);
    if (wish.kind === 'madvise_dontneed') {
      words.clear();
      return [{ kind: wish.kind, ...where }];
    }
    if (wish.kind === 'write') {
      words.set(me, ++this.value);
      return [{ kind: 'write', ...where, value: this.value }];
    }
    return this.threads.map((of): Op => ({ kind: 'read', ...where, of, sees: [words.get(of) ?? 0] }));
  }

  /** The parent waits: one after the other. What the child has is its own. */
  private fork(child: readonly Wish[], flat: Flat): Op[] {
    const name = `c${++this.children}`;
    this.threads.push(name);
    const copy: Flat = new Map([...flat].map(([key, words]) => [key, words === null ? null : new Map(words)]));
    const ops = this.ops(child, name, copy);
    const last: Op[] = [{ kind: 'exit' }];
    return [
      { kind: 'fork', threads: [{ name, ops: [...ops, ...last] }] },
      { kind: 'wait', name },
    ];
  }
}

function programOf(wishes: readonly Wish[], { base, patches }: Kernel): Scenario {
  const ops = new Writer().ops(wishes, 'T1', new Map());
  const draft = {
    about: 'a random program',
    kernel: { base, patches: [...patches], bugs: [] },
    machine: { profile: 'altix-3700-8p', cpus: 1 },
    vmas: AREAS.map((name) => ({ name, pages: PAGES, readonly: false })),
    threads: [{ name: 'T1', cpu: 0, ops: [...ops, { kind: 'mmap' as const, pages: 1 }] }],
    expect: {
      never: 'anything' as const,
      sometimes: [],
      always: [],
      reachable: [],
      faults: null,
      errorPercent: null,
    },
  };
  return parseScenario(scenarioText(draft), 'random.yaml', catalog());
}

function brokenIn(scenario: Scenario): string[] {
  const world = buildWorld(scenario);
  const { threads, stuck } = runTimed(world.births, world);
  expect(stuck).to.deep.equal([]);
  return checkedProgram(world)
    .atEnd(threads)
    .map(({ rule, witness }) => `${rule}: ${witness}`);
}

/** Patches that lose what is there, and why; each is held to doing so. */
const EXEMPT: Readonly<Record<string, string>> = {
  'anon-prefault-v1': 'reads ahead over what is there (B1)',
};

describe('memory', () => {
  for (const kernel of kernels) {
    if (kernel.patches.some((name) => name in EXEMPT)) continue;

    it(`is what it is: ${kernelTitle(kernel)} (fuzz)`, () => {
      fc.assert(
        fc.property(wishes, (program) => {
          expect(brokenIn(programOf(program, kernel))).to.deep.equal([]);
        }),
      );
    });

    it(`in any order that a parent and its child may act: ${kernelTitle(kernel)} (fuzz)`, () => {
      fc.assert(
        fc.property(wishes, fc.nat(), (program, seed) => {
          const scenario = programOf(program, kernel);
          const result = explore(() => checkedProgram(buildWorld(scenario)), { strategy: random(seed, 3) });
          expect(result.failures).to.deep.equal([]);
        }),
        { numRuns: Math.ceil((fc.readConfigureGlobal().numRuns ?? 100) / 4) },
      );
    });
  }

  for (const [name, why] of Object.entries(EXEMPT)) {
    it(`is not with ${name}, which ${why}`, () => {
      const kernel = kernels.find(({ patches }) => patches.includes(name))!;
      const property = fc.property(wishes, (program) => {
        expect(brokenIn(programOf(program, kernel))).to.deep.equal([]);
      });
      expect(fc.check(property, { seed: 1, numRuns: 1000, path: '' }).failed).to.equal(true);
    });
  }
});
