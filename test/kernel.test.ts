/** The kernel text: what a fault does, the invariants under random programs and schedules, and bugs that break them. */
import { expect } from 'chai';
import fc from 'fast-check';
import { invariants, ruleNames } from '../src/check/invariants.ts';
import { preemptionBounded } from '../src/drivers/controlled/bounded.ts';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import type { Exploration } from '../src/drivers/controlled/tally.ts';
import { random } from '../src/drivers/controlled/random.ts';
import { replay } from '../src/drivers/controlled/replay.ts';
import { runTimed } from '../src/drivers/timed/run.ts';
import { packagedScenarios } from '../src/cli/options.ts';
import { bases, buildKernel, bugs, patches } from '../src/kernel/index.ts';
import { VM_READ } from '../src/kernel/structs.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { parseScenario, readScenario, type Scenario } from '../src/scenario/read.ts';
import { buildWorld, type CheckedProgram, checkedProgram } from '../src/scenario/world.ts';
import { Recorder } from '../src/trace/recorder.ts';
import type { TraceStep } from '../src/trace/step.ts';
import { collect, traceStream } from '../src/trace/stream.ts';
import { onlyInLongRuns } from './support/long.ts';

function scenario(
  bug: string,
  pages: number,
  threads: Record<string, string>,
  vma = '',
  vmas = '',
  files = '',
): Scenario {
  const lines = Object.entries(threads).map(([name, ops]) => `  ${name}: [${ops}]`);
  const text = `about: test\nkernel: { base: v2.6.10, bugs: [${bug}] }\nmachine: { profile: altix-3700-8p, cpus: 2 }\n${files}vmas: { heap: { pages: ${pages} ${vma} } ${vmas} }\nthreads:\n${lines.join('\n')}\nexpect: { never: anything }\n`;
  return parseScenario(text, 'test.yaml', catalog());
}

/** The steps of a run in which the threads act one after the other. */
function trace(program: Scenario): TraceStep[] {
  const { order } = runTimed(buildWorld(program).births, { ...buildWorld(program), recordOrder: true });
  return collect(
    traceStream((sink) => {
      const recorder = new Recorder(sink);
      recorder.watch(() =>
        replay(
          () => checkedProgram(buildWorld(program)),
          { threads: order, answers: [] },
          () => recorder,
        ),
      );
    }),
  );
}

const LOCKS = /spin_|down_|up_|trylock|unlock_page/;

describe('do_anonymous_page of 2.6.10', () => {
  it('write fault: takes and drops locks where Linux does', () => {
    const second = trace(scenario('', 2, { T: '{ write: heap, page: 0 }, { write: heap, page: 1 }' }));
    const labels = second.map((step) => step.label).filter((label) => label !== '');
    const from = labels.lastIndexOf('MMU walk pte[heap+1]', labels.length - 3);
    expect(labels.slice(from)).to.deep.equal([
      'MMU walk pte[heap+1]',
      'down_read(mm.mmap_sem)',
      'spin_lock(mm.page_table_lock)',
      'spin_unlock(mm.page_table_lock)',
      'read heap.anon_vma',
      'clear page 11',
      'spin_lock(mm.page_table_lock)',
      'atomic page 11->_mapcount += 1',
      'pte[heap+1] = pfn 11 rw dirty',
      'spin_unlock(mm.page_table_lock)',
      'up_read(mm.mmap_sem)',
      'MMU walk pte[heap+1]',
      'page 11[0] = 102',
    ]);
  });

  it('read fault: maps the zero page read-only in one lock section, counts nothing', () => {
    const program = scenario('', 1, { T: '{ read: heap, page: 0 }' });
    const steps = trace(program).map((step) => step.label);
    expect(steps.filter((label) => label.startsWith('pte['))).to.deep.equal(['pte[heap+0] = pfn 0 ro']);
    expect(steps.filter((label) => LOCKS.test(label))).to.deep.equal([
      'down_read(mm.mmap_sem)',
      'spin_lock(mm.page_table_lock)',
      ...['spin_unlock(mm.page_table_lock)', 'spin_lock(mm.page_table_lock)'], // pmd_alloc
      ...['spin_unlock(mm.page_table_lock)', 'spin_lock(mm.page_table_lock)'], // pte_alloc_map
      'spin_unlock(mm.page_table_lock)',
      'up_read(mm.mmap_sem)',
    ]);
    expect(steps.some((label) => label.includes('rss'))).to.equal(false);
  });

  it('the backtrace of a step is the kernel backtrace', () => {
    const steps = trace(scenario('', 1, { T: '{ write: heap, page: 0 }' }));
    const clear = steps.find((step) => step.label.startsWith('clear'))!;
    expect(clear.stack.map((frame) => frame.fn)).to.deep.equal([
      'clear_user_highpage',
      'do_anonymous_page',
      'handle_mm_fault',
      'do_page_fault',
    ]);
    expect(clear.held).to.deep.equal(['mm.mmap_sem']);
  });

  it('a write to a readonly vma is SIGSEGV, memory that runs out is SIGKILL', () => {
    const denied = explore(
      () => checkedProgram(buildWorld(scenario('', 1, { T: '{ write: heap, page: 0 }' }, ', readonly: true'))),
      {
        strategy: new DporStrategy(),
      },
    );
    expect(denied.failures.map(({ rule, witness }) => [rule, witness])).to.deep.equal([
      ['killed by signal', 'T is killed by SIGSEGV at pte[heap+0]'],
    ]);
    const world = buildWorld(scenario('', 1, { T: '{ write: heap, page: 0 }' }));
    for (const zone of world.system.zones) zone.free_pages.value = 0;
    for (const { lists } of world.system.pageset) for (const list of lists) list.length = 0;
    expect(() => runTimed(world.births, world)).to.throw(/SIGKILL/);
    expect(VM_READ).to.equal(1);
  });
});

