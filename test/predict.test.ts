/** Calibration, validation and reports: known answers, and what they refuse. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { main } from '../src/cli/main.ts';
import { Balancer, randomNumbers } from '../src/drivers/timed/balance.ts';
import { done } from '../src/drivers/timed/cells.ts';
import { Hardware } from '../src/drivers/timed/hardware.ts';
import { Line } from '../src/machine/memory.ts';
import type { Profile } from '../src/machine/profile.ts';
import { Thread } from '../src/machine/thread.ts';
import { eigen, leastSquares } from '../src/predict/linear.ts';
import { nullModels, rateOf } from '../src/predict/null-models.ts';
import { allCosts, costAt, withValue } from '../src/predict/parameters.ts';
import { observedRows } from '../src/predict/observed.ts';
import { isImpossible, publishedRows, simulate } from '../src/predict/rows.ts';
import { fit, minimise } from '../src/predict/search.ts';
import { halfWidth95 } from '../src/predict/statistics.ts';
import { findProfile, profiles } from '../src/profiles/index.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { readScenario } from '../src/scenario/read.ts';
import { program } from './support/built.ts';
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

const table = (name: string) => readScenario(`scenarios/${name}.yaml`, catalog());

describe('predict: searches', () => {
  it('the simplex finds the bottom of a valley, and stays within bounds', () => {
    const valley = ([x, y]: readonly number[]): number => 100 * (y - x * x) ** 2 + (1 - x) ** 2;
    const free = minimise(valley, [-1, 1], [{ min: -2, max: 2 }, { min: -2, max: 2 }], { evaluations: 2000 }); // prettier-ignore
    expect(free.at[0]).to.be.closeTo(1, 1e-3);
    const held = minimise(([x]) => (x - 5) ** 2, [0], [{ min: -1, max: 2 }], { evaluations: 200 });
    expect(held.at[0]).to.be.closeTo(2, 1e-6);
    for (const value of [NaN, Infinity]) {
      let called = 0;
      const nowhere = (): number => (called++, value);
      minimise(nowhere, [0], [{ min: -1, max: 2 }], { evaluations: Infinity });
      expect(called, 'nothing is to be found').to.equal(2);
    }
  });

  it('a fit finds what made the data, in few evaluations, and the same each time', () => {
    const model = (at: readonly number[]): number[] => [1, 2, 4, 8].map((n) => at[0] + Math.exp(at[1]) * n);
    const truth = model([0.3, -0.7]);
    const residuals = (at: readonly number[]): number[] => model(at).map((x, i) => x - truth[i]);
    const bounds = [{ min: -2, max: 2 }, { min: -2, max: 2 }]; // prettier-ignore
    const [once, again] = [0, 1].map(() => fit(residuals, [0, 0], bounds, { evaluations: 40 }));
    expect(once.at[0]).to.be.closeTo(0.3, 0.02);
    expect(once.at[1]).to.be.closeTo(-0.7, 0.02);
    expect(again).to.deep.equal(once);
  });

  it('eigenvalues and least squares of small matrices', () => {
    const values = eigen([[2, 1], [1, 2]]).map(({ value }) => Math.round(value * 1e9) / 1e9); // prettier-ignore
    expect(values).to.deep.equal([1, 3]);
    const [slope, offset] = leastSquares([[1, 1], [2, 1], [3, 1]], [3, 5, 7], 0); // prettier-ignore
    expect([slope, offset].map((x) => Math.round(x * 1e6) / 1e6)).to.deep.equal([2, 1]);
  });

  it('null models find their own curves', () => {
    const rows = [1, 2, 4, 8].map((threads) => ({
      threads,
      rate: rateOf({ name: 'USL', first: 1000, serial: 0.1, crosstalk: 0.02 }, threads),
    }));
    const usl = nullModels(rows).find(({ name }) => name === 'USL')!;
    expect(usl.serial).to.be.closeTo(0.1, 0.005);
    expect(usl.crosstalk).to.be.closeTo(0.02, 0.002);
  });

  it('a confidence interval of three values', () => {
    expect(halfWidth95([1, 2, 3])).to.be.closeTo(2.484, 0.01);
    expect(halfWidth95([1])).to.equal(0);
  });
});

describe('predict: mechanisms', () => {
  const altix = findProfile('altix-3700-512p');

  /** Ticks of a hand-over with so many more that spin, a CPU to each node. */
  function handOver(spinners: number, kind: 'test-and-set' | 'ticket' | 'queued'): number {
    const profile: Profile = { ...altix, spinlocks: { ...altix.spinlocks!, kind } };
    const hardware = new Hardware(profile, 512);
    const line = new Line('lock');
    line.owner = 0;
    const waiters = Array.from({ length: spinners }, (_, i) => new Thread(i, `T${i}`, 256 + 2 * (i % 64), empty()));
    hardware.handOver(line, 2, Float64Array.of(0), spinners, waiters);
    return done[0];
  }

  function* empty(): Generator<never, void, number> {}

  it('a test-and-set lock slows with each spinner, a ticket lock half as much, a queued one not at all', () => {
    const slope = (kind: Parameters<typeof handOver>[1]): number => handOver(64, kind) - handOver(32, kind);
    expect(slope('queued')).to.equal(0);
    expect(slope('ticket')).to.be.greaterThan(0);
    expect(slope('test-and-set') / slope('ticket')).to.be.closeTo(2, 0.01);
    const [few, some, many] = [8, 32, 128].map((n) => handOver(n, 'test-and-set'));
    expect((many - some) / (some - few)).to.be.closeTo(4, 0.5); // linear: 96 more against 24 more
  });

  it('two threads stay on the node of their creator, eight are pulled to all four', () => {
    const profile = findProfile('altix-3700-8p');
    const onCpu = (cpu: number): Thread => {
      const thread = new Thread(cpu, `T${cpu}`, cpu, empty());
      thread.floats = true;
      return thread;
    };
    const pulled = (load: readonly number[]): number => {
      const current = load.map((threads, cpu) => (threads === 0 ? null : onCpu(cpu)));
      const runqueue = load.map((threads, cpu) => Array.from({ length: Math.max(0, threads - 1) }, () => onCpu(cpu)));
      const balancer = new Balancer(profile, profile.scheduler!, 8, 1, {
        current,
        runqueue,
        since: new Float64Array(8),
      });
      const threads = balancer.pull({ time: 0, cpu: 2, far: true });
      expect(threads.every(({ cpu }) => cpu === 2)).to.equal(true);
      expect(runqueue.flat().some(({ cpu }) => cpu === 2)).to.equal(false);
      return threads.length;
    };
    expect(pulled([1, 1, 0, 0, 0, 0, 0, 0])).to.equal(0);
    expect(pulled([4, 4, 0, 0, 0, 0, 0, 0])).to.equal(2);
    expect(pulled([2, 2, 0, 0, 0, 0, 0, 0])).to.equal(1);
  });

  it('random numbers are spread, and are those of the seed', () => {
    const [a, b] = [randomNumbers(7), randomNumbers(7)];
    const values = Array.from({ length: 1000 }, () => a());
    expect(values.slice(0, 9)).to.deep.equal(Array.from({ length: 9 }, () => b()));
    expect(values.reduce((sum, x) => sum + x, 0) / 1000).to.be.closeTo(0.5, 0.05);
  });

  it('placement comes from the seed: the same seed is the same run, another is another', () => {
    const scenario = table('history/003-prefault-v2');
    const profile = findProfile('altix-3700-8p');
    const wall = (seed: number): number =>
      simulate(scenario, { gb: 1, repetitions: 3, threads: 8 }, profile, { scale: 64, seed }).wallS;
    expect(wall(1)).to.equal(wall(1));
    expect(wall(1)).not.to.equal(wall(2));
  });
});

