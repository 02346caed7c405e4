/** Sequential reads of a cached file, and what is confined to a CPU. */
import { expect } from 'chai';
import fc from 'fast-check';
import { runTimed, type TimedResult } from '../src/drivers/timed/run.ts';
import { Cell, READ_ONCE, WRITE_ONCE } from '../src/machine/memory.ts';
import type { Profile } from '../src/machine/profile.ts';
import { type Coroutine, READERS } from '../src/machine/step.ts';
import { Birth, Misuse, running } from '../src/machine/thread.ts';
import { charge, work } from '../src/machine/work.ts';
import { findProfile } from '../src/profiles/index.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { parseScenario, type Scenario } from '../src/scenario/read.ts';
import { judgeSeqread, measuredSeconds, seqreadRows } from '../src/scenario/seqread-result.ts';
import { buildSeqreadWorld } from '../src/scenario/world.ts';
import { Spinlock, spin_lock, spin_unlock } from '../src/sync/spinlock.ts';
import { spreadOver } from '../src/workload/seqread.ts';

const MEASURED = '{ source: x, gib: 16, columns: [processes, minor-faults, seconds], rows: [[1, 4195437, 7.25]] }';

function scenario(kernel: string, processes: number, order: number, pages: number): Scenario {
  const text = [
    'about: generated',
    `kernel: { base: ${kernel} }`,
    'machine: { profile: ivybridge-ex-4s }',
    `seqread: { gib: ${pages / 2 ** 18}, processes: ${processes}, orders: ${order}, measured: ${MEASURED} }`,
    'expect: { faults: 262144 }',
  ];
  return parseScenario(text.join('\n'), 'generated.yaml', catalog());
}

function run(kernel: string, processes: number, order: number, pages: number, eager = false) {
  const one = scenario(kernel, processes, order, pages);
  const world = buildSeqreadWorld(one, seqreadRows(one.seqread!)[0]);
  const { wallNs, userNs, systemNs, steps, locks, stuck } = runTimed(world.births, { ...world, eager });
  const { counters, mem_map } = world.system;
  expect(stuck).to.deep.equal([]);
  expect(mem_map.every((page) => page._mapcount.value === 0)).to.equal(true);
  return { faults: counters.faultsTaken, wallNs, userNs, systemNs, steps, locks };
}

describe('seqread', () => {
  for (const order of [0, 1, 3, 4, 9]) {
    it(`one process, windows of 2^${order} pages: a fault for each`, () => {
      expect(run('v3.17', 1, order, 1100).faults).to.equal(Math.ceil(1100 / 2 ** order));
    });
  }

  for (const kernel of ['v2.6.10', 'v2.6.15', 'v3.14', 'v3.17']) {
    it(`${kernel}: eager and lazy runs agree to the bit`, () => {
      for (const processes of [1, 3, 9]) {
        expect(run(kernel, processes, 2, 300, true)).to.deep.equal(run(kernel, processes, 2, 300));
      }
    });
  }

  it('processes in step: a page that another one has locked costs a fault more', () => {
    expect(run('v3.17', 40, 4, 512).faults).to.be.at.least(40 * 32);
  });

  it('goes round the nodes', () => {
    const profile = findProfile('ivybridge-ex-4s');
    expect([0, 1, 2, 3, 4, 119, 120].map((n) => spreadOver(profile, 120, n))).to.deep.equal([0, 30, 60, 90, 1, 119, 0]);
  });

  it('published times are scaled by pages; faults are held to what is expected', () => {
    const one = scenario('v3.14', 1, 0, 2 ** 18);
    const [row] = seqreadRows(one.seqread!);
    expect(measuredSeconds(one.seqread!, row)).to.equal(7.25 / 16);
    const figures = { ...row, faults: 262143, seconds: 1, userS: 0, systemS: 0 };
    expect(judgeSeqread(one.expect, one.seqread!, [figures])).to.deep.equal([
      'expected 262144 faults of 1 processes, there were 262143',
    ]);
  });
});

const WORK = work('test_confined', 50);

describe('what is confined to a CPU', () => {
  const profile: Profile = findProfile('altix-3700-8p');

  it('is done before it is due, and the run is the same to the bit', () => {
    const act = fc.record({ shared: fc.boolean(), charge: fc.nat(9), locked: fc.boolean() });
    const actors = fc.array(fc.array(act, { maxLength: 12 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(actors, (list) => {
        const [lazy, eager] = [false, true].map((mode) => confined(list, mode));
        expect({ ...eager, threads: [] }).to.deep.equal({ ...lazy, threads: [] });
      }),
    );
  });

  function confined(list: { shared: boolean; charge: number; locked: boolean }[][], eager: boolean): TimedResult {
    const shared = new Cell('shared');
    const births = list.map((acts, cpu) => {
      const own = new Cell(`own${cpu}`);
      const lock = new Spinlock(`lock${cpu}`);
      for (const part of [own, lock]) {
        part.ownLine();
        part.confinedTo = cpu;
      }
      return new Birth(`T${cpu}`, cpu, function* (): Coroutine {
        for (const one of acts) {
          charge(WORK, one.charge);
          if (one.locked) yield* spin_lock(lock);
          yield* WRITE_ONCE(own, yield* READ_ONCE(own));
          if (one.locked) yield* spin_unlock(lock);
          if (one.shared) yield* WRITE_ONCE(shared, cpu);
        }
      });
    });
    return runTimed(births, { profile, cpus: 5, eager });
  }

  it('is refused to others, and to writers if it is for readers', () => {
    const cell = new Cell('cell');
    const use = (cpu: number, step: () => Coroutine): Birth => new Birth(`T${cpu}`, cpu, step);
    const reads = function* (): Coroutine {
      yield* READ_ONCE(cell);
    };
    const writes = function* (): Coroutine {
      yield* WRITE_ONCE(cell, running.cpu);
    };
    const plain = function* (): Coroutine {
      cell.plain = 1;
      yield* reads();
    };
    for (const eager of [false, true]) {
      const attempt = (confinedTo: number, births: Birth[]) => () => {
        cell.confinedTo = confinedTo;
        runTimed(births, { profile, cpus: 2, eager });
      };
      expect(attempt(0, [use(0, writes)])).not.to.throw();
      expect(attempt(0, [use(1, reads)])).to.throw(Misuse, 'T1: read cell, which is confined to CPU 0');
      expect(attempt(0, [use(1, plain)])).to.throw(Misuse, 'T1 uses cell');
      expect(attempt(READERS, [use(0, reads), use(1, reads)])).not.to.throw();
      expect(attempt(READERS, [use(1, writes)])).to.throw(Misuse, 'T1: cell = 1, which is confined to readers');
    }
  });
});
