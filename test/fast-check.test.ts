/** faultline/fast-check: what is drawn, how it shrinks, and that what is printed can be pasted back. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import pc from 'picocolors';
import { withOutputs } from '../scripts/examples.ts';
import { main } from '../src/cli/main.ts';
import { preemptionBounded } from '../src/drivers/controlled/bounded.ts';
import type { Program } from '../src/drivers/controlled/execution.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import { shrink } from '../src/drivers/controlled/shrink.ts';
import {
  type Interleaving,
  interleaving,
  type InterleavingOptions,
  interleavings,
  RuleBroken,
  scenarioInterleavings,
  type ScenarioRun,
  scenarios,
  type Subject,
  workloadInterleavings,
  type WrittenScenario,
} from '../src/fast-check.ts';
import { scenarioText } from '../src/fuzz/scenario-text.ts';
import { Cell, READ_ONCE, WRITE_ONCE } from '../src/machine/memory.ts';
import type { Coroutine } from '../src/machine/step.ts';
import { KernelBug } from '../src/machine/thread.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { parseScenario, readScenario } from '../src/scenario/read.ts';
import { mutex_lock, mutex_unlock, Mutex } from '../src/sync/mutex.ts';
import { spin_lock, spin_unlock, Spinlock } from '../src/sync/spinlock.ts';
import { faultModel } from './support/programs.ts';
import { randomThreads, smallProgram } from './support/small-programs.ts';

function* repeat(cell: Cell, times: number): Coroutine {
  for (let i = 0; i < times; i++) yield* WRITE_ONCE(cell, i);
}

function* add(rss: Cell): Coroutine {
  const old = yield* READ_ONCE(rss);
  yield* WRITE_ONCE(rss, old + 1);
}

const lostUpdate = (): Program => {
  const rss = new Cell('rss');
  return {
    threads: { T1: () => add(rss), T2: () => add(rss) },
    atEnd: () => (rss.value === 2 ? null : [{ rule: 'lost update', witness: `rss is ${rss.value}` }]),
    outcome: () => `rss=${rss.value}`,
  };
};

/** V trusts the value of a pte that W has unmapped and mapped again in the meantime; two others make noise. */
const needle = (): Program => {
  const pte = new Cell('pte');
  const [ptl, noise] = [new Spinlock('ptl'), new Cell('noise')];
  pte.value = 1;
  let changes = 0;
  return {
    threads: {
      *V() {
        const looked = yield* READ_ONCE(pte);
        const then = changes;
        if (looked === 0) return;
        yield* spin_lock(ptl);
        if ((yield* READ_ONCE(pte)) === looked && changes !== then) throw new KernelBug('fooled', `pte is ${looked}`);
        yield* spin_unlock(ptl);
      },
      *W() {
        for (const value of [0, 2, 0, 1, 0, 2, 0, 1]) {
          yield* spin_lock(ptl);
          yield* WRITE_ONCE(pte, value);
          changes++;
          yield* spin_unlock(ptl);
        }
      },
      N1: () => repeat(noise, 8),
      N2: () => repeat(noise, 8),
    },
  };
};

function* both(first: Mutex, second: Mutex): Coroutine {
  yield* mutex_lock(first);
  yield* mutex_lock(second);
  yield* mutex_unlock(second);
  yield* mutex_unlock(first);
}

const circle = (): Program => {
  const [a, b, noise] = [new Mutex('a'), new Mutex('b'), new Cell('noise')];
  return { threads: { T1: () => both(a, b), T2: () => both(b, a), N: () => repeat(noise, 5) } };
};

/** A rule that is broken long before the end. */
const midway = (): Program => {
  const [x, y, noise] = [new Cell('x'), new Cell('y'), new Cell('noise')];
  function* flash(cell: Cell): Coroutine {
    yield* WRITE_ONCE(cell, 1);
    yield* WRITE_ONCE(cell, 0);
  }
  return {
    threads: { A: () => flash(x), B: () => flash(y), N: () => repeat(noise, 5) },
    afterStep: () => (x.value === 1 && y.value === 1 ? 'both at once' : null),
  };
};

const NO_RECHECK = 'scenarios/races/anon-fault+anon-fault-no-recheck.yaml';

