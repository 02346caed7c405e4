/**
 * Published numbers of executions (GenMC's test suite, Nidhugg), and numbers on which three independent tools and full
 * enumeration agree. A reducer that loses interleavings looks exactly like a good one: never "fix" a number here.
 *
 * An execution is a class: which write each read takes its value from, and the order of the writes of every variable; a
 * compare-and-swap that fails is a read. A preemption is a switch away from a thread that could have gone on; a class is
 * one of those with at most k preemptions if any of its interleavings is.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  allInterleavings,
  Execution,
  type Exploration,
  explore,
  preemptionBounded,
  type Program,
  sourceDpor,
} from '../src/index.ts';
import { onlyInLongRuns } from './support/long.ts';
import { type FaultModel, faultModel, needle, straight, threadsOf } from './support/programs.ts';

function times(n: number, thread: (i: number) => string): string {
  return Array.from({ length: n }, (_, i) => thread(i + 1)).join(' ∥ ');
}

/** Name, threads, classes with at most 0, 1, 2, … preemptions; the last number is that of all. */
const golden: readonly (readonly [string, string, readonly number[]])[] = [
  ['CoRR', 'x=1; x=2 ∥ r x; r x', [2, 4, 6]],
  ['CoRR1', 'x=1 ∥ x=2 ∥ r x; r x ∥ r x', [18, 36]],
  ['IRIW', 'x=1 ∥ r x; r y ∥ r y; r x ∥ y=1', [14, 15]],
  ['2+2W', 'x=1; y=2 ∥ y=1; x=2', [2, 3]],
  ['SB', 'x=1; r y ∥ y=1; r x', [2, 3]],
  ['LB', 'r x; y=1 ∥ r y; x=1', [2, 3]],
  ['MP', 'x=1; y=1 ∥ r y; r x', [2, 3]],
  ['Z6.U', 'x=1; y=1 ∥ y++; r y ∥ y=3; r x', [6, 15, 18]],
  ['inc+inc+RR+W+RR', 'x++ ∥ x++ ∥ r x; r x ∥ x=42 ∥ r x; r x', [96, 384, 600]],
  ['wrw/2', `x=1 ∥ ${times(2, (i) => `r x; x=${i + 2}`)}`, [6, 18, 22]],
  ['wrw/3', `x=1 ∥ ${times(3, (i) => `r x; x=${i + 2}`)}`, [24, 132, 264, 300]],
  ['ainc/2', times(2, () => 'x++'), [2]],
  ['ainc/3', times(3, () => 'x++'), [6]],
  ['ainc/4', times(4, () => 'x++'), [24]],
  ['binc/2', times(2, () => 'x++; y++'), [2, 4]],
  ['binc/3', times(3, () => 'x++; y++'), [6, 24, 36]],
  ['cinc/2', times(2, () => 'x++; y++; z++'), [2, 6, 8]],
  ['casrot/2', times(2, (i) => `cas x ${i - 1}→${i}`), [2]],
  ['casrot/3', times(3, (i) => `cas x ${i - 1}→${i}`), [5]],
  ['casrot/4', times(4, (i) => `cas x ${i - 1}→${i}`), [14]],
  ['casw/2', times(2, (i) => `cas x 0→1; x=${i + 3}`), [2, 4, 6]],
  ['casw/3', times(3, (i) => `cas x 0→1; x=${i + 3}`), [6, 24, 54, 66]],
  ['wcas/2', `x=2 ∥ ${times(2, () => 'cas x 2→3')}`, [5]],
  ['wcas/3', `x=2 ∥ ${times(3, () => 'cas x 2→3')}`, [13]],
  ['wcas/4', `x=2 ∥ ${times(4, () => 'cas x 2→3')}`, [33]],
  ['rw/2', times(2, (i) => `r x; x=${i}`), [2, 4]],
  ['rw/3', times(3, (i) => `r x; x=${i}`), [6, 24, 36]],
  ['readers/2', `x=42 ∥ ${times(2, () => 'r x')}`, [4]],
  ['CoA/1', `x=1; r y; r x ∥ x=2; r z; r x ∥ ${times(1, (i) => `y=${i}; z=${i}`)}`, [6, 15]],
  ['CoA/2', `x=1; r y; r x ∥ x=2; r z; r x ∥ ${times(2, (i) => `y=${i}; z=${i}`)}`, [24, 90, 130]],
];

