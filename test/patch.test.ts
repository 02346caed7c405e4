/** `--patch`: patches of the user's own under all drivers, what is wrong with them in one message, and docs/patch.md. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { expect } from 'chai';
import pc from 'picocolors';
import { followed } from '../scripts/tutorial.ts';
import { CheckpointFile, checkpointPath, readCheckpoint, type SearchKey } from '../src/cli/checkpoint.ts';
import { searchKey } from '../src/cli/explore.ts';
import { main } from '../src/cli/main.ts';
import { readPatched } from '../src/cli/patch.ts';
import { sourceDpor } from '../src/drivers/controlled/dpor.ts';
import { Search } from '../src/drivers/controlled/explore.ts';
import type { Scenario } from '../src/scenario/read.ts';
import { buildWorld, checkedProgram } from '../src/scenario/world.ts';
import { onlyInLongRuns } from './support/long.ts';

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function faultline(...args: string[]): Promise<Result> {
  let out = '';
  let err = '';
  const io = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    width: 80,
    colors: pc.createColors(false),
    interactive: false,
  };
  const code = await main(args, io);
  return { code, out, err };
}

/** V1 takes what it maps ahead to be not there. */
const POPULATED = `threads:
  T1: [{ write: heap, page: 2 }, { read: heap, page: 0 }, { read: heap, page: 1 }]
`;

const RACE = `about: two threads fault one page
kernel: { base: v2.6.10 }
machine: { profile: altix-3700-8p, cpus: 2 }
vmas: { heap: { pages: 1 } }
threads:
  T1: [{ write: heap, page: 0 }]
  T2: [{ write: heap, page: 0 }]
expect: { never: anything }
`;

const PFT = `about: a small page fault test
kernel: { base: v2.6.10 }
machine: { profile: altix-3700-8p }
pft: { gb: 0.01, repetitions: 1, threads: [1, 2] }
expect: { never: anything }
`;

/** Counts rss before it takes the lock. */
const BAD = `import { type Coroutine, READ_ONCE, v2_6_10, type VmFault, WRITE_ONCE } from 'faultline/kernel';

enum Sign { plus = 1, minus = -1 }

type Args = Parameters<typeof v2_6_10.do_anonymous_page>;

function* do_anonymous_page(...args: Args): Coroutine<VmFault> {
  const [mm] = args;
  const rss: number = yield* READ_ONCE(mm.rss);
  yield* WRITE_ONCE(mm.rss, rss + Sign.plus);
  return yield* v2_6_10.do_anonymous_page(...args);
}

export default { name: 'rss-early', base: 'v2.6.10', replaces: { do_anonymous_page } };
`;

/** Steps of its own under all faults. */
const GOOD = `import { READ_ONCE, v2_6_10 } from 'faultline/kernel';
import { looks } from './looks.js';

export const patch = {
  *do_anonymous_page(mm, ...args) {
    yield* READ_ONCE(mm.rss);
    looks(mm);
    return yield* v2_6_10.do_anonymous_page(mm, ...args);
  },
};
`;
const LOOKS = `import { current, type Mm } from 'faultline/kernel';
import type { Nowhere } from './nowhere.ts';

export function looks(mm: Mm): Nowhere | number {
  return current().preempt_count + mm.rss.value;
}
`;

