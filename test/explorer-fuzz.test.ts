/**
 * Source-DPOR against all interleavings: on random small programs and on those that each doubt has led to. Nothing
 * may be lost, and no class of executions seen twice. What a class is says test/support/classes.ts.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { allInterleavings } from '../src/drivers/controlled/bounded.ts';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { Execution, type Program } from '../src/drivers/controlled/execution.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import type { Strategy } from '../src/drivers/controlled/strategy.ts';
import { poll_for, READ_ONCE, Ref, wait_for, Words, WRITE_ONCE } from '../src/machine/memory.ts';
import { CLEAR, type Coroutine, Step } from '../src/machine/step.ts';
import { Birth } from '../src/machine/thread.ts';
import {
  allMistakes,
  differences,
  enumerate,
  enumerateBeginnings,
  StrictDpor,
  survey,
  type Survey,
} from './support/classes.ts';
import { doubtful, doubtfulCrashes } from './support/doubtful-programs.ts';
import { randomThreads, smallProgram, type Threads } from './support/small-programs.ts';

const RUNS = fc.readConfigureGlobal()?.numRuns ?? 500;
const MOST_INTERLEAVINGS = 1000;
const MOST_BEGINNINGS = 2000;
const MOST_RUNS = 1000;

function mistakesOf(threads: Threads, all: Survey): string[] {
  return allMistakes(smallProgram(threads), smallProgram(threads, { rules: false }), all);
}

describe('explorer fuzz: source-DPOR and all interleavings', () => {
  it('agree on classes, final states, deadlocks and verdicts of random programs', function () {
    if (this.timeout() > 0) this.timeout(60_000);
    fc.assert(
      fc.property(randomThreads(MOST_INTERLEAVINGS), (threads) => {
        const all = enumerate(smallProgram(threads))!;
        expect(mistakesOf(threads, all)).to.deep.equal([]);
      }),
      { numRuns: RUNS },
    );
  });

  it('agree on larger programs, of which different beginnings are enumerated', function () {
    if (this.timeout() > 0) this.timeout(60_000);
    fc.assert(
      fc.property(randomThreads(1_000_000), (threads) => {
        const all = enumerateBeginnings(smallProgram(threads), MOST_BEGINNINGS);
        fc.pre(all !== null);
        expect(mistakesOf(threads, all)).to.deep.equal([]);
      }),
      { numRuns: Math.ceil(RUNS / 4) },
    );
  });

  it('find the same whichever thread comes first, in programs that are too large for that', function () {
    if (this.timeout() > 0) this.timeout(60_000);
    fc.assert(
      fc.property(randomThreads(1_000_000_000), (threads) => {
        fc.pre(!new Execution(smallProgram(threads)).crashed);
        const forwards = survey(smallProgram(threads), new StrictDpor(), MOST_RUNS);
        fc.pre(forwards !== null);
        const backwards = survey(smallProgram(threads, { backwards: true }), new StrictDpor(), 10 * MOST_RUNS)!;
        expect(differences(forwards, backwards)).to.deep.equal([]);
      }),
      { numRuns: Math.ceil(RUNS / 4) },
    );
  });
});

describe('source-DPOR in doubtful cases', () => {
  for (const [name, threads, classes] of doubtful) {
    it(`${name}: ${classes}`, () => {
      const all = enumerate(smallProgram(threads))!;
      expect(mistakesOf(threads, all)).to.deep.equal([]);
      expect(all.classes.size).to.equal(classes);
    });
  }

  for (const [name, threads, kinds] of doubtfulCrashes) {
    it(`${name}: ${kinds} crashes`, () => {
      const all = enumerate(smallProgram(threads))!;
      expect(mistakesOf(threads, all)).to.deep.equal([]);
      expect(all.crashes.size).to.equal(kinds);
    });
  }

  it('a block of words that is cleared while somebody waits for one of them', () => {
    const outcomes = (strategy: Strategy): string[] => {
      const result = explore(clearing, { strategy });
      return [...result.outcomes.map(({ outcome }) => outcome), ...result.failures.map(({ rule }) => rule)].sort();
    };
    expect(outcomes(new DporStrategy())).to.deep.equal(outcomes(allInterleavings()));
  });
});

class Block extends Words {
  readonly words = [0, 0];
  describe(index: number): string {
    return `block[${index}]`;
  }
  get(index: number): number {
    return this.words[index];
  }
  set(index: number, value: number): void {
    this.words[index] = value;
  }
  override perform(step: Step): number {
    if (step.kind !== CLEAR) return super.perform(step);
    this.words.fill(0);
    return 0;
  }
}

function clearing(): Program {
  const block = new Block();
  const [first, second] = [new Ref(block, 0), new Ref(block, 1)];
  const seen: number[] = [];
  function* cleaner(): Coroutine {
    yield WRITE_ONCE(second, 1);
    yield WRITE_ONCE(first, 1);
    yield new Step(CLEAR, block);
    yield WRITE_ONCE(first, 2);
  }
  function* waiter(): Coroutine {
    seen.push(yield READ_ONCE(second));
    yield wait_for(first, 0);
    seen.push(yield READ_ONCE(second));
    yield poll_for(second, 0);
    yield WRITE_ONCE(second, 3);
  }
  return {
    threads: [new Birth('cleaner', 0, cleaner), new Birth('waiter', 1, waiter)],
    outcome: () => `${seen.join()} ${block.words.join()}`,
  };
}
