/** Data races on plain accesses: which programs have some, what is said of them, and an oracle that does without clocks. */
import { expect } from 'chai';
import fc from 'fast-check';
import { OrderWatch } from '../src/drivers/controlled/classes.ts';
import { awaitsValue, Mode, modeOf } from '../src/drivers/controlled/effect.ts';
import {
  allInterleavings,
  atomic_inc,
  Birth,
  Cell,
  cmpxchg,
  type Coroutine,
  counterexampleOf,
  delayBounded,
  drawRecording,
  down_read,
  down_write,
  DporStrategy,
  Execution,
  explain,
  type Exploration,
  explore,
  maybe,
  Mutex,
  mutex_lock,
  mutex_unlock,
  nearestPass,
  parseSchedule,
  pct,
  preemptionBounded,
  type Program,
  random,
  READ_ONCE,
  record,
  RwSemaphore,
  Search,
  type Shared,
  shrink,
  sourceDpor,
  spawn,
  spin_lock,
  spin_trylock,
  spin_unlock,
  Spinlock,
  type Step,
  type Strategy,
  type Thread,
  up_read,
  up_write,
  urw,
  wait_for,
  WRITE_ONCE,
} from '../src/index.ts';
import { observePlain, plainAccess, Words } from '../src/machine/memory.ts';
import { CLEAR, Step as MachineStep, Walk } from '../src/machine/step.ts';
import { running } from '../src/machine/thread.ts';
import { scheduleOf } from '../src/drivers/controlled/schedule.ts';

const RUNS = fc.readConfigureGlobal()?.numRuns ?? 300;

/** What the threads of the programs share. */
class World {
  readonly x = new Cell('x');
  readonly y = new Cell('y');
  readonly flag = new Cell('flag');
  readonly lock = new Spinlock('lock');
  readonly mutex = new Mutex('mutex');
  readonly sem = new RwSemaphore('sem');
}

type Body = (world: World) => Coroutine;

function program(...bodies: Body[]): () => Program {
  return () => {
    const world = new World();
    return { threads: Object.fromEntries(bodies.map((body, i) => [`T${i + 1}`, () => body(world)])) };
  };
}

function* unlocked({ x }: World): Coroutine {
  x.plain++;
}
function* locked({ x, lock }: World): Coroutine {
  yield* spin_lock(lock);
  x.plain++;
  yield* spin_unlock(lock);
}
function* tooLate({ x, lock }: World): Coroutine {
  yield* spin_lock(lock);
  yield* spin_unlock(lock);
  x.plain++;
}
function* look({ x, lock }: World): Coroutine {
  yield* spin_lock(lock);
  yield* spin_unlock(lock);
  x.plain;
}
function* marked({ x }: World): Coroutine {
  yield* atomic_inc(x);
}
function* markedLook({ x }: World): Coroutine {
  yield* READ_ONCE(x);
}
function* lateMutex({ x, mutex }: World): Coroutine {
  yield* mutex_lock(mutex);
  x.plain++;
  yield* mutex_unlock(mutex);
}
function* reader({ x, sem }: World): Coroutine {
  yield* down_read(sem);
  x.plain;
  yield* up_read(sem);
}
function* writer({ x, sem }: World): Coroutine {
  yield* down_write(sem);
  x.plain++;
  yield* up_write(sem);
}
/** Counts while it holds the semaphore for reading. */
function* bold({ x, sem }: World): Coroutine {
  yield* down_read(sem);
  x.plain++;
  yield* up_read(sem);
}
function* hasty({ x, sem }: World): Coroutine {
  yield* down_write(sem);
  yield* up_write(sem);
  x.plain++;
}
function* sender({ x, flag }: World): Coroutine {
  x.plain = 42;
  yield* WRITE_ONCE(flag, 1);
}
function* receiver({ x, flag }: World): Coroutine {
  yield* wait_for(flag, 1);
  x.plain;
}
function* impatient({ x, flag }: World): Coroutine {
  yield* READ_ONCE(flag);
  x.plain;
}
function* careful({ x, flag }: World): Coroutine {
  if ((yield* READ_ONCE(flag)) === 1) x.plain;
}
function* forgetful({ x, flag }: World): Coroutine {
  yield* WRITE_ONCE(flag, 1);
  x.plain = 42;
}
function* trying({ x, lock }: World): Coroutine {
  if ((yield* spin_trylock(lock)) === 0) return;
  x.plain++;
  yield* spin_unlock(lock);
}
function* tryingInVain({ x, lock }: World): Coroutine {
  if ((yield* spin_trylock(lock)) === 0) x.plain++;
  else yield* spin_unlock(lock);
}
function* waiting({ flag }: World): Coroutine {
  yield* wait_for(flag, 1);
}
function* setter({ flag, lock }: World): Coroutine {
  yield* spin_lock(lock);
  flag.plain = 1;
  yield* spin_unlock(lock);
}
function* flicker({ flag }: World): Coroutine {
  flag.plain = 0;
  yield* WRITE_ONCE(flag, 1);
}
function parent(join: 'before' | 'after' | 'never', prepare: boolean): Body {
  return function* (world) {
    if (prepare) world.x.plain = 1;
    const child = new Birth('child', 7, () => locked(world));
    yield* spawn(child);
    if (join === 'before') yield* wait_for(child.exited, 1);
    if (join !== 'never') world.x.plain++;
    if (join === 'after') yield* wait_for(child.exited, 1);
  };
}

