/** Threads that act for ever: spins at the end of executions that were cut off, and fair cycles. */
import { expect } from 'chai';
import fc from 'fast-check';
import pc from 'picocolors';
import { type Program, Execution } from '../src/drivers/controlled/execution.ts';
import { findLivelock, type Livelock, type LivenessResult } from '../src/drivers/controlled/liveness.ts';
import { recorded, replay } from '../src/drivers/controlled/replay.ts';
import { type Schedule, scheduleOf } from '../src/drivers/controlled/schedule.ts';
import { findSpin, type Long, type Spin } from '../src/drivers/controlled/spin.ts';
import { choose, maybe } from '../src/machine/choice.ts';
import { atomic_inc, Cell, cmpxchg, poll_for, READ_ONCE, wait_for, WRITE_ONCE } from '../src/machine/memory.ts';
import type { Coroutine } from '../src/machine/step.ts';
import { drawLivelock, drawSpin, type LivenessDrawing, livenessVerdict } from '../src/report/liveness.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { readScenario } from '../src/scenario/read.ts';
import { buildWorld, checkedProgram } from '../src/scenario/world.ts';
import { down_read, down_write, down_write_trylock, RwSemaphore, up_read, up_write } from '../src/sync/rwsem.ts';
import { spin_lock, spin_trylock, spin_unlock, Spinlock } from '../src/sync/spinlock.ts';
import { Recorder } from '../src/trace/recorder.ts';
import type { TraceStep } from '../src/trace/step.ts';
import { onlyInLongRuns } from './support/long.ts';
import { hasFairCycle, loopingProgram, loopingThreads, statesOf } from './support/looping-programs.ts';
import { faultModel, inc, r, straight, w } from './support/programs.ts';
import { randomThreads, smallProgram } from './support/small-programs.ts';

/** A program whose threads share what `make` makes. */
function program<T>(make: () => T, bodies: Readonly<Record<string, (shared: T) => Coroutine>>): () => Program {
  return () => {
    const shared = make();
    return {
      threads: Object.fromEntries(Object.entries(bodies).map(([name, body]) => [name, () => body(shared)])),
    };
  };
}

const flags = () => ({ flag: new Cell('flag'), other: new Cell('other') });
type Flags = ReturnType<typeof flags>;

/** The wrong way to wait. */
function* spinOn(flag: Cell): Coroutine {
  while ((yield* READ_ONCE(flag)) === 0);
}
function* set(flag: Cell): Coroutine {
  yield* WRITE_ONCE(flag, 1);
}

const nobodySets = program(flags, { T1: ({ flag }) => spinOn(flag), T2: ({ other }) => set(other) });
const somebodySets = program(flags, { T1: ({ flag }) => spinOn(flag), T2: ({ flag }) => set(flag) });

const twoLocks = () => ({ a: new Spinlock('A'), b: new Spinlock('B') });

/** Two locks by lock and trylock, with back-off; after so many tries, both in the order of the alphabet. */
function backOff(tries: number): () => Program {
  function* both(first: Spinlock, second: Spinlock): Coroutine {
    for (let n = 0; n < tries; n++) {
      yield* spin_lock(first);
      if ((yield* spin_trylock(second)) === 1) {
        yield* spin_unlock(second);
        yield* spin_unlock(first);
        return;
      }
      yield* spin_unlock(first);
    }
  }
  function* inOrder({ a, b }: ReturnType<typeof twoLocks>): Coroutine {
    yield* spin_lock(a);
    yield* spin_lock(b);
    yield* spin_unlock(b);
    yield* spin_unlock(a);
  }
  return program(twoLocks, {
    *T1(locks) {
      yield* both(locks.a, locks.b);
      yield* inOrder(locks);
    },
    *T2(locks) {
      yield* both(locks.b, locks.a);
      yield* inOrder(locks);
    },
  });
}