const sound = (run: Interleaving): boolean => run.found.length === 0;

/** The counterexample that fast-check comes to, and the first one that it saw. */
function failing(
  subject: Subject,
  seed: number,
  options: InterleavingOptions = {},
): Record<'first' | 'last', Interleaving> {
  const seen: Interleaving[] = [];
  const property = fc.property(interleavings(subject, options), (run) => {
    if (!sound(run)) seen.push(run);
    return sound(run);
  });
  const { counterexample } = fc.check(property, { seed, numRuns: 2_000, path: '' });
  expect(counterexample, `seed ${seed}`).to.not.equal(null);
  return { first: seen[0], last: counterexample![0] };
}

function ours(program: () => Program, { first, last }: Record<'first' | 'last', Interleaving>) {
  const rules = last.found.filter(({ rule }) => first.found.some((found) => found.rule === rule));
  const schedule = { threads: first.execution.schedule, answers: first.schedule.answers };
  return rules.map(({ rule }) => shrink(program, rule, schedule));
}

describe('interleavings as an arbitrary', () => {
  const programs = {
    'lost update': lostUpdate,
    needle,
    deadlock: circle,
    midway: midway,
    'fault model, N=2': faultModel(2, false),
    'fault model, N=3': faultModel(3, false),
  };
  for (const [name, program] of Object.entries(programs)) {
    it(`shrinks as well as ours: ${name}`, () => {
      for (let seed = 1; seed <= 30; seed++) {
        const runs = failing(program, seed);
        const { last } = runs;
        for (const { preemptions, contextSwitches, fewest } of ours(program, runs)) {
          expect([last.preemptions, last.contextSwitches], `seed ${seed}: ${last.line}`).to.deep.equal([
            preemptions,
            contextSwitches,
          ]);
          expect(fewest).to.equal(true);
        }
        const again = interleaving(program, last.line);
        expect([again.line, again.found]).to.deep.equal([last.line, last.found]);
      }
    });
  }

  it('shrinks as well as ours: kernel text', () => {
    for (const name of ['anon-fault+anon-fault-no-recheck', 'anon-vma+page-referenced-lock-order']) {
      for (let seed = 1; seed <= 5; seed++) {
        const runs = failing(`scenarios/races/${name}.yaml`, seed);
        const { preemptions, contextSwitches, subject } = runs.last;
        for (const shrunk of ours(subject.program, runs)) {
          expect([preemptions, contextSwitches]).to.deep.equal([shrunk.preemptions, shrunk.contextSwitches]);
        }
      }
    }
  });

  it('fuzz: never more preemptions than ours, and very seldom more context switches', () => {
    // Both go downhill from the same execution, by ways that differ: ours ends a run when its rule is decided.
    let worse = 0;
    let compared = 0;
    fc.assert(
      fc.property(randomThreads(2_000), fc.nat(), (threads, seed) => {
        const program = smallProgram(threads);
        const all = explore(program, { strategy: preemptionBounded(Infinity), maxExecutions: 3_000 });
        for (const { rule, executions } of all.failures) {
          if (executions === all.executions) continue;
          const breaks = (run: Interleaving): boolean => run.found.some((found) => found.rule === rule);
          let first: Interleaving | null = null;
          const property = fc.property(interleavings(program), (run) => {
            if (breaks(run)) first ??= run;
            return !breaks(run);
          });
          const { counterexample } = fc.check(property, { seed, numRuns: 20, path: '' });
          if (counterexample === null) continue;
          const [run] = counterexample;
          const { execution, schedule } = first!;
          const mine = shrink(program, rule, { threads: execution.schedule, answers: schedule.answers });
          expect(run.preemptions).to.be.at.most(mine.preemptions);
          if (run.found.length === 1 && run.preemptions === mine.preemptions) {
            compared++;
            if (run.contextSwitches > mine.contextSwitches) worse++;
          }
          const again = interleaving(program, run.line);
          expect([again.line, again.found]).to.deep.equal([run.line, run.found]);
        }
      }),
      { numRuns: fc.readConfigureGlobal().numRuns ?? 50 },
    );
    expect(worse, `of ${compared}`).to.be.at.most(Math.ceil(compared / 500));
  });

  it('a schedule ends where the rule is broken, if threads simply go on from there', () => {
    for (let seed = 1; seed <= 20; seed++) {
      expect(failing(midway, seed).last.line).to.be.oneOf(['A B', 'B A']);
      expect(failing(circle, seed).last.line).to.be.oneOf(['T1 T2', 'T2 T1']);
      expect(failing(needle, seed).last.line).to.match(/^V W:\d+ V:2$/);
    }
    const { steps, over, execution } = interleaving(midway, 'A B');
    expect([steps, over, execution.schedule]).to.deep.equal([9, true, [0, 1, 1, 0, 2, 2, 2, 2, 2]]);
  });

  it('holds where nothing is wrong, and draws every outcome, with few context switches more often', () => {
    const runs = fc.sample(interleavings(faultModel(2, true)), { numRuns: 600, seed: 1 });
    expect(runs.filter((run) => !sound(run) || !run.over)).to.deep.equal([]);
    const outcomes = new Set(runs.map(({ outcome }) => outcome));
    const all = explore(faultModel(2, true)).outcomes.map(({ outcome }) => outcome);
    expect([...outcomes].sort()).to.deep.equal(all.sort());
    const few = runs.filter(({ contextSwitches }) => contextSwitches <= 4).length;
    expect(few / runs.length).to.be.within(0.5, 0.9);
  });

  it('a property of the outcome shrinks as well', () => {
    const property = fc.property(interleavings(lostUpdate), ({ outcome }) => outcome === 'rss=2');
    for (let seed = 1; seed <= 20; seed++) {
      const [run] = fc.check(property, { seed, path: '' }).counterexample!;
      expect(run.line).to.be.oneOf(['T1 T2:2 T1', 'T2 T1:2 T2']);
    }
  });

  it('seed and path repeat it, whatever was drawn before', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const property = fc.property(interleavings(needle), fc.nat(), (run, _) => sound(run));
      const failed = fc.check(property, { seed, numRuns: 2_000, path: '' });
      const again = fc.check(property, { seed, path: failed.counterexamplePath!, endOnFailure: true });
      expect(again.counterexample![0].line).to.equal(failed.counterexample![0].line);
      expect([again.numRuns, again.numShrinks]).to.deep.equal([1, 0]);
    }
  });

  it('an example of one’s own is tried first, and shrinks', () => {
    const program = faultModel(2, false);
    const found = fc.sample(interleavings(program), { seed: 1, numRuns: 500, path: '' });
    const { line } = found.find((run) => !sound(run) && run.contextSwitches > 6)!;
    const long = interleaving(program, line);
    const property = fc.property(interleavings(program), sound);
    const { counterexample, numShrinks } = fc.check(property, { examples: [[long]], numRuns: 1, path: '' });
    expect([sound(long), numShrinks > 0]).to.deep.equal([false, true]);
    expect([counterexample![0].preemptions, counterexample![0].contextSwitches]).to.deep.equal([1, 3]);
    const others = fc.check(
      fc.property(interleavings(needle), () => false),
      { examples: [[long]], numRuns: 1, path: '' },
    );
    expect(others.numShrinks).to.equal(0);
  });

  it('threads that spin: executions are left, and left out of shrinking', () => {
    const spin = (): Program => {
      const [flag, x] = [new Cell('flag'), new Cell('x')];
      return {
        threads: {
          *T1() {
            while ((yield* READ_ONCE(flag)) === 0);
            yield* WRITE_ONCE(x, 1);
          },
          *T2() {
            yield* WRITE_ONCE(flag, 1);
            yield* READ_ONCE(x);
          },
        },
        outcome: () => `x=${x.value}`,
      };
    };
    const limits = { maxSteps: 100, search: 500 };
    expect(failingOutcome(spin, limits).line).to.equal('T2:2 T1:2');
    const property = fc.property(interleavings(spin, limits), ({ over }) => over);
    expect(fc.check(property, { seed: 1, path: '' }).counterexample![0].line).to.equal('T1:100');
  });

  function failingOutcome(program: () => Program, limits: InterleavingOptions): Interleaving {
    const property = fc.property(interleavings(program, limits), ({ outcome, over }) => !over || outcome !== 'x=1');
    return fc.check(property, { seed: 1, path: '' }).counterexample![0];
  }

  it('check() says what is broken and how to repeat it', () => {
    const told = (run: Interleaving): string => {
      try {
        run.check();
        return '';
      } catch (error) {
        expect(error).to.be.instanceOf(RuleBroken);
        return (error as Error).message;
      }
    };
    expect(told(interleaving(lostUpdate, 'T1:2 T2:2'))).to.equal('');
    expect(told(interleaving(lostUpdate, 'T1 T2:2'))).to.equal(
      "lost update: rss is 1\ninterleaving(lostUpdate, 'T1 T2:2 T1')",
    );
    expect(told(interleaving(NO_RECHECK, 'T1:18 T2:16'))).to.match(
      /^lost store: .*\n(.+\n){4}faultline replay scenarios\/\S+\.yaml --schedule 'T1:18 T2:18 T1:9'$/,
    );
  });

  it('says what is wrong with a subject or a line', () => {
    expect(() => interleaving(lostUpdate, 'T1 T3')).to.throw(/unknown thread 'T3'/);
    expect(() => interleaving(lostUpdate, 'T1:3')).to.throw(/T1 cannot act at step 3/);
    expect(() => interleavings('scenarios/nothing.yaml')).to.throw(/no such file/);
    expect(() => interleavings('scenarios/scaling/pft-altix-1g.yaml')).to.throw(/has no interleavings/);
  });
});