function raceIn({ failures }: Exploration): string | null {
  return failures.find(({ rule }) => rule === 'data race')?.witness ?? null;
}

/** In how many classes of how many. */
function racing(make: () => Program, strategy: Strategy = sourceDpor(), deadlocks = false): string {
  const { failures, executions } = explore(make, { strategy });
  const races = failures.filter(({ rule }) => rule === 'data race');
  if (!deadlocks) expect(failures).to.deep.equal(races);
  return `${races[0]?.executions ?? 0} of ${executions}`;
}

describe('data races', () => {
  it('threads on one CPU have none: they are never simultaneous', () => {
    const onCpus =
      (...cpus: number[]) =>
      () => {
        const x = new Cell('x');
        function* body(): Coroutine {
          x.plain++;
          yield* READ_ONCE(new Cell('other'));
        }
        return { threads: cpus.map((cpu, i) => new Birth(`T${i}`, cpu, body)) };
      };
    expect(racing(onCpus(0, 1))).to.equal('1 of 1');
    expect(racing(onCpus(1, 1))).to.equal('0 of 1');
  });

  const cases: [string, Body[], string][] = [
    ['no lock', [unlocked, unlocked], '1 of 1'],
    ['a spinlock', [locked, locked], '0 of 2'],
    ['a spinlock, three threads', [locked, locked, locked], '0 of 6'],
    ['one side locked', [locked, unlocked], '1 of 1'],
    ['different locks', [locked, lateMutex], '1 of 1'],
    ['after the unlock, both', [tooLate, tooLate], '2 of 2'],
    ['after the unlock, against a locked one', [tooLate, locked], '1 of 2'],
    ['two readers without a lock', [look, look], '0 of 2'],
    ['a reader without a lock', [look, locked], '1 of 2'],
    ['plain and marked', [locked, marked], '1 of 1'],
    ['plain write and marked read', [locked, markedLook], '1 of 1'],
    ['plain read and marked read', [look, markedLook], '0 of 1'],
    ['marked accesses', [marked, marked], '0 of 2'],
    ['a message, waited for', [sender, receiver], '0 of 1'],
    ['a message, looked at', [sender, careful], '0 of 2'],
    ['a message, not looked at', [sender, impatient], '1 of 2'],
    ['a message sent too early', [forgetful, receiver], '1 of 1'],
    ['a message by a plain write', [waiting, setter], '1 of 1'],
    ['a plain write while somebody waits for another', [waiting, flicker], '1 of 1'],
    ['readers and a writer of a rwsem', [reader, writer, reader], '0 of 4'],
    ['writing under a rwsem held for reading', [bold, reader], '1 of 1'],
    ['after the release of a rwsem', [hasty, writer], '1 of 2'],
    ['a trylock', [trying, locked], '0 of 3'],
    ['a trylock that fails', [tryingInVain, locked], '1 of 3'],
    ['parent and child, joined', [parent('before', true)], '0 of 1'],
    ['parent and child, joined too late', [parent('after', false)], '1 of 1'],
    ['a parent that prepares', [parent('never', true)], '0 of 1'],
  ];
  for (const [name, bodies, expected] of cases) {
    it(`${name}: ${expected}`, () => {
      expect(racing(program(...bodies))).to.equal(expected);
      // the same, seen from every interleaving
      const all = explore(program(...bodies), { strategy: allInterleavings() });
      expect(raceIn(all) !== null).to.equal(!expected.startsWith('0'));
    });
  }
});

