/** Two results side by side: figures, spread, the test behind `~`, exit codes, and what is refused. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import pc from 'picocolors';
import { main } from '../src/cli/main.ts';
import { mannWhitney } from '../src/report/significance.ts';

async function faultline(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const io = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    ...{ width: 80, colors: pc.createColors(false), interactive: false },
  };
  return { code: await main(args, io), out, err };
}

/** A result of pft with one row of so many faults per second. */
function result(faultsPerWallS: number, more: object = {}): string {
  const times = { userS: 0.1, systemS: 1, wallS: 1e5 / faultsPerWallS, faultsPerCpuS: 5e4, faultsPerWallS };
  const lock = { lockClass: '&mm->page_table_lock', acquisitions: 9, contended: 3, waitNs: 2e6, holdNs: 5e5 };
  return JSON.stringify({
    schema: 'faultline.run/1',
    scenario: { path: 'a.yaml' },
    kernel: { base: 'v2.6.10', patches: [], bugs: [] },
    machine: { profile: 'altix-3700-8p', cpus: 8 },
    rows: [{ gb: 1, repetitions: 3, threads: 8, ...times, locks: [lock] }],
    ...more,
  });
}

describe('the Mann-Whitney U test', () => {
  it('has the p-values of published tables', () => {
    // all of one sample below all of the other: 2 of the C(n + m, n) orders are as far out
    expect(mannWhitney([1, 2, 3], [4, 5, 6])).to.be.closeTo(0.1, 1e-12);
    expect(mannWhitney([1, 2, 3, 4], [5, 6, 7, 8])).to.be.closeTo(2 / 70, 1e-12);
    expect(mannWhitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])).to.be.closeTo(2 / 252, 1e-12);
    // critical values at 0.05, two-sided (Milton 1964): U = 2 for 5 and 5 is below, U = 3 is not
    expect(mannWhitney([1, 2, 3, 4, 7], [5, 6, 8, 9, 10])).to.be.below(0.05);
    expect(mannWhitney([1, 2, 3, 4, 8], [5, 6, 7, 9, 10])).to.be.above(0.05);
    expect(mannWhitney([3, 3], [3, 3])).to.equal(1);
    expect(mannWhitney([1], [2])).to.equal(null);
  });

  it('does not care which side is which, and agrees with its approximation', () => {
    const values = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(values, values, (a, b) => {
        const p = mannWhitney(a, b)!;
        expect(p).to.be.within(0, 1 + 1e-9);
        expect(mannWhitney(b, a)).to.be.closeTo(p, 1e-9);
      }),
    );
    const [a, b] = [0, 0.35].map((shift) => Array.from({ length: 30 }, (_, i) => ((i * 7919) % 101) / 100 + shift));
    expect(mannWhitney(a, b)!).to.be.closeTo(mannWhitney([...a, 0.5], [...b, 0.85])!, 0.01);
  });
});