/** A vma that touches the heap and differs from it in VM_EXEC. */
const CODE = ', code: { pages: 1, executable: true }';

describe('anon_vma of 2.6.10', () => {
  const labels = (threads: Record<string, string>, vmas: string, files = ''): string[] =>
    trace(scenario('', 1, threads, '', vmas, files)).map((step) => step.label);

  it('a neighbour of other permissions lends its own: anon_vma->lock outside page_table_lock', () => {
    const steps = labels({ T: '{ write: heap, page: 0 }, { write: code, page: 0 }' }, CODE);
    const from = steps.lastIndexOf('read code.anon_vma');
    expect(steps.slice(from, from + 7)).to.deep.equal([
      'read code.anon_vma',
      'read heap.anon_vma',
      'spin_lock(heap.anon_vma->lock)',
      'spin_lock(mm.page_table_lock)',
      'code.anon_vma = 1',
      'spin_unlock(mm.page_table_lock)',
      'spin_unlock(heap.anon_vma->lock)',
    ]);
  });

  it('looks at the next vma before the one before', () => {
    const vmas = `, rest: { pages: 1 }${CODE}`;
    const ops = '{ write: heap, page: 0 }, { write: code, page: 0 }, { write: rest, page: 0 }';
    const steps = labels({ T: ops }, vmas);
    expect(steps).to.include('rest.anon_vma = 2'); // that of code, not that of heap
    expect(steps).to.not.include('spin_lock(heap.anon_vma->lock)');
  });

  it('vmas of equal permissions share none: mmap would have made them one, so they are not neighbours', () => {
    const steps = labels({ T: '{ write: heap, page: 0 }, { write: more, page: 0 }' }, ', more: { pages: 1 }');
    expect(steps.filter((label) => label.includes('.anon_vma ='))).to.deep.equal([
      'heap.anon_vma = 1',
      'more.anon_vma = 2',
    ]);
    expect(steps.filter((label) => label === 'read heap.anon_vma')).to.have.length(1);
  });

  const strangers = {
    'memory and a file': ['executable: true', 'file: data, offset: 2'],
    'pages of a file that do not follow each other': ['file: data', 'file: data, offset: 2, executable: true'],
    'two files': ['file: data', 'file: more, offset: 1, executable: true'],
    'areas of which one is read at random': ['file: data', 'file: data, offset: 1, random: true'],
  };
  for (const [what, [a, b]] of Object.entries(strangers)) {
    it(`mprotect could not make one vma of ${what}: each has its own`, () => {
      const vmas = `, a: { pages: 1, ${a} }, b: { pages: 1, ${b} }`;
      const files = 'files: { data: { pages: 4 }, more: { pages: 4 } }\n';
      const steps = labels({ T: '{ write: a, page: 0 }, { write: b, page: 0 }' }, vmas, files);
      expect(steps).to.include.members(['a.anon_vma = 1', 'b.anon_vma = 2']);
    });
  }

  it('parts of a file that follow each other, of other permissions, share one', () => {
    const vmas = ', a: { pages: 2, file: data, offset: 1 }, b: { pages: 1, file: data, offset: 3, executable: true }';
    const ops = '{ write: a, page: 0 }, { write: b, page: 0 }';
    const steps = labels({ T: ops }, vmas, 'files: { data: { pages: 4 } }\n');
    expect(steps).to.include.members(['a.anon_vma = 1', 'b.anon_vma = 1']);
  });

  it('page_referenced walks from the page to its pte under both locks, and finds it young once', () => {
    const ops = '{ write: heap, page: 0 }, { write: code, page: 0 }, { page_referenced: code, page: 0 }';
    const steps = labels({ T: `${ops}, { page_referenced: code, page: 0 }` }, CODE);
    const walk = [
      'read pte[code+0]',
      'atomic page 11->_count += 1',
      'read page 11->_mapcount',
      'spin_lock(heap.anon_vma->lock)',
      'read page 11->_mapcount',
      'spin_lock(mm.page_table_lock)',
      'pte[code+0] = pfn 11 rw dirty old',
      'flush CPU0.tlb',
      'spin_unlock(mm.page_table_lock)',
      'spin_unlock(heap.anon_vma->lock)',
      'atomic page 11->_count -= 1',
    ];
    const from = steps.indexOf('read pte[code+0]');
    expect(steps.slice(from).filter((label) => label !== '')).to.deep.equal([
      ...walk,
      ...walk.filter((label) => !/^(pte|flush)/.test(label)),
    ]);
  });

  it('page_referenced of nothing, or of the zero page, does nothing', () => {
    const steps = labels(
      { T: '{ page_referenced: heap, page: 0 }, { read: heap, page: 0 }, { page_referenced: heap, page: 0 }' },
      '',
    );
    expect(steps.filter((label) => label === 'read pte[heap+0]')).to.have.length(2);
    expect(steps.filter((label) => /_count|_mapcount|anon_vma/.test(label))).to.deep.equal([]);
  });
});