describe('data races that hide', () => {
  const cells = (): { x: Cell; y: Cell } => ({ x: new Cell('x'), y: new Cell('y') });
  type Cells = ReturnType<typeof cells>;
  type Body = (cells: Cells) => Coroutine;
  const on = (...bodies: [cpu: number, body: Body][]): (() => Program) => {
    return () => {
      const world = cells();
      return { threads: bodies.map(([cpu, body], i) => new Birth(`T${i + 1}`, cpu, () => body(world))) };
    };
  };
  const witnesses = (program: () => Program, strategy: Strategy): string[] =>
    explore(program, { strategy })
      .failures.filter(({ rule }) => rule === 'data race')
      .map(({ witness }) => witness);
  const each: [string, () => Program, RegExp][] = [];

  function* store({ x }: Cells): Coroutine {
    x.plain = 1;
  }
  function* storeAndTell({ x, y }: Cells): Coroutine {
    x.plain = 2;
    yield* WRITE_ONCE(y, 1);
  }
  function* hear({ x, y }: Cells): Coroutine {
    yield* wait_for(y, 1);
    x.plain = 3;
  }
  const first = on([0, store], [0, storeAndTell], [1, hear]);
  each.push(['behind a write of the same CPU', first, /^T1 writes x \(plain\), T3 writes x/]);

  function* mark({ x }: Cells): Coroutine {
    yield* WRITE_ONCE(x, 1);
    throw new Error('up');
  }
  function* lookLate({ x, y }: Cells): Coroutine {
    yield* READ_ONCE(y);
    x.plain;
  }
  each.push([
    'with a step of somebody who crashes',
    on([0, mark], [1, lookLate]),
    /^T2 reads x \(plain\), T1 writes x/,
  ]);

  function* tellPlainly({ x, y }: Cells): Coroutine {
    x.plain = 1;
    y.plain = 1;
  }
  each.push(['behind another race: the cause comes first', on([0, hear], [1, tellPlainly]), /^T2 writes y/]);

  for (const [name, program, witness] of each) {
    it(name, () => {
      for (const strategy of [sourceDpor(), allInterleavings()])
        expect(witnesses(program, strategy), strategy.name)
          .to.have.lengthOf(1)
          .and.to.satisfy(([w]: string[]) => witness.test(w));
    });
  }

  it('a wait for what the MMU changes has all its classes', () => {
    const program = (): Program => {
      const pte = new Cell('pte');
      return {
        threads: {
          *T1() {
            yield* WRITE_ONCE(pte, 1);
            yield* new Dirtying(pte);
          },
          *T2() {
            yield* wait_for(pte, 0);
          },
        },
      };
    };
    const counts = [sourceDpor(), allInterleavings()].map((strategy) => {
      const { executions, failures } = explore(program, { strategy });
      return [executions, ...failures.map((failure) => [failure.rule, failure.executions])];
    });
    expect(counts[0]).to.deep.equal([2, ['deadlock', 1]]);
    expect(counts[1]).to.deep.equal(counts[0]);
  });

  it('the shortest schedule may be that of another thread', () => {
    const bad = (steps: number): Body =>
      function* ({ x }) {
        for (let i = 0; i < steps; i++) yield* READ_ONCE(x);
        throw new Error('up');
      };
    const program = on([0, bad(3)], [1, bad(1)]);
    const [failure] = explore(program, { strategy: sourceDpor() }).failures;
    expect(shrink(program, failure.rule, failure.schedule).schedule.threads).to.deep.equal([1]);
  });
});

class Dirtying extends Walk {
  constructor(pte: Cell) {
    super({ words: pte, index: 0 });
  }
  override leaves(entry: number): number {
    return entry | 4;
  }
  translates(): boolean {
    return true;
  }
  *fault(): Coroutine<number> {
    return 0;
  }
}

