/** Is the comparison of source-DPOR with all interleavings worth anything? Spoilt explorers must fail it. */
import { expect } from 'chai';
import fc from 'fast-check';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { type Effect, machineRelation, Mode, type Relation } from '../src/drivers/controlled/effect.ts';
import type { Event, Execution } from '../src/drivers/controlled/execution.ts';
import type { Race } from '../src/drivers/controlled/order.ts';
import { CMPXCHG, type Step } from '../src/machine/step.ts';
import type { Thread } from '../src/machine/thread.ts';
import { enumerate, mistakes, StrictDpor, type Survey } from './support/classes.ts';
import { doubtful, doubtfulCrashes } from './support/doubtful-programs.ts';
import { randomThreads, smallProgram, type Threads } from './support/small-programs.ts';

const takes: readonly Mode[] = [Mode.acquire, Mode.acquireShared, Mode.tryAcquire, Mode.tryAcquireShared];
const peeks: readonly Mode[] = [Mode.peek, Mode.peekShared];
const tries: readonly Mode[] = [Mode.tryAcquire, Mode.tryAcquireShared, ...peeks];
const releases: readonly Mode[] = [Mode.release, Mode.releaseShared];

function between(a: readonly Mode[], b: readonly Mode[]): (one: Effect, other: Effect) => boolean {
  return ({ mode: one }, { mode: other }) =>
    (a.includes(one) && b.includes(other)) || (a.includes(other) && b.includes(one));
}

/** An explorer that takes some dependent steps to commute. */
function blindTo(a: readonly Mode[], b: readonly Mode[]): () => DporStrategy {
  const blind = between(a, b);
  const dependent: Relation['dependent'] = (one, other) => !blind(one, other) && machineRelation.dependent(one, other);
  return () => new DporStrategy({ ...machineRelation, dependent });
}

/** An explorer that tells more executions apart than there are. */
function fussyAbout(a: readonly Mode[], b: readonly Mode[]): () => DporStrategy {
  const fussy = between(a, b);
  const dependent: Relation['dependent'] = (one, other) =>
    (one.object === other.object && fussy(one, other)) || machineRelation.dependent(one, other);
  return () => new DporStrategy({ ...machineRelation, dependent });
}

/** The effect of a step, had no compare-and-swap ever failed. */
function alwaysExchanged(step: Step): Effect {
  const effect = machineRelation.effectOf(step);
  return step.kind === CMPXCHG ? { ...effect, mode: Mode.write } : effect;
}

/** Sees the events of an execution in a distorted way. */
abstract class Distorting extends StrictDpor {
  protected abstract distort(event: Event): Event;
  override end(execution: Execution): void {
    const events = execution.events.map((event) => this.distort(event));
    super.end(Object.create(execution, { events: { value: events } }) as Execution);
  }
}

class EveryCmpxchgWrites extends Distorting {
  constructor() {
    super({ ...machineRelation, effectOf: alwaysExchanged });
  }
  protected override distort(event: Event): Event {
    return event.step.kind === CMPXCHG ? { ...event, effect: { ...event.effect, mode: Mode.write } } : event;
  }
}

class NobodyReleased extends Distorting {
  protected override distort(event: Event): Event {
    return { ...event, released: [] };
  }
}

class SleepsForEver extends DporStrategy {
  protected override stillAsleep(_execution: Execution, sleep: ReadonlySet<number>, chosen: Thread): Set<number> {
    return new Set([...sleep].filter((id) => id !== chosen.id));
  }
}

class NeverSleeps extends DporStrategy {
  protected override stillAsleep(): Set<number> {
    return new Set();
  }
}

class WakesOneTooMany extends DporStrategy {
  protected override stillAsleep(execution: Execution, sleep: ReadonlySet<number>, chosen: Thread): Set<number> {
    return new Set([...super.stillAsleep(execution, sleep, chosen)].slice(1));
  }
}

class NeverAsks extends DporStrategy {
  protected override ask(): void {}
}