describe('predict: profiles', () => {
  it('every cost says its unit, its source and its status; what is free is calibrated, or may be', () => {
    for (const profile of profiles) {
      for (const { path, cost } of allCosts(profile)) {
        expect(cost.source, `${profile.name} ${path}`).to.not.equal('');
        expect(['measured', 'assumed', 'calibrated']).to.include(cost.status);
      }
      for (const { path, min, max } of profile.free ?? []) {
        const { value, status } = costAt(profile, path);
        expect([status, value > min && value < max], `${profile.name} ${path}`).to.deep.equal(['calibrated', true]);
      }
    }
  });

  it('no free cost is of a row, and there are fewer of them than rows', () => {
    expect(findProfile('altix-3700-8p').free!.length).to.be.lessThan(8);
    expect(findProfile('altix-3700-512p').free!.length).to.be.lessThan(8);
  });

  /** Root of the mean square of what is left of the published rows on a machine. */
  function misfit(
    name: string,
    scale: number,
    replications: number,
  ): { profile: Profile; of: (machine: Profile) => number } {
    const scenario = table(name);
    const profile = findProfile(scenario.machine.profile);
    const rows = observedRows(scenario, profile.geometry.pageBytes);
    const of = (machine: Profile): number => {
      const left = rows.flatMap((row) => row.logs(machine, { scale, replications }));
      return Math.sqrt(left.reduce((sum, x) => sum + x * x, 0) / left.length);
    };
    return { profile, of };
  }

  // A quarter less and a third more.
  for (const [name, scale, replications, dear] of [
    ['history/003-prefault-unpatched', 64, 4, true],
    ['history/003-prefault-i386-unpatched', 64, 1, false],
    ['scaling/pft-altix-512p', 512, 1, true],
    ['history/002-seqread-base', 4096, 1, true],
  ] as const) {
    it(`the fit notices every free cost: ${name}`, function () {
      this.timeout(240_000);
      if (dear) onlyInLongRuns(this);
      const { profile, of } = misfit(name, scale, replications);
      const here = of(profile);
      const missed = profile.free!.filter(({ path }) => {
        const moved = [3 / 4, 4 / 3].map((by) => of(withValue(profile, path, costAt(profile, path).value * by)));
        return moved.some((there) => there < here + 0.002);
      });
      expect(missed.map(({ path }) => path)).to.deep.equal([]);
    });
  }

  it('the rows of 8 to 120 threads are predicted from the others of their column within a third', function () {
    this.timeout(240_000);
    onlyInLongRuns(this);
    const options = ['--scale', '4096', '--replications', '1', '--evaluations', '2', '-q', '--format', 'json'];
    const { stdout } = spawnSync(process.execPath, [program(), 'calibrate', 'history/002-seqread-base', ...options], {
      encoding: 'utf8',
    });
    const { heldOut } = JSON.parse(stdout) as { heldOut: readonly { threads: number; wall: number }[] };
    expect(heldOut.map(({ threads }) => threads)).to.deep.equal([1, 8, 32, 60, 120]);
    // Without its row, what one thread does is not known.
    const others = heldOut.filter(({ threads }) => threads > 1).map(({ wall }) => Math.abs(wall));
    expect(Math.max(...others)).to.be.lessThan(1 / 3);
  });
});

