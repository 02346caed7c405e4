/** whatif: what it says is what comes out if the cost is changed by hand; sections and lines against programs whose answer is known. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { main } from '../src/cli/main.ts';
import { type Pace } from '../src/drivers/timed/pace.ts';
import { runTimed, type TimedResult } from '../src/drivers/timed/run.ts';
import { Cell, WRITE_ONCE } from '../src/machine/memory.ts';
import type { Cost, Profile } from '../src/machine/profile.ts';
import type { Coroutine } from '../src/machine/step.ts';
import { Birth, running, SYSTEM } from '../src/machine/thread.ts';
import { charge, work } from '../src/machine/work.ts';
import { lineKind, partKind } from '../src/predict/lines.ts';
import { withFactor } from '../src/predict/parameters.ts';
import { simulate } from '../src/predict/rows.ts';
import { type Trial, trialsOf } from '../src/predict/trials.ts';
import { runWith, type Subject, whatIf } from '../src/predict/whatif.ts';
import { findProfile } from '../src/profiles/index.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { readScenario } from '../src/scenario/read.ts';
import { Spinlock, spin_lock, spin_unlock } from '../src/sync/spinlock.ts';
import { onlyInLongRuns } from './support/long.ts';

const noColors = { isColorSupported: false } as never;

async function faultline(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const code = await main(args, {
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
    width: 80,
    colors: noColors,
    interactive: false,
  });
  return { code, ...said };
}

const altix = findProfile('altix-3700-8p');
const scenario = readScenario('scenarios/scaling/pft-altix-1g.yaml', catalog());
const SCALE = 512;
const eightThreads = trialsOf(scenario, altix, SCALE).at(-1)!;

const subject = (kind: Subject['kind'], name: string): Subject => ({ kind, name, now: '', ns: null, canVanish: true });
const same: Pace = { ofThread: () => 1, ofLine: () => 1, ofPart: () => 1 };

describe('whatif: against profiles changed by hand', () => {
  const row = { gb: 1, repetitions: 3, threads: 8 };
  const byHand = (profile: Profile, seed: number): number =>
    simulate(scenario, row, profile, { scale: SCALE, seed }).faultsPerWallS;
  const half = (cost: Cost): Cost => ({ ...cost, value: cost.value / 2 });

  const changed: [string, Profile][] = [
    ['clear.bus', { ...altix, clear: { ...altix.clear, bus: half(altix.clear.bus) } }],
    ['lineTransfer.1', { ...altix, lineTransfer: [altix.lineTransfer[0], half(altix.lineTransfer[1]), altix.lineTransfer[2]] }],
    ['work.zap_pte', { ...altix, work: { ...altix.work, zap_pte: half(altix.work.zap_pte) } }],
    ['spinlocks.busy', { ...altix, spinlocks: { ...altix.spinlocks!, busy: half(altix.spinlocks!.busy) } }],
    [
      'clear',
      {
        ...altix,
        clear: {
          local: half(altix.clear.local),
          bus: half(altix.clear.bus),
          remote: half(altix.clear.remote),
          memory: half(altix.clear.memory!),
        },
      },
    ],
  ]; // prettier-ignore
  for (const [name, profile] of changed) {
    it(`${name}: the gain is to the bit that of a profile with half the cost`, () => {
      const seeds = [7, 8];
      const gains = seeds.map((seed) => byHand(profile, seed) / byHand(altix, seed) - 1);
      const found = seeds.map((seed) => runWith(eightThreads, altix, subject('cost', name), 0.5, seed).rate);
      expect(found).to.deep.equal(seeds.map((seed) => byHand(profile, seed)));
      expect(gains.some((gain) => gain !== 0)).to.equal(true);
    });
  }

  it('the row of 8 threads: the answer it prints first is a run with that cost changed', function () {
    onlyInLongRuns(this);
    const answer = whatIf(eightThreads, altix, { factor: 0.5, seed: 1, replications: 2 });
    const cost = answer.effects.find(({ subject: { kind } }) => kind === 'cost')!;
    const profile = withFactor(altix, cost.subject.name, 0.5);
    const gains = [1, 2].map((seed) => byHand(profile, seed) / byHand(altix, seed) - 1);
    expect(cost.scaled.gain).to.equal((gains[0] + gains[1]) / 2);
    expect(answer.effects.map(({ scaled }) => scaled.gain)).to.deep.equal(
      answer.effects.map(({ scaled }) => scaled.gain).sort((a, b) => b - a),
    );
  });

  it('nothing is scaled: nothing changes, to the bit, also where every charge is paid by itself', () => {
    const { timed: plain } = simulate(scenario, row, altix, { scale: SCALE, seed: 3 });
    for (const eager of [false, true]) {
      const { timed } = simulate(scenario, row, altix, { scale: SCALE, seed: 3, pace: same, eager });
      expect(figuresOf(timed)).to.deep.equal(figuresOf(plain));
    }
    const sections = runWith(
      eightThreads,
      altix,
      subject('section', '&mm->page_table_lock in do_anonymous_page'),
      1,
      3,
    );
    expect(figuresOf(sections.timed)).to.deep.equal(figuresOf(plain));
  });

  it('a section that is slower costs throughput, one that is faster gains', () => {
    const name = '&mm->page_table_lock in do_anonymous_page';
    const rates = [4, 1, 0].map((x) => mean([1, 2, 3, 4].map((seed) => runWith(eightThreads, altix, subject('section', name), x, seed).rate))); // prettier-ignore
    expect(rates[0]).to.be.below(rates[1]);
    expect(rates[1]).to.be.below(rates[2]);
  });
});

function figuresOf({ wallNs, userNs, systemNs, clearNs, busWaitNs, steps, locks, lines }: TimedResult): object {
  return { wallNs, userNs, systemNs, clearNs, busWaitNs, steps, locks, lines };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

describe('whatif: against programs whose answer is known', () => {
  const INSIDE = work('whatif_inside', 400);
  const NESTED = work('whatif_nested', 300);
  const OUTSIDE = work('whatif_outside', 100);
  const free = (cost: Cost): Cost => ({ ...cost, value: 0 });
  /** Time passes in private work and in transfers only. */
  const bare: Profile = { ...altix, lineHit: free(altix.lineHit) };
  const noLines: Profile = { ...bare, lineTransfer: [free(altix.lineTransfer[0]), free(altix.lineTransfer[1]), free(altix.lineTransfer[2])], lineMemory: free(altix.lineMemory) }; // prettier-ignore

  class Locks {
    readonly outer = new Spinlock('outer', '&outer');
    readonly inner = new Spinlock('inner', '&inner');
    readonly word = new Cell('word');
  }

  function* take_both({ outer, inner }: Locks): Coroutine {
    yield* spin_lock(outer);
    charge(INSIDE);
    yield* spin_lock(inner);
    charge(NESTED);
    yield* spin_unlock(inner);
    charge(INSIDE);
    yield* spin_unlock(outer);
    charge(OUTSIDE);
  }

  function* take_word({ outer, word }: Locks): Coroutine {
    yield* spin_lock(outer);
    yield* WRITE_ONCE(word, word.value + 1);
    yield* spin_unlock(outer);
  }

  function trial(body: (locks: Locks) => Coroutine, cpus = 4): Trial {
    return {
      name: 'by hand',
      threads: cpus,
      unit: 'runs/s',
      series: '',
      pages: null,
      published: null,
      random: false,
      run({ profile, seed, ...more }) {
        const locks = new Locks();
        const births = Array.from(
          { length: cpus },
          (_, cpu) =>
            new Birth(`T${cpu}`, cpu, function* () {
              running.mode = SYSTEM;
              for (let i = 0; i < 20; i++) yield* body(locks);
            }),
        );
        const timed = runTimed(births, { profile, cpus, seed, ...more });
        return { rate: 1e9 / timed.wallNs, timed };
      },
    };
  }

  const assumed = (name: string, value: number): Profile['work'] => ({ ...altix.work, [name]: { value, unit: 'ns', status: 'assumed', source: 'test' } }); // prettier-ignore

  it('a section is what its thread does while that lock is the one taken last', () => {
    const both = trial(take_both);
    const scaled = (name: string): TimedResult => runWith(both, noLines, subject('section', name), 0.5, 1).timed;
    const cheap = (name: string, value: number): TimedResult =>
      both.run({ profile: { ...noLines, work: assumed(name, value) }, seed: 1 }).timed;
    expect(figuresOf(scaled('&outer in take_both'))).to.deep.equal(figuresOf(cheap('whatif_inside', 200)));
    expect(figuresOf(scaled('&inner in take_both'))).to.deep.equal(figuresOf(cheap('whatif_nested', 150)));
    expect(scaled('&outer in take_both').wallNs).not.to.equal(both.run({ profile: noLines, seed: 1 }).timed.wallNs);
  });

  it('it is there with the time that was spent in it', () => {
    const { effects } = whatIf(trial(take_both), noLines, { factor: 0.5, seed: 1, replications: 1 });
    const sections = effects.filter(({ subject: { kind } }) => kind === 'section').map(({ subject: { name, ns } }) => [name, ns]); // prettier-ignore
    expect(sections).to.have.deep.members([
      ['&outer in take_both', 4 * 20 * 800],
      ['&inner in take_both', 4 * 20 * 300],
    ]);
  });

  it('who has the lock alone gains what Amdahl says', () => {
    const { effects } = whatIf(trial(take_both, 1), noLines, { factor: 0.5, seed: 1, replications: 1 });
    const outer = effects.find(({ subject: { name } }) => name === '&outer in take_both')!;
    const whole = 800 + 300 + 100;
    expect(outer.scaled).to.deep.equal({ gain: 1e9 / (20 * (whole - 400)) / (1e9 / (20 * whole)) - 1, halfWidth: 0 });
    expect(outer.gone!.gain).to.be.closeTo(whole / (whole - 800) - 1, 1e-12);
  });

  it('transfers of all lines at half the time are a machine with half the transfer cost', () => {
    const words = trial(take_word);
    const pace: Pace = { ...same, ofLine: () => 0.5 };
    const even: Profile = {
      ...bare,
      lineTransfer: altix.lineTransfer.map((cost) => ({ ...cost, value: 200 })) as never,
    };
    const half: Profile = withFactor(withFactor(even, 'lineTransfer', 0.5), 'lineMemory', 0.5);
    const found = words.run({ profile: even, seed: 1, pace }).timed;
    expect(figuresOf(found)).to.deep.equal(figuresOf(words.run({ profile: half, seed: 1 }).timed));
  });

  it('a line that is written under a lock is part of its section, its own line is not', () => {
    const words = trial(take_word);
    const wall = (kind: Subject['kind'], name: string): number => runWith(words, bare, subject(kind, name), 0.5, 1).timed.wallNs; // prettier-ignore
    const before = words.run({ profile: bare, seed: 1 }).timed.wallNs;
    expect(wall('section', '&outer in take_word')).to.equal(wall('line', 'word'));
    expect(wall('line', 'word')).to.be.below(before);
    expect(wall('line', 'outer')).to.be.below(before);
  });
});

