/** RCU and calls between CPUs, explored and under the clock. */
import { expect } from 'chai';
import fc from 'fast-check';
import { sourceDpor } from '../src/drivers/controlled/dpor.ts';
import { Execution, type Program, type Violation } from '../src/drivers/controlled/execution.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import { runTimed, type TimedResult } from '../src/drivers/timed/run.ts';
import { atomic_inc, Cell, READ_ONCE, wait_for, WRITE_ONCE } from '../src/machine/memory.ts';
import { type Coroutine, NOTHING, type Step } from '../src/machine/step.ts';
import { Birth, KernelBug, running, smp_processor_id } from '../src/machine/thread.ts';
import { altix_3700_8p } from '../src/profiles/altix-3700-8p.ts';
import { Mutex, mutex_lock, mutex_unlock } from '../src/sync/mutex.ts';
import { call_rcu, Rcu, rcu_read_lock, rcu_read_unlock, synchronize_rcu } from '../src/sync/rcu.ts';
import {
  irqs_disabled,
  local_irq_disable,
  local_irq_enable,
  on_each_cpu,
  Smp,
  smp_call_function_many,
  smp_call_function_single,
} from '../src/sync/smp.ts';
import { spin_lock, spin_unlock, Spinlock } from '../src/sync/spinlock.ts';
import { randomThreads, smallProgram } from './support/small-programs.ts';

/** Executions, and of these how many break which rule. */
function found(program: () => Program): Record<string, number> {
  const { executions, failures, complete } = explore(program, { strategy: sourceDpor() });
  expect(complete).to.equal(true);
  return { executions, ...Object.fromEntries(failures.map((failure) => [failure.rule, failure.executions])) };
}

/** The same threads under the clock. */
function timed(program: () => Program, eager = false): TimedResult {
  return runTimed(program().threads as readonly Birth[], {
    profile: altix_3700_8p,
    cpus: 4,
    eager,
    recordOrder: true,
  });
}

type Body = () => Coroutine;

/** Threads with the CPUs 0, 1, ... */
function threads(...bodies: Body[]): Birth[] {
  return bodies.map((body, cpu) => new Birth(`T${cpu}`, cpu, body));
}

/** An old object that is replaced and freed, and a reader that must not see it freed. */
function replacing(free: (rcu: Rcu, freed: Body) => Iterable<never> | Coroutine, reads = true): () => Program {
  return () => {
    const rcu = new Rcu();
    const current = new Cell('current');
    const objects = [new Cell('old', null, 1), new Cell('new', null, 1)];
    const broken: Violation[] = [];
    function* reader(): Coroutine {
      if (reads) yield* rcu_read_lock(rcu);
      const object = objects[yield* READ_ONCE(current)];
      if ((yield* READ_ONCE(object)) === 0) broken.push({ rule: 'use after free', witness: object.name });
      if (reads) yield* rcu_read_unlock(rcu);
    }
    function* updater(): Coroutine {
      yield* WRITE_ONCE(current, 1);
      yield* free(rcu, function* () {
        yield* WRITE_ONCE(objects[0], 0);
      }) as Coroutine;
    }
    return { threads: threads(reader, updater), afterStep: () => broken };
  };
}

describe('locks that a CPU has to itself', () => {
  it('are taken and let go without asking, but not waited for', () => {
    const rcu = new Rcu();
    const lock = new Spinlock('lock');
    const passing = [rcu.lockStep, rcu.unlockStep, rcu.synchronizeStep, lock.lockStep, lock.unlockStep];
    expect(passing.map((step) => step.object.passes(step))).to.deep.equal([true, true, false, true, true]);
    lock.owner = running;
    expect(lock.passes(lock.lockStep)).to.equal(false);
  });
});

