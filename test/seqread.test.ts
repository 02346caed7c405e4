/** Sequential reads of a cached file, and what is confined to a CPU. */
import { expect } from 'chai';
import fc from 'fast-check';
import { clock, done } from '../src/drivers/timed/cells.ts';
import { Hardware } from '../src/drivers/timed/hardware.ts';
import { runTimed, type TimedResult } from '../src/drivers/timed/run.ts';
import { Cell, Line, READ_ONCE, WRITE_ONCE } from '../src/machine/memory.ts';
import type { Profile } from '../src/machine/profile.ts';
import { type Coroutine, READERS } from '../src/machine/step.ts';
import { Birth, Misuse, running } from '../src/machine/thread.ts';
import { charge, work } from '../src/machine/work.ts';
import { simulateReads } from '../src/predict/seqread.ts';
import { mm_alloc } from '../src/kernel/fork.ts';
import { findProfile } from '../src/profiles/index.ts';
import { seqreadTable } from '../src/report/seqread-table.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { parseScenario, readScenario, type Scenario } from '../src/scenario/read.ts';
import { exitShare, judgeSeqread, measuredRow, readersOf, seqreadRows } from '../src/scenario/seqread-result.ts';
import { buildSeqreadWorld } from '../src/scenario/world.ts';
import { Spinlock, spin_lock, spin_unlock } from '../src/sync/spinlock.ts';
import { spreadOver } from '../src/workload/seqread.ts';
import { read_walk } from '../src/workload/user.ts';
import { onlyInLongRuns } from './support/long.ts';

const MEASURED = '{ source: x, columns: [threads, minor-faults, seconds], rows: [[1, 4195437, 7.25]] }';

type Readers = { threads: number } | { processes: number };

function scenario(kernel: string, readers: Readers, order: number | null, pages: number): Scenario {
  const [[kind, n]] = Object.entries(readers);
  const text = [
    'about: generated',
    `kernel: { base: ${kernel} }`,
    'machine: { profile: ivybridge-ex-4s }',
    `seqread: { gib: ${pages / 2 ** 18}, ${kind}: ${n}, ${order === null ? '' : `orders: ${order}, `}measured: ${MEASURED} }`,
    'expect: { faults: 262144 }',
  ];
  return parseScenario(text.join('\n'), 'generated.yaml', catalog());
}

function run(kernel: string, readers: Readers, order: number | null, pages: number, eager = false) {
  const one = scenario(kernel, readers, order, pages);
  const world = buildSeqreadWorld(one, seqreadRows(one.seqread!)[0]);
  const { wallNs, userNs, systemNs, exitNs, steps, locks, stuck } = runTimed(world.births, { ...world, eager });
  const { counters, mem_map, mms } = world.system;
  expect(stuck).to.deep.equal([]);
  expect(mms.every((mm) => mm.file_rss.value === 0)).to.equal(true);
  expect(mem_map.every((page) => page._mapcount.value === 0)).to.equal(true);
  return { faults: counters.faultsTaken, wallNs, userNs, systemNs, exitNs, steps, locks };
}

describe('seqread', () => {
  it("a reader's walk is written over, unless somebody may keep it", () => {
    const one = scenario('v3.17', { processes: 1 }, 0, 1);
    const { system, ...world } = buildSeqreadWorld(one, seqreadRows(one.seqread!)[0]);
    const mm = mm_alloc(system, 'reader');
    const { pageBytes } = system.geometry;
    const walked = (eager: boolean, stepwise: boolean): [boolean, number, number] => {
      const walk = read_walk(mm, 8 * pageBytes);
      let same = false;
      const program = new Birth('reader', 0, function* (): Coroutine {
        running.stepwise = stepwise;
        const next = walk.to(9 * pageBytes);
        expect([next.address, next.index, next.object]).to.deep.equal([9 * pageBytes, 9, mm.pgd]);
        same = next === walk;
        yield* WRITE_ONCE(new Cell('end'), 1);
      });
      runTimed([program], { ...world, eager });
      return [same, walk.address, walk.index];
    };
    expect(walked(false, false)).to.deep.equal([true, 9 * pageBytes, 9]);
    expect(walked(true, false)).to.deep.equal([false, 8 * pageBytes, 8]);
    expect(walked(false, true)).to.deep.equal([false, 8 * pageBytes, 8]);
  });

  for (const order of [0, 1, 3, 4, 9]) {
    it(`one process, windows of 2^${order} pages: a fault for each`, () => {
      expect(run('v3.17', { processes: 1 }, order, 1100).faults).to.equal(Math.ceil(1100 / 2 ** order));
    });
  }

  for (const kernel of ['v2.6.10', 'v2.6.15', 'v3.14', 'v3.17']) {
    it(`${kernel}: eager and lazy runs agree to the bit`, () => {
      for (const readers of [{ processes: 1 }, { processes: 9 }, { threads: 3 }, { threads: 70 }]) {
        const pages = 'threads' in readers ? 90 : 300;
        const order = kernel === 'v3.17' ? 2 : null;
        expect(run(kernel, readers, order, pages, true)).to.deep.equal(run(kernel, readers, order, pages));
      }
    });
  }

  it('processes in step: a page that another one has locked costs a fault more', () => {
    expect(run('v3.17', { processes: 40 }, 4, 512).faults).to.be.at.least(40 * 32);
  });

  it('goes round the nodes', () => {
    const profile = findProfile('ivybridge-ex-4s');
    expect([0, 1, 2, 3, 4, 119, 120].map((n) => spreadOver(profile, 120, n))).to.deep.equal([0, 30, 60, 90, 1, 119, 0]);
  });

  it('faults are held to what is expected, and published times found', () => {
    const one = scenario('v3.14', { threads: 1 }, null, 2 ** 18);
    const [row] = seqreadRows(one.seqread!);
    expect(measuredRow(one.seqread!, row)).to.deep.equal({ readers: 1, faults: 4195437, seconds: 7.25 });
    expect(measuredRow(one.seqread!, { ...row, order: 4 })).to.equal(null);
    const figures = { ...row, faults: 262143, seconds: 1, userS: 0, systemS: 0, exitS: 0 };
    expect(judgeSeqread(one.expect, one.seqread!, [figures])).to.deep.equal([
      'expected 262144 faults of 1 thread, there were 262143',
    ]);
  });

  it('what all threads have mapped is torn down by one CPU: it takes as many times as long', () => {
    const [one, threads] = [1, 16].map((n) => run('v3.14', { threads: n }, null, 200));
    expect(threads.exitNs / one.exitNs).to.be.closeTo(16, 3); // and they were elsewhere
    expect(threads.exitNs / threads.wallNs).to.be.greaterThan(0.05);
  });
});

