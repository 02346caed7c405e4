import { findLivelock } from '../src/drivers/controlled/liveness.ts';
import { atomic_inc, Cell, READ_ONCE, WRITE_ONCE, wait_for } from '../src/machine/memory.ts';
import { Birth } from '../src/machine/thread.ts';
import { Spinlock, spin_lock, spin_trylock, spin_unlock } from '../src/sync/spinlock.ts';
import { faultModel, straight, r, w, inc } from './support/programs.ts';
const show = (name: string, p: any, o: any = {}) => { const t = performance.now(); const x = findLivelock(p, o); console.log(name, x.states, x.complete, 'walks', x.walks, 'refuted', x.refuted, Math.round(performance.now()-t)+'ms', JSON.stringify(x.cycles)); };
const trylocks = (tries: number) => () => {
  const a = new Spinlock('A'), b = new Spinlock('B');
  const take = (x: Spinlock, y: Spinlock) => function* () {
    for (let i = 0; i < tries; i++) {
      yield* spin_lock(x);
      if ((yield* spin_trylock(y)) === 1) { yield* spin_unlock(y); yield* spin_unlock(x); return; }
      yield* spin_unlock(x);
    }
    yield* spin_lock(a); yield* spin_lock(b); yield* spin_unlock(b); yield* spin_unlock(a);
  };
  return { threads: [new Birth('T1', 0, take(a, b)), new Birth('T2', 1, take(b, a))] };
};
show('trylock', trylocks(Infinity));
show('trylock 3', trylocks(3));
show('trylock 10', trylocks(10), {maxStates: 50000});
const punch = () => {
  const page = new Cell('page', null, 1);
  return { threads: { puncher: function* () { for (;;) { if ((yield* READ_ONCE(page)) === 0) return; yield* WRITE_ONCE(page, 0); } }, faulter: function* () { for (;;) { if ((yield* READ_ONCE(page)) === 0) yield* WRITE_ONCE(page, 1); } } } };
};
show('punch', punch, { endless: ['faulter'] });
show('punch all', punch);
const never = () => { const flag = new Cell('flag'); const x = new Cell('x'); return { threads: { T1: function* () { while ((yield* READ_ONCE(flag)) === 0); }, T2: function* () { yield* WRITE_ONCE(x, 1); } } }; };
show('never', never);
const soon = () => { const flag = new Cell('flag'); return { threads: { T1: function* () { while ((yield* READ_ONCE(flag)) === 0); }, T2: function* () { yield* WRITE_ONCE(flag, 1); } } }; };
show('soon', soon);
const starve = () => { const flag = new Cell('flag'); const l = new Spinlock('L'); return { threads: { T1: function* () { for (;;) { yield* spin_lock(l); const f = flag.plain; yield* spin_unlock(l); if (f) return; } }, T2: function* () { yield* spin_lock(l); flag.plain = 1; yield* spin_unlock(l); } } }; };
show('starve weak', starve);
show('starve strong', starve, { fairness: 'strong' });
show('fault 2', faultModel(2, true));
show('fault 3', faultModel(3, true));
show('straight', straight([[inc('x'), inc('y')], [inc('x'), inc('y')], [inc('x'), inc('y')]]));
show('straight2', straight([[r('x'), r('x'), r('x'), r('y')], [w('x', 1), w('y', 2)], [r('y')]]));
import { readScenario } from '../src/scenario/read.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { buildWorld, checkedProgram } from '../src/scenario/world.ts';
for (const n of ['anon-fault+anon-fault', 'anon-read+anon-write', 'anon-vma+page-referenced'])
{ const s = readScenario(`scenarios/races/${n}.yaml`, catalog()); show(n, () => checkedProgram(buildWorld(s)), {maxStates: 20000}); }
