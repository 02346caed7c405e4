/** Deadlocks: who waits for whom, the step that closes the circle, and the report. */
import { expect } from 'chai';
import { DeadlockWatch, findDeadlock, type FoundDeadlock, waiting } from '../src/drivers/controlled/deadlock.ts';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { Execution, type Program } from '../src/drivers/controlled/execution.ts';
import { allInterleavings } from '../src/drivers/controlled/bounded.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import { shrink } from '../src/drivers/controlled/shrink.ts';
import { replay } from '../src/drivers/controlled/replay.ts';
import { Cell, READ_ONCE, wait_for } from '../src/machine/memory.ts';
import { type Coroutine, LOCK, Step, UNLOCK } from '../src/machine/step.ts';
import { Birth, type Thread } from '../src/machine/thread.ts';
import { drawDeadlock } from '../src/report/deadlock.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { readScenario } from '../src/scenario/read.ts';
import { buildWorld, checkedProgram } from '../src/scenario/world.ts';
import { Lock } from '../src/sync/lock.ts';
import { Mutex, mutex_lock, mutex_unlock } from '../src/sync/mutex.ts';
import { down_read, down_write, RwSemaphore, up_read, up_write } from '../src/sync/rwsem.ts';
import { spin_lock, spin_unlock, Spinlock } from '../src/sync/spinlock.ts';
import { Recorder } from '../src/trace/recorder.ts';
import type { TraceStep } from '../src/trace/step.ts';

interface Seen {
  readonly deadlock: FoundDeadlock;
  readonly steps: readonly TraceStep[];
  /** Step at which the search saw it. */
  readonly seenAt: number;
  /** Length of the schedule. */
  readonly length: number;
  report(width: number): string;
}

/** Search for a deadlock, run the schedule that shows it again, and watch. */
function deadlockOf(make: () => Program): Seen {
  const failure = explore(make, { strategy: new DporStrategy() }).failures.find(({ rule }) => rule === 'deadlock')!;
  const steps: TraceStep[] = [];
  const recorder = new Recorder((step) => steps.push(step));
  const watch = new DeadlockWatch();
  recorder.watch(() =>
    replay(make, failure.schedule, () => ({
      beforeStep(thread, runnable) {
        recorder.beforeStep(thread, runnable);
      },
      afterStep(thread, execution) {
        recorder.afterStep(thread, execution);
        watch.afterStep(thread, execution);
      },
    })),
  );
  const deadlock = watch.found!;
  const stackOf = (thread: Thread) => recorder.stackOf(thread);
  return {
    deadlock,
    steps,
    seenAt: failure.step,
    length: steps.length,
    report: (width) => drawDeadlock(deadlock, { width, steps, stackOf }),
  };
}

function scenario(name: string): () => Program {
  const read = readScenario(`scenarios/races/${name}.yaml`, catalog());
  return () => checkedProgram(buildWorld(read));
}

/** Threads that take two locks each, one inside the other. */
function crossing(...pairs: [string, string, string][]): () => Program {
  return () => {
    const locks = new Map<string, Spinlock>();
    const lock = (name: string): Spinlock => {
      if (!locks.has(name)) locks.set(name, new Spinlock(name));
      return locks.get(name)!;
    };
    return {
      threads: pairs.map(
        ([name, outer, inner], cpu) =>
          new Birth(name, cpu, function* takeBoth(): Coroutine {
            yield* spin_lock(lock(outer));
            yield* spin_lock(lock(inner));
            yield* spin_unlock(lock(inner));
            yield* spin_unlock(lock(outer));
          }),
      ),
    };
  };
}

/** Let threads act in this order; says what there was after each step. */
function run(make: () => Program, order: readonly number[]): { threads: readonly Thread[]; cycles: string[] } {
  const execution = new Execution(make);
  const cycles = order.map((id) => {
    execution.perform(execution.threads[id]);
    const cycle = findDeadlock(execution.threads)?.cycle ?? [];
    return cycle.map(({ thread }) => thread.name).join(' ');
  });
  return { threads: execution.threads, cycles };
}

const names = (found: readonly { readonly thread: Thread }[]): string[] => found.map(({ thread }) => thread.name);

/** Who waits, and for whom. */
function waitsOf(threads: readonly Thread[]): [string, string][] {
  return waiting(threads).map(({ thread, for: those }) => [thread.name, those.map((t) => t.name).join(' ')]);
}