describe('RCU', () => {
  const synchronously = function* (rcu: Rcu, freed: Body): Coroutine {
    yield* synchronize_rcu(rcu);
    yield* freed();
  };
  const later = function* (rcu: Rcu, freed: Body): Coroutine {
    yield* call_rcu(rcu, freed);
  };
  const atOnce = (_rcu: Rcu, freed: Body): Coroutine => freed();

  it('nobody sees what is freed after a grace period', () => {
    expect(found(replacing(synchronously))).to.deep.equal({ executions: 3 });
    expect(found(replacing(later))).to.not.have.property('use after free');
  });

  it('somebody does without grace period, or without read section', () => {
    expect(found(replacing(atOnce))).to.deep.equal({ executions: 3, 'use after free': 1 });
    expect(found(replacing(synchronously, false))).to.deep.equal({ executions: 3, 'use after free': 1 });
  });

  /** A reader that stays until a word is set, and somebody who sets it after a grace period. */
  const waiting = (early: boolean) => (): Program => {
    const rcu = new Rcu();
    const inside = new Cell('inside');
    const begun = new Cell('begun');
    const over = new Cell('over');
    return {
      threads: threads(
        function* () {
          yield* rcu_read_lock(rcu);
          yield* WRITE_ONCE(inside, 1);
          if (!early) yield* wait_for(begun, 1);
          yield* rcu_read_unlock(rcu);
        },
        function* () {
          yield* wait_for(inside, 1);
          if (!early) yield* WRITE_ONCE(begun, 1);
          yield* synchronize_rcu(rcu);
          yield* WRITE_ONCE(over, 1);
        },
        function* () {
          yield* rcu_read_lock(rcu);
          yield* wait_for(over, 1);
          yield* rcu_read_unlock(rcu);
        },
      ),
    };
  };

  it('a grace period waits for readers that came before it, and not for those that come later', () => {
    expect(found(waiting(true))).to.deep.equal({ executions: 2, deadlock: 1 });
    expect(found(waiting(false))).to.deep.equal({ executions: 2, deadlock: 1 });
  });

  it('read sections nest, and the inner ones are nobody else’s business', () => {
    const nested = (depth: number) => (): Program => {
      const rcu = new Rcu();
      function* reader(): Coroutine {
        for (let i = 0; i < depth; i++) yield* rcu_read_lock(rcu);
        for (let i = 0; i < depth; i++) yield* rcu_read_unlock(rcu);
      }
      function* updater(): Coroutine {
        yield* synchronize_rcu(rcu);
      }
      return { threads: threads(reader, reader, updater) };
    };
    for (const depth of [1, 2, 3]) expect(found(nested(depth))).to.deep.equal({ executions: 4 });
  });

  it('complains of readers that sleep, and of those that leave twice', () => {
    const complaint = (text: (rcu: Rcu) => Coroutine) => (): Program => {
      const rcu = new Rcu();
      return { threads: threads(() => text(rcu)) };
    };
    const sleeping = complaint(function* (rcu) {
      yield* rcu_read_lock(rcu);
      yield* synchronize_rcu(rcu);
    });
    const leaving = complaint(function* (rcu) {
      yield* rcu_read_lock(rcu);
      yield* rcu_read_unlock(rcu);
      yield* rcu_read_unlock(rcu);
    });
    expect(found(sleeping)).to.deep.equal({ executions: 1, 'sleeping while atomic': 1 });
    expect(found(leaving)).to.deep.equal({ executions: 1, 'unlock by non-owner': 1 });
  });

  it('says whom a grace period waits for', () => {
    const execution = new Execution(waiting(false));
    const [early, updater, late] = execution.threads;
    for (const thread of [early, early, updater, updater]) execution.perform(thread);
    const step = updater.pending!;
    const rcu = step.object as Rcu;
    expect(rcu.waitsFor(step, updater)).to.deep.equal([early]);
    for (const thread of [updater, late]) execution.perform(thread);
    expect(rcu.waitsFor(step, updater)).to.deep.equal([early]);
    expect(rcu.label(step)).to.equal('synchronize_rcu(rcu)');
  });

  it('runs under the clock, and is waited for there', () => {
    const { stuck, locks } = timed(() => {
      const rcu = new Rcu();
      const inside = new Cell('inside');
      const begun = new Cell('begun');
      return {
        threads: threads(
          function* () {
            yield* rcu_read_lock(rcu);
            yield* WRITE_ONCE(inside, 1);
            yield* wait_for(begun, 1);
            yield* rcu_read_unlock(rcu);
          },
          function* () {
            yield* wait_for(inside, 1);
            yield* WRITE_ONCE(begun, 1);
            yield* synchronize_rcu(rcu);
          },
        ),
      };
    });
    expect(stuck).to.deep.equal([]);
    expect(locks.map(({ lockClass, contended }) => [lockClass, contended])).to.deep.equal([['rcu', 1]]);
  });
});