describe('what is said of a data race', () => {
  const found = (make: () => Program, line: string): [string, number][] => {
    const recording = record(make, parseSchedule(make, line));
    return recording.found.map(({ rule, witness, step }) => {
      expect(rule).to.equal('data race');
      return [witness, step];
    });
  };

  it('who does what, in the order of the execution, and when that is decided', () => {
    const make = program(locked, look);
    expect(found(make, 'T1:2 T2:2')).to.deep.equal([]);
    expect(found(make, 'T2:2 T1:2')).to.deep.equal([
      ['T2 reads x (plain), T1 writes x (plain), nothing orders them', 3],
    ]);
    expect(found(make, 'T2:2')).to.deep.equal([]);
    expect(found(program(locked, marked), 'T2 T1:2')).to.deep.equal([
      ['T2 writes x (marked), T1 writes x (plain), nothing orders them', 2],
    ]);
    expect(found(program(locked, markedLook), 'T1 T2 T1')).to.deep.equal([
      ['T1 writes x (plain), T2 reads x (marked), nothing orders them', 2],
    ]);
  });

  it('before the first step it is decided after the first', () => {
    expect(found(program(unlocked, locked), 'T2')).to.deep.equal([
      ['T1 writes x (plain), T2 writes x (plain), nothing orders them', 1],
    ]);
    const both = program(function* (world) {
      world.x.plain = 1;
      yield* marked(world);
    }, unlocked);
    expect(found(both, 'T1')).to.deep.equal([['T1 writes x (plain), T2 writes x (plain), nothing orders them', 1]]);
    expect(found(program(unlocked, unlocked), '')[0][1]).to.equal(0);
  });

  it('a reader that waited in a queue comes after the writer that let it go on, and not before', () => {
    const first: Body = function* ({ x, sem }) {
      yield* down_write(sem);
      x.plain++;
      yield* up_write(sem);
      x.plain++;
    };
    expect(found(program(writer, reader), 'T1 T2 T1 T2')).to.deep.equal([]);
    expect(found(program(writer, reader, bold), 'T1 T2 T3 T1')).to.deep.equal([
      ['T2 reads x (plain), T3 writes x (plain), nothing orders them', 4],
    ]);
    expect(found(program(first, reader), 'T1 T2 T1 T2')).to.deep.equal([
      ['T1 writes x (plain), T2 reads x (plain), nothing orders them', 3],
    ]);
    expect(found(program(first, writer), 'T1 T2 T1 T2')).to.have.length(1);
  });

  it('a block of words that is cleared, from the one on at which that begins', () => {
    const make = (from: number) => () => {
      const block = new Block();
      function* cleaner(): Coroutine {
        yield new MachineStep(CLEAR, block, from);
      }
      function* owner(): Coroutine {
        block.plainWrite(1);
      }
      return { threads: { cleaner, owner } };
    };
    expect(raceIn(explore(make(2)))).to.equal(null);
    for (const from of [0, 1]) {
      expect(raceIn(explore(make(from)))).to.equal(
        'owner writes block[1] (plain), cleaner writes block[1] (marked), nothing orders them',
      );
    }
  });

  it('rules and outcomes may look as they like', () => {
    const make = (): Program => {
      const world = new World();
      const { x, y } = world;
      const looks = (): string | null => (x.plain + y.plain > 2 ? 'too many' : null);
      return {
        threads: {
          *T1() {
            yield* READ_ONCE(world.flag);
            x.plain++;
          },
          *T2() {
            yield* READ_ONCE(world.flag);
            y.plain++;
          },
        },
        afterStep: looks,
        atEnd: looks,
        outcome: () => String(x.plain + y.plain),
      };
    };
    for (const strategy of [sourceDpor(), allInterleavings(), random(1, 10)]) {
      expect(explore(make, { strategy }).failures).to.deep.equal([]);
    }
    expect(record(make, parseSchedule(make, 'T1 T2')).found).to.deep.equal([]);
  });

  it('crashes and other rules do not hide it, and the first of each is told', () => {
    const make = (): Program => {
      const world = new World();
      return {
        threads: {
          T1: () => tooLate(world),
          *T2() {
            yield* tooLate(world);
            throw new Error('oops');
          },
        },
      };
    };
    const { failures } = explore(make);
    expect(failures.map(({ rule }) => rule)).to.deep.equal(['data race', 'exception']);
  });

  it('the simplest schedule is looked for, and the nearest that has none', () => {
    const make = program(look, locked, markedLook);
    const [failure] = explore(make, { strategy: pct(3, 5, 20) }).failures;
    const shrunk = shrink(make, 'data race', failure.schedule);
    expect([shrunk.preemptions, shrunk.fewest, shrunk.found.rule]).to.deep.equal([0, true, 'data race']);
    const two = program(look, locked);
    const shown = counterexampleOf(two, explore(two).failures[0]);
    expect([shown.line, shown.pass?.line]).to.deep.equal(['T1:2 T2', 'T2:2 T1:2']);
    const always = program(tooLate, tooLate);
    expect(nearestPass(always, parseSchedule(always, 'T1:2 T2:2'))).to.equal(null);
  });

  it('another rule is shrunk as if there were none', () => {
    const make = (): Program => {
      const world = new World();
      return {
        threads: {
          T1: () => unlocked(world),
          *T2() {
            world.x.plain++;
            yield* WRITE_ONCE(world.flag, 1);
            yield* WRITE_ONCE(world.flag, 2);
          },
          *T3() {
            if ((yield* READ_ONCE(world.flag)) === 1) throw new Error('half');
          },
        },
      };
    };
    const result = explore(make);
    expect(result.failures.map(({ rule }) => rule)).to.deep.equal(['data race', 'exception']);
    const shrunk = shrink(make, 'exception', result.failures[1].schedule);
    expect([shrunk.preemptions, shrunk.fewest]).to.deep.equal([1, true]);
  });

  it('as KCSAN would put it, with both stacks', () => {
    const make = program(counting, peeking);
    const text = drawRecording(record(make, parseSchedule(make, 'T1:2 T2'))).join('\n');
    const report = text.slice(text.indexOf('====='), text.lastIndexOf('\n====='));
    expect(report.replaceAll(/\.ts:\d+/g, '.ts:1').split('\n')).to.deep.equal([
      '='.repeat(66),
      'BUG: data race in count / peek',
      '',
      'write to x (0 -> 2) by T1 on CPU0, after step 2 (plain):',
      ' count (data-race.test.ts:1)',
      ' counting (data-race.test.ts:1)',
      '',
      'read of x (2) by T2 on CPU1, after step 3 (plain):',
      ' peek (data-race.test.ts:1)',
      ' peeking (data-race.test.ts:1)',
      '',
      'locks held: T1: sem, lock; T2: sem',
      'in common: sem, but both for reading',
      'simultaneous: T1 has not gone on since',
    ]);
    expect(Math.max(...text.split('\n').map((line) => line.length))).to.be.at.most(80);
    const explained = explain(make, explore(make));
    expect(explained).to.match(/^anything else {2}not known: the order of accesses that race is not explored$/m);
    expect(explained).to.contain('could be simultaneous: step 2 (T2: up_read(sem)) need not come before step 4\n');
    expect(Math.max(...explained.split('\n').map((line) => line.length))).to.be.at.most(80);
  });

  it('a marked access is told by its step', () => {
    const make = program(locked, marked);
    const text = drawRecording(record(make, parseSchedule(make, 'T1 T2'))).join('\n');
    expect(text).to.contain('write to x by T2 on CPU1, step 2 (marked): atomic x += 1  [1 -> 2]:\n marked (');
    const other = record(make, parseSchedule(make, 'T2 T1'));
    expect(other.races).to.deep.equal([
      {
        word: 'x',
        first: { thread: 1, write: true, plain: false, step: 1 },
        second: { thread: 0, write: true, plain: true, step: 2 },
      },
    ]);
    expect(other.steps[1].plain.map(({ thread, held, stack }) => [thread, held, stack[0].fn])).to.deep.equal([
      ['T1', ['lock'], 'locked'],
    ]);
  });

  it('who waits looks all the time, also if it waits for ever', () => {
    const make = program(
      function* forget({ flag }) {
        yield* atomic_inc(flag);
        flag.plain = 0;
      },
      function* wait({ flag, lock }) {
        yield* spin_lock(lock);
        yield* wait_for(flag, 1);
        yield* spin_unlock(lock);
      },
    );
    expect(found(make, 'T1')).to.deep.equal([]);
    const recording = record(make, parseSchedule(make, 'T2 T1'));
    expect(recording.found.map(({ rule, step }) => [rule, step])).to.deep.equal([
      ['data race', 2],
      ['deadlock', 2],
    ]);
    const text = drawRecording(recording).join('\n');
    expect(text).to.contain('read of flag by T2 on CPU1, which waits (marked): wait until flag is 1:\n wait (');
    expect(text).to.contain('locks held: T1: none; T2: lock\n');
    expect(explore(make).failures.map(({ rule }) => rule)).to.deep.equal(['data race', 'deadlock']);
  });

  it('what several threads do with a word in one step is told apart', () => {
    const make = program(writer, bold, bold);
    const { steps } = record(make, parseSchedule(make, 'T1 T2 T3 T1'));
    expect(steps[3].plain.map(({ thread, before, after }) => [thread, before, after])).to.deep.equal([
      ['T2', '1', '2'],
      ['T3', '2', '3'],
    ]);
  });
});

