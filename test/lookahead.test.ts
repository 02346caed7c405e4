/** What the timed driver does ahead of time: whatever is foreseen, and whoever reads ahead, no result depends on it. */
import { expect } from 'chai';
import fc from 'fast-check';
import type * as Fingerprint from '../src/check/fingerprint.ts';
import type * as Timed from '../src/drivers/timed/run.ts';
import type { Lead } from '../src/machine/lead.ts';
import type * as Catalog from '../src/scenario/catalog.ts';
import type * as Read from '../src/scenario/read.ts';
import type * as Seqread from '../src/scenario/seqread-result.ts';
import type * as Worlds from '../src/scenario/world.ts';
import type * as Flat from '../src/workload/flat.ts';
import { built } from './support/built.ts';
import { long } from './support/long.ts';

const { describeWorld } = await built<typeof Fingerprint>('check/fingerprint');
const { runTimed } = await built<typeof Timed>('drivers/timed/run');
const { catalog } = await built<typeof Catalog>('scenario/catalog');
const { parseScenario } = await built<typeof Read>('scenario/read');
const { seqreadRows } = await built<typeof Seqread>('scenario/seqread-result');
const { buildSeqreadWorld } = await built<typeof Worlds>('scenario/world');
const { flat } = await built<typeof Flat>('workload/flat');

interface Reads {
  readonly base: string;
  readonly pages: number;
  readonly readers: string;
  /** Null: the kernel has no fault-around. */
  readonly order: number | null;
  /** KiB that the caches of a node hold. */
  readonly cache: number;
  /** Nodes of the machine, and CPUs on each: two on a core. */
  readonly nodes?: number;
  readonly perNode?: number;
}

function worldOf({ base, pages, readers, order, cache, nodes = 4, perNode = 30 }: Reads): Worlds.World {
  const text = [
    'about: small',
    `kernel: { base: ${base} }`,
    `machine: { profile: ivybridge-ex-4s, cpus: ${nodes * perNode} }`,
    `seqread: { gib: ${pages / 2 ** 18}, ${readers}${order === null ? '' : `, orders: ${order}`} }`,
    'expect: { never: anything }',
  ];
  const scenario = parseScenario(`${text.join('\n')}\n`, 'small.yaml', catalog());
  const [row] = seqreadRows(scenario.seqread!);
  const { profile } = buildSeqreadWorld(scenario, row);
  const small = { ...profile, cpusPerNode: perNode, geometry: { ...profile.geometry, cacheBytes: cache * 1024 } };
  return buildSeqreadWorld(scenario, row, small, flat);
}

function outcome(
  reads: Reads,
  lead: (known: Lead) => Lead | undefined,
  more: Partial<Timed.TimedOptions> = {},
): unknown {
  const world = worldOf(reads);
  try {
    const { threads, stuck, ...result } = runTimed(world.births, { ...world, lead: lead(world.lead!), ...more });
    return { ...result, threads: threads.length, stuck: stuck.length, world: describeWorld(world.system) };
  } catch (error) {
    return (error as Error).name;
  }
}

const kernels = fc.oneof(
  fc.record({ base: fc.constant('v3.17'), order: fc.integer({ min: 0, max: 6 }) }),
  fc.record({ base: fc.constantFrom('v3.14', 'v2.6.10'), order: fc.constant(null) }),
);
const sizes = fc.record({
  pages: fc.integer({ min: 60, max: 600 }),
  readers: fc.integer({ min: 2, max: 20 }).chain((n) => fc.constantFrom(`processes: ${n}`, `threads: ${n}`)),
  cache: fc.constantFrom(64, 256, 1024, 30 * 1024),
});

const reads: fc.Arbitrary<Reads> = fc.tuple(kernels, sizes).map(([kernel, size]) => ({ ...kernel, ...size }));

const few = fc.integer({ min: 0, max: 40 });
const ticks = fc.constantFrom(0, 1000, 10_000, 100_000, 10_000_000);
const leads: fc.Arbitrary<Lead> = fc.record({
  reading: fc.record({ ticks, pages: few, reads: fc.integer({ min: 0, max: 5 }) }),
  exit: fc.record({ ticks, pages: few }),
  batch: fc.constantFrom(0, 10, 2048),
  pages: fc.constantFrom(10, 600),
});

const without = (): undefined => undefined;

const crowds: fc.Arbitrary<Reads> = fc.record({
  base: fc.constant('v3.17'),
  order: fc.integer({ min: 0, max: 9 }),
  pages: fc.integer({ min: 60, max: 400 }),
  readers: fc.integer({ min: 2, max: 20 }).chain((n) => fc.constantFrom(`processes: ${n}`, `threads: ${n}`)),
  cache: fc.constantFrom(64, 200, 1024),
  nodes: fc.integer({ min: 1, max: 3 }),
  perNode: fc.constantFrom(2, 4, 6),
});

/** Nobody is ahead of time if somebody watches. */
const watcher = {
  resumes: () => undefined,
  touches: () => undefined,
  step: () => undefined,
  stops: () => undefined,
  granted: () => undefined,
};

describe('what is read ahead of time', () => {
  it('changes nothing', () => {
    const property = fc.property(crowds, (one) => {
      const expected = outcome(one, without, { watcher });
      expect(outcome(one, without)).to.deep.equal(expected);
      expect(outcome(one, (known) => known)).to.deep.equal(expected);
    });
    fc.assert(property, { numRuns: long ? 300 : 15 });
  });
});

describe('lookahead', () => {
  it('changes nothing, if it is right', () => {
    const property = fc.property(reads, (one) => {
      expect(outcome(one, (known) => known)).to.deep.equal(outcome(one, without));
    });
    fc.assert(property, { numRuns: long ? 200 : 10 });
  });

  it('changes nothing, or it is found out, if it is wrong', () => {
    const property = fc.property(reads, leads, (one, lead) => {
      const found = outcome(one, () => lead);
      if (found !== 'Overtaken') expect(found).to.deep.equal(outcome(one, without));
    });
    fc.assert(property, { numRuns: long ? 500 : 30 });
  });

  it('is found out if nobody is said to come', () => {
    const one = { base: 'v3.17', pages: 400, readers: 'processes: 20', order: 0, cache: 30 * 1024 };
    const nobody = { ticks: 1e9, pages: 0 };
    expect(outcome(one, (known) => ({ ...known, reading: { ...nobody, reads: 0 }, exit: nobody }))).to.equal(
      'Overtaken',
    );
  });
});