describe('--patch', () => {
  let folder = '';
  let race = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    race = file('race.yaml', RACE);
    // What is installed where the patch is must not matter: it is bound to the faultline that runs.
    file('node_modules/faultline/package.json', '{ "name": "faultline", "exports": { "./kernel": "./kernel.js" } }');
    file('node_modules/faultline/kernel.js', 'throw new Error("another copy")');
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  function file(name: string, text: string): string {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** A patch that replaces do_anonymous_page; `star` makes it a generator. */
  const spoilt = (body: string, star = '*'): string =>
    "import { v2_6_10 as v } from 'faultline/kernel';\n" +
    `export default { ${star} do_anonymous_page(...args: any) { ${body} } };\n`;

  it('explore: a counterexample with lines of the file; the trail replays it', async () => {
    const patch = file('bad.ts', BAD);
    const trail = join(folder, 'bad.trail.json');
    const { code, out } = await faultline('explore', race, '--patch', patch, '-o', trail);
    expect(code).to.equal(1);
    expect(out).to.contain('kernel v2.6.10 + rss-early, 2 threads').and.to.contain('rss mismatch');
    expect(out).to.contain('do_anonymous_page (bad.ts):');
    expect(out)
      .to.match(/:9 read mm\.rss/)
      .and.to.match(/:10 mm\.rss = 1/);
    expect(out).to.contain(`replay ${race} --patch ${patch} --schedule`);
    const again = await faultline('replay', trail);
    expect([again.code, again.err]).to.deep.equal([1, '']);
    const schedule = /fails: .* --schedule '(.*)'/.exec(out)![1];
    const line = await faultline('replay', race, '--patch', patch, '--schedule', schedule);
    expect(line.code).to.equal(1);
    expect(line.out).to.contain('broken: rss mismatch');
  });

  it('replay: another text of the patch, or of a file it imports, is exit code 4', async () => {
    const patch = file('moved/bad.ts', BAD.replace("'faultline/kernel';", "'faultline/kernel';\nimport './side.ts';"));
    file('moved/side.ts', '');
    const trail = join(folder, 'moved.trail.json');
    expect((await faultline('explore', race, '--patch', patch, '-o', trail)).code).to.equal(1);
    file('moved/side.ts', '// another text\n');
    const changed = await faultline('replay', trail);
    expect(changed.code).to.equal(4);
    expect(changed.err).to.match(/the patch has changed: .*bad\.ts: [0-9a-f]{12} -> [0-9a-f]{12}\n/);
    expect(changed.err).to.contain('first difference: none: every step is the same');
    file('moved/side.ts', '');
    expect((await faultline('replay', trail)).code).to.equal(1);
    const other = file('other.ts', BAD.replace('Sign.plus', 'Sign.minus'));
    const [instead, both] = [
      await faultline('replay', trail, '--patch', other),
      await faultline('replay', trail, '--patch', patch, '--patch', other),
    ];
    expect([instead.code, both.code]).to.deep.equal([4, 4]);
    expect(instead.err).to.match(/first difference: step \d+: recorded T1 mm\.rss = /);
    expect(both.err).to.contain('recorded with 1 patch, now 2');
  });

  it('explore --resume: a checkpoint of another patch is refused', async () => {
    const patch = file('bad.ts', BAD);
    const { scenario, key } = await searchOf([patch]);
    const path = join(folder, 'search.checkpoint.json');
    const search = new Search(() => checkedProgram(buildWorld(scenario)), { strategy: sourceDpor() });
    new CheckpointFile(path, key, true).write(search);
    expect(readCheckpoint(path, key)).to.not.equal(null);
    const other = file('minus.ts', BAD.replace('Sign.plus', 'Sign.minus'));
    for (const patches of [[], [other], [patch, patch]]) {
      const changed = await searchOf(patches);
      expect(() => readCheckpoint(path, changed.key)).to.throw(
        /is of another search: --patch was \["rss-early \w+"\], is /,
      );
      expect(checkpointPath(changed.key)).to.not.equal(checkpointPath(key));
    }
  });

  async function searchOf(patch: string[]): Promise<{ scenario: Scenario; key: SearchKey }> {
    const scenario = await readPatched(race, { patch });
    return { scenario, key: searchKey(scenario, { ...options, patch }) };
  }
  const options = { format: 'table', seed: 1, quiet: true, strategy: 'dpor' } as const;

  it('JavaScript, the export patch, imports of its own, several patches in order', async () => {
    file('looks.ts', LOOKS);
    const good = file('good.js', GOOD);
    const { code, out } = await faultline('explore', race, '--patch', good);
    expect([code, out]).to.satisfy(([code, out]: [number, string]) => code === 0 && /never \(all/.test(out));
    expect(out).to.contain('kernel v2.6.10 + good, ');
    const bad = file('bad.ts', BAD);
    const both = await faultline('explore', race, '--patch', bad, '--patch', good, '--format', 'json');
    expect(both.code).to.equal(0);
    const { patches } = JSON.parse(both.out) as { patches: { name: string; path: string; replaces: string[] }[] };
    expect(patches.map(({ name, replaces }) => [name, replaces])).to.deep.equal([
      ['rss-early', ['do_anonymous_page']],
      ['good', ['do_anonymous_page']],
    ]);
    expect(patches[1].path).to.equal(good);
  });

  it('run: under the clock it costs what it does', async () => {
    file('looks.ts', LOOKS);
    const patch = file('good.js', GOOD);
    const pft = file('pft.yaml', PFT);
    const wall = async (...args: string[]): Promise<number[]> => {
      const { code, out } = await faultline('run', pft, '--format', 'json', ...args);
      expect(code).to.equal(0);
      return (JSON.parse(out) as { rows: { wallNs: number }[] }).rows.map(({ wallNs }) => wallNs);
    };
    const [plain, patched] = [await wall(), await wall('--patch', patch)];
    expect(await wall('--patch', patch, '--eager')).to.deep.equal(patched);
    for (const [i, ns] of patched.entries()) expect(ns).to.be.above(plain[i]);
    const { out } = await faultline('run', pft, '--patch', patch);
    expect(out).to.contain('kernel v2.6.10 + good, machine');
  });

  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['a syntax error', 'export default {\n  do_anonymous_page: function* ( {\n};\n', /:\d+:\d+: error: .+/],
    ['a syntax error in a line', 'const x = 1;\nconst y = = 2;\n', /wrong\.ts:2:11: error: Expression expected/],
    ['nothing', '', /has no patch: it exports nothing\. Possible: export default/],
    ['other names', 'export const a = 1, b = 2;', /has no patch: it exports a, b\. Possible/],
    ['a function alone', 'export default function* f() {}', /its export 'default' is a function \(f\)/],
    ['a patch that replaces nothing', 'export default {}', /replaces nothing\. Possible: handle_mm_fault, /],
    [
      'a name with a slip of the pen',
      'export default { do_anonymus_page: function* () {} }',
      /unknown 'do_anonymus_page'.*may replace handle_mm_fault, .*Did you mean 'do_anonymous_page'\?/,
    ],
    ['a name without replaces', 'export default { name: "x" }', /unknown 'name'.*It goes beside replaces: /],
    ['an unknown key', 'export default { nam: "x", replaces: {} }', /unknown 'nam'.*Did you mean 'name'\?/],
    ['no function', 'export default { do_no_page: 3 }', /do_no_page is 3, not a function/],
    ['a number of another kind', 'export default { do_no_page: 3n }', /do_no_page is 3n, not a function/],
    [
      'another base',
      'export default { base: "v2.6.9", replaces: { *do_no_page() {} } }',
      /is a patch to 'v2\.6\.9', and .*race\.yaml runs v2\.6\.10/,
    ],
    ['an exception', '\n\nnull.x;\nexport default {}', /cannot be loaded: TypeError: .* \(wrong\.ts:3:\d+\)/],
    ['a throw', 'throw "up"', /cannot be loaded: it throws up/],
    [
      'an import that is not there',
      "import { x } from 'faultline/kernel';\nexport default { x }",
      /'faultline\/kernel' does not provide an export named 'x'/,
    ],
    [
      'a file that is not there',
      "import { x } from './none';\nexport default { x }",
      /imports '\.\/none', and there is no such file \(a relative import names its file with the extension\)/,
    ],
    ['a package that is not there', "import 'no-such-package-at-all'", /Cannot find package 'no-such-package-at-all'/],
    ['no text', 'a\0b', /not a text file/],
    ['a plain function', spoilt('return 1;', ''), /do_anonymous_page of wrong returns 1, not a path: it must be/],
    ['an async function', spoilt('return 1;', 'async'), /do_anonymous_page of wrong returns a promise, not a path/],
    [
      'yield without a star',
      spoilt('return yield v.do_anonymous_page(...args);'),
      /wrong\.ts:\d+:\d+: error: yield 'v\.do_anonymous_page\(\.\.\.args\)' hands out the generator: write yield\*/,
    ],
    [
      'that where no type says so',
      spoilt('return yield (v as any).do_anonymous_page(...args);'),
      /do_anonymous_page of wrong yields a path, not a step: write yield\*/,
    ],
    [
      'a path that nobody runs',
      spoilt('v.do_anonymous_page(...args); return yield* v.do_anonymous_page(...args);'),
      /wrong\.ts:\d+:\d+: error: 'v\.do_anonymous_page\(\.\.\.args\)' makes a generator and drops it: missing yield\*/,
    ],
    [
      'a loop that never ends',
      spoilt('outer: for (;;) while (args.length > 0) continue outer;'),
      /wrong\.ts:\d+:\d+: this loop of the patch has gone round 10,000,000 times/,
    ],
    [
      'a forgotten return',
      spoilt('yield* v.do_anonymous_page(...args);'),
      /returns nothing in the end, not a VM_FAULT/,
    ],
  ];
  for (const [name, text, message] of wrong) {
    it(`${name}: one clear message, exit code 2`, async () => {
      const patch = file('wrong.ts', text);
      for (const command of ['run', 'explore']) {
        const { code, out, err } = await faultline(command, race, '--patch', patch, '-q');
        expect([code, out]).to.deep.equal([2, '']);
        expect(err)
          .to.match(message)
          .and.to.match(/^faultline: [^\n]*\n$/);
      }
    });
  }

  it('no file, a directory: one clear message, exit code 2', async () => {
    for (const [path, message] of [
      [join(folder, 'none.ts'), /none\.ts: the patch cannot be read: no such file/],
      [folder, /it is a directory/],
      [race, /race\.yaml is no patch: it must be a \.ts, /],
    ] as const) {
      const { code, err } = await faultline('explore', race, '--patch', path);
      expect(code).to.equal(2);
      expect(err)
        .to.match(message)
        .and.to.match(/^faultline: [^\n]*\n$/);
    }
  });

  it('a patch of the package by its name: what it finds is replayed by its trail', async () => {
    const before = race.replace('race.yaml', 'populated.yaml');
    writeFileSync(before, RACE.replace('pages: 1', 'pages: 4').replace(/threads:[\s\S]*(?=expect)/, POPULATED));
    const trail = join(folder, 'populated.trail.json');
    const found = await faultline('explore', before, '-q', '--patch', 'anon-prefault-v1', '-o', trail);
    expect([found.code, found.err]).to.deep.equal([1, '']);
    expect(found.out).to.include('v2.6.10 + anon-prefault-v1');
    const again = await faultline('replay', trail);
    expect([again.code, again.err]).to.deep.equal([1, '']);
  });

  it('names of the package: what was meant, and what they are patches to', async () => {
    const odd = await faultline('explore', race, '--patch', 'anon-prefalt-v2');
    expect([odd.code, odd.err]).to.deep.equal([
      2,
      "faultline: 'anon-prefalt-v2' is no file and no patch of the package (see 'faultline list kernels'). Did you mean 'anon-prefault-v2'?\n",
    ]);
    const other = await faultline('explore', race, '--patch', 'map-pages-v3');
    expect(other.code).to.equal(2);
    const lost = await faultline('explore', 'races/dax-cow+truncate-no-mutex', '--patch', 'dax-fs-lock');
    expect(lost.code).to.equal(2);
    expect(lost.err).to.match(
      /^faultline: bug 'dax-cow-no-mutex' replaces dax_fault, as 'dax-fs-lock' does, and is not made for that \(.*yaml\)\n$/,
    );
    expect(other.err).to.match(/^faultline: map-pages-v3 is a patch to 'v3\.14', and .*race\.yaml runs v2\.6\.10\n$/);
  });

  it('a thread that never ends is not as expected: explore, check and report', async () => {
    const text = `import { READ_ONCE, type Coroutine, type Mm, type VmFault } from 'faultline/kernel';
export default { *handle_mm_fault(mm: Mm): Coroutine<VmFault> { for (;;) yield* READ_ONCE(mm.rss); } };
`;
    const patch = file('forever.ts', text);
    for (const command of ['explore', 'check', 'report']) {
      const where = command === 'report' ? ['-o', join(folder, 'forever')] : [];
      const { code, out, err } = await faultline(command, race, '--patch', patch, '-q', ...where);
      expect([code, err], command).to.deep.equal([1, '']);
      if (command !== 'report') expect(out.replaceAll(/\s+/g, ' ')).to.include('expected that every thread ends');
    }
  });

  it('a patch that keeps something from one execution to the next: one clear message, exit code 2', async () => {
    const text = `import { READ_ONCE, v2_6_10 as v } from 'faultline/kernel';
let faults = 0;
export default {
  *handle_mm_fault(...args: Parameters<typeof v.handle_mm_fault>): ReturnType<typeof v.handle_mm_fault> {
    if (faults++ % 2 === 1) yield* READ_ONCE(args[0].rss);
    return yield* v.handle_mm_fault(...args);
  },
};
`;
    const { code, err } = await faultline('explore', race, '--patch', file('keeps.ts', text), '-q');
    expect(code).to.equal(2);
    expect(err).to.match(/^faultline: with this patch, [^\n]*run again[^\n]*\n$/);
  });

  it('check leaves out the scenarios of a folder that the patch is not for', async () => {
    mkdirSync(join(folder, 'sweep'), { recursive: true });
    file('sweep/a.yaml', RACE);
    file('sweep/b.yaml', RACE.replace('v2.6.10', 'v3.17'));
    const patch = file('early.ts', BAD);
    const { code, out } = await faultline('check', join(folder, 'sweep'), '--patch', patch, '-q');
    expect(code).to.equal(1);
    expect(out).to.include('1 scenario, ').and.to.include('1 scenario that the patch is not for left out');
    expect((await faultline('check', join(folder, 'sweep/b.yaml'), '--patch', patch, '-q')).code).to.equal(2);
  });

  it('a patch that throws is a finding under both drivers, with its place', async () => {
    const patch = file('throws.ts', BAD.replace('yield* READ_ONCE(mm.rss)', '(null as any).rss'));
    const message = /exception.*TypeError: Cannot read .* \(do_anonymous_page, throws\.ts:9\)/;
    const found = [
      await faultline('explore', race, '--patch', patch, '-o', join(folder, 'throws.json')),
      await faultline('run', race, '--patch', patch),
      await faultline('run', file('pft.yaml', PFT), '--patch', patch),
    ];
    for (const { code, out, err } of found) {
      expect(code).to.equal(1);
      expect(out + err).to.match(/TypeError: Cannot read/);
      expect((out + err).replaceAll(/\n */g, ' ')).to.match(/\(do_anonymous_page, throws\.ts:9\)/);
    }
    expect(found[1].out).to.match(message);
  });

  it('names and what is thrown are shown as text, wherever they are printed', async function () {
    onlyInLongRuns(this);
    const odd = (name: string, text: string): string =>
      file(`${name}\u001b[31m.ts`, text.replace("'rss-early'", "'rss\\u001b[31mearly'"));
    const thrown = BAD.replace('mm.rss)', "((() => { throw new Error('up\\u001b[31m'); })()))");
    const bug = BAD.replace('READ_ONCE,', 'KernelBug, READ_ONCE,').replace(
      'mm.rss)',
      "((() => { throw new KernelBug('rule\\u001b[31m', 'up\\u001b[31m'); })()))",
    );
    const [bad, throws, breaks] = [odd('bad', BAD), odd('throws', thrown), odd('breaks', bug)];
    const misused = odd('misused', "export default { name: 'rss-early', replaces: { do_anonymous_page: () => 1 } };\n");
    const pft = file('pft.yaml', PFT);
    const trail = join(folder, 'odd\u001b.trail.json');
    for (const [args, shown] of [
      [['run', race, '--patch', bad, '--export', `csv=${trail}`], 'kernel v2.6.10 + rss\\u{1b}[31mearly, '],
      [['run', pft, '--patch', bad], 'kernel v2.6.10 + rss\\u{1b}[31mearly, '],
      [['run', race, '--patch', throws], 'exception: Error: up\\u{1b}[31m ('],
      [['run', pft, '--patch', breaks], 'up\\u{1b}[31m'],
      [['run', race, '--patch', misused], 'do_anonymous_page of rss\\u{1b}[31mearly returns 1'],
      [['check', race, '--patch', breaks], 'rule\\u{1b}[31m '],
      [['explore', race, '--patch', breaks, '-o', trail], 'counterexample: rule\\u{1b}[31m'],
      [['replay', trail], 'reproduced: rule\\u{1b}[31m'],
      [['replay', trail, '--patch', bad], 'odd\\u{1b}.trail.json does not fit'],
      [['explore', race, '--patch', bad, '--liveness'], 'kernel v2.6.10 + rss\\u{1b}[31mearly, '],
      [['whatif', pft, '--patch', bad, '--replications', '1'], 'kernel v2.6.10 + rss\\u{1b}[31mearly, '],
    ] as const) {
      const { out, err } = await faultline(...args);
      expect(out + err, args.join(' '))
        .to.contain(shown)
        .and.to.not.contain('\u001b');
    }
  });

  it('faultline/kernel is a subpath that has what kernel text is made of', async () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, unknown>>;
    expect(manifest.exports['./kernel']).to.deep.equal({ types: './dist/kernel.d.ts', default: './dist/kernel.js' });
    expect(manifest.dependencies).to.have.property('typescript');
    const kernel = await import('../src/kernel.ts');
    const names = Object.keys(kernel);
    const codes = Object.keys(kernel.v3); // those of 2.6 have the same names
    for (const patch of readdirSync('src/kernel/patches')) {
      const text = readFileSync(join('src/kernel/patches', patch), 'utf8');
      for (const [, list, from] of text.matchAll(/import \{([^}]*)\} from '([^']*)'/g)) {
        if (from.startsWith('./')) continue; // what patches share with each other
        const values = list
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== '' && !name.startsWith('type '));
        expect(from.endsWith('/vm-fault.ts') ? codes : names).to.include.members(values);
      }
    }
  });

  it('docs/patch.md, followed in an empty folder with the packed package', async function () {
    this.timeout(300_000);
    onlyInLongRuns(this);
    const x = join(folder, 'x');
    install(x);
    const bin = join(x, 'node_modules', '.bin');
    const shell = (line: string): Promise<string> => {
      const env = {
        ...process.env,
        NO_COLOR: '1', // in CI there are colours otherwise
        PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
        COLUMNS: '80',
        NODE_OPTIONS: '',
      };
      const { stdout, stderr } = spawnSync('sh', ['-c', line.replace(/^npx /, '')], { cwd: x, env, encoding: 'utf8' });
      expect(stderr).to.equal('');
      return Promise.resolve(stdout);
    };
    const text = readFileSync('docs/patch.md', 'utf8');
    expect(await followed(text, x, shell)).to.equal(text);
    const tsc = /npx (tsc .*\.ts)`/.exec(text)![1];
    expect(await shell(`npx ${tsc}`)).to.equal('');
  });

  /** What `npm pack` makes of this checkout, and `npm install` of that, without the network. */
  function install(project: string): void {
    const checkout = join(folder, 'checkout');
    const { files, dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      files: string[];
      dependencies: Record<string, string>;
    };
    const copied = ['package.json', 'tsconfig.json', 'tsconfig.build.json', ...files.filter((one) => one !== 'dist')];
    for (const name of copied) cpSync(name, join(checkout, name), { recursive: true });
    symlinkSync(resolve('node_modules'), join(checkout, 'node_modules'));
    const tsc = [resolve('node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--noCheck'];
    execFileSync(process.execPath, tsc, { cwd: checkout });
    const tarball = execFileSync('npm', ['pack', '--ignore-scripts', '--silent'], { cwd: checkout, encoding: 'utf8' });
    const modules = join(project, 'node_modules');
    mkdirSync(join(modules, '.bin'), { recursive: true });
    execFileSync('tar', ['xzf', join(checkout, tarball.trim()), '-C', modules]);
    cpSync(join(modules, 'package'), join(modules, 'faultline'), { recursive: true });
    for (const name of Object.keys(dependencies)) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(resolve('node_modules', name), join(modules, name));
    }
    for (const [name, path] of [
      ['faultline', 'faultline/dist/cli/main.js'],
      ['tsc', 'typescript/bin/tsc'],
    ]) {
      execFileSync('chmod', ['+x', join(modules, path)]);
      symlinkSync(join('..', path), join(modules, '.bin', name));
    }
    writeFileSync(join(project, 'package.json'), '{ "name": "x", "version": "1.0.0" }\n');
  }
});
