/** The timed driver: known answers, determinism, eager equals lazy, and one world with the controlled driver. */
import { expect } from 'chai';
import fc from 'fast-check';
import { describeWorld } from '../src/check/fingerprint.ts';
import { replay } from '../src/drivers/controlled/replay.ts';
import { clock, resetCells } from '../src/drivers/timed/cells.ts';
import { CpuQueue } from '../src/drivers/timed/queue.ts';
import { runTimed, type TimedOptions, type TimedResult } from '../src/drivers/timed/run.ts';
import { atomic_inc, READ_ONCE, WRITE_ONCE, Cell, poll_for, wait_for } from '../src/machine/memory.ts';
import type { Profile } from '../src/machine/profile.ts';
import { type Coroutine, DELAY, Step } from '../src/machine/step.ts';
import { Birth, running, spawn } from '../src/machine/thread.ts';
import { charge, work } from '../src/machine/work.ts';
import { altix_3700_8p } from '../src/profiles/altix-3700-8p.ts';
import { down_read, down_write, RwSemaphore, up_read, up_write } from '../src/sync/rwsem.ts';
import { Mutex, mutex_lock, mutex_unlock } from '../src/sync/mutex.ts';
import { Spinlock, spin_lock, spin_unlock } from '../src/sync/spinlock.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { parseScenario, readScenario, type Scenario } from '../src/scenario/read.ts';
import { buildPftWorld, buildWorld, checkedProgram, pftRows, type World } from '../src/scenario/world.ts';

const PRIVATE = work('test_private', 1000);
const CRITICAL = work('test_critical', 100);
const ns = (value: number) => ({ value, unit: 'ns', status: 'assumed', source: 'test' }) as const;

/** A machine on which only named work takes time. */
const free: Profile = {
  ...altix_3700_8p,
  cpus: 64,
  lineHit: ns(0),
  lineTransfer: [ns(0), ns(0), ns(0)],
  lineMemory: ns(0),
  contention: { value: 0, unit: 'ns/waiter', status: 'assumed', source: 'test' },
  wakeup: ns(0),
  start: [ns(0), ns(0)],
};

function storm(cpus: number, rounds: number, lock: () => [() => Coroutine, () => Coroutine]): TimedResult {
  const [take, drop] = lock();
  const births = Array.from(
    { length: cpus },
    (_, cpu) =>
      new Birth(`T${cpu}`, cpu, function* (): Coroutine {
        for (let i = 0; i < rounds; i++) {
          yield* take();
          charge(CRITICAL);
          yield* drop();
        }
        charge(PRIVATE);
      }),
  );
  return runTimed(births, { profile: free, cpus });
}

function spinning(): [() => Coroutine, () => Coroutine] {
  const lock = new Spinlock('storm');
  return [
    function* () {
      yield spin_lock(lock);
    },
    function* () {
      yield spin_unlock(lock);
    },
  ];
}

function sleeping(): [() => Coroutine, () => Coroutine] {
  const lock = new Mutex('storm');
  return [
    function* () {
      yield mutex_lock(lock);
    },
    function* () {
      yield mutex_unlock(lock);
    },
  ];
}