describe('faultline compare', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'faultline-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });
  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }
  const runs = (name: string, values: readonly number[]): string =>
    file(name, values.map((value) => `${result(value)}\n`).join(''));

  it('shows two runs in 80 columns', async () => {
    const { code, out } = await faultline('compare', file('a.json', result(1000)), file('b.json', result(1100)));
    expect(code).to.equal(0);
    expect(out).to.match(/^1 GiB x3, 8 threads +1000\.0 +1100\.0 +\+10\.00%$/m);
    expect(out).to.match(/^ {2}&mm->page_table_lock +2\.00 ms +2\.00 ms +=$/m);
    for (const line of out.split('\n')) expect(line.length, line).to.be.at.most(80);
  });

  it('shows spread and significance of several runs', async () => {
    const a = runs('a.ndjson', [1000, 1010, 990, 1005, 995]);
    const clear = await faultline('compare', a, runs('b.ndjson', [1100, 1110, 1090, 1105, 1095]));
    expect(clear.out).to.match(/^1 GiB x3, 8 threads +1000\.0 ±0\.8% +1100\.0 ±0\.7% +\+10\.00% \(p=0\.008\)$/m);
    const chance = await faultline('compare', a, runs('c.ndjson', [1001, 1011, 989, 1004, 996]));
    expect(chance.out).to.match(/~ \(p=\d\.\d{3}\)$/m);
    const few = await faultline('compare', runs('d.ndjson', [1, 2]), runs('e.ndjson', [3, 4]));
    expect(few.out.replaceAll(/\s+/g, ' ')).to.contain('fewer than 4 runs a side cannot show a change');
  });

  it('takes files with commas, lists and folders', async () => {
    const [one, two] = [file('1.json', result(1000)), file('2.json', `[${result(1010)},${result(1020)}]`)];
    mkdirSync(join(folder, 'runs'));
    for (const n of [1, 2, 3]) file(`runs/${n}.json`, result(1000 + n * 5));
    const { code, out } = await faultline('compare', `${one},${two}`, join(folder, 'runs'), '--format', 'json');
    expect(code).to.equal(0);
    const parsed = JSON.parse(out) as { schema: string; before: { runs: number }; after: { runs: number } };
    expect(parsed).to.deep.include({ schema: 'faultline.compare/1' });
    expect([parsed.before.runs, parsed.after.runs]).to.deep.equal([3, 3]);
  });

  it('ends with 1 if something is worse than allowed, and only then', async () => {
    const [slow, fast] = [file('slow.json', result(900)), file('fast.json', result(1000))];
    expect((await faultline('compare', fast, slow)).code).to.equal(0);
    expect(await faultline('compare', fast, slow, '--fail-above', '5')).to.include({ code: 1 });
    expect(await faultline('compare', fast, slow, '--fail-above', '20')).to.include({ code: 0 });
    expect(await faultline('compare', slow, fast, '--fail-above', '0')).to.include({ code: 0 });
  });

  it('takes the rows of all benchmarks', async () => {
    const seqread = {
      gib: 1,
      processes: 8,
      threads: 1,
      order: 4,
      seconds: 2,
      userS: 1,
      systemS: 9,
      exitS: 1,
      locks: [],
    };
    const latProc = { kind: 'fork', machine: 'm', columns: [{ patch: null, microseconds: 7, lines: 5, misses: 3 }] };
    for (const [row, shown] of [
      [seqread, /^1 GiB, 8 processes, order 4 +2\.000s/m],
      [latProc, /^fork m arrays +7\.00 us/m],
    ] as const) {
      const path = file('other.json', result(1, { rows: [row] }));
      expect((await faultline('compare', path, path)).out).to.match(shown);
    }
  });

  it('runs scenarios', async () => {
    const names = ['races/anon-fault+anon-fault', 'races/anon-fault+anon-fault-no-recheck'] as const;
    const { code, out } = await faultline('compare', ...names);
    expect(code).to.equal(0);
    expect(out).to.match(/^the run +\d+\.\d+ us +\d+\.\d+ us +\+\d+\.\d+%$/m);
  });

  it('applies a patch to the second of two scenarios', async () => {
    const race = 'races/anon-fault+anon-fault';
    const { code, out } = await faultline('compare', race, race, '--patch', 'anon-prefault-v2');
    expect(code).to.equal(0);
    expect(out).to.match(/^before: (?!.*prefault)[^]*^after: .*\n?.*\+\s*anon-prefault-v2/m);
    const refused = await faultline('compare', race, file('a.json', result(1)), '--patch', 'anon-prefault-v2');
    expect(refused.code).to.equal(2);
    expect(refused.err).to.include('--patch is for a scenario that is run now');
  });

  it('says what is wrong with what it is given', async () => {
    const good = file('good.json', result(1));
    const refused = async (bad: string): Promise<string> => {
      const { code, err } = await faultline('compare', good, bad);
      expect(code).to.equal(2);
      return err;
    };
    expect(await refused(join(folder, 'none.json'))).to.contain('there is no file');
    expect(await refused(file('text.json', 'hello'))).to.contain('is not JSON: expected what');
    expect(await refused(file('empty.json', ''))).to.contain('is empty');
    expect(await refused(file('trail.json', '{"schema":"faultline.explore/2"}'))).to.contain(
      'is a faultline.explore/2',
    );
    expect(await refused(file('null.json', 'null'))).to.contain('no result of a run');
    const other = result(1, { rows: [] });
    expect(await refused(file('norow.json', other))).to.contain('nothing to compare');
    mkdirSync(join(folder, 'nothing'), { recursive: true });
    expect(await refused(join(folder, 'nothing'))).to.contain('there are no results in');
  });

  it('shows names as text', async () => {
    const kernel = { base: '\u001b[31m<script>\u202e', patches: [], bugs: [] };
    const { out } = await faultline('compare', file('n.json', result(1, { kernel })), file('m.json', result(1)));
    expect(out).to.contain('\\u{1b}[31m<script>\\u{202e}');
  });
});
