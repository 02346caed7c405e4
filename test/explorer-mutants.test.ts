/** Is the comparison of source-DPOR with all interleavings worth anything? Spoilt explorers must fail it. */
import { expect } from 'chai';
import fc from 'fast-check';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { inConflict, machineRelation, Mode, modeOf, tableOf } from '../src/drivers/controlled/effect.ts';
import type { Execution } from '../src/drivers/controlled/execution.ts';
import { CMPXCHG, type Step } from '../src/machine/step.ts';
import type { Thread } from '../src/machine/thread.ts';
import { allMistakes, enumerate, StrictDpor, type Survey } from './support/classes.ts';
import { doubtful, doubtfulCrashes } from './support/doubtful-programs.ts';
import { randomThreads, smallProgram, type Threads } from './support/small-programs.ts';

const takes: readonly Mode[] = [Mode.acquire, Mode.acquireShared, Mode.tryAcquire, Mode.tryAcquireShared];
const peeks: readonly Mode[] = [Mode.peek, Mode.peekShared];
const tries: readonly Mode[] = [Mode.tryAcquire, Mode.tryAcquireShared, ...peeks];
const releases: readonly Mode[] = [Mode.release, Mode.releaseShared];

function between(a: readonly Mode[], b: readonly Mode[]): (one: Mode, other: Mode) => boolean {
  return (one, other) => (a.includes(one) && b.includes(other)) || (a.includes(other) && b.includes(one));
}

/** An explorer that takes some dependent steps to commute. */
function blindTo(a: readonly Mode[], b: readonly Mode[]): () => DporStrategy {
  const blind = between(a, b);
  const table = tableOf((one, other) => !blind(one, other) && inConflict(one, other));
  return () => new DporStrategy({ ...machineRelation, inConflict: table });
}

/** An explorer that tells more executions apart than there are. */
function fussyAbout(a: readonly Mode[], b: readonly Mode[]): () => DporStrategy {
  const fussy = between(a, b);
  const table = tableOf((one, other) => fussy(one, other) || inConflict(one, other));
  return () => new DporStrategy({ ...machineRelation, inConflict: table });
}

/** The mode of a step, had no compare-and-swap ever failed. */
function alwaysExchanged(step: Step): Mode {
  return step.kind === CMPXCHG ? Mode.write : modeOf(step);
}

class NobodyReleased extends StrictDpor {
  protected override released(): readonly Thread[] {
    return [];
  }
}

class SleepsForEver extends DporStrategy {
  protected override staysAsleep(): boolean {
    return true;
  }
}

class NeverSleeps extends DporStrategy {
  protected override staysAsleep(): boolean {
    return false;
  }
}

class WakesOneTooMany extends DporStrategy {
  private woken = 0;
  protected override staysAsleep(...args: Parameters<DporStrategy['staysAsleep']>): boolean {
    const [execution] = args;
    if (!super.staysAsleep(...args)) return false;
    const first = this.woken !== execution.length;
    this.woken = execution.length;
    return !first;
  }
}

class NeverAsks extends DporStrategy {
  protected override ask(): void {}
}

class AsksOnlyWithoutChoice extends DporStrategy {
  protected override ask(at: number, initials: Int32Array, count: number): void {
    if (count === 1) super.ask(at, initials, count);
  }
}

class AsksOneStepTooEarly extends DporStrategy {
  protected override ask(at: number, initials: Int32Array, count: number): void {
    super.ask(Math.max(0, at - 1), initials, count);
  }
}

class TakesAnybodyForInitial extends DporStrategy {
  protected override ask(at: number, initials: Int32Array, count: number): void {
    super.ask(at, Int32Array.of(...initials.subarray(0, count), 0), count + 1);
  }
}

class ForgetsTheBlocked extends DporStrategy {
  protected override blocked(): void {}
}

class ForgetsTheCrashed extends DporStrategy {
  protected override crashed(): void {}
}

class ForgetsWhoJoinedTheQueue extends DporStrategy {
  private forgets = false;
  protected override released(execution: Execution): readonly Thread[] {
    return this.forgets ? [] : super.released(execution);
  }
  protected override crashed(execution: Execution): void {
    this.forgets = true;
    super.crashed(execution);
    this.forgets = false;
  }
}

class ChoosesOnlyTheUsual extends DporStrategy {
  override answer(): number {
    return 0;
  }
}

/** Says of how many first steps the next execution is the same, and is wrong by `by`. */
function keeping(by: number): () => DporStrategy {
  return () =>
    new (class extends DporStrategy {
      override begin(): boolean {
        const more = super.begin();
        this.kept = Math.max(0, this.kept + by);
        return more;
      }
    })();
}

/** The private parts of an order of events. */
interface OrderParts {
  waiting: Int32Array;
  next: Int32Array;
  last: Int32Array;
  cameLater(release: number, arrival: number): boolean;
  takeBack(length: number): void;
}

/** An explorer with a spoilt order of events. */
function spoiling(spoil: (order: OrderParts) => void): () => DporStrategy {
  return () =>
    new (class extends StrictDpor {
      constructor() {
        super();
        spoil(this.order as unknown as OrderParts);
      }
    })();
}

/** An explorer that forgets to restore a part of the order when it takes back events. */
function notTakingBack(part: 'waiting' | 'next' | 'last'): () => DporStrategy {
  return spoiling((order) => {
    const takeBack = order.takeBack.bind(order);
    order.takeBack = (length) => {
      const before = order[part].slice();
      takeBack(length);
      order[part] = before;
    };
  });
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
  'every cmpxchg writes': () => new StrictDpor({ ...machineRelation, modeOf: alwaysExchanged }),
  'a lock does not come after its release': () =>
    new StrictDpor({ ...machineRelation, releasesFor: tableOf(() => false) }),
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
  'a grace period commutes with readers that come': blindTo([Mode.synchronize], [Mode.acquireShared]),
  'a grace period does not commute with readers that leave': fussyAbout([Mode.synchronize], [Mode.releaseShared]),
  'grace periods do not commute': fussyAbout([Mode.synchronize], [Mode.synchronize]),
  'a grace period waits for readers that come later': spoiling((order) => (order.cameLater = () => false)),
  'a choice has one answer': () => new ChoosesOnlyTheUsual(),
  'one step too many is kept': keeping(1),
  'one step too few is kept': keeping(-1),
  'who waits in a queue is not forgotten': notTakingBack('waiting'),
  'what a thread comes after is not forgotten': notTakingBack('next'),
  'the last event on an object is not forgotten': notTakingBack('last'),
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

function isRight({ threads, all }: Known, make: () => DporStrategy): boolean {
  try {
    const unruled = smallProgram(threads, { rules: false });
    return allMistakes(smallProgram(threads), unruled, all, make).length === 0;
  } catch {
    return false;
  }
}

describe('explorer mutants', () => {
  let programs: Known[] = [];
  before(() => (programs = corpus(200)));

  it('the explorer itself makes no mistake', () => {
    expect(programs.every((known) => isRight(known, () => new StrictDpor()))).to.equal(true);
  });

  for (const [name, mutant] of Object.entries(mutants)) {
    it(`killed: ${name}`, () => {
      expect(programs.findIndex((known) => !isRight(known, mutant))).to.be.at.least(0);
    });
  }
});