describe('timed driver: known answers', () => {
  for (const [cpus, rounds] of [
    [1, 5],
    [2, 10],
    [16, 7],
    [64, 3],
  ] as const) {
    it(`lock storm of ${cpus} CPUs: makespan is private + critical x CPUs x rounds`, () => {
      for (const lock of [spinning, sleeping]) {
        const { wallNs, userNs } = storm(cpus, rounds, lock);
        expect(wallNs).to.equal(1000 + 100 * cpus * rounds);
        if (lock === sleeping) expect(userNs).to.equal(cpus * (1000 + 100 * rounds));
      }
    });
  }

  it('spinning is CPU time, sleeping is not', () => {
    const spin = storm(4, 1, spinning);
    expect(spin.userNs).to.equal(4 * 1000 + (100 + 200 + 300 + 400));
  });

  it('readers share, a writer that waits stops later readers', () => {
    const sem = new RwSemaphore('sem');
    const order: string[] = [];
    const reader = (name: string, start: number): Birth =>
      new Birth(name, start, function* (): Coroutine {
        charge(CRITICAL, start);
        yield down_read(sem);
        order.push(name);
        charge(CRITICAL, 10);
        yield up_read(sem);
      });
    const writer = new Birth('W', 1, function* (): Coroutine {
      charge(CRITICAL, 1);
      yield down_write(sem);
      order.push('W');
      charge(CRITICAL, 10);
      yield up_write(sem);
    });
    const { wallNs, locks } = runTimed([reader('R0', 0), writer, reader('R2', 2), reader('R3', 3)], {
      profile: free,
      cpus: 4,
    });
    expect(order).to.deep.equal(['R0', 'W', 'R2', 'R3']);
    expect(wallNs).to.equal(3000);
    const [{ contended, maxWaiters, maxWaitNs }] = locks;
    expect([contended, maxWaiters, maxWaitNs]).to.deep.equal([3, 3, 1800]);
  });

  it('threads on one CPU take turns when they block; those that wait for ever are reported', () => {
    const flag = new Cell('flag');
    const births = [
      new Birth('waiter', 0, function* (): Coroutine {
        yield wait_for(flag, 1);
        yield READ_ONCE(flag);
      }),
      new Birth('setter', 0, function* (): Coroutine {
        yield WRITE_ONCE(flag, 1);
      }),
    ];
    expect(runTimed(births, { profile: free, cpus: 1 }).stuck).to.deep.equal([]);
    const never = new Cell('never');
    const stuck = [
      new Birth('sleeper', 0, function* (): Coroutine {
        yield wait_for(never, 1);
      }),
      new Birth('spinner', 1, function* (): Coroutine {
        yield poll_for(never, 2);
      }),
    ];
    const names = runTimed(stuck, { profile: free, cpus: 2 }).stuck.map((thread) => thread.name);
    expect(names).to.deep.equal(['sleeper', 'spinner']);
  });

  it('a thread that is started tells those who join it', () => {
    const child = new Birth('child', 1, function* (): Coroutine {
      charge(PRIVATE);
      yield READ_ONCE(child.exited);
    });
    const parent = new Birth('parent', 0, function* (): Coroutine {
      yield spawn(child);
      yield wait_for(child.exited, 1);
    });
    const { wallNs, stuck } = runTimed([parent], { profile: free, cpus: 2 });
    expect([wallNs, stuck.length]).to.deep.equal([1000, 0]);
  });
});

/** A device that is asked to wait, by name and in ns. */
class Device extends Birth {
  readonly device = true;
}

function delay(value: number, on = new Cell('timer')): Step {
  return new Step(DELAY, on, 0, value);
}