function* count({ x }: World): Coroutine {
  x.plain += 2;
}
function* counting(world: World): Coroutine {
  yield* down_read(world.sem);
  yield* spin_lock(world.lock);
  yield* count(world);
  yield* spin_unlock(world.lock);
  yield* up_read(world.sem);
}
function peek({ x }: World): number {
  return x.plain;
}
function* peeking(world: World): Coroutine {
  yield* down_read(world.sem);
  peek(world);
  yield* up_read(world.sem);
}

class Block extends Words {
  private readonly words = [0, 0, 0];
  describe(index: number): string {
    return `block[${index}]`;
  }
  get(index: number): number {
    return this.words[index];
  }
  set(index: number, value: number): void {
    this.words[index] = value;
  }
  plainWrite(index: number): void {
    plainAccess(this, index, true);
    this.words[index] = 1;
  }
  override perform(step: Step): number {
    if (step.kind !== CLEAR) return super.perform(step);
    this.words.fill(0, step.index);
    return 0;
  }
}

describe('data races under every strategy', () => {
  const make = program(tooLate, locked, look);
  const strategies: [string, () => Strategy][] = [
    ['all interleavings', allInterleavings],
    ['at most 1 preemption', () => preemptionBounded(1)],
    ['at most 2 delays', () => delayBounded(2)],
    ['random', () => random(3, 40)],
    ['PCT', () => pct(3, 3, 40)],
    ['URW', () => urw(3, 40)],
  ];
  for (const [name, strategy] of strategies) {
    it(`${name}: the same whether classes are counted or not, and whether it looks from the beginning or not`, () => {
      const [alone, counted] = [{}, { countClasses: true }].map((options) => {
        const { failures, executions } = explore(make, { strategy: strategy(), ...options });
        return failures.map((failure) => [failure.rule, failure.executions, executions, failure.schedule.threads]);
      });
      expect(alone).to.have.length(1);
      expect(counted).to.deep.equal(alone);
      expect(alone[0][1]).to.equal(countOf(make, strategy()));
    });
  }

  it('samplers beside an exhaustive search look too', () => {
    const bodies = Array.from(
      { length: 4 },
      () =>
        function* (world: World) {
          for (let i = 0; i < 3; i++) yield* locked(world);
          if (running.name === 'T4') world.x.plain++;
        },
    );
    const search = new Search(program(...bodies), { maxExecutions: 400 });
    while (search.advance());
    const { failures, executions, sampled } = search.result();
    expect([failures.length, sampled]).to.deep.equal([1, 100]);
    expect(failures[0].executions).to.be.within(1, executions);
  });

  it('a search that is taken up again counts the same', () => {
    const whole = explore(make, { strategy: sourceDpor() });
    for (let stop = 1; stop < whole.executions; stop++) {
      const first = new Search(make, { strategy: sourceDpor(), maxExecutions: stop });
      while (first.advance());
      const saved = JSON.parse(JSON.stringify(first.save())) as ReturnType<Search['save']>;
      const second = new Search(make, { strategy: sourceDpor() }, saved);
      while (second.advance());
      expect(second.result().failures).to.deep.equal(whole.failures);
    }
  });

  it('an answer before the first step that changes what is done there', () => {
    const choosing = program(function* ({ x, y }) {
      if (maybe('other')) y.plain++;
      else x.plain++;
    }, unlocked);
    for (const strategy of [sourceDpor(), allInterleavings()]) {
      expect(racing(choosing, strategy)).to.equal('1 of 2');
    }
  });

  /** Executions with a data race, each looked at by itself. */
  function countOf(program: () => Program, strategy: Strategy): number {
    let races = 0;
    while (strategy.begin()) {
      const execution = new Execution(program, (n) => strategy.answer(n));
      execution.run(strategy, 1000);
      strategy.end(execution);
      if (record(program, scheduleOf(execution)).races.length > 0) races++;
    }
    return races;
  }
});