describe('deadlock: who waits for whom', () => {
  it('two spinlocks the wrong way round: closed by the second one taken, not by asking', () => {
    const { threads, cycles } = run(crossing(['T1', 'A', 'B'], ['T2', 'B', 'A']), [0, 1]);
    expect(cycles).to.deep.equal(['', 'T1 T2']);
    expect(waitsOf(threads)).to.deep.equal([
      ['T1', 'T2'],
      ['T2', 'T1'],
    ]);
    expect(names(findDeadlock(threads, threads[1])!.cycle)).to.deep.equal(['T2', 'T1']);
  });

  it('a thread that waits in no circle is no deadlock as long as another can go on', () => {
    const { threads, cycles } = run(crossing(['T1', 'A', 'B'], ['T2', 'A', 'B']), [0]);
    expect(cycles).to.deep.equal(['']);
    expect(names(waiting(threads))).to.deep.equal(['T2']);
    expect(findDeadlock(threads)).to.equal(null);
  });

  it('a circle is found while others still run, with those that are stuck behind it', () => {
    const make = crossing(['T1', 'A', 'B'], ['T2', 'B', 'A'], ['runs', 'C', 'D'], ['stuck', 'A', 'D']);
    const { threads, cycles } = run(make, [0, 1]);
    expect(cycles[1]).to.equal('T1 T2');
    expect(names(findDeadlock(threads)!.others)).to.deep.equal(['stuck']);
  });

  it('readers: all who hold it are in the way of a writer, only the queue is in the way of a reader', () => {
    const make = (): Program => {
      const sem = new RwSemaphore('sem');
      const reader = function* (): Coroutine {
        yield* down_read(sem);
        yield* down_read(sem);
        yield* up_read(sem);
        yield* up_read(sem);
      };
      const writer = function* (): Coroutine {
        yield* down_write(sem);
        yield* up_write(sem);
      };
      return { threads: [new Birth('R1', 0, reader), new Birth('R2', 1, reader), new Birth('W', 2, writer)] };
    };
    const { threads, cycles } = run(make, [0, 1, 2, 0, 1]);
    expect(cycles).to.deep.equal(['', '', '', 'R1 W', 'R1 W']);
    expect(waitsOf(threads)).to.deep.equal([
      ['R1', 'W'],
      ['R2', 'W R1'],
      ['W', 'R1 R2'],
    ]);
    expect(names(findDeadlock(threads)!.others)).to.deep.equal(['R2']);
  });

  it('a reader that wants to write waits for itself', () => {
    const make = (): Program => {
      const sem = new RwSemaphore('sem');
      const upgrade = function* (): Coroutine {
        yield* down_read(sem);
        yield* down_write(sem);
      };
      return { threads: [new Birth('T', 0, upgrade)] };
    };
    expect(run(make, [0, 0]).cycles).to.deep.equal(['', 'T']);
  });
});

/** What every report must be. */
function sound(seen: Seen): void {
  expect(seen.deadlock.at).to.be.within(1, seen.length);
  for (const width of [40, 80, 120]) {
    const lines = seen.report(width).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(width);
    expect(lines.join('')).to.match(/^[ -~]*$/);
    expect(lines.filter((line) => line.endsWith(' '))).to.deep.equal([]);
  }
  expect(seen.report(80)).to.not.match(/possible|undefined/i);
}

/** A report without numbers of lines and steps, that may change. */
function timeless(report: string): string[] {
  return report
    .replace(/(\.ts):\d+/g, '$1')
    .replace(/step \d+/g, 'step n')
    .split('\n');
}