describe('what fast-check prints of an interleaving', () => {
  function message(subject: Subject): string {
    try {
      fc.assert(fc.property(interleavings(subject), sound), { seed: 3, path: '' });
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  }

  it('is code that makes it again', () => {
    const [, line] = /^Counterexample: \[interleaving\(lostUpdate, '(.*)'\) \/\* lost update \*\/\]$/m.exec(
      message(lostUpdate),
    )!;
    expect(interleaving(lostUpdate, line).found[0].witness).to.equal('rss is 1');
    expect(message(faultModel(2, false))).to.contain("[interleaving(program, '");
  });

  it('of a scenario has its path, and can be given to faultline replay', async () => {
    const [, path, line] = /\[interleaving\('(.*)', '(.*)'\) \/\* lost store, .* \*\/\]$/m.exec(message(NO_RECHECK))!;
    expect(path).to.equal(NO_RECHECK);
    expect(sound(interleaving(path, line))).to.equal(false);
    expect(await replayed(path, line)).to.deep.equal([1, true]);
  });
});

/** Exit code of `faultline replay`, and whether it says that a store is lost. */
async function replayed(path: string, line: string): Promise<[number, boolean]> {
  let out = '';
  const write = (text: string) => void (out += text);
  const io = { out: write, err: write, width: 80, colors: pc.createColors(false), interactive: false };
  const code = await main(['replay', path, '--schedule', line], io);
  return [code, /broken: (lost store|stale TLB entry)/.test(out)];
}

describe('scenarios as an arbitrary', () => {
  it('are those of their text, and no larger than they may be', () => {
    const limits = { threads: 4, operations: 2, vmas: 3, pages: 5, bugs: ['rss-twice'] };
    const kinds = new Set<string>();
    fc.assert(
      fc.property(scenarios(limits), (scenario) => {
        const { yaml, sha256, kernel, threads, vmas } = scenario;
        expect(parseScenario(yaml, 'x.yaml', catalog()).sha256).to.equal(sha256);
        expect(scenarioText(scenario)).to.equal(yaml);
        expect(fc.stringify(scenario)).to.equal(yaml);
        expect([threads.length <= 4, vmas.length <= 3, kernel.bugs]).to.deep.equal([true, true, ['rss-twice']]);
        expect(threads.every(({ ops }) => ops.length <= 2) && vmas.every(({ pages }) => pages <= 5)).to.equal(true);
        for (const { kind } of threads.flatMap(({ ops }) => ops)) kinds.add(kind);
      }),
      { seed: 1, path: '', numRuns: 200 },
    );
    expect([...kinds].sort()).to.deep.equal(['mmap', 'page_referenced', 'read', 'write']);
  });

  it('have the operations that are asked for', () => {
    for (const { threads } of fc.sample(scenarios({ kinds: ['mmap', 'write'], threads: 1 }), {
      numRuns: 50,
      path: '',
    })) {
      expect(threads.flatMap(({ ops }) => ops).every(({ kind }) => kind !== 'page_referenced')).to.equal(true);
      expect(threads).to.have.length(1);
    }
    expect(() => scenarios({ pages: 0 })).to.throw(RangeError, /pages/);
    expect(() => fc.sample(scenarios({ bugs: ['no-pte-none-rechek'] }), 1)).to.throw(/no-pte-none-recheck/);
  });

  it('every scenario file that is written again says the same', () => {
    for (const file of readdirSync('scenarios/races')) {
      const scenario = readScenario(`scenarios/races/${file}`, catalog());
      expect(parseScenario(scenarioText(scenario), file, catalog()).sha256).to.equal(scenario.sha256);
    }
  });

  const smallest = (
    holds: (scenario: WrittenScenario) => boolean,
    seed: number,
    examples: [WrittenScenario][] = [],
  ) => {
    const property = fc.property(scenarios({ threads: 4, operations: 4, vmas: 3, pages: 5 }), holds);
    const { counterexample } = fc.check(property, { seed, numRuns: 5_000, path: '', examples });
    return counterexample![0].yaml.split('\n').slice(3, -2);
  };

  it('shrink to the least that fails', () => {
    for (let seed = 1; seed <= 10; seed++) {
      expect(smallest(() => false, seed)).to.deep.equal([
        'vmas: { heap: { pages: 1 } }',
        'threads:',
        '  T1: [{ read: heap, page: 0 }]',
      ]);
      const twoWrites = ({ threads }: WrittenScenario): boolean =>
        threads.filter(({ ops }) => ops.some(({ kind }) => kind === 'write')).length < 2;
      expect(smallest(twoWrites, seed)).to.deep.equal([
        ...['vmas: { heap: { pages: 1 } }', 'threads:'],
        ...['  T1: [{ write: heap, page: 0 }]', '  T2: [{ write: heap, page: 0 }]'],
      ]);
      const executable = ({ vmas }: WrittenScenario): boolean =>
        !vmas.some((vma) => vma.executable === true && vma.pages > 1);
      expect(smallest(executable, seed)[0]).to.equal('vmas: { heap: { pages: 2, executable: true } }');
    }
  });

  it('nobody writes where it is not allowed, smaller ones included', () => {
    const all = scenarios({ vmas: 3 });
    for (const scenario of fc.sample(all, { numRuns: 50, path: '' })) {
      for (const { value } of [{ value: scenario }, ...all.shrink(scenario, undefined)]) {
        const readonly = value.vmas.filter((vma) => vma.readonly).map(({ name }) => name);
        const writes = value.threads.flatMap(({ ops }) => ops.flatMap((op) => (op.kind === 'write' ? [op.vma] : [])));
        expect(writes.filter((name) => readonly.includes(name))).to.deep.equal([]);
      }
    }
  });

  it('a scenario file as an example shrinks', () => {
    const file = readScenario('scenarios/races/anon-vma+page-referenced-lock-order.yaml', catalog()) as WrittenScenario;
    expect(smallest(({ kernel }) => kernel.bugs.length === 0, 1, [[file]])).to.deep.equal([
      ...['vmas: { heap: { pages: 1 } }', 'threads:', '  T1: [{ read: heap, page: 0 }]'],
    ]);
  });
});

describe('scenarios and interleavings together', () => {
  const property = (bugs: string[]) => fc.property(scenarioInterleavings({ bugs }), ({ run }) => sound(run));

  it('the kernel holds', () => {
    fc.assert(property([]), { numRuns: fc.readConfigureGlobal().numRuns ?? 300 });
  });

  it('a kernel with a bug does not: two threads, one page, one access each, one preemption', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const { counterexample } = fc.check(property(['no-pte-none-recheck']), { seed, numRuns: 1_000, path: '' });
      const { scenario, run } = counterexample![0];
      expect([run.preemptions, run.contextSwitches]).to.deep.equal([1, 2]);
      const [vmas, , ...threads] = scenario.yaml.split('\n').slice(3, -2);
      expect(vmas).to.equal('vmas: { heap: { pages: 1 } }');
      expect(threads.sort()).to.satisfy(([T1, T2]: string[]) =>
        [T1, T2].every((line, i) => RegExp(`^  T${i + 1}: \\[{ (read|write): heap, page: 0 }\\]$`).test(line)),
      );
      expect(scenario.yaml).to.contain('write: heap');
    }
  });

  it('other bugs take what they take', () => {
    const least = (bug: string): string[] => {
      const { counterexample } = fc.check(property([bug]), { seed: 5, numRuns: 2_000, path: '' });
      const { scenario, run }: ScenarioRun = counterexample![0];
      return [...scenario.threads.map(({ ops }) => ops.map(({ kind }) => kind).join(', ')), `${run.preemptions}`];
    };
    expect(least('zero-page-writable')).to.deep.equal(['read', '0']);
    expect(least('no-anon-rmap')).to.deep.equal(['write', '0']);
    expect(least('leak-when-raced')).to.have.members(['read', 'write', '1']);
    expect(least('mmap-sem-twice')).to.have.members(['write', 'mmap', '1']);
  });

  describe('printed', () => {
    let folder = '';
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    });
    after(() => {
      rmSync(folder, { recursive: true });
    });

    it('as a file, with the line to replay it; seed and path repeat it', async () => {
      const failed = fc.check(property(['no-pte-none-recheck']), { seed: 11, numRuns: 1_000, path: '' });
      const [, text] = /^Counterexample: \[\n([\s\S]*)\]$/m.exec(fc.defaultReportMessage(failed)!)!;
      const [, line, rule] = /^# faultline replay FILE --schedule '(.*)'\n# ([\w ]+)$/m.exec(text)!;
      expect(interleaving(text, line).found.map((found) => found.rule)).to.include(rule);
      const path = join(folder, 'found.yaml');
      writeFileSync(path, text);
      expect(await replayed(path, line)).to.deep.equal([1, true]);
      const { seed, counterexamplePath } = failed;
      const again = fc.check(property(['no-pte-none-recheck']), {
        seed,
        path: counterexamplePath!,
        endOnFailure: true,
      });
      expect(fc.stringify(again.counterexample)).to.equal(fc.stringify(failed.counterexample));
    });
  });

  it('workloads of one’s own: as few threads and operations as it takes', () => {
    const counters = (threads: readonly number[]) => (): Program => {
      const n = new Cell('n');
      const expected = threads.reduce((sum, times) => sum + times, 0);
      return {
        threads: Object.fromEntries(
          threads.map((times, i) => [
            `T${i + 1}`,
            function* () {
              for (let k = 0; k < times; k++) yield* add(n);
            },
          ]),
        ),
        atEnd: () => (n.value === expected ? null : 'lost update'),
      };
    };
    const arbitrary = workloadInterleavings(fc.array(fc.nat(4), { maxLength: 4 }), counters);
    for (let seed = 1; seed <= 20; seed++) {
      const { counterexample } = fc.check(
        fc.property(arbitrary, ({ run }) => sound(run)),
        { seed, path: '' },
      );
      const { workload, run } = counterexample![0];
      expect([workload, run.preemptions, run.contextSwitches]).to.deep.equal([[1, 1], 1, 2]);
    }
  });
});

describe('faultline/fast-check', () => {
  it('is a subpath, with fast-check as an optional peer', () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, unknown>>;
    expect(manifest.exports['./fast-check']).to.deep.equal({
      types: './dist/fast-check.d.ts',
      default: './dist/fast-check.js',
    });
    expect(Object.keys(manifest.peerDependencies)).to.deep.equal(['fast-check']);
    expect(manifest.peerDependenciesMeta).to.deep.equal({ 'fast-check': { optional: true } });
    expect(manifest.dependencies).to.not.have.property('fast-check');
  });

  it('does what docs/fast-check.md shows', async () => {
    expect(await withOutputs('docs/fast-check.md')).to.equal(readFileSync('docs/fast-check.md', 'utf8'));
  });
});