/** One word of a random program: plain accesses in small letters, marked ones in capitals. */
type Word =
  | readonly ['r' | 'w' | 'R' | 'W' | 'INC' | 'CAS', Name]
  | readonly ['WAIT', Name, number]
  | readonly ['in', Side, readonly Word[]]
  | readonly ['try', readonly Word[]]
  /** If the last reply of a step, or what was looked at last by a plain access, was not 0. */
  | readonly ['if', readonly Word[]]
  | readonly ['spawn' | 'join', readonly Word[]];
type Name = 'x' | 'y' | 'flag';
type Side = 'lock' | 'mutex' | 'read' | 'write';

class Actor {
  private readonly world: World;
  private last = 0;
  private children = 0;

  constructor(world: World) {
    this.world = world;
  }

  *do(words: readonly Word[]): Coroutine {
    for (const word of words) yield* this.one(word);
  }

  private *one(word: Word): Coroutine {
    const { world } = this;
    switch (word[0]) {
      case 'r':
        this.last = world[word[1]].plain;
        return;
      case 'w':
        world[word[1]].plain = 1;
        return;
      case 'R':
        this.last = yield* READ_ONCE(world[word[1]]);
        return;
      case 'W':
        yield* WRITE_ONCE(world[word[1]], 1);
        return;
      case 'INC':
        yield* atomic_inc(world[word[1]]);
        return;
      case 'CAS':
        this.last = yield* cmpxchg(world[word[1]], 0, 1);
        return;
      case 'WAIT':
        yield* wait_for(world[word[1]], word[2]);
        return;
      case 'try':
        if ((yield* spin_trylock(world.lock)) === 0) return;
        yield* this.do(word[1]);
        yield* spin_unlock(world.lock);
        return;
      case 'if':
        if (this.last !== 0) yield* this.do(word[1]);
        return;
      case 'in':
        if (word[1] !== 'lock' && running.spinlockHeld() !== null) return; // must not sleep
        yield* take(world, word[1]);
        yield* this.do(word[2]);
        yield* give(world, word[1]);
        return;
      default: {
        const name = `${running.name}.${++this.children}`;
        const cpu = 100 * (running.id + 1) + this.children; // one of its own
        const child = new Birth(name, cpu, () => new Actor(world).do(word[1]));
        yield* spawn(child);
        if (word[0] === 'join') yield* wait_for(child.exited, 1);
      }
    }
  }
}