const access = fc.record({
  kind: fc.constantFrom('write', 'read', 'page_referenced'),
  place: fc.constantFrom('heap, page: 0', 'heap, page: 1', 'heap, page: 2', 'code, page: 0'),
});
const programs = fc.array(fc.array(access, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 });

function generated(threads: readonly (readonly { kind: string; place: string }[])[]): Scenario {
  const named = threads.map((ops, i) => [`T${i}`, ops.map(({ kind, place }) => `{ ${kind}: ${place} }`).join(', ')]);
  return scenario('', 3, Object.fromEntries(named) as Record<string, string>, '', CODE);
}

describe('files of 2.6.10', () => {
  const MAP = ', map: { pages: 1, file: data, shared: true }';
  const DATA = 'files: { data: { pages: 1 } }\n';

  it('a fault that finds the pte set gives the page back before it drops page_table_lock', () => {
    const threads = { T1: '{ read: map, page: 0 }', T2: '{ read: map, page: 0 }' };
    const all = trace(scenario('', 1, threads, '', MAP, DATA));
    const loser = all.find(({ label }) => /_count -= 1/.test(label))!.thread;
    const steps = all.filter(({ thread }) => thread === loser).map(({ label }) => label);
    const from = steps.findIndex((label) => /_count -= 1/.test(label));
    expect(steps[from + 1]).to.equal('spin_unlock(mm.page_table_lock)');
  });

  it('a child has them too if fork does not flush', () => {
    const program = scenario(
      'fork-no-flush',
      1,
      { T1: '{ fork: { child: [{ read: map, page: 0, sees: 1000 }] } }' },
      '',
      MAP,
      DATA,
    );
    expect(explore(() => checkedProgram(buildWorld(program)), { strategy: new DporStrategy() }).failures).to.deep.equal(
      [],
    );
  });
});