describe('calls between CPUs', () => {
  /** Each of two CPUs calls the other. */
  const calling = (irqsOff: boolean, wait: boolean) => (): Program => {
    const smp = new Smp(2);
    const called = new Cell('called');
    function* handler(): Coroutine {
      yield* atomic_inc(called);
    }
    function* body(): Coroutine {
      if (irqsOff) yield* local_irq_disable(smp);
      yield* smp_call_function_single(smp, 1 - smp_processor_id(), handler, wait);
      if (irqsOff) yield* local_irq_enable(smp);
    }
    return {
      threads: threads(body, body),
      atEnd: () => (called.value === 2 ? null : 'not called'),
    };
  };

  it('two that call each other with interrupts off and wait, wait for ever', () => {
    expect(found(calling(true, true))).to.have.property('deadlock');
  });

  it('with interrupts on, or without waiting, they do not', () => {
    expect(Object.keys(found(calling(false, true)))).to.deep.equal(['executions']);
    expect(Object.keys(found(calling(true, false)))).to.deep.equal(['executions']);
  });

  it('a handler runs on the CPU that is called, with interrupts off, and never while somebody there has them off', () => {
    const program = (): Program => {
      const smp = new Smp(2);
      const off = new Cell('off');
      const broken: Violation[] = [];
      const check = (holds: boolean, rule: string): void => {
        if (!holds) broken.push({ rule, witness: rule });
      };
      return {
        threads: threads(
          () =>
            smp_call_function_single(
              smp,
              1,
              function* () {
                check(smp_processor_id() === 1, 'wrong CPU');
                check(irqs_disabled(smp), 'interrupts on');
                check((yield* READ_ONCE(off)) === 0, 'not held up');
              },
              true,
            ),
          function* () {
            yield* local_irq_disable(smp);
            yield* local_irq_disable(smp);
            yield* WRITE_ONCE(off, 1);
            yield* smp_call_function_single(smp, 1, () => NOTHING, true);
            check(irqs_disabled(smp), 'turned on too early');
            yield* WRITE_ONCE(off, 0);
            yield* local_irq_enable(smp);
            yield* local_irq_enable(smp);
            check(!irqs_disabled(smp), 'turned on too late');
          },
        ),
        atEnd: () => broken,
      };
    };
    expect(found(program)).to.deep.equal({ executions: 2 });
  });

  it('on_each_cpu runs on all, smp_call_function_many on the others', () => {
    const program = (each: boolean, wait: boolean) => (): Program => {
      const smp = new Smp(3);
      const sum = new Cell('sum');
      const broken: Violation[] = [];
      function* handler(): Coroutine {
        yield* atomic_inc(sum);
      }
      function* body(): Coroutine {
        if (each) yield* on_each_cpu(smp, handler, wait);
        else yield* smp_call_function_many(smp, [0, 1, 2], handler, wait);
        if ((yield* READ_ONCE(sum)) !== (each ? 3 : 2)) broken.push({ rule: 'not waited', witness: 'sum' });
      }
      const expected = each ? 3 : 2;
      return { threads: threads(body), atEnd: () => (sum.value === expected ? broken : 'not called') };
    };
    for (const each of [true, false]) {
      expect(Object.keys(found(program(each, true)))).to.deep.equal(['executions']);
      expect(Object.keys(found(program(each, false)))).to.deep.equal(['executions', 'not waited']);
    }
  });

  it('a handler must not sleep, nor turn interrupts on', () => {
    const program = (handler: (smp: Smp) => Coroutine) => (): Program => {
      const smp = new Smp(2);
      return { threads: threads(() => smp_call_function_single(smp, 1, () => handler(smp), false)) };
    };
    const sleeps = program(function* () {
      const mutex = new Mutex('mutex');
      yield* mutex_lock(mutex);
      yield* mutex_unlock(mutex);
    });
    const turnsOn = program(function* (smp) {
      yield* local_irq_enable(smp);
    });
    expect(found(sleeps)).to.deep.equal({ executions: 1, 'sleeping while atomic': 1 });
    expect(found(turnsOn)).to.deep.equal({ executions: 1, 'unlock by non-owner': 1 });
  });

  /** Whoever has the lock calls the CPU that spins for it. */
  const spinning = (): Program => {
    const smp = new Smp(2);
    const lock = new Spinlock('lock');
    function* body(): Coroutine {
      yield* spin_lock(lock);
      yield* smp_call_function_single(smp, 1 - smp_processor_id(), () => NOTHING, true);
      yield* spin_unlock(lock);
    }
    return { threads: threads(body, body) };
  };

  it('who spins takes calls', () => {
    expect(Object.keys(found(spinning))).to.deep.equal(['executions']);
    expect(timed(spinning).stuck).to.deep.equal([]);
  });

  it('under the clock too, those with interrupts off do not', () => {
    expect(timed(calling(false, true)).stuck).to.deep.equal([]);
    expect(timed(calling(true, true)).stuck.map(({ name }) => name)).to.deep.equal(['T0', 'T1', 'T0.ipi1', 'T1.ipi1']);
  });
});