/** Classes with at most 0, 1, 2, … preemptions, up to the first bound that allows all of them. */
function series(program: () => Program, total: number): number[] {
  const counts: number[] = [];
  for (let bound = 0; (counts.at(-1) ?? 0) < total && bound < 20; bound++) {
    const result = explore(program, { strategy: preemptionBounded(bound), countClasses: true });
    expect(result.exhausted).to.equal(true);
    counts.push(result.classes!);
  }
  return counts;
}

/** The states that a model comes by, each reached once by the first schedule found that leads there. */
function statesOf(make: () => FaultModel): Set<string> {
  const states = new Set<string>();
  const schedules: (readonly number[])[] = [[]];
  for (let schedule = schedules.pop(); schedule !== undefined; schedule = schedules.pop()) {
    const model = make();
    const execution = new Execution(() => model);
    for (const id of schedule) execution.perform(execution.threads[id]);
    const state = model.state(execution.threads);
    if (states.has(state)) continue;
    states.add(state);
    for (const { id } of execution.enabled()) schedules.push([...schedule, id]);
  }
  return states;
}

describe('published numbers of executions', () => {
  for (const [name, text, counts] of golden) {
    it(`${name}: ${counts.at(-1)}, by preemptions ${counts.join(' ')}`, () => {
      const program = straight(threadsOf(text));
      const result = explore(program, { strategy: sourceDpor() });
      expect([result.complete, result.executions]).to.deep.equal([true, counts.at(-1)]);
      expect(series(program, result.executions)).to.deep.equal(counts);
    });
  }

  for (const [n, correct, wrong, bad] of [
    [2, 12, 12, 4],
    [3, 90, 102, 72],
    [4, 848, 1160, 1056],
    [5, 9370],
    [6, 118_632],
  ] as const) {
    const buggy = wrong === undefined ? '' : `; without the recheck ${wrong}, of these ${bad} bad`;
    it(`fault model, ${n} faulters: ${correct}${buggy}`, function () {
      this.timeout(120_000);
      const good = explore(faultModel(n, true), { strategy: sourceDpor() });
      expect([good.executions, good.failures, good.complete]).to.deep.equal([correct, [], true]);
      if (wrong === undefined) return;
      const oneRule = (): Program => {
        const model = faultModel(n, false)();
        return { threads: model.threads, atEnd: () => (model.atEnd().length > 0 ? 'bad' : null) };
      };
      const { executions, failures, complete } = explore(oneRule, { strategy: sourceDpor() });
      expect([executions, failures.map((failure) => failure.executions), complete]).to.deep.equal([wrong, [bad], true]);
    });
  }

  for (const [n, recheck, all, classes] of [
    [2, true, 2676, 12],
    [2, false, 1736, 12],
  ] as const) {
    it(`fault model, ${n} faulters${recheck ? '' : ', without the recheck'}: ${all} interleavings`, () => {
      // Nobody looks at the outcomes.
      const model = (): Program => ({ threads: faultModel(n, recheck)().threads });
      const result = explore(model, { strategy: allInterleavings(), countClasses: true });
      expect([result.executions, result.complete, result.classes]).to.deep.equal([all, true, classes]);
    });
  }

  it('fault model, 3 faulters: 2315586 interleavings', function () {
    onlyInLongRuns(this);
    this.timeout(300_000);
    const model = (): Program => ({ threads: faultModel(3, true)().threads });
    const { executions, complete } = explore(model, { strategy: allInterleavings() });
    expect([executions, complete]).to.deep.equal([2_315_586, true]);
  });

  for (const [n, states] of [
    [2, 176],
    [3, 1182],
    [4, 7636],
  ] as const) {
    it(`fault model, ${n} faulters: ${states} distinct states`, () => {
      expect(statesOf(faultModel(n, true)).size).to.equal(states);
    });
  }

  it('fault model, 2 faulters: all interleavings come by these states', () => {
    const seen = new Set<string>();
    const watched = (): Program => {
      const model = faultModel(2, true)();
      return { threads: model.threads, afterStep: (threads) => void seen.add(model.state(threads)) };
    };
    explore(watched, { strategy: allInterleavings() });
    const states = statesOf(faultModel(2, true));
    expect([...states].filter((state) => !seen.has(state)).length).to.equal(1); // nobody is in the first after a step
    expect(states.size).to.equal(seen.size + 1);
  });

  it('the ABA needle: 45, of which one is it', () => {
    for (const noise of [0, 1, 10]) {
      const { executions, complete, failures } = explore(needle({ noise, crashes: false }), { strategy: sourceDpor() });
      expect([executions, complete, failures.map((failure) => failure.executions)]).to.deep.equal([45, true, [1]]);
    }
  });
});