describe('a vma that goes', () => {
  const ENDS: Readonly<Record<string, string>> = { munmap: '{ munmap: map }', exit: '{ exit: true }' };

  /** In which order its page is freed, and it is found no longer by way of the page and of the file. */
  function order(base: string, end: string): string[] {
    const text = `about: test\nkernel: { base: ${base} }\nmachine: { profile: altix-3700-8p, cpus: 1 }\nfiles: { data: { pages: 1 } }\nvmas: { map: { pages: 1, file: data } }\nthreads: { T: [{ write: map, page: 0 }, ${end}] }\nexpect: { never: anything }\n`;
    const labels = trace(parseScenario(text, 'test.yaml', catalog())).map(({ label }) => label);
    const words = labels.map((label) => /^free page|^[a-z]+_unlock.*(?:anon_vma|i_mmap)/.exec(label)?.[0] ?? '');
    return words.filter((word) => word !== '').slice(-3);
  }

  for (const [how, end] of Object.entries(ENDS)) {
    it(`is unlinked after its page is free in 2.6.10: ${how}`, () => {
      expect(order('v2.6.10', end)).to.deep.equal(['free page', 'spin_unlock(data.i_mmap', 'spin_unlock(map.anon_vma']);
    });

    for (const { name } of bases.filter(({ name }) => name !== 'v2.6.10')) {
      it(`is unlinked before its page is free in ${name}: ${how}`, () => {
        const lock = name === 'v2.6.15' ? 'spin' : 'mutex';
        expect(order(name, end)).to.deep.equal(['spin_unlock(map.anon_vma', `${lock}_unlock(data.i_mmap`, 'free page']);
      });
    }
  }
});

describe('a step that looks at many words', () => {
  const text = (files: string, ops: string) =>
    `about: test\nkernel: { base: v2.6.10 }\nmachine: { profile: altix-3700-8p, cpus: 1 }\nfiles: { data: ${files} }\nvmas: { map: { pages: 8, file: data } }\nthreads: { T: [${ops}] }\nexpect: { never: anything }\n`;

  /** What the trace says was found by the steps with such a label. */
  function found(label: RegExp, files: string, ops: string): string[] {
    const steps = trace(parseScenario(text(files, ops), 'test.yaml', catalog())).filter((step) =>
      label.test(step.label),
    );
    return steps.map((step) => step.result.replace(/page \d+/g, 'page'));
  }

  it('tells what there is from there on', () => {
    const truncated = (words: string, files: string) =>
      found(new RegExp(`^lookup from data.${words}`), files, '{ truncate: data, to: 1 }')[0];
    expect(truncated('cache', '{ pages: 3 }')).to.equal('page, page');
    expect(truncated('block', '{ pages: 3 }')).to.equal('block 2, block 3');
    expect(truncated('cache', '{ pages: 3, cached: false }')).to.equal('none');
    expect(truncated('block', '{ pages: 3, holes: [1, 2] }')).to.equal('hole');
  });

  it('of much only the first', () => {
    expect(found(/^lookup/, '{ pages: 8 }', '{ invalidate: data }')[0]).to.equal('page, page, page, page, 4 more');
  });

  it('says nothing of what a page holds', () => {
    expect(found(/^copy from/, '{ pages: 1 }', '{ write: map, page: 0 }')).to.deep.equal(['']);
  });
});

describe('mmap_sem', () => {
  function steps(base: string, vma: string, ops: string): string[] {
    const text = `about: test\nkernel: { base: ${base} }\nmachine: { profile: altix-3700-8p, cpus: 1 }\nfiles: { data: { pages: 1 } }\nvmas: { map: { pages: 1 ${vma} } }\nthreads: { T: [${ops}] }\nexpect: { never: anything }\n`;
    return trace(parseScenario(text, 'test.yaml', catalog())).map(({ label }) => label);
  }

  for (const { name } of bases) {
    const held = name.startsWith('v2.6');
    it(`is ${held ? 'held' : 'dropped'} while msync writes in ${name}`, () => {
      const labels = steps(name, ', file: data, shared: true', '{ write: map, page: 0 }, { msync: map }');
      const written = labels.lastIndexOf('device writes block 1');
      expect(written).to.be.greaterThan(0);
      expect(labels.lastIndexOf('up_read(mm.mmap_sem)') > written).to.equal(held);
    });

    const mode = held ? 'write' : 'read';
    it(`is taken by madvise(MADV_DONTNEED) to ${mode} in ${name}`, () => {
      const labels = steps(name, '', '{ madvise_dontneed: map }');
      expect(labels.filter((label) => label.includes('mmap_sem'))).to.deep.equal([
        `down_${mode}(mm.mmap_sem)`,
        `up_${mode}(mm.mmap_sem)`,
      ]);
    });
  }
});