/** A hole is punched as long as there is a page in it, while another thread faults pages in. */
const punch = program(() => new Cell('page', null, 1), {
  *puncher(page) {
    while ((yield* READ_ONCE(page)) !== 0) yield* WRITE_ONCE(page, 0);
  },
  *faulter(page) {
    for (;;) if ((yield* READ_ONCE(page)) === 0) yield* WRITE_ONCE(page, 1);
  },
});

/** As punch, with a fault at most so many times. */
function fewFaults(faults: number): () => Program {
  return program(() => new Cell('page', null, 1), {
    *puncher(page) {
      while ((yield* READ_ONCE(page)) !== 0) yield* WRITE_ONCE(page, 0);
    },
    *faulter(page) {
      for (let n = 0; n < faults; n++) if ((yield* READ_ONCE(page)) === 0) yield* WRITE_ONCE(page, 1);
    },
  });
}

const flagUnderLock = program(() => ({ ...flags(), ...twoLocks() }), {
  *T1({ flag, a }) {
    for (let seen = 0; seen === 0;) {
      yield* spin_lock(a);
      seen = flag.plain;
      yield* spin_unlock(a);
    }
  },
  *T2({ flag, a }) {
    yield* spin_lock(a);
    flag.plain = 1;
    yield* spin_unlock(a);
  },
});

interface Drawing extends LivenessDrawing {
  readonly steps: readonly TraceStep[];
}

function drawing(make: () => Program, schedule: Schedule): Drawing {
  const steps: TraceStep[] = [];
  const recorder = new Recorder((step) => steps.push(step));
  const { threads } = recorder.watch(() => replay(make, schedule, () => recorder));
  const lanes = threads.map(({ name, cpu }) => ({ thread: name, title: `CPU${cpu} ${name}` }));
  return { steps, lanes, width: 80, colors: pc.createColors(false) };
}

/** Run as long as the turns go; `turns` says who is next, ids over and over. */
function inTurns(make: () => Program, before: readonly number[], turns: readonly number[], steps: number): Schedule {
  const execution = new Execution(make, recorded({ threads: [], answers: [] }), [], Infinity);
  for (let n = 0; n < steps; n++) {
    const id = n < before.length ? before[n] : turns[(n - before.length) % turns.length];
    execution.perform(execution.threads[id]);
  }
  return scheduleOf(execution);
}

/** Without line breaks. */
function flat(text: string): string {
  return text.replaceAll(/\n {4}/g, ' ');
}

function expectPlain(text: string): void {
  expect(text).to.match(/^[\x20-\x7e\n]*$/);
  for (const line of text.split('\n')) expect(line.length, line).to.be.at.most(80);
}