class AsksOnlyWithoutChoice extends DporStrategy {
  protected override ask(race: Race): void {
    if (race.initials.length === 1) super.ask(race);
  }
}

class AsksOneStepTooEarly extends DporStrategy {
  protected override ask({ at, initials }: Race): void {
    super.ask({ at: Math.max(0, at - 1), initials });
  }
}

class TakesAnybodyForInitial extends DporStrategy {
  protected override ask({ at, initials }: Race): void {
    super.ask({ at, initials: [...initials, 0] });
  }
}

class ForgetsTheBlocked extends DporStrategy {
  protected override blocked(): void {}
}

class ForgetsTheCrashed extends DporStrategy {
  protected override crashed(): void {}
}

class ForgetsWhoJoinedTheQueue extends DporStrategy {
  protected override crashed(events: readonly Event[]): void {
    super.crashed([...events.slice(0, -1), { ...events.at(-1)!, released: [] }]);
  }
}

const mutants: Readonly<Record<string, () => DporStrategy>> = {
  'writes commute': blindTo([Mode.write], [Mode.write]),
  'reads commute with writes': blindTo([Mode.read], [Mode.write]),
  'takers of a lock commute': blindTo(takes, takes),
  'readers commute with writers': blindTo([Mode.acquireShared, Mode.tryAcquireShared], [Mode.acquire, Mode.tryAcquire]),
  'trylocks commute with unlocks': blindTo(tries, releases),
  'trylocks in vain commute with locks': blindTo(peeks, takes),
  'reads do not commute': fussyAbout([Mode.read], [Mode.read]),
  'readers of a semaphore do not commute': fussyAbout([Mode.acquireShared], [Mode.acquireShared]),
  'joining the queue does not commute with the release': fussyAbout(takes, releases),
  'every cmpxchg writes': () => new EveryCmpxchgWrites(),
  'a lock does not come after its release': () => new StrictDpor({ ...machineRelation, releasesFor: () => false }),
  'nobody comes after who released it': () => new NobodyReleased(),
  'who sleeps is never woken': () => new SleepsForEver(),
  'nobody sleeps': () => new NeverSleeps(),
  'one sleeper too many is woken': () => new WakesOneTooMany(),
  'races are ignored': () => new NeverAsks(),
  'races of which several can begin the other order are ignored': () => new AsksOnlyWithoutChoice(),
  'races are reversed one step too early': () => new AsksOneStepTooEarly(),
  'anybody is taken to begin the other order': () => new TakesAnybodyForInitial(),
  'threads that wait for ever are ignored': () => new ForgetsTheBlocked(),
  'what a crash cut short is ignored': () => new ForgetsTheCrashed(),
  'whoever crashes on getting a lock is not held up': () => new ForgetsWhoJoinedTheQueue(),
};

interface Known {
  readonly threads: Threads;
  readonly all: Survey;
}

/** Programs and all there is to know of them. The seed is fixed: a mutant is killed always or never. */
function corpus(size: number): Known[] {
  const random = fc.sample(randomThreads(400), { numRuns: size, seed: 2005 });
  const chosen = [...doubtful, ...doubtfulCrashes].map(([, threads]) => threads);
  return [...random, ...chosen].map((threads) => ({ threads, all: enumerate(smallProgram(threads))! }));
}

function isRight({ threads, all }: Known, strategy: DporStrategy): boolean {
  try {
    return mistakes(smallProgram(threads), all, strategy).length === 0;
  } catch {
    return false;
  }
}

describe('explorer mutants', () => {
  let programs: Known[] = [];
  before(() => (programs = corpus(200)));

  it('the explorer itself makes no mistake', () => {
    expect(programs.every((known) => isRight(known, new StrictDpor()))).to.equal(true);
  });

  for (const [name, mutant] of Object.entries(mutants)) {
    it(`killed: ${name}`, () => {
      expect(programs.findIndex((known) => !isRight(known, mutant()))).to.be.at.least(0);
    });
  }
});