describe('predict: commands', () => {
  it('calibrate refuses tables of patched kernels, and of other machines', async () => {
    const patched = await faultline('calibrate', 'history/003-prefault-v2', '-q');
    expect([patched.code, patched.err]).to.satisfy(
      ([code, err]: [number, string]) => code === 2 && /patched/.test(err),
    );
    const other = await faultline('calibrate', 'history/003-prefault-unpatched', '--machine', 'altix-3700-512p', '-q');
    expect(other.code).to.equal(2);
    const nothing = await faultline('calibrate', 'history/003-prefault-v2-claim', '-q');
    expect(nothing.code).to.equal(2);
  });

  it('calibrate refuses a single row', async () => {
    const text = readFileSync('scenarios/history/003-prefault-i386-unpatched.yaml', 'utf8');
    const rows = text.split('\n').filter((line) => /^ +- \[/.test(line));
    const single = join(mkdtempSync(join(tmpdir(), 'faultline-')), 'single.yaml');
    writeFileSync(
      single,
      rows.slice(1).reduce((left, row) => left.replace(`${row}\n`, ''), text),
    );
    const { code, err } = await faultline('calibrate', single, '-q');
    expect([code, err]).to.satisfy(
      ([code, err]: [number, string]) => code === 2 && /^faultline: calibrate needs at least two rows: .*\n$/.test(err),
    );
  });

  it('calibrate on the i386 rows: JSON, the same twice', async function () {
    this.timeout(120_000);
    const words = ['calibrate', 'history/003-prefault-i386-unpatched', '--scale', '128', '--evaluations', '6', '-q'];
    const [once, again] = [await faultline(...words, '--json'), await faultline(...words, '--json')];
    expect(once.code).to.equal(0);
    expect(again.out).to.equal(once.out);
    const json = JSON.parse(once.out) as { parameters: { path: string }[]; rows: unknown[]; heldOut: unknown[] };
    expect(json.parameters.map(({ path }) => path)).to.deep.equal(['clear.local', 'clear.bus', 'work.zap_pte']);
    expect([json.rows.length, json.heldOut.length]).to.deep.equal([2, 2]);
  });

  it('the row with more CPU time than there was is not counted', () => {
    const scenario = table('history/003-prefault-i386-v2');
    expect(publishedRows(scenario, 4096).map(isImpossible)).to.deep.equal([true, false]);
  });

  it('validate fits 80 columns, marks rows, and says what not to believe', async function () {
    this.timeout(120_000);
    const output = join(mkdtempSync(join(tmpdir(), 'faultline-')), 'validation.md');
    const tables = ['history/003-prefault-i386-unpatched', 'history/003-prefault-i386-v2'];
    const { code, out } = await faultline('validate', ...tables, '--scale', '128', '-q', '-o', output);
    expect(code).to.equal(0);
    const lines = out.split('\n').filter((line) => !line.startsWith('http') && !line.startsWith('written'));
    for (const line of lines) expect(line.length, line).to.be.at.most(80);
    expect(lines.filter((line) => / [cp?]$/.test(line)).map((line) => line.at(-1))).to.deep.equal(['c', 'c', '?', 'p']);
    const written = readFileSync(output, 'utf8');
    expect(written).to.match(/# Measured and predicted/);
    expect(written).to.match(/## What not to believe: pentium3-2p[^]*`lineHit`[^]*Mechanisms that are left out:/);
  });
});