describe('spins at the end of an execution that was cut off', () => {
  const spinOf = (make: () => Program, schedule: Schedule): Spin => {
    const spin = findSpin(make, schedule);
    if (spin.kind === 'long') throw new Error('no spin');
    expectPlain(drawSpin(spin, drawing(make, spin.schedule)));
    return spin;
  };

  it('a flag that another thread would set: the schedule is unfair', () => {
    const spin = spinOf(somebodySets, inTurns(somebodySets, [], [0], 1000));
    expect(spin.kind).to.equal('spin');
    expect(spin.spinners).to.deep.equal([
      {
        thread: 'T1',
        rounds: 1000,
        steps: ['read flag'],
        watches: [{ name: 'flag', value: '0', holders: [] }],
        idle: true,
      },
    ]);
    expect(spin.others).to.deep.equal([{ thread: 'T2', state: 'runnable', neglected: true, steps: 0, wait: '' }]);
    expect(spin.freed).to.deep.equal({ thread: 'T1', by: { thread: 'T2', step: 'flag = 1' }, steps: 1 });
    const text = drawSpin(spin, drawing(somebodySets, spin.schedule));
    expect(text).to.match(/^T1 spins: 1,000 rounds of 1 step\n {2}flag: 0, in spinOn \(liveness\.test\.ts:\d+\)\n/);
    expect(text).to.contain('The schedule is unfair: T2 was runnable all the time and never had a turn.');
    expect(text).to.contain('After 1 step of others, T2: flag = 1 lets T1 go on.');
    expect(text).to.contain('wait_for(x, v), or poll_for(x, v)');
  });

  it('a flag that nobody sets: it spins for ever', () => {
    for (const before of [[], [1]]) {
      const spin = spinOf(nobodySets, inTurns(nobodySets, before, [0], 500));
      expect([spin.kind, spin.freed]).to.deep.equal(['hang', null]);
      expect(drawSpin(spin, drawing(nobodySets, spin.schedule))).to.contain('nobody is left who will change flag');
    }
  });

  it('names those who wait, and on what', () => {
    const make = program(flags, {
      T1: ({ flag }) => spinOn(flag),
      *T2({ flag, other }) {
        yield* wait_for(other, 1);
        yield* WRITE_ONCE(flag, 1);
      },
    });
    const spin = spinOf(make, inTurns(make, [], [0], 500));
    expect(spin.kind).to.equal('hang');
    expect(spin.others).to.deep.equal([
      { thread: 'T2', state: 'waits', neglected: false, steps: 0, wait: 'wait until other is 1' },
    ]);
  });

  it('two threads that wait for each other by spinning', () => {
    const make = program(flags, {
      *T1({ flag, other }) {
        yield* spinOn(flag);
        yield* set(other);
      },
      *T2({ flag, other }) {
        yield* spinOn(other);
        yield* set(flag);
      },
    });
    for (const turns of [[0], [0, 1], [0, 1, 1]]) {
      const spin = spinOf(make, inTurns(make, [], turns, 600));
      expect(spin.kind).to.equal('hang');
      expect(spin.spinners.map(({ thread }) => thread)).to.deep.equal(['T1', 'T2']);
    }
  });

  it('trylock in a loop, with the lock held by a thread that has no turn', () => {
    const make = backOff(Infinity);
    const spin = spinOf(make, inTurns(make, [0], [1], 601));
    expect(spin.kind).to.equal('spin');
    expect(spin.spinners).to.deep.equal([
      {
        thread: 'T2',
        rounds: 200,
        steps: ['spin_lock(B)', 'spin_trylock(A)', 'spin_unlock(B)'],
        watches: [{ name: 'A', value: null, holders: ['T1'] }],
        idle: true,
      },
    ]);
    expect(spin.freed?.by).to.deep.equal({ thread: 'T1', step: 'spin_unlock(A)' });
    const text = drawSpin(spin, drawing(make, spin.schedule));
    expect(text).to.match(/A: held by T1, in both \(liveness\.test\.ts:\d+\)/);
    expect(text).to.contain('trylock in a loop: take A by a lock step');
  });

  it('a lock made of cmpxchg', () => {
    function* bit_spin({ flag }: Flags): Coroutine {
      while ((yield* cmpxchg(flag, 0, 1)) !== 0);
      yield* WRITE_ONCE(flag, 0);
    }
    const make = program(flags, { T1: bit_spin, T2: bit_spin });
    const spin = spinOf(make, inTurns(make, [1], [0], 300));
    expect([spin.kind, spin.spinners[0].watches]).to.deep.equal(['spin', [{ name: 'flag', value: '1', holders: [] }]]);
    expect(spin.freed).to.deep.equal({ thread: 'T1', by: { thread: 'T2', step: 'flag = 0' }, steps: 1 });
  });

  it('threads that back off in step, or undo what the other does', () => {
    const locks = spinOf(backOff(Infinity), inTurns(backOff(Infinity), [], [0, 1], 600));
    expect([locks.kind, locks.spinners.map(({ idle }) => idle), locks.length]).to.deep.equal([
      'livelock',
      [true, true],
      6,
    ]);
    expect(flat(drawSpin(locks, drawing(backOff(Infinity), locks.schedule)))).to.contain('Take the locks in one order');
    const hole = spinOf(punch, inTurns(punch, [], [0, 0, 1, 1], 600));
    expect([hole.kind, hole.spinners.map(({ idle }) => idle), hole.length]).to.deep.equal([
      'livelock',
      [false, false],
      4,
    ]);
    expect(drawSpin(hole, drawing(punch, hole.schedule))).to.contain("undo each other's work");
  });

  it('a spin beside a thread that is still at work', () => {
    const make = program(flags, {
      T1: ({ flag }) => spinOn(flag),
      *T2({ flag, other }) {
        for (let n = 0; n < 50_000; n++) yield* atomic_inc(other);
        yield* WRITE_ONCE(flag, 1);
      },
    });
    const spin = spinOf(make, inTurns(make, [], [0, 1], 1000));
    expect([spin.kind, spin.others[0].steps, spin.tried]).to.deep.equal(['busy', 500, 10_000]);
  });

  const longOf = (make: () => Program, steps: number): Long => {
    const long = findSpin(make, inTurns(make, [], [0], steps));
    if (long.kind !== 'long') throw new Error(long.kind);
    expectPlain(drawSpin(long, drawing(make, { threads: [], answers: [] })));
    return long;
  };

  it('an execution that is just long', () => {
    const make = program(flags, {
      *T1({ flag }) {
        for (let n = 0; n < 2000; n++) yield* atomic_inc(flag);
      },
    });
    const long = longOf(make, 1000);
    expect(long).to.deep.equal({ kind: 'long', steps: 1000, loop: null });
    expect(drawSpin(long, drawing(make, { threads: [], answers: [] }))).to.equal(
      'No thread repeats itself step by step in 1,000 steps: threads may set each other\n    back without end (try --strategy bounded), or the execution is just long\n    (raise --max-steps).',
    );
  });

  it('a loop that ends by itself', () => {
    const make = program(flags, {
      *T1({ flag }) {
        for (let n = 0; n < 3000; n++) if ((yield* READ_ONCE(flag)) !== 0) return;
      },
    });
    expect(longOf(make, 1000).loop).to.deep.equal({ thread: 'T1', rounds: 2998 });
  });
});