describe('the table of seqread', () => {
  it('keeps columns apart, however small the figures', () => {
    const small = { readers: 1, order: 0, faults: 787, seconds: 0.001447, exit: 0.00002257, measured: null };
    const [heading, line] = seqreadTable('processes', [small]);
    expect(line.trim().split(/ +/)).to.deep.equal(['1', '0', '787', '0.001447', '0.00002257', '1.6']);
    expect(heading.indexOf('exit s') + 'exit s'.length).to.equal(line.indexOf('2257') + 4);
    expect(heading.length).to.be.at.most(80);
  });
});

describe('the machine of the fault-around mail', () => {
  const profile = findProfile('ivybridge-ex-4s');
  const base = readScenario('scenarios/history/002-seqread-base.yaml', catalog());
  const spec = base.seqread!;
  const rowOf = (n: number) => seqreadRows(spec).find((row) => readersOf(row) === n)!;

  it('two programs that compute on one core share its pace', () => {
    const times = [0, 15].map((other) => {
      const hardware = new Hardware(profile, 120);
      const pages = Array.from({ length: 400 }, () => new Cell('page'));
      for (let i = 0; i < 400; i++) {
        const cpu = other !== 0 && clock[other] < clock[0] ? other : 0;
        hardware.load(pages[i], cpu, 4096, 0);
        clock[cpu] = done[0];
      }
      return Math.max(clock[0], clock[other]);
    });
    // Twice as much is done at a time, at that pace.
    expect(times[0] / times[1]).to.be.closeTo(2 * profile.cores!.pace.value, 0.02);
  });

  it('a line that many wait for costs the mean way, and both threads of a core get it at once, as a rule', () => {
    const hardware = new Hardware({ ...profile, cores: { ...profile.cores!, second: { ...profile.cores!.second, value: 1 } } }, 120); // prettier-ignore
    const [same, other] = profile.lineTransfer.map(({ value }) => value * 10);
    const hit = profile.lineHit.value * 10;
    const line = new Line('sem');
    const ask = (cpu: number): number => {
      hardware.access(line, cpu, true);
      return done[0];
    };
    const first = ask(0);
    const second = ask(30); // from the only one that is before it
    expect(second - first).to.equal(other + hit);
    const third = ask(1); // one waits on the same node: the first has it already, the second is on another one
    expect(third - second).to.be.oneOf([other + hit, Math.round((same + other) / 2) + hit]);
    expect(ask(16)).to.equal(third + hit); // the other thread of the core of CPU 1
    expect(ask(60) - third).to.equal(other + hit);
  });

  it('the base table does not depend on the scale', function () {
    onlyInLongRuns(this);
    this.timeout(120_000);
    for (const n of [1, 8, 32]) {
      const [fine, coarse] = [1024, 4096].map((scale) => simulateReads(base, rowOf(n), profile, { scale }));
      expect(coarse.seconds / fine.seconds, `${n} threads`).to.be.closeTo(1, 0.04);
      expect(coarse.faults).to.equal(fine.faults);
      expect(exitShare(coarse)).to.be.closeTo(exitShare(fine), 0.02);
    }
  });

  it('it is busy for as much of the time as perf has counted cycles at 3.1 GHz', function () {
    this.timeout(120_000);
    // 2.79 GHz for each of 60 threads in the mail: all run while they read, and one while it tears down.
    const { userS, systemS, seconds } = simulateReads(base, rowOf(60), profile, { scale: 4096 });
    expect((userS + systemS) / seconds / 60).to.be.closeTo(2.79 / 3.1, 0.03);
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