type Word = string | readonly string[];
const ops = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('r x', 'r y', 'x++', 'y++') },
  { weight: 2, arbitrary: fc.constantFrom('x=1', 'x=2', 'y=1', 'cas x 0→1', 'cas x 1→2', 'cas y 0→1') },
);
/** Sections of one lock may lie in one of another, in any order: some programs deadlock. */
const words: fc.Arbitrary<Word> = fc.letrec<{ word: Word; section: readonly string[] }>((tie) => ({
  word: fc.oneof({ maxDepth: 2 }, { weight: 3, arbitrary: ops }, { weight: 1, arbitrary: tie('section') }),
  section: fc
    .tuple(fc.constantFrom('l', 'm'), fc.array(tie('word'), { maxLength: 2 }))
    .map(([name, inner]) => [`lock ${name}`, ...inner.flat(), `unlock ${name}`]),
})).word;

/** Programs of two to four threads as they are written, with at most so many operations. */
function programs(word: fc.Arbitrary<Word>, most: number): fc.Arbitrary<string> {
  return fc
    .array(fc.array(word, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 4 })
    .map((threads) => threads.map((thread) => thread.flat()))
    .filter((threads) => threads.flat().length <= most)
    .map((threads) => threads.map((thread) => thread.join('; ')).join(' ∥ '));
}

describe('what holds of the published numbers holds of other programs', () => {
  for (const [name, word, most] of [
    ['accesses', ops, 9],
    ['accesses and locks', words, 10],
  ] as const) {
    it(`${name}: as many executions as all interleavings have classes, by the definition of classes (fuzz)`, function () {
      this.timeout(0);
      fc.assert(
        fc.property(programs(word, most), (text) => {
          const program = straight(threadsOf(text), { classes: true });
          const reduced = explore(program, { strategy: sourceDpor() });
          const all = explore(program, { strategy: allInterleavings(), countClasses: true });
          expect([reduced.complete, all.complete]).to.deep.equal([true, true]);
          expect(all.classes).to.equal(all.outcomes.length);
          expect(reduced.executions).to.equal(all.classes);
          const classes = ({ outcomes }: Pick<Exploration, 'outcomes'>): string[] =>
            outcomes.map(({ outcome }) => outcome).sort();
          expect(classes(reduced)).to.deep.equal(classes(all));
          const { complete, executions, ...byDefault } = explore(program);
          expect([complete, executions, classes(byDefault)]).to.deep.equal([true, all.classes, classes(all)]);
        }),
      );
    });

    it(`${name}: the series by preemptions grows up to all classes (fuzz)`, function () {
      this.timeout(0);
      fc.assert(
        fc.property(programs(word, most), (text) => {
          const program = straight(threadsOf(text));
          const { executions } = explore(program, { strategy: sourceDpor() });
          const counts = series(program, executions);
          expect(counts.at(-1)).to.equal(executions);
          for (let i = 1; i < counts.length; i++) expect(counts[i]).to.be.at.least(counts[i - 1]);
        }),
      );
    });
  }
});
