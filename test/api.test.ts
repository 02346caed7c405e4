/** The public API: what the README shows, and that the package exports what it promises. */
import { expect } from 'chai';
import { explore } from '../src/index.ts';
import * as api from '../src/index.ts';

describe('public API', () => {
  it('counts the classes of a lost update and keeps a schedule for each final state', () => {
    function* add(rss: api.Cell): api.Coroutine {
      const old = yield* api.READ_ONCE(rss);
      yield* api.WRITE_ONCE(rss, old + 1);
    }
    const counter = () => {
      const rss = new api.Cell('rss');
      return {
        threads: { T1: () => add(rss), T2: () => add(rss) },
        atEnd: () => (rss.value === 2 ? null : 'lost update'),
        outcome: () => `rss=${rss.value}`,
      };
    };
    const result = explore(counter);
    expect([result.complete, result.classes]).to.deep.equal([true, 4]);
    expect(result.failures.map(({ rule, executions }) => [rule, executions])).to.deep.equal([['lost update', 2]]);
    for (const { outcome, schedule } of result.outcomes) {
      expect(api.replay(counter, schedule).outcome()).to.equal(outcome);
    }
  });

  it('reports a deadlock with holders and waiters', () => {
    const program = () => {
      const [a, b] = [new api.Mutex('a'), new api.Mutex('b')];
      const take = (first: api.Mutex, second: api.Mutex) =>
        function* (): api.Coroutine {
          yield* api.mutex_lock(first);
          yield* api.mutex_lock(second);
          yield* api.mutex_unlock(second);
          yield* api.mutex_unlock(first);
        };
      return { threads: [new api.Birth('T1', 0, take(a, b)), new api.Birth('T2', 1, take(b, a))] };
    };
    const result = explore(program, { strategy: new api.DporStrategy() });
    expect(result.failures.map(({ rule, witness }) => [rule, witness])).to.deep.equal([
      ['deadlock', 'T1 waits for b (held by T2), holds a; T2 waits for a (held by T1), holds b'],
    ]);
  });

  it('finds sleeping under a spinlock and an unlock by another thread, in any schedule', () => {
    const sleeper = function* (): api.Coroutine {
      yield* api.spin_lock(new api.Spinlock('lock'));
      yield* api.mutex_lock(new api.Mutex('mutex'));
    };
    const robber = function* (): api.Coroutine {
      yield* api.spin_unlock(new api.Spinlock('other'));
    };
    for (const [body, rule] of [
      [sleeper, 'sleeping while atomic'],
      [robber, 'unlock by non-owner'],
    ] as const) {
      const result = explore(() => ({ threads: [new api.Birth('T', 0, body)] }), { strategy: new api.DporStrategy() });
      expect(result.failures.map((failure) => failure.rule)).to.deep.equal([rule]);
    }
  });
});