describe('whatif: names of lines', () => {
  it('of one kind is what is of one process, zone or page', () => {
    expect(['child2 mm_struct[0]', 'child1.4.exited', 'zone3.lock', 'CPU5.tlb', 'heap.anon_vma'].map(lineKind)).to.deep.equal(
      ['mm mm_struct[0]', 'mm.exited', 'zone.lock', 'CPU.tlb', 'heap.anon_vma'],
    );
    expect(['pte[child1.4.heap+7]', 'page 12->_count', 'data.page_tree[4]'].map(partKind)).to.deep.equal(
      ['ptes', 'struct page', 'data.page_tree'],
    );
  }); // prettier-ignore
});

describe('faultline whatif', () => {
  const quick = ['whatif', 'pft-altix-1g', '--scale', '1024', '--replications', '2'];

  it('prints gains in 80 columns, the most first, and no more than it is asked for', async () => {
    const { code, out } = await faultline(...quick, '--top', '3');
    expect(code).to.equal(0);
    const gains = out.split('\n').filter((line) => /^ +[+-]\d/.test(line));
    expect(gains).to.have.length(3);
    expect(Math.max(...out.split('\n').map((line) => line.length))).to.be.at.most(80);
    expect(out).to.include('1 GiB, 8 threads');
  });

  it('one thread has nothing random, and JSON has what the table has', async () => {
    const { out } = await faultline(...quick, '--threads', '1', '--json', '--top', '2');
    const { schema, factor, rows } = JSON.parse(out) as { schema: string; factor: number; rows: { replications: number; effects: { scaled: { halfWidth: number } }[] }[] }; // prettier-ignore
    expect([schema, factor, rows.length, rows[0].replications]).to.deep.equal(['faultline.whatif/1', 0.5, 1, 1]);
    expect(rows[0].effects.map(({ scaled }) => scaled.halfWidth)).to.deep.equal([0, 0]);
  });

  it('runs scenarios with threads and seqread as well', async function () {
    onlyInLongRuns(this);
    const convoy = await faultline('whatif', 'mmap-convoy', '--top', '2');
    expect(convoy.out).to.match(/9 threads: .* runs\/s as it is \(nothing is random\)/);
    const file = join(mkdtempSync(join(tmpdir(), 'faultline-')), 'seqread.yaml');
    const spec = readFileSync('scenarios/scaling/seqread-cached-file.yaml', 'utf8');
    writeFileSync(file, spec.replace(/^seqread:.*$/m, 'seqread: { gib: 0.000244140625, processes: [1, 2], orders: [0, 4] }').replace(/^expect:.*$/m, 'expect: { never: anything }')); // prettier-ignore
    const files = await faultline('whatif', file, '--format', 'ndjson', '--top', '100');
    const rows = files.out.trim().split('\n');
    expect(rows.map((row) => (JSON.parse(row) as { trial: { name: string } }).trial.name)).to.deep.equal(['2 processes, windows of 1', '2 processes, windows of 16']); // prettier-ignore
    expect(rows[1]).to.include('PG_locked in filemap_map_pages');
  });

  for (const [what, args, message] of [
    ['rows that are not there', ['pft-altix-1g', '--threads', '3'], 'no row with 3 threads; there are 1, 2, 4, 8'],
    ['a factor that is no number', ['pft-altix-1g', '--factor', 'half'], 'a number from 0.001 to 1000'],
    ['a factor of nothing', ['pft-altix-1g', '--factor', '0'], 'a number from 0.001 to 1000'],
    ['lat_proc', ['001-page-table-walks'], 'no throughput'],
    ['files that are not there', ['nowhere.yaml'], 'nowhere.yaml'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const { code, err, out } = await faultline('whatif', ...args);
      expect(code).to.equal(2);
      expect(err).to.include(message);
      expect(out).to.equal('');
    });
  }
});