describe('livelocks', () => {
  const names = ({ cycles }: LivenessResult): unknown =>
    cycles.map(({ threads, fairness, length }) => [threads.join(), fairness, length]);
  const textOf = (make: () => Program, cycle: Livelock): string => {
    const text = drawLivelock(cycle, drawing(make, cycle.schedule));
    expectPlain(text);
    return text;
  };

  it('two threads take two locks in opposite orders, back off, and try again in step', () => {
    const make = backOff(Infinity);
    const result = findLivelock(make);
    expect(names(result)).to.deep.equal([['T1,T2', 'strong', 6]]);
    const [cycle] = result.cycles;
    expect(cycle.from).to.be.at.most(4);
    expect(cycle.rounds).to.equal(200);
    const text = textOf(make, cycle);
    expect(text).to.contain('LIVELOCK: T1 and T2 act for ever and never finish\n');
    expect(text).to.contain(`and again from step ${cycle.from + 1}: repeated 200 times`);
    expect(text).to.match(/\|:\d+ spin_trylock\(A\) {2}\[not taken\]/);
  });

  it('a hole is punched for ever while pages are faulted in', () => {
    const result = findLivelock(punch, { endless: ['faulter'] });
    expect(names(result)).to.deep.equal([['puncher', 'strong', 4]]);
    expect(textOf(punch, result.cycles[0])).to.contain('faulter undoes what puncher has done, each time');
    expect(names(findLivelock(fewFaults(5)))).to.deep.equal([]);
  });

  it('a thread that acts for ever by itself is a finding unless it is meant to', () => {
    expect(names(findLivelock(punch))).to.deep.equal([
      ['faulter', 'strong', 1],
      ['puncher,faulter', 'strong', 4],
    ]);
    const both = findLivelock(punch, { endless: ['faulter', 'puncher'] });
    expect([names(both), both.complete]).to.deep.equal([[], true]);
  });

  it('a flag that nobody sets', () => {
    const result = findLivelock(nobodySets);
    expect(names(result)).to.deep.equal([['T1', 'strong', 1]]);
    const text = textOf(nobodySets, result.cycles[0]);
    expect(text).to.contain('T1 looks for something that nobody who is left will do');
    expect(text).to.contain('The way there: 2 steps (T1 1, T2 1), the last one T2: other = 1');
  });

  it('names those who wait meanwhile', () => {
    const make = program(flags, {
      T1: ({ flag }) => spinOn(flag),
      *T2({ other }) {
        yield* wait_for(other, 1);
      },
    });
    const { cycles } = findLivelock(make);
    expect(cycles.map(({ waiting }) => waiting)).to.deep.equal([['T2']]);
    expect(textOf(make, cycles[0])).to.contain('T2 waits all the time.');
  });

  it('starvation is told apart, and found by weak fairness only', () => {
    const result = findLivelock(flagUnderLock);
    expect(result.cycles.map(({ threads, starved, fairness }) => [threads, starved, fairness])).to.deep.equal([
      [['T1'], ['T2'], 'weak'],
    ]);
    expect(textOf(flagUnderLock, result.cycles[0])).to.contain('STARVATION: T1 acts for ever');
    const strongly = findLivelock(flagUnderLock, { fairness: 'strong' });
    expect([names(strongly), strongly.complete]).to.deep.equal([[], true]);
  });

  it('a queue lets nobody starve', () => {
    const make = program(() => ({ ...flags(), sem: new RwSemaphore('sem') }), {
      *T1({ flag, sem }) {
        for (let seen = 0; seen === 0;) {
          yield* down_read(sem);
          seen = flag.plain;
          yield* up_read(sem);
        }
      },
      *T2({ flag, sem }) {
        yield* down_write(sem);
        flag.plain = 1;
        yield* up_write(sem);
      },
    });
    const result = findLivelock(make);
    expect([names(result), result.complete]).to.deep.equal([[], true]);
  });

  it('the state of a lock that is only tried counts', () => {
    const make = program(() => new RwSemaphore('sem'), {
      *T1(sem) {
        yield* down_read(sem);
      },
      *T2(sem) {
        while ((yield* down_write_trylock(sem)) === 0);
      },
    });
    expect(names(findLivelock(make))).to.deep.equal([['T2', 'strong', 1]]);
  });

  it('a loop that counts its tries in a local variable is none', () => {
    for (const tries of [1, 2, 7]) {
      const result = findLivelock(backOff(tries), { fairness: 'strong' });
      expect([names(result), result.complete, result.refuted > 0]).to.deep.equal([[], true, tries > 1]);
    }
    const timeout = program(flags, {
      *T1({ flag }) {
        for (let n = 0; n < 100; n++) if ((yield* READ_ONCE(flag)) !== 0) return;
      },
    });
    expect(findLivelock(timeout)).to.deep.include({ cycles: [], complete: true, states: 101 });
  });

  it('what comes after such a loop is looked at', () => {
    const make = program(flags, {
      *T1({ flag, other }) {
        for (let n = 0; n < 10; n++) if ((yield* READ_ONCE(flag)) !== 0) return;
        yield* spinOn(other);
      },
    });
    expect(names(findLivelock(make))).to.deep.equal([['T1', 'strong', 1]]);
  });

  it('a wait that a fair scheduler ends is none', () => {
    for (const make of [
      somebodySets,
      program(flags, {
        *T1({ flag }) {
          yield* poll_for(flag, 1);
        },
        T2: ({ flag }) => set(flag),
      }),
    ]) {
      const result = findLivelock(make);
      expect([names(result), result.complete]).to.deep.equal([[], true]);
      expect(livenessVerdict(result)).to.match(/^no such cycle \(\d+ states, by control point and shared memory\)$/);
    }
  });

  it('a choice that must come out the same way for ever is none', () => {
    const retry = program(flags, {
      *T1({ flag }) {
        do yield* READ_ONCE(flag);
        while (maybe('alloc_page fails'));
      },
    });
    expect(findLivelock(retry)).to.deep.include({ cycles: [], complete: true });
    const after = program(flags, {
      *T1({ flag }) {
        if (choose(3, 'which') === 2) yield* spinOn(flag);
      },
    });
    const { cycles } = findLivelock(after);
    expect(cycles.map(({ schedule }) => schedule.answers)).to.deep.equal([[2]]);
  });

  it('correct programs that end have no cycle', () => {
    const counter = [inc('x'), inc('y')];
    for (const make of [
      faultModel(2, true),
      straight([counter, counter, counter]),
      straight([
        [r('x'), r('x'), r('x'), r('y')],
        [w('x', 1), w('y', 2)],
      ]),
    ]) {
      expect(findLivelock(make)).to.deep.include({ cycles: [], complete: true });
    }
  });

  it('nor has a race of two faults in the kernel', function () {
    onlyInLongRuns(this);
    const scenario = readScenario('scenarios/races/anon-fault+anon-fault.yaml', catalog());
    const result = findLivelock(() => checkedProgram(buildWorld(scenario)));
    expect(result).to.deep.include({ cycles: [], complete: true });
  });

  it('without the budget for all states nothing is claimed, but walks go on', () => {
    const countsFaults = program(flags, {
      *T1({ flag, other }) {
        while ((yield* READ_ONCE(flag)) === 0) yield* atomic_inc(other);
      },
    });
    const result = findLivelock(countsFaults, { maxStates: 100 });
    expect(result).to.deep.include({ cycles: [], complete: false, states: 100 });
    expect(livenessVerdict(result)).to.equal('not seen (budget of 100 states spent, and 6 fair walks)');
    const late = program(flags, {
      *T1({ flag, other }) {
        for (let n = 0; n < 500; n++) yield* atomic_inc(other);
        yield* spinOn(flag);
      },
      T2: ({ other }) => spinOn(other),
    });
    expect(names(findLivelock(late, { maxStates: 100 }))).to.deep.equal([['T1', 'strong', 1]]);
  });

  it('agrees with a model checker that sees everything: fuzz', function () {
    if (this.timeout() > 0) this.timeout(120_000);
    let [judged, spent] = [0, 0];
    fc.assert(
      fc.property(loopingThreads, fc.constantFrom('strong' as const, 'weak' as const), (threads, fairness) => {
        const states = statesOf(threads, 300);
        fc.pre(states !== null && states.length > 3);
        const result = findLivelock(loopingProgram(threads), { fairness, rounds: 50, maxStates: 3000 });
        const expected = hasFairCycle(states, threads.length, fairness);
        judged++;
        if (result.cycles.length > 0) expect(expected).to.equal(true);
        else if (result.complete) expect(expected).to.equal(false);
        else spent++;
      }),
      { numRuns: fc.readConfigureGlobal()?.numRuns ?? 100 },
    );
    expect(spent, 'too many states').to.be.at.most(1 + judged / 20);
  });

  it('finds none in random programs without loops: fuzz', function () {
    if (this.timeout() > 0) this.timeout(120_000);
    fc.assert(
      fc.property(randomThreads(1000), (threads) => {
        const result = findLivelock(smallProgram(threads, { rules: false }));
        expect(result).to.deep.include({ cycles: [], complete: true });
      }),
      { numRuns: fc.readConfigureGlobal()?.numRuns ?? 50 },
    );
  });
});