describe('while a step takes effect', () => {
  it('the thread that runs is the one whose step it is', () => {
    const acting: string[] = [];
    class Watched extends Cell {
      override perform(step: Step): number {
        acting.push(running.name);
        return super.perform(step);
      }
    }
    const threads = ['T1', 'T2'].map((name, cpu) => {
      const cell = new Watched(name);
      return new Birth(name, cpu, function* () {
        for (let i = 0; i < 2; i++) yield* WRITE_ONCE(cell, i);
      });
    });
    const execution = new Execution(() => ({ threads }));
    for (const id of [0, 1, 0, 1]) execution.perform(execution.threads[id]);
    expect(acting).to.deep.equal(['T1', 'T2', 'T1', 'T2']);
  });
});

describe('random programs under the clock', () => {
  it('end as they do when the order of their steps is replayed, and wait for ever only if they must: fuzz', () => {
    fc.assert(
      fc.property(randomThreads(1_000_000), (words) => {
        const program = smallProgram(words, { rules: false });
        const world = program();
        let result: TimedResult;
        try {
          result = timed(() => world);
        } catch (error) {
          expect(error).to.be.instanceOf(KernelBug);
          return;
        }
        const { wallNs, systemNs, order } = timed(program, true);
        expect([wallNs, systemNs, order]).to.deep.equal([result.wallNs, result.systemNs, result.order]);
        const execution = new Execution(program);
        for (const id of result.order) execution.perform(execution.threads[id]);
        // Only somebody who spins for ever keeps others from their CPU for ever, and no handler.
        const burnt = result.stuck.filter(({ spinning }) => spinning).map(({ cpu }) => cpu);
        for (const { cpu, name } of execution.enabled()) expect(name.includes('ipi') ? [] : burnt).to.include(cpu);
        expect(execution.outcome()).to.equal(world.outcome!());
        const waiting = execution.threads.filter(({ pending, cpu }) => pending !== null && !burnt.includes(cpu));
        const stuck = result.stuck.filter(({ cpu }) => !burnt.includes(cpu));
        expect(stuck.map(({ name }) => name)).to.deep.equal(waiting.map(({ name }) => name));
      }),
    );
  });
});