function take(world: World, side: Side): Step {
  if (side === 'lock') return spin_lock(world.lock);
  if (side === 'mutex') return mutex_lock(world.mutex);
  return side === 'read' ? down_read(world.sem) : down_write(world.sem);
}
function give(world: World, side: Side): Step {
  if (side === 'lock') return spin_unlock(world.lock);
  if (side === 'mutex') return mutex_unlock(world.mutex);
  return side === 'read' ? up_read(world.sem) : up_write(world.sem);
}

function compiled(threads: readonly (readonly Word[])[]): () => Program {
  return program(
    ...threads.map(
      (words): Body =>
        (world) =>
          new Actor(world).do(words),
    ),
  );
}

function words(withIf: boolean): fc.Arbitrary<readonly Word[]> {
  const name = fc.constantFrom<Name>('x', 'x', 'x', 'y', 'flag');
  const other = fc.constantFrom<Name>('flag', 'flag', 'y', 'x');
  const side = fc.constantFrom<Side>('lock', 'lock', 'mutex', 'read', 'read', 'write');
  const { word } = fc.letrec<{ word: Word; body: Word[] }>((tie) => ({
    word: fc.oneof(
      { maxDepth: 2 },
      { weight: 5, arbitrary: fc.tuple(fc.constantFrom('r', 'w', 'w'), name) },
      { weight: 3, arbitrary: fc.tuple(fc.constantFrom('R', 'W', 'INC', 'CAS'), other) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('WAIT'), other, fc.constantFrom(0, 1)) },
      { weight: 6, arbitrary: fc.tuple(fc.constant('in'), side, tie('body')) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('try'), tie('body')) },
      { weight: withIf ? 3 : 0, arbitrary: fc.tuple(fc.constant('if'), tie('body')) },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom('spawn', 'join'), tie('body')) },
    ),
    body: fc.array(tie('word'), { minLength: 1, maxLength: 3 }),
  }));
  return fc.array(word, { minLength: 1, maxLength: 4 });
}

const MOST_INTERLEAVINGS = 300;

/** What a search without clocks has seen. */
interface Oracle {
  /** Of each class, by its fingerprint: in how many interleavings it was seen, and whether one shows a race. */
  readonly classes: ReadonlyMap<number, { interleavings: number; races: boolean }>;
}

/**
 * All interleavings, and in each of them all moments: do two threads access one word at the same time? What a thread has
 * accessed plainly since its last step it may still be at, and what it waits for it looks at all the time. Null: too many.
 */
