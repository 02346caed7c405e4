/**
 * Source-DPOR against all interleavings: on random small programs and on those that each doubt has led to. Nothing
 * may be lost, and no class of executions seen twice. What a class is says test/support/classes.ts.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { boundedStrategy } from '../src/drivers/controlled/bounded.ts';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import type { Program } from '../src/drivers/controlled/execution.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import type { Strategy } from '../src/drivers/controlled/strategy.ts';
import { poll_for, READ_ONCE, Ref, wait_for, Words, WRITE_ONCE } from '../src/machine/memory.ts';
import { CLEAR, type Coroutine, Step } from '../src/machine/step.ts';
import { Birth } from '../src/machine/thread.ts';
import { enumerate, mistakes, StrictDpor } from './support/classes.ts';
import { doubtful, doubtfulCrashes } from './support/doubtful-programs.ts';
import { randomThreads, smallProgram } from './support/small-programs.ts';

const RUNS = fc.readConfigureGlobal()?.numRuns ?? 500;
const MOST_INTERLEAVINGS = 1500;

describe('explorer fuzz: source-DPOR and all interleavings', () => {
  it('agree on the classes of executions of random programs', function () {
    if (this.timeout() > 0) this.timeout(60_000);
    fc.assert(
      fc.property(randomThreads(10_000), (threads) => {
        const program = smallProgram(threads);
        const all = enumerate(program, MOST_INTERLEAVINGS);
        fc.pre(all !== null);
        expect(mistakes(program, all, new StrictDpor())).to.deep.equal([]);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('source-DPOR in doubtful cases', () => {
  for (const [name, threads, classes] of doubtful) {
    it(`${name}: ${classes}`, () => {
      const all = enumerate(smallProgram(threads))!;
      expect(mistakes(smallProgram(threads), all, new StrictDpor())).to.deep.equal([]);
      expect(all.classes.size).to.equal(classes);
    });
  }

  for (const [name, threads, kinds] of doubtfulCrashes) {
    it(`${name}: ${kinds} crashes`, () => {
      const all = enumerate(smallProgram(threads))!;
      expect(mistakes(smallProgram(threads), all, new StrictDpor())).to.deep.equal([]);
      expect(all.crashes.size).to.equal(kinds);
    });
  }

  it('a block of words that is cleared while somebody waits for one of them', () => {
    const outcomes = (strategy: Strategy): string[] => {
      const result = explore(clearing, { strategy });
      return [...result.outcomes.map(({ outcome }) => outcome), ...result.failures.map(({ rule }) => rule)].sort();
    };
    expect(outcomes(new DporStrategy())).to.deep.equal(outcomes(boundedStrategy(Infinity)));
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