describe('deadlock: found, recorded, reported', () => {
  it('page_table_lock and anon_vma->lock in opposite orders', () => {
    const seen = deadlockOf(scenario('anon-vma+page-referenced-lock-order'));
    sound(seen);
    const { deadlock, steps, seenAt } = seen;
    expect(seenAt).to.equal(deadlock.at);
    expect(names(deadlock.cycle)).to.have.members(['faulter', 'kswapd']);
    expect(steps[deadlock.at - 1].thread).to.equal(deadlock.cycle[0].thread.name);
    const report = timeless(seen.report(80));
    expect(report.slice(0, 3)).to.deep.equal([
      '='.repeat(60),
      'DEADLOCK: circular locking dependency, closed after step n',
      '-'.repeat(60),
    ]);
    const about = (name: string): string[] => {
      const from = report.findIndex((line) => line.startsWith(`${name} on CPU`));
      return report.slice(from, report.indexOf('', from)).filter((line) => !line.includes('(script.ts)'));
    };
    const path = ['anon_vma_prepare (anon-vma-lock-order.ts)', 'do_anonymous_page (memory.ts)'];
    const fault = [...path, 'handle_mm_fault (memory.ts)', 'do_page_fault (fault.ts)'].map((line) => `      ${line}`);
    expect(about('faulter')).to.deep.equal([
      'faulter on CPU0 is trying to acquire lock:',
      '  heap.anon_vma->lock (&anon_vma->lock) by spin_lock, held by kswapd, at:',
      ...fault,
      'but faulter is already holding lock:',
      '  mm.mmap_sem (&mm->mmap_sem) by down_read in step n, at:',
      '      do_page_fault (fault.ts)',
      'and:',
      '  mm.page_table_lock (&mm->page_table_lock) by spin_lock in step n, at:',
      ...fault,
    ]);
    const walk = ['page_referenced_anon (rmap.ts)', 'page_referenced (rmap.ts)', 'refill_inactive_zone (vmscan.ts)'];
    expect(about('kswapd')).to.deep.equal([
      'kswapd on CPU1 is trying to acquire lock:',
      '  mm.page_table_lock (&mm->page_table_lock) by spin_lock, held by faulter, at:',
      ...['page_check_address (rmap.ts)', 'page_referenced_one (rmap.ts)', ...walk].map((line) => `      ${line}`),
      'but kswapd is already holding lock:',
      '  heap.anon_vma->lock (&anon_vma->lock) by spin_lock in step n, at:',
      ...['page_lock_anon_vma (rmap.ts)', ...walk].map((line) => `      ${line}`),
    ]);
    expect(report.join('\n')).to.match(
      /\nChain exists of:\n {2}(&mm->page_table_lock|&anon_vma->lock) --> (?!\1)\S+ --> \1\nWho waits for whom:\n/,
    );
  });

  it('its table has a column for each CPU', () => {
    const report = deadlockOf(scenario('anon-vma+page-referenced-lock-order')).report(80);
    const table = report.slice(report.indexOf(' *** DEADLOCK ***')).split('\n');
    expect(table.slice(0, 4)).to.deep.equal([
      ' *** DEADLOCK ***',
      '',
      '     CPU0 faulter                         CPU1 kswapd',
      '     ------------                         -----------',
    ]);
    expect(
      table
        .slice(4)
        .map((line) => line.slice(5))
        .sort(),
    ).to.deep.equal([
      '                                       [waits]',
      '                                     spin_lock(heap.anon_vma->lock)',
      '                                     spin_lock(mm.page_table_lock)',
      '  [waits]',
      'spin_lock(heap.anon_vma->lock)',
      'spin_lock(mm.page_table_lock)',
    ]);
    expect(table.slice(4, 6).join()).to.match(/^ *\d+ spin.*, *\d+ +spin/);
  });

  it('mmap_sem for reading a second time, behind a writer', () => {
    const seen = deadlockOf(scenario('anon-fault+mmap-sem-twice'));
    sound(seen);
    const report = timeless(seen.report(80)).filter((line) => !line.includes('(script.ts)'));
    expect(report).to.deep.equal([
      '='.repeat(60),
      'DEADLOCK: recursive locking, closed after step n',
      '-'.repeat(60),
      'faulter on CPU0 is trying to acquire lock:',
      '  mm.mmap_sem (&mm->mmap_sem) by down_read, queued behind mapper, at:',
      '      do_page_fault (fault.ts)',
      '      copy_from_user (mmap-sem-twice.ts)',
      '      handle_mm_fault (mmap-sem-twice.ts)',
      '      do_page_fault (fault.ts)',
      'but faulter is already holding lock:',
      '  mm.mmap_sem (&mm->mmap_sem) by down_read in step n, at:',
      '      do_page_fault (fault.ts)',
      '',
      'mapper on CPU1 is trying to acquire lock:',
      '  mm.mmap_sem (&mm->mmap_sem) by down_write, held by faulter, at:',
      '      sys_mmap (mmap.ts)',
      '',
      'Who waits for whom:',
      '  faulter --[mm.mmap_sem]--> mapper --[mm.mmap_sem]--> faulter',
      '',
      ' *** DEADLOCK ***',
      '',
      '     CPU0 faulter                         CPU1 mapper',
      '     ------------                         -----------',
      '   4 down_read(mm.mmap_sem)',
      '   6                                      down_write(mm.mmap_sem)  [waits]',
      '   7 down_read(mm.mmap_sem)  [waits]',
    ]);
    expect([seen.deadlock.at, seen.seenAt]).to.deep.equal([7, 7]);
  });

  it('three threads, three locks, three columns; backtraces of the program', () => {
    const seen = deadlockOf(crossing(['T1', 'A', 'B'], ['T2', 'B', 'C'], ['T3', 'C', 'A']));
    sound(seen);
    expect(seen.deadlock).to.include({ at: 3 });
    expect(names(seen.deadlock.cycle)).to.have.members(['T1', 'T2', 'T3']);
    const report = seen.report(80);
    expect(report).to.match(/\n {6}takeBoth \(deadlock\.test\.ts:\d+\)\n/);
    expect(report).to.match(/\n {2}T(\d) --\[\w\]--> T\d --\[\w\]--> T\d --\[\w\]--> T\1\n/);
    const columns = report.split('\n').find((line) => line.startsWith('     CPU0'))!;
    expect(columns).to.match(/^ {5}CPU0 T1 {18}CPU1 T2 {18}CPU2 T3$/);
    expect(report.match(/\[waits\]/g)).to.have.length(3);
  });

  it('a thread that takes its own spinlock twice', () => {
    const make = (): Program => {
      const lock = new Spinlock('L', '&l->lock');
      function* outer(): Coroutine {
        yield* spin_lock(lock);
        yield* inner();
      }
      function* inner(): Coroutine {
        yield* spin_lock(lock);
      }
      return { threads: [new Birth('T', 0, outer)] };
    };
    const seen = deadlockOf(make);
    sound(seen);
    expect(timeless(seen.report(80))).to.deep.equal([
      '='.repeat(60),
      'DEADLOCK: recursive locking, closed after step n',
      '-'.repeat(60),
      'T on CPU0 is trying to acquire lock:',
      '  L (&l->lock) by spin_lock, held by itself, at:',
      '      inner (deadlock.test.ts)',
      '      outer (deadlock.test.ts)',
      'but T is already holding lock:',
      '  L (&l->lock) by spin_lock in step n, at:',
      '      outer (deadlock.test.ts)',
      '',
      'Who waits for whom:',
      '  T --[L]--> T',
      '',
      ' *** DEADLOCK ***',
      '',
      '     CPU0 T',
      '     ------',
      '   1 spin_lock(L)',
      '     spin_lock(L)  [waits]',
    ]);
  });

  it('is none if the holder of a lock has crashed: another schedule is looked for', () => {
    const make = (): Program => {
      const mutex = new Mutex('M');
      function* asks(): Coroutine {
        yield* mutex_lock(mutex);
        yield* mutex_unlock(mutex);
      }
      function* forgets(): Coroutine {
        yield* mutex_lock(mutex);
      }
      function* crashes(): Coroutine {
        yield* mutex_lock(mutex);
        throw new Error('crash');
      }
      return {
        threads: [new Birth('T1', 0, asks), new Birth('T2', 1, forgets), new Birth('T3', 2, crashes)],
      };
    };
    const failure = explore(make, { strategy: allInterleavings() }).failures.find(({ rule }) => rule === 'deadlock')!;
    const { schedule } = shrink(make, 'deadlock', failure.schedule);
    expect(schedule.threads).to.include(1).and.to.not.include(2);
  });

  it('no circle: a value that nobody writes, and a mutex whose holder has ended', () => {
    const make = (): Program => {
      const flag = new Cell('flag');
      const mutex = new Mutex('M');
      function* sleeper(): Coroutine {
        yield* READ_ONCE(flag);
        yield* wait_for(flag, 1);
      }
      function* forgets(): Coroutine {
        yield* mutex_lock(mutex);
      }
      function* asks(): Coroutine {
        yield* wait_for(flag, 0);
        yield* mutex_lock(mutex);
        yield* mutex_unlock(mutex);
      }
      return { threads: [new Birth('T1', 0, sleeper), new Birth('T2', 1, forgets), new Birth('T3', 2, asks)] };
    };
    const seen = deadlockOf(make);
    sound(seen);
    expect(seen.deadlock.cycle).to.deep.equal([]);
    const report = timeless(seen.report(80));
    expect(report[1]).to.equal('DEADLOCK: nobody can go on after step n, and no circle of locks');
    expect(report.slice(3, 6)).to.deep.equal([
      'T1 on CPU0 waits for ever:',
      '  flag is 0 and should be 1; nobody is left to change it, at:',
      '      sleeper (deadlock.test.ts)',
    ]);
    expect(seen.report(80)).to.not.contain('***');
    const alone = (): Program => ({ threads: (make().threads as Birth[]).slice(1) });
    const late = run(alone, [0, 1]).threads;
    expect(findDeadlock(late)).to.deep.include({ cycle: [] });
    const stackOf = () => [];
    const text = drawDeadlock({ at: 2, ...findDeadlock(late)! }, { width: 80, steps: [], stackOf });
    expect(text).to.contain(
      'T3 on CPU2 is trying to acquire lock:\n  M by mutex_lock, held by T2, which has ended, at:',
    );
  });

  it('locks that a user has made: by the books of the threads, whatever their class', () => {
    const seen = deadlockOf(() => {
      const [a, b] = [new HandMade('a', 'hand made'), new HandMade('b', 'hand made')];
      const both = (first: HandMade, second: HandMade) =>
        function* takeBoth(): Coroutine {
          yield* first.lock();
          yield* second.lock();
          yield* second.unlock();
          yield* first.unlock();
        };
      return { threads: [new Birth('T1', 0, both(a, b)), new Birth('T2', 1, both(b, a))] };
    });
    sound(seen);
    expect(names(seen.deadlock.cycle)).to.have.members(['T1', 'T2']);
    expect(seen.report(80)).to.contain('  b (hand made) by get, held by T2, at:');
  });

  it('a lock that was handed over while its thread slept was taken where the thread asked for it', () => {
    const make = (): Program => {
      const [sem, lock] = [new RwSemaphore('sem'), new Mutex('M')];
      function* first(): Coroutine {
        yield* down_write(sem);
        yield* mutex_lock(lock);
        yield* up_write(sem);
        yield* down_read(sem);
      }
      function* second(): Coroutine {
        yield* down_write(sem);
        yield* mutex_lock(lock);
      }
      return { threads: [new Birth('T1', 0, first), new Birth('T2', 1, second)] };
    };
    const steps: TraceStep[] = [];
    const recorder = new Recorder((step) => steps.push(step));
    const execution = recorder.watch(() => {
      const running = new Execution(make);
      for (const id of [0, 1, 0, 0, 0]) {
        recorder.beforeStep(running.threads[id], running.enabled());
        running.perform(running.threads[id]);
        recorder.afterStep(running.threads[id], running);
      }
      return running;
    });
    const found = findDeadlock(execution.threads)!;
    const text = drawDeadlock({ at: 5, ...found }, { width: 80, steps, stackOf: (thread) => recorder.stackOf(thread) });
    expect(text).to.match(/but T2 is already holding lock:\n {2}sem by down_write in step 2, at:\n {6}second/);
    expect(text).to.match(
      /\n {3}2 +down_write\(sem\)\n {3}3 mutex_lock\(M\)\n {3}5 down_read\(sem\) {2}\[waits\]\n +mutex_lock\(M\) {2}\[waits\]$/,
    );
  });
});

/** A lock as a user might make it. */
class HandMade extends Lock {
  private holder: Thread | null = null;

  constructor(name: string, lockClass: string) {
    super(name, lockClass, false, null);
  }
  lock(): Step {
    return new Step(LOCK, this);
  }
  unlock(): Step {
    return new Step(UNLOCK, this);
  }
  verb(step: Step): string {
    return step.kind === LOCK ? 'get' : 'put';
  }
  admits(): boolean {
    return this.holder === null;
  }
  ready(step: Step): boolean {
    return step.kind !== LOCK || this.holder === null;
  }
  perform(step: Step, thread: Thread): number {
    this.holder = step.kind === LOCK ? thread : null;
    if (step.kind === LOCK) this.take(thread, false);
    else this.drop(thread, false);
    return 0;
  }
}