describe('timed driver: time that passes', () => {
  const bothWays = (births: () => Birth[], cpus: number, profile = free): TimedResult => {
    const [lazy, eager] = [false, true].map((mode) =>
      runTimed(births(), { profile, cpus, eager: mode, recordOrder: true }),
    );
    expect({ ...eager, threads: [] }).to.deep.equal({ ...lazy, threads: [] });
    return lazy;
  };

  it('who sleeps gives up its CPU, uses none of it, and goes on when it is time', () => {
    const { wallNs, userNs } = bothWays(
      () => [
        new Birth('sleeper', 0, function* (): Coroutine {
          yield* delay(5000);
          charge(CRITICAL);
        }),
        new Birth('other', 0, function* (): Coroutine {
          charge(PRIVATE);
          yield* READ_ONCE(new Cell('word'));
        }),
      ],
      1,
    );
    expect([wallNs, userNs]).to.deep.equal([5100, 1100]);
  });

  it('on a busy CPU the sleeper waits until that is free', () => {
    const { wallNs } = bothWays(
      () => [
        new Birth('sleeper', 0, function* (): Coroutine {
          yield* delay(500);
          charge(CRITICAL);
        }),
        new Birth('busy', 0, function* (): Coroutine {
          charge(PRIVATE);
          yield* READ_ONCE(new Cell('word'));
          charge(PRIVATE);
        }),
      ],
      1,
    );
    expect(wallNs).to.equal(2100);
  });

  it('sleepers go on in the order of their times; of equal times, of their numbers', () => {
    for (const eager of [false, true]) {
      const order: string[] = [];
      const births = [30, 10, 20, 10].map(
        (time, i) =>
          new Birth(`${time}-${i}`, 0, function* (): Coroutine {
            yield* delay(time);
            order.push(running.name);
          }),
      );
      runTimed(births, { profile: free, cpus: 1, eager });
      expect(order).to.deep.equal(['10-1', '10-3', '20-2', '30-0']);
    }
  });

  it('a device takes no CPU, waits for none, and is as long as its delays', () => {
    const { wallNs, userNs } = bothWays(() => {
      const done = new Cell('done');
      const device = new Device('device', 0, function* (): Coroutine {
        charge(PRIVATE);
        yield* delay(300);
        yield* WRITE_ONCE(done, 1);
      });
      return [
        new Birth('asks', 0, function* (): Coroutine {
          yield* spawn(device);
          charge(PRIVATE);
          yield* wait_for(done, 1);
        }),
        new Birth('waits', 1, function* (): Coroutine {
          yield* wait_for(done, 1);
          charge(CRITICAL);
          yield* wait_for(device.exited, 1);
        }),
      ];
    }, 2);
    expect([wallNs, userNs]).to.deep.equal([1000, 1100]);
  });

  it('two who read from one disk: the second request waits for the first', () => {
    const { wallNs, locks, stuck } = bothWays(() => {
      const queue = new Mutex('disk', 'queue');
      const io = (name: string): Device =>
        new Device(name, 0, function* (): Coroutine {
          yield* mutex_lock(queue);
          yield* delay(4000, new Cell('seek'));
          yield* mutex_unlock(queue);
        });
      return [0, 1].map(
        (cpu) =>
          new Birth(`reader${cpu}`, cpu, function* (): Coroutine {
            const request = io(`io${cpu}`);
            yield* spawn(request);
            yield* wait_for(request.exited, 1);
          }),
      );
    }, 2);
    expect([wallNs, stuck.length]).to.deep.equal([8000, 0]);
    expect(
      locks.map(({ acquisitions, contended, waitNs, holdNs }) => [acquisitions, contended, waitNs, holdNs]),
    ).to.eql([[2, 1, 4000, 8000]]);
  });

  it('random delays: eager and lazy runs agree, devices among them, on a real machine', () => {
    const act = fc.record({ kind: fc.nat(3), time: fc.nat(3000), word: fc.nat(2) });
    const actors = fc.array(fc.record({ device: fc.boolean(), acts: fc.array(act, { maxLength: 6 }) }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(actors, (list) => {
        bothWays(
          () => {
            const words = [0, 1, 2].map((i) => new Cell(`word${i}`));
            const guarded = [0, 1, 2].map((i) => new Cell(`guarded${i}`));
            const locks = [0, 1, 2].map((i) => (i === 0 ? new Spinlock(`lock${i}`) : new Mutex(`lock${i}`)));
            return list.map(({ device, acts }, i) => {
              const body = function* (): Coroutine {
                for (const { kind, time, word } of acts)
                  yield* once(kind, time, words[word], guarded[word], locks[word]);
              };
              return device ? new Device(`D${i}`, i % 3, body) : new Birth(`T${i}`, i % 3, body);
            });
          },
          3,
          altix_3700_8p,
        );
      }),
    );
  });

  function* once(kind: number, time: number, word: Cell, guarded: Cell, lock: Spinlock | Mutex): Coroutine {
    charge(CRITICAL, time % 7);
    if (kind === 0) yield* delay(time, word);
    if (kind === 1) yield* atomic_inc(word);
    if (kind < 2) return;
    yield* lock.lockStep;
    if (kind === 2 && lock instanceof Mutex) yield* delay(time, word);
    guarded.plain++;
    yield* lock.unlockStep;
  }
});

describe('timed driver: one run after another', () => {
  it('begins at tick 0: idle CPUs look for threads when they would have looked in the first run', () => {
    function* busy(): Coroutine {
      charge(CRITICAL, 2e6);
      yield* atomic_inc(new Cell('end'));
    }
    const births = (): Birth[] => Array.from({ length: 4 }, (_, i) => new Birth(`T${i}`, 0, busy, true));
    const wall = (): number => runTimed(births(), { profile: altix_3700_8p, cpus: 4 }).wallNs;
    const first = wall();
    expect(wall()).to.equal(first);
    expect(wall()).to.equal(first);
  });
});

describe('timed driver: order of CPUs', () => {
  it('takes the least (time, rank), whatever the order of insertion', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(50), { minLength: 1, maxLength: 40 }),
        fc.array(fc.nat(20), { maxLength: 100 }),
        (times, moves) => {
          resetCells();
          clock.set(times);
          const queue = new CpuQueue(times.length);
          const now = new Map<number, number>();
          times.forEach((time, rank) => {
            queue.push(rank);
            now.set(rank, time);
          });
          for (const move of moves) {
            const due = [...now].sort((a, b) => a[1] - b[1] || a[0] - b[0])[0];
            expect(queue.first()).to.equal(due[0]);
            now.set(due[0], due[1] + move);
            const still = [...now].sort((a, b) => a[1] - b[1] || a[0] - b[0])[0][0] === due[0];
            clock[due[0]] += move;
            expect(queue.advance(due[0])).to.equal(still);
          }
          while (now.size > 0) {
            const due = [...now].sort((a, b) => a[1] - b[1] || a[0] - b[0])[0];
            expect(queue.first()).to.equal(due[0]);
            now.delete(due[0]);
            queue.pop();
          }
          expect(queue.size).to.equal(0);
        },
      ),
    );
  });
});

