/**
 * "All classes" of a scenario are all there are: whatever a sampler comes by is among them. A step that says less than what its
 * kernel text depends on (a table looked for without a lock, a TLB that was filled meanwhile) shows here, and hardly elsewhere.
 */
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { ClassCounter } from '../src/drivers/controlled/classes.ts';
import { DATA_RACE } from '../src/drivers/controlled/data-race.ts';
import { sourceDpor } from '../src/drivers/controlled/dpor.ts';
import { Execution } from '../src/drivers/controlled/execution.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import { random, urw } from '../src/drivers/controlled/random.ts';
import type { Strategy } from '../src/drivers/controlled/strategy.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { parseScenario, readScenario, type Scenario } from '../src/scenario/read.ts';
import { buildWorld, checkedProgram } from '../src/scenario/world.ts';
import { long, onlyInLongRuns } from './support/long.ts';

const MAX_STEPS = 10_000;
/** Searches that have more are left alone. */
const CLASSES = 1500;
const SAMPLES = 100;

interface Seen {
  /** Of executions that ran to their end; with a schedule for each. */
  readonly classes: Map<number, string>;
  readonly rules: Set<string>;
  /** More than it was to be. */
  readonly tooMany: boolean;
}

function seenBy(scenario: Scenario, strategy: Strategy, limit = Infinity): Seen {
  const counter = new ClassCounter();
  const classes = new Map<number, string>();
  const rules = new Set<string>();
  for (let runs = 0; strategy.begin(); runs++) {
    if (runs === limit) return { classes, rules, tooMany: true };
    const execution = new Execution(
      () => checkedProgram(buildWorld(scenario)),
      (n) => strategy.answer(n),
    );
    const over = execution.run(counter.watching(strategy), MAX_STEPS) === 'over';
    const key = counter.orderOf(execution).fingerprint(execution.choices);
    if (over && !execution.crashed) classes.set(key, execution.schedule.join(''));
    for (const { rule } of execution.found) rules.add(rule);
    strategy.end(execution);
  }
  return { classes, rules, tooMany: false };
}

/** What plain accesses race with has no order that could be told: then the search says that not all was seen. */
function hasRaces(scenario: Scenario): boolean {
  const { failures } = explore(() => checkedProgram(buildWorld(scenario)), { strategy: sourceDpor() });
  return failures.some(({ rule }) => rule === DATA_RACE);
}

/** Every sample is of a class that the search has; false: there are too many of those. */
function isWhole(scenario: Scenario): boolean {
  const all = seenBy(scenario, sourceDpor(), CLASSES);
  if (all.tooMany) return false;
  for (const sampler of [random(1, SAMPLES), urw(1, SAMPLES)]) {
    const sampled = seenBy(scenario, sampler);
    expect([...all.rules]).to.include.members([...sampled.rules]);
    const missing = [...sampled.classes].filter(([key]) => !all.classes.has(key)).map(([, schedule]) => schedule);
    if (missing.length > 0 && !hasRaces(scenario))
      expect.fail(`not among its ${all.classes.size} classes: ${missing[0]}`);
  }
  return true;
}

/** Operations on two pages of memory, and two of a file, mapped shared and privately. */
const op = fc
  .oneof(
    fc.record({
      kind: fc.constantFrom('write', 'read'),
      area: fc.constantFrom('heap', 'map', 'copy'),
      page: fc.nat(1),
    }),
    fc.record({ kind: fc.constantFrom('madvise_dontneed', 'munmap'), area: fc.constantFrom('heap', 'map', 'copy') }),
    fc.record({ kind: fc.constantFrom('pwrite', 'pread', 'punch'), area: fc.constant('data'), page: fc.nat(1) }),
    fc.record({ kind: fc.constant('page_referenced'), area: fc.constantFrom('heap', 'map', 'copy'), page: fc.nat(1) }),
    fc.record({ kind: fc.constantFrom('invalidate', 'writeback'), area: fc.constant('data') }),
    fc.constantFrom('msync: map', 'truncate: data, to: 0', 'truncate: data, to: 1', 'mmap: { pages: 1 }'),
    fc.constantFrom('remap: map, page: 0, to: 1', 'fork: { child: [{ write: heap, page: 0 }] }'),
  )
  .map((wish) => {
    if (typeof wish === 'string') return `{ ${wish} }`;
    return `{ ${wish.kind}: ${wish.area}${'page' in wish ? `, page: ${wish.page}` : ''} }`;
  });

const KERNELS: readonly (readonly [base: string, ...patches: string[]])[] = [
  ['v2.6.10'],
  ['v2.6.10', 'page-fault-scalability'],
  ['v2.6.10', 'anon-prefault-v2'],
  ['v2.6.10', 'pte-walk'],
  ['v2.6.10', 'pmd-bitmask'],
  ['v2.6.15'],
  ['v3.14'],
  ['v3.14', 'fault-around'],
  ['v3.14', 'map-pages-v3'],
  ['v3.17'],
  ['v3.17', 'dax-cow-fault'],
  ['v3.17', 'dax-cow-merged'],
];

const program = fc
  .record({
    kernel: fc.constantFrom(...KERNELS),
    profile: fc.constantFrom('altix-3700-8p', 'x86-64-2p', 'pentium3-2p', 'sparc64-2p'),
    cpus: fc.constantFrom(2, 1),
    dax: fc.boolean(),
    threads: fc.array(fc.array(op, { minLength: 1, maxLength: 2 }), { minLength: 2, maxLength: 2 }),
  })
  .map(
    ({ kernel: [base, ...patches], profile, cpus, dax, threads: [first, second] }) => `about: generated
kernel: { base: ${base}, patches: [${patches.join()}] }
machine: { profile: ${profile}, cpus: ${cpus} }
files: { data: { pages: 2${dax ? ', dax: true' : ''} } }
vmas: { heap: { pages: 2 }, map: { pages: 2, file: data, shared: true }, copy: { pages: 2, file: data } }
threads:
  T1: [${first.join(', ')}]
  T2: [${second.join(', ')}]
expect: { never: anything }
`,
  )
  .filter((text) => text.split('child').length < 3);

describe('samples of a scenario', () => {
  it('are of classes that the search has, whatever the programs: fuzz', () => {
    fc.assert(
      fc.property(program, (text) => {
        isWhole(parseScenario(text, 'generated.yaml', catalog()));
      }),
      { numRuns: long ? 100 : 20 },
    );
  });

  it('are of classes that the search has, of every race scenario', function () {
    onlyInLongRuns(this);
    this.timeout(600_000);
    const paths = readdirSync('scenarios/races').filter((file) => file.endsWith('.yaml'));
    const compared = paths.filter((name) => {
      try {
        return isWhole(readScenario(`scenarios/races/${name}`, catalog()));
      } catch (error) {
        throw new Error(`${name}: ${String(error)}`, { cause: error });
      }
    });
    expect(compared.length).to.be.greaterThan(150);
  });
});