describe('exploring kernel text', () => {
  const states = (result: Exploration): string[] => result.outcomes.map(({ outcome }) => outcome);

  for (const bug of ['', 'no-pte-none-recheck']) {
    it(`misses nothing that sampling or a search with two preemptions comes across ${bug}`, function () {
      if (bug !== '') onlyInLongRuns(this);
      for (const threads of [
        { T1: '{ write: heap, page: 0 }', T2: '{ write: heap, page: 0 }' },
        { T1: '{ read: heap, page: 0 }', T2: '{ write: heap, page: 0 }' },
        { T1: '{ write: heap, page: 0 }', T2: '{ write: heap, page: 1 }' },
      ]) {
        const make = (): CheckedProgram => checkedProgram(buildWorld(scenario(bug, 2, threads)));
        const all = explore(make, { strategy: new DporStrategy() });
        expect(all.complete).to.equal(true);
        for (const strategy of [random(7, 300), preemptionBounded(2)]) {
          const some = explore(make, { strategy });
          expect(states(all)).to.include.members(states(some));
          expect(all.failures.map(({ rule }) => rule)).to.include.members(some.failures.map(({ rule }) => rule));
        }
      }
    });
  }

  it('an MMU walk depends on a pte that is set after it, also if it began before there was a page of ptes', () => {
    const write = '{ write: heap, page: 0 }';
    const program = scenario('no-pte-none-recheck', 1, { T1: write, T2: write });
    const result = explore(() => checkedProgram(buildWorld(program)), { strategy: new DporStrategy() });
    const count = new Map(result.failures.map(({ rule, executions }) => [rule, executions]));
    // in the others the loser's store goes to the winner's page
    expect(count.get('rss mismatch')).to.be.greaterThan(count.get('lost store')!);
  });
});

