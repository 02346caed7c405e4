/**
 * Published numbers of executions (GenMC's test suite, Nidhugg), and numbers on which three independent tools and full
 * enumeration agree. A reducer that loses interleavings looks exactly like a good one: never "fix" a number here.
 */
import { expect } from 'chai';
import { allInterleavings } from '../src/drivers/controlled/bounded.ts';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import { cas, faultModel, inc, type Op, r, straight, w } from './support/programs.ts';

function times(n: number, thread: (i: number) => Op[]): Op[][] {
  return Array.from({ length: n }, (_, i) => thread(i + 1));
}

const golden: readonly (readonly [string, readonly (readonly Op[])[], number])[] = [
  [
    'CoRR',
    [
      [w('x', 1), w('x', 2)],
      [r('x'), r('x')],
    ],
    6,
  ],
  ['CoRR1', [[w('x', 1)], [w('x', 2)], [r('x'), r('x')], [r('x')]], 36],
  ['IRIW', [[w('x', 1)], [r('x'), r('y')], [r('y'), r('x')], [w('y', 1)]], 15],
  [
    '2+2W',
    [
      [w('x', 1), w('y', 2)],
      [w('y', 1), w('x', 2)],
    ],
    3,
  ],
  [
    'SB',
    [
      [w('x', 1), r('y')],
      [w('y', 1), r('x')],
    ],
    3,
  ],
  [
    'LB',
    [
      [r('x'), w('y', 1)],
      [r('y'), w('x', 1)],
    ],
    3,
  ],
  [
    'MP',
    [
      [w('x', 1), w('y', 1)],
      [r('y'), r('x')],
    ],
    3,
  ],
  [
    'Z6.U',
    [
      [w('x', 1), w('y', 1)],
      [inc('y'), r('y')],
      [w('y', 3), r('x')],
    ],
    18,
  ],
  ['inc+inc+RR+W+RR', [[inc('x')], [inc('x')], [r('x'), r('x')], [w('x', 42)], [r('x'), r('x')]], 600],
  ['wrw/2', [[w('x', 1)], ...times(2, (i) => [r('x'), w('x', i + 1)])], 22],
  ['wrw/3', [[w('x', 1)], ...times(3, (i) => [r('x'), w('x', i + 1)])], 300],
  ['ainc/2', times(2, () => [inc('x')]), 2],
  ['ainc/3', times(3, () => [inc('x')]), 6],
  ['ainc/4', times(4, () => [inc('x')]), 24],
  ['binc/2', times(2, () => [inc('x'), inc('y')]), 4],
  ['binc/3', times(3, () => [inc('x'), inc('y')]), 36],
  ['cinc/2', times(2, () => [inc('x'), inc('y'), inc('z')]), 8],
  ['casrot/2', times(2, (i) => [cas('x', i - 1, i)]), 2],
  ['casrot/3', times(3, (i) => [cas('x', i - 1, i)]), 5],
  ['casrot/4', times(4, (i) => [cas('x', i - 1, i)]), 14],
  ['casw/2', times(2, (i) => [cas('x', 0, 1), w('x', i + 2)]), 6],
  ['casw/3', times(3, (i) => [cas('x', 0, 1), w('x', i + 2)]), 66],
  ['wcas/2', [[w('x', 2)], ...times(2, () => [cas('x', 2, 3)])], 5],
  ['wcas/3', [[w('x', 2)], ...times(3, () => [cas('x', 2, 3)])], 13],
  ['wcas/4', [[w('x', 2)], ...times(4, () => [cas('x', 2, 3)])], 33],
  ['rw/2', times(2, (i) => [r('x'), w('x', i)]), 4],
  ['rw/3', times(3, (i) => [r('x'), w('x', i)]), 36],
  ['readers/2', [[w('x', 42)], ...times(2, () => [r('x')])], 4],
  ['CoA/1', [[w('x', 1), r('y'), r('x')], [w('x', 2), r('z'), r('x')], ...times(1, (i) => [w('y', i), w('z', i)])], 15],
  [
    'CoA/2',
    [[w('x', 1), r('y'), r('x')], [w('x', 2), r('z'), r('x')], ...times(2, (i) => [w('y', i), w('z', i)])],
    130,
  ],
];

describe('published numbers of executions', () => {
  for (const [name, threads, total] of golden) {
    it(`${name}: ${total}`, () => {
      const result = explore(straight(threads), { strategy: new DporStrategy() });
      expect(result.complete).to.equal(true);
      expect(result.executions).to.equal(total);
    });
  }

  for (const [n, correct, buggy, bad] of [
    [2, 12, 12, 4],
    [3, 90, 102, 72],
    [4, 848, 1160, 1056],
  ] as const) {
    it(`fault model, ${n} faulters: ${correct} correct; without the recheck ${buggy}, of these ${bad} bad`, () => {
      const good = explore(faultModel(n, true), { strategy: new DporStrategy() });
      expect([good.executions, good.failures.length, good.complete]).to.deep.equal([correct, 0, true]);
      const wrong = explore(faultModel(n, false), { strategy: new DporStrategy() });
      const failing = wrong.failures.reduce((most, failure) => Math.max(most, failure.executions), 0);
      expect([wrong.executions, failing]).to.deep.equal([buggy, bad]);
    });
  }

  it('all interleavings of the fault model with 2 faulters: 2,676, without the recheck 1,736', () => {
    const all = (recheck: boolean): number =>
      explore(faultModel(2, recheck), { strategy: allInterleavings() }).executions;
    expect([all(true), all(false)]).to.deep.equal([2676, 1736]);
  });
});