function bruteForce(make: () => Program): Oracle | null {
  const classes = new Map<number, { interleavings: number; races: boolean }>();
  const strategy = allInterleavings();
  let seen = 0;
  while (strategy.begin()) {
    if (++seen > MOST_INTERLEAVINGS) return null;
    const moments = new Moments();
    const outer = observePlain(moments);
    const execution = new Execution(make, (n) => strategy.answer(n));
    const watch = new OrderWatch();
    let races = moments.race(execution, null);
    for (let thread = strategy.choose(execution); thread !== null; thread = strategy.choose(execution)) {
      races ||= moments.race(execution, thread);
      watch.add(execution, thread);
      moments.begin(thread.id);
      execution.perform(thread);
      races ||= moments.race(execution, null);
    }
    observePlain(outer);
    strategy.end(execution);
    const key = watch.orderOf(execution).fingerprint([]);
    const known = classes.get(key);
    if (known === undefined) classes.set(key, { interleavings: 1, races });
    else {
      known.interleavings++;
      known.races ||= races;
    }
  }
  return { classes };
}

interface Touch {
  readonly object: Shared;
  readonly index: number;
  readonly write: boolean;
}

class Moments {
  /** Of each thread: its plain accesses since its last step. */
  private readonly since: Touch[][] = [];

  plain(words: Words, index: number, write: boolean): void {
    (this.since[running.id] ??= []).push({ object: words, index, write });
  }
  begin(thread: number): void {
    this.since[thread] = [];
  }
  /** Now, or when `acting` does its step. */
  race(execution: Execution, acting: Thread | null): boolean {
    return execution.threads.some((thread) => {
      const { pending } = thread;
      const now = this.since[thread.id] ?? [];
      const steps = pending !== null && (thread === acting || awaitsValue(pending)) ? [pending] : [];
      const touches = steps.filter((step) => modeOf(step) <= Mode.writeAll).map(asTouch);
      return this.since.some((others, id) => id !== thread.id && meet(others, [...now, ...touches]));
    });
  }
}

function asTouch(step: Step): Touch {
  return { object: step.object, index: step.index, write: modeOf(step) !== Mode.read };
}

function meet(some: readonly Touch[], others: readonly Touch[]): boolean {
  return some.some((one) =>
    others.some((other) => one.object === other.object && one.index === other.index && (one.write || other.write)),
  );
}

describe('explorer fuzz: data races and all moments of all interleavings', () => {
  const programs = (withIf: boolean): fc.Arbitrary<readonly (readonly Word[])[]> =>
    fc.array(words(withIf), { minLength: 2, maxLength: 3 });

  it('agree on which classes have one', function () {
    if (this.timeout() > 0) this.timeout(120_000);
    fc.assert(
      fc.property(programs(false), (threads) => {
        fc.pre(!JSON.stringify(threads).match(/"(r|w)","flag"|"(WAIT|CAS)","[xy]"/)); // nothing depends on what races
        const make = compiled(threads);
        const oracle = bruteForce(make);
        fc.pre(oracle !== null);
        const all = [...oracle.classes.values()];
        const racy = all.filter(({ races }) => races);
        expect(racing(make, new DporStrategy(), true)).to.equal(`${racy.length} of ${all.length}`);
        const sum = (some: typeof all): number => some.reduce((n, { interleavings }) => n + interleavings, 0);
        expect(racing(make, allInterleavings(), true)).to.equal(`${sum(racy)} of ${sum(all)}`);
      }),
      { numRuns: RUNS },
    );
  });

  it('agree where a plain write makes a read of a compare-and-swap that sleeps', () => {
    const threads = [
      [['CAS', 'flag']],
      [
        ['R', 'flag'],
        ['w', 'flag'],
      ],
    ] as const;
    const make = compiled(threads);
    expect([...bruteForce(make)!.classes.values()].some(({ races }) => races)).to.equal(true);
    expect(raceIn(explore(make, { strategy: new DporStrategy() }))).to.not.equal(null);
  });

  it('agree on whether there is one, if what is read decides what is done', function () {
    if (this.timeout() > 0) this.timeout(120_000);
    fc.assert(
      fc.property(programs(true), (threads) => {
        const make = compiled(threads);
        const oracle = bruteForce(make);
        fc.pre(oracle !== null);
        const races = [...oracle.classes.values()].some((one) => one.races);
        expect(raceIn(explore(make, { strategy: new DporStrategy() })) !== null).to.equal(races);
      }),
      { numRuns: RUNS },
    );
  });
});