describe('invariants', () => {
  it('hold for random programs under random schedules', () => {
    fc.assert(
      fc.property(programs, fc.nat(), (threads, seed) => {
        const program = generated(threads);
        const result = explore(() => checkedProgram(buildWorld(program)), { strategy: random(seed, 5) });
        expect(result.failures).to.deep.equal([]);
      }),
    );
  });

  it('have names of their own, and so has everything that the machine notices', () => {
    expect(new Set(ruleNames()).size).to.equal(ruleNames().length);
    for (const { name, sentence } of invariants) {
      if (name !== 'wrong value read' && name !== 'unexpected count') expect(sentence).to.match(/^I\d+(, I\d+)*: /);
    }
  });

  /** Said by a scenario, not by the kernel. */
  const ofScenarios = new Set(['unexpected count']);
  const breaks: Record<string, string[]> = {
    'no-pte-none-recheck': ['lost store', 'mapcount mismatch', 'page leak', 'rss mismatch', 'stale TLB entry'],
    'leak-when-raced': ['page leak'],
    'no-anon-rmap': ['mapcount mismatch'],
    'clear-after-map': ['lost store'],
    'no-unlock': ['deadlock', 'lock held at the end'],
    'zero-page-writable': ['zero page writable'],
    'rss-twice': ['rss mismatch'],
    'anon-vma-lock-order': ['deadlock'],
    'mmap-sem-twice': ['deadlock'],
    'rss-after-unlock': ['data race'],
    'fork-no-wrprotect': ['cow leak'],
    'fork-no-flush': ['cow leak', 'stale TLB entry'],
    'free-before-flush': ['use after free'],
    'fault-irqs-off': ['deadlock'],
    'prefault-v2-pointer-only': [],
    'pmd-bit-forgotten': ['lost store', 'pmd bit missing'],
    'pmd-bit-late': [],
    'pmd-bit-unlocked': [],
    'pmd-mask-recycled': [],
    'pmd-mask-reset-twice': ['pmd bit missing'],
    'pte-walk-range-ignored': [], // needs two pages
    'pte-walk-lock-twice': ['deadlock'],
    'pte-walk-no-parent-lock': ['cow leak', 'data race'],
    'pte-walk-sleeps-locked': ['sleeping while atomic'],
  };
  /** What else it takes, besides one fault or two of the same page. */
  const takes: Record<string, Record<string, string>[]> = {
    'anon-vma-lock-order': [
      { T1: '{ write: heap, page: 0 }, { write: code, page: 0 }', T2: '{ page_referenced: heap, page: 0 }' },
    ],
    'mmap-sem-twice': [{ T1: '{ write: heap, page: 0 }', T2: '{ mmap: { pages: 1 } }' }],
    'fork-no-flush': [
      {
        T1: '{ write: heap, page: 0 }, { fork: { child: [{ read: heap, page: 0 }] } }, { write: heap, page: 0 }',
      },
    ],
    'free-before-flush': [
      { T1: '{ madvise_dontneed: heap }', T2: '{ write: heap, page: 0 }, { write: heap, page: 0 }' },
    ],
    'fault-irqs-off': [{ T1: '{ read: heap, page: 0 }, { write: heap, page: 0 }', T2: '{ write: code, page: 0 }' }],
    'fork-no-wrprotect': [
      {
        T1: '{ write: heap, page: 0 }, { fork: { child: [{ read: heap, page: 0 }] } }, { write: heap, page: 0 }',
      },
    ],
    ...Object.fromEntries(
      ['pmd-bit-forgotten', 'pte-walk-lock-twice', 'pte-walk-sleeps-locked'].map((name) => [
        name,
        [{ T1: '{ write: heap, page: 0 }, { fork: { child: [{ read: heap, page: 0 }] } }' }],
      ]),
    ),
    'pte-walk-no-parent-lock': [
      {
        T1: '{ write: heap, page: 0 }, { fork: { child: [{ read: heap, page: 0 }] } }, { write: heap, page: 0 }',
        T2: '{ page_referenced: heap, page: 0 }',
      },
    ],
    'rss-after-unlock': [{ T1: '{ write: heap, page: 0 }', T2: '{ write: code, page: 0 }' }],
  };
  for (const bug of bugs.filter(({ name }) => name in breaks)) {
    it(`${bug.name} breaks ${breaks[bug.name]?.join(', ') ?? 'something'} and nothing else`, () => {
      const found = new Set<string>();
      const faults = ['{ write: heap, page: 0 }', '{ read: heap, page: 0 }'];
      const pairs = faults.flatMap((ops) => [{ T1: ops }, { T1: ops, T2: '{ write: heap, page: 0 }' }]);
      for (const threads of [...pairs, ...(takes[bug.name] ?? [])]) {
        const program = scenario(bug.name, 1, threads, '', CODE);
        const result = explore(() => checkedProgram(buildWorld(program)), { strategy: new DporStrategy() });
        expect(result.complete).to.equal(true);
        for (const { rule } of result.failures) found.add(rule);
      }
      expect([...found].sort()).to.deep.equal(breaks[bug.name]);
    });
  }

  it('every other bug has a scenario of its own', () => {
    const named = packagedScenarios().flatMap((file) => readScenario(`scenarios/${file}`, catalog()).kernel.bugs);
    const others = bugs.filter(({ name }) => !(name in breaks));
    expect(others.map(({ name }) => name).filter((name) => !named.includes(name))).to.deep.equal([]);
  });

  it('each is broken by one of the bugs, or where a scenario says so', () => {
    const broken = new Set([...Object.values(breaks).flat(), ...expectedSomewhere()]);
    expect(
      invariants.map((invariant) => invariant.name).filter((name) => !broken.has(name) && !ofScenarios.has(name)),
    ).to.deep.equal([]);
  });

  /** What scenario files say is broken sometimes, or always. */
  function expectedSomewhere(): string[] {
    return packagedScenarios().flatMap((file) => {
      const { expect } = readScenario(`scenarios/${file}`, catalog());
      return [...expect.sometimes, ...expect.always];
    });
  }

  it('patches that would lose each other, and bugs without their patch, are refused', () => {
    const { misfit } = catalog();
    expect(misfit('v3.14', ['fault-around'], 'map-pages-v3')).to.match(
      /^replaces do_linear_fault, as 'fault-around' does/,
    );
    expect(misfit('v3.17', [], 'dax-cow-no-mutex')).to.match(/^needs one of the patches 'dax-cow-fault', /);
    expect(misfit('v2.6.10', ['no-unlock'], 'rss-twice')).to.match(/^replaces do_anonymous_page/);
    for (const { base, on = [] } of [...patches, ...bugs])
      for (const name of on) expect([base, ...patches.map((patch) => patch.name)]).to.include(name);
  });

  it('bugs and bases are what they say', () => {
    for (const bug of bugs) {
      expect(bases.map((base) => base.name)).to.include(bug.base);
      expect(buildKernel(bug.base, [], [bug.name])).to.include(bug.replaces);
    }
    expect(() => buildKernel('v9', [], [])).to.throw(/v2\.6\.10/);
  });
});