/** Random small workloads: threads that write, read and map. */
const workload = fc
  .record({
    pages: fc.integer({ min: 1, max: 6 }),
    threads: fc.array(
      fc.array(
        fc.oneof(
          { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('write', 'read'), page: fc.nat(5) }) },
          { weight: 1, arbitrary: fc.record({ kind: fc.constant('mmap'), page: fc.constant(0) }) },
        ),
        { minLength: 1, maxLength: 8 },
      ),
      { minLength: 1, maxLength: 8 },
    ),
  })
  .map(({ pages, threads }) => {
    const op = ({ kind, page }: { kind: string; page: number }): string =>
      kind === 'mmap' ? '{ mmap: { pages: 2 } }' : `{ ${kind}: heap, page: ${page % pages} }`;
    return [
      'about: generated',
      'kernel: { base: v2.6.10 }',
      `vmas: { heap: { pages: ${pages} } }`,
      'threads:',
      ...threads.map((ops, i) => `  T${i}: [${ops.map(op).join(', ')}]`),
      'expect: { never: anything }',
    ].join('\n');
  });

function timed(world: World, options: Partial<TimedOptions> = {}): TimedResult {
  return runTimed(world.births, { ...world, ...options });
}

function essence(world: World, result: TimedResult): object {
  const { wallNs, userNs, systemNs, steps, locks, clearNs, busWaitNs, order } = result;
  return { wallNs, userNs, systemNs, steps, locks, clearNs, busWaitNs, order, world: describeWorld(world.system) };
}

const smallPft = (threads: number): Scenario =>
  parseScenario(
    `about: small\nkernel: { base: v2.6.10 }\npft: { gb: 0.02, repetitions: 2, threads: ${threads} }\nexpect: { never: anything }\n`,
    'small.yaml',
    catalog(),
  );

describe('timed driver: one run, one result', () => {
  it('eager and lazy runs agree bit for bit', () => {
    fc.assert(
      fc.property(workload, (text) => {
        const scenario = parseScenario(text, 'generated.yaml', catalog());
        const [lazy, eager] = [false, true].map((mode) => {
          const world = buildWorld(scenario);
          return essence(world, timed(world, { eager: mode, recordOrder: true }));
        });
        expect(eager).to.deep.equal(lazy);
      }),
    );
  });

  for (const threads of [1, 3, 8, 13]) {
    it(`pft with ${threads} threads: twice the same, eager the same`, () => {
      const scenario = smallPft(threads);
      const [first, second, eager] = [false, false, true].map((mode) => {
        const world = buildPftWorld(scenario, pftRows(scenario)[0]);
        return essence(world, timed(world, { eager: mode, recordOrder: true }));
      });
      expect(second).to.deep.equal(first);
      expect(eager).to.deep.equal(first);
    });
  }
});

describe('one kernel text, two drivers', () => {
  it('the steps of a timed run, in their order, end in the same world under the controlled driver', () => {
    fc.assert(
      fc.property(workload, (text) => {
        const scenario = parseScenario(text, 'generated.yaml', catalog());
        const world = buildWorld(scenario);
        const { order } = timed(world, { recordOrder: true });
        const again = buildWorld(scenario);
        const execution = replay(() => checkedProgram(again), { threads: order, answers: [] });
        expect(execution.over).to.equal(true);
        expect(execution.found).to.deep.equal([]);
        expect(describeWorld(again.system)).to.equal(describeWorld(world.system));
      }),
    );
  });

  for (const threads of [1, 2, 8, 13]) {
    it(`and so do those of the page fault test with ${threads} threads, fork and exit included`, () => {
      const scenario = smallPft(threads);
      const row = pftRows(scenario)[0];
      const world = buildPftWorld(scenario, row);
      const { scheduler: _, ...profile } = world.profile; // the controlled driver leaves threads on their CPUs
      const { order, steps } = timed({ ...world, profile }, { recordOrder: true });
      expect(order.length).to.equal(steps);
      const again = buildPftWorld(scenario, row);
      const execution = replay(() => checkedProgram(again), { threads: order, answers: [] });
      expect(execution.over).to.equal(true);
      expect(execution.found).to.deep.equal([]);
      expect(describeWorld(again.system)).to.equal(describeWorld(world.system));
    });
  }
});

describe('a convoy on mmap_sem (R17)', () => {
  const semOf = (name: string): { wait: number; waiters: number } => {
    const world = buildWorld(readScenario(`scenarios/scaling/${name}.yaml`, catalog()));
    const { maxWaitNs, maxWaiters } = runTimed(world.births, world).locks.find(
      ({ lockClass }) => lockClass === '&mm->mmap_sem',
    )!;
    return { wait: maxWaitNs, waiters: maxWaiters };
  };

  it('one thread that maps has all eight others wait; without one nobody does', () => {
    const [mapped, malloc, convoy] = ['mmap-convoy-mapped', 'mmap-convoy-malloc', 'mmap-convoy'].map(semOf);
    expect(mapped).to.deep.equal({ wait: 0, waiters: 0 });
    expect(convoy.waiters).to.equal(8);
    expect(malloc.waiters).to.equal(7);
    // a whole fault, with its wait for page_table_lock, and then mmap
    for (const { wait } of [malloc, convoy]) expect(wait).to.be.within(20_000, 100_000);
  });
});
