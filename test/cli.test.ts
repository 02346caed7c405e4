/** The command line: results on stdout, everything else on stderr, exit codes, and bad input of every kind. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import pc from 'picocolors';
import { widthOf } from '../src/cli/io.ts';
import { main } from '../src/cli/main.ts';
import { progress } from '../src/cli/progress.ts';
import { pathsOf } from '../src/cli/report-names.ts';
import { lockTable } from '../src/report/lock-table.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { readScenario } from '../src/scenario/read.ts';
import { program } from './support/built.ts';
import { onlyInLongRuns } from './support/long.ts';
import { skip } from './support/skip.ts';

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

/** Of a trail, what a test changes. */
interface Edited {
  readonly steps: unknown[];
  readonly expect: { step: number };
  readonly schedule: { readonly answers: number[] };
}

const SMALL = `about: a small page fault test
kernel: { base: v2.6.10 }
machine: { profile: altix-3700-8p }
pft: { gb: 0.01, repetitions: 2, threads: [1, 2] }
expect: { never: anything }
`;

const RACE = (bugs: string, page = 0): string => `about: two threads fault one page
kernel: { base: v2.6.10, bugs: [${bugs}] }
machine: { profile: altix-3700-8p, cpus: 2 }
vmas: { heap: { pages: 2 } }
threads:
  T1: [{ write: heap, page: 0 }]
  T2: [{ write: heap, page: ${page} }]
expect: { never: anything }
`;

describe('command line', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'faultline-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  function file(name: string, text: string | Uint8Array): string {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  it('the width: of the terminal, else of COLUMNS within bounds, else 80', () => {
    expect(widthOf(120, '60')).to.equal(120);
    expect(widthOf(undefined, '60')).to.equal(60);
    expect(['0', 'abc', '-5', '', '1e99', undefined].map((columns) => widthOf(undefined, columns))).to.deep.equal(
      Array(6).fill(80),
    );
    expect([widthOf(0, undefined), widthOf(undefined, '3'), widthOf(undefined, '1e9')]).to.deep.equal([80, 40, 200]);
  });

  it('options that would do nothing are refused', async () => {
    const [race, small] = [file('race.yaml', RACE('')), file('small.yaml', SMALL)];
    for (const [args, message] of [
      [['run', race, '--replications', '3'], /--replications is for pft: \S+ is not/],
      [
        ['run', small, '--row', '1', '--replications', '3', '--export', 'csv=-'],
        /--replications does not go with --export: that is of one run/,
      ],
      [['explore', race, '--bound', '2'], /--bound is for --strategy bounded and delay: portfolio has no bound/],
      [['explore', race, '--strategy', 'delay', '--depth', '3'], /--depth is for --strategy pct: delay has no depth/],
      [['explore', race, '--liveness', '--estimate'], /--estimate and --liveness are two things to do: choose one/],
      [['explore', race, '--liveness', '--outcomes'], /--outcomes does nothing with --liveness/],
      [['explore', race, '--estimate', '--max-steps', '9'], /--max-steps does nothing with --estimate/],
      [['run', race, '--export', 'csv=x', '--export', 'ndjson=./x'], /two exports cannot go to one file: \.\/x/],
      [['explore', race, '--estimate', '--export', 'csv=x.csv'], /--export does nothing with --estimate/],
    ] as const) {
      const { code, out, err } = await faultline(...args);
      expect([code, out], err).to.deep.equal([2, '']);
      expect(err).to.match(new RegExp(`^faultline: ${message.source}\n$`));
    }
  });

  it('a name that is none, and a scenario for a trail: which was meant, and what is missing', async () => {
    for (const [args, message] of [
      [
        ['run', 'races/anon-fault+anon-falt'],
        "'races/anon-fault+anon-falt' is no file and no scenario of the package (see 'faultline list scenarios'). Did you mean 'races/anon-fault+anon-fault'?",
      ],
      [
        ['explore', 'fork+wriet'],
        "'fork+wriet' is no file and no scenario of the package (see 'faultline list scenarios'). Did you mean 'races/fork+write'?",
      ],
      [
        ['replay', 'races/fork+write'],
        "races/fork+write is a scenario, not a trail: --schedule 'T1:7 T2:9 T1' must say who acts when",
      ],
    ] as const) {
      const { code, out, err } = await faultline(...args);
      expect([code, out, err]).to.deep.equal([2, '', `faultline: ${message}\n`]);
    }
    const { code, err } = await faultline('calibrate', 'scaling/pft-altix-1g', '--machine', 'altix-3700-8q');
    expect(code).to.equal(2);
    expect(err).to.match(
      /^faultline: unknown machine 'altix-3700-8q' \(there are: altix-3700-8p, .*\)\. Did you mean 'altix-3700-8p'\?\n$/,
    );
  });

  it('the search that found a counterexample is told with the options that are not as usual', async () => {
    const broken = file('broken.yaml', RACE('').replace('never: anything', 'never: anything, counts: { pgfault: 77 }'));
    const searched = async (...options: string[]): Promise<string | undefined> => {
      const { out } = await faultline('explore', broken, '-o', join(folder, 'broken.trail.json'), ...options);
      return /^search: npx faultline explore \S+ ?(.*)$/m.exec(out)?.[1];
    };
    expect(await searched()).to.equal('');
    expect(await searched('--strategy', 'portfolio', '--seed', '1')).to.equal('');
    for (const options of [
      '--strategy pct --seed 3 --depth 2 --executions 5',
      '--strategy bounded --bound 0 --max-steps 900',
    ]) {
      expect(await searched(...options.split(' '))).to.equal(options);
    }
  });

  it('one of a thing is one: a thread, a fault, a step', async () => {
    const alone = file('alone.yaml', RACE('').replace(/ {2}T2: .*\n/, ''));
    expect((await faultline('run', alone)).out).to.match(/, 1 fault, \d+ steps\n/);
    expect((await faultline('explore', alone)).out).to.match(/\nkernel v2\.6\.10, 1 thread, /);
    expect((await faultline('explore', alone, '--liveness')).out).to.match(/\nkernel v2\.6\.10, 1 thread\n/);
    const cut = await faultline('explore', alone, '--max-steps', '1');
    expect(cut.out).to.contain(', 1 step\n').and.to.contain('in 1 step: ');
    const pft = await faultline('run', file('small.yaml', SMALL), '--locks');
    expect(pft.out).to.contain('0.01 GiB, 1 thread: ').and.to.contain('0.01 GiB, 2 threads: ');
    const few = file(
      'few.yaml',
      SMALL.replace('{ profile', '{ cpus: 1, profile').replace('never: anything', 'faults: 7'),
    );
    const { out } = await faultline('run', few);
    expect(out)
      .to.match(/ with 1 CPU\n/)
      .and.to.match(/NOT AS EXPECTED: .* GiB and 1 thread, there were/);
    const large = file('large.yaml', readFileSync(few, 'utf8').replace(/gb: [\d.]+/, 'gb: 99'));
    expect((await faultline('run', large)).err).to.contain(' GiB with 1 CPU, got 99');
    const read = await faultline('run', 'scaling/seqread-cached-file', '--row', '1', '--locks');
    expect(read.out).to.contain('\n1 process, order 0: ');
  });

  it('run: tables fit 80 columns, those of locks too, aligned and with units', async () => {
    const longest = { lockClass: '&mapping->i_mmap_rwsem', acquisitions: 98_765_432, contended: 98_765_432 };
    const times = { waitNs: 999_996e3, maxWaitNs: 999.99e9, holdNs: 999_999.6e9 };
    expect(lockTable([{ ...longest, ...times, maxWaiters: 512 }])).to.deep.equal([
      'acquired contended    waited  max wait      held waiters  lock class',
      '98765432  98765432    1.00 s  999.99 s 1000000 s     512  &mapping->i_mmap_rwsem',
    ]);
    const runs = [
      [file('wide.yaml', SMALL), '--locks'],
      ['history/003-prefault-i386-v2', '--row', '2', '--locks'],
      ['scaling/seqread-cached-file', '--row', '4', '--locks'],
      ['races/map-pages-merged+invalidate'],
      ['history/001-pte-walk'],
    ];
    for (const args of runs) {
      const { out } = await faultline('run', ...args, '-q');
      // an address stays in one piece
      for (const line of out.split('\n').filter((one) => !one.includes('https://')))
        expect(line.length, line).to.be.at.most(80);
    }
  });

  it('replay: what is wrong with a broken trail is said in words', async () => {
    for (const [text, message] of [
      ['{}', "'format' is missing"],
      ['[]', 'it is not an object'],
      ['{"format":"faultline.trail/1"}', "'format' is not faultline.trail/2"],
      ['{"format":"faultline.trail/2","scenario":{"path":1,"sha256":""}}', "'scenario.path' is not text"],
    ]) {
      const path = file('broken.trail.json', text);
      const { code, err } = await faultline('replay', path);
      expect([code, err]).to.deep.equal([2, `faultline: ${path} is not a trail: ${message}\n`]);
    }
  });

  it('report: --format json and ndjson list the files', async () => {
    const [race, output] = [file('race.yaml', RACE('')), join(folder, 'pages')];
    const json = await faultline('report', race, '-q', '-o', output, '--format', 'json');
    const { schema, files } = JSON.parse(json.out) as { schema: string; files: string[] };
    expect(schema).to.equal('faultline.report/1');
    expect(files).to.deep.equal(['race.html', 'race.svg'].map((name) => join(output, name)));
    expect(readFileSync(files[0], 'utf8')).to.contain('<html');
    expect(readFileSync(files[1], 'utf8')).to.match(/^<svg /);
    const ndjson = await faultline('report', race, '-q', '-o', output, '--format', 'ndjson');
    expect(ndjson.out).to.equal(files.map((one) => `${JSON.stringify({ file: one })}\n`).join(''));
  });

  it('report: two scenarios of one name are refused before anything is run, whatever file they would share', async () => {
    const [race, small, packaged] = [RACE(''), SMALL, readFileSync('scenarios/scaling/pft-altix-1g.yaml', 'utf8')];
    const [a, b] = [file('a/same.yaml', race), file('b/same.yml', race)];
    const [c, d, e] = [
      file('a/time.yaml', small),
      file('b/time-time.yaml', race),
      file('a/pft-altix-1g.yaml', packaged),
    ];
    const output = join(folder, 'clash');
    for (const [first, second, shared] of [
      [a, b, 'same.html'],
      [a, a, 'same.html'],
      [c, d, 'time-time.svg'],
      ['scaling/pft-altix-1g', e, 'pft-altix-1g.md'],
    ]) {
      const { code, out, err } = await faultline('report', first, 'races/fork+write', second, '-o', output);
      expect([code, out]).to.deep.equal([2, '']);
      expect(err)
        .to.match(/^faultline: \S+ and \S+ would both be written to \S+\n$/)
        .and.to.contain(`${first.startsWith('/') ? first : `scenarios/${first}.yaml`} and ${second} would`)
        .and.to.contain(` to ${join(output, shared)}\n`);
    }
    expect(existsSync(output)).to.equal(false);
  });

  it('report: which files it may write is known before; one that it reads is not written over', async () => {
    const [race, small] = [file('r.yaml', RACE('')), file('s.yaml', SMALL)];
    const output = join(folder, 'known');
    const { out } = await faultline('report', race, small, '-q', '--replications', '1', '--scale', '16', '-o', output);
    const known = ['r', 's'].flatMap((name) => {
      const scenario = readScenario(join(folder, `${name}.yaml`), catalog());
      return pathsOf(scenario, name, true).map((path) => join(output, path));
    });
    expect(out.trim().split('\n')).to.have.members(known);
    for (const link of ['r.html', 'r.svg']) {
      rmSync(join(output, link));
      symlinkSync(race, join(output, link));
      const refused = await faultline('report', race, '-q', '-o', output);
      expect(refused.code).to.equal(2);
      expect(refused.err).to.equal(
        `faultline: cannot write ${join(output, link)}: it is ${race}, which this command reads\n`,
      );
      expect(readFileSync(race, 'utf8')).to.equal(RACE(''));
      rmSync(join(output, link));
    }
  });

  it('progress: in a log a line each 30 seconds, and none if it is to be quiet', () => {
    const said: string[] = [];
    const io = { ...{ out: () => undefined, width: 80 }, colors: pc.createColors(false), interactive: false };
    let now = 0;
    const bars = [false, true].map((quiet) =>
      progress({ ...io, err: (text) => void said.push(text) }, quiet, () => now),
    );
    for (; now < 65_000; now += 1000) bars.forEach((bar) => bar.update(() => `at ${now / 1000}`));
    bars.forEach((bar) => bar.done());
    expect(said).to.deep.equal(['faultline: at 30\n', 'faultline: at 60\n']);
  });

  it('run: two runs with one seed print the same bytes, as JSON and as a table; eager ones too', async () => {
    const path = file('small.yaml', SMALL);
    for (const format of ['json', 'ndjson', 'table']) {
      const [first, second, eager] = [
        await faultline('run', path, '--format', format, '--seed', '7'),
        await faultline('run', path, '--format', format, '--seed', '7'),
        await faultline('run', path, '--format', format, '--seed', '7', '--eager'),
      ];
      expect(first.code).to.equal(0);
      expect(second.out).to.equal(first.out);
      expect(eager.out).to.equal(first.out);
      expect(first.err).to.equal('');
    }
  });

  it('run: JSON has a schema with a version, NDJSON a row a line', async () => {
    const path = file('small.yaml', SMALL);
    const json = JSON.parse((await faultline('run', path, '--format', 'json')).out) as {
      schema: string;
      rows: object[];
    };
    expect(json.schema).to.equal('faultline.run/1');
    expect(json.rows.length).to.equal(2);
    const lines = (await faultline('run', path, '--format', 'ndjson')).out.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { threads: number }).threads)).to.deep.equal([1, 2]);
  });

  it('run: threads under the clock', async () => {
    const { code, out } = await faultline('run', file('race.yaml', RACE('')), '--format', 'json');
    expect(code).to.equal(0);
    expect((JSON.parse(out) as { faults: number }).faults).to.equal(2);
    const bug = await faultline('run', file('rmap.yaml', RACE('no-anon-rmap')));
    expect(bug.code).to.equal(1);
    expect(bug.out).to.match(/BROKEN: mapcount mismatch: page \d+ has mapcount 0, 1 ptes map it/);
  });

  it('demo: JSON is JSON alone, the three results in it; NDJSON is lines of it', function () {
    onlyInLongRuns(this);
    this.timeout(180_000);
    const { status, stdout } = shell('$faultline demo -q --format json');
    const { schema, results } = JSON.parse(stdout) as { schema: string; results: { result: { schema: string } }[] };
    expect([status, schema]).to.deep.equal([0, 'faultline.demo/1']);
    const schemas = ['faultline.run/1', 'faultline.explore/2', 'faultline.explore/2'];
    expect(results.map(({ result }) => result.schema)).to.deep.equal(schemas);
    const lines = shell('$faultline demo -q --format ndjson').stdout.trim().split('\n');
    const objects = lines.map((line) => JSON.parse(line) as { schema?: string });
    expect(objects.flatMap((one) => one.schema ?? [])).to.deep.equal(schemas.slice(1));
  });

  it('explore: never is 0, a finding is 1 with a trail that replays, and lanes fit 80 columns', async () => {
    const good = await faultline('explore', file('good.yaml', RACE('')));
    expect(good.code).to.equal(0);
    expect(good.out).to.match(/never \(all \d+ classes\)/);

    const trail = join(folder, 'bad.trail.json');
    const bad = await faultline('explore', file('bad.yaml', RACE('no-pte-none-recheck')), '-o', trail);
    expect(bad.code).to.equal(1);
    expect(bad.out).to.contain('lost store').and.to.contain('1 preemption');
    expect(bad.out).to.match(/^fails +\| passes$/m);
    expect(bad.out, 'steps of which nothing is said').to.not.match(/^[> ] *\d+ T\d+ *(\||$)|\| [> ] *\d+ T\d+ *$/m);
    const told = bad.out.split('\n').filter((line) => !/^(passes|fails|repeat|search):/.test(line));
    expect(Math.max(...told.map((line) => line.length))).to.be.at.most(80);

    const again = await faultline('replay', trail);
    expect(again.code).to.equal(1);
    expect(drawing(again.out)).to.deep.equal(drawing(bad.out));
    expect(again.out).to.match(/reproduced: lost store, all \d+ steps as recorded/);
  });

  /** The lines of a schedule. */
  function drawing(text: string): string[] {
    const lanes = text.split('counterexample').at(-1)!.split('it passes if')[0];
    return lanes.split('\n').filter((line) => /^ {1,3}\d* /.test(line) && !line.startsWith('  repeat'));
  }

  it('check: gives a scenario up of which every execution is cut off', async () => {
    const { code, out } = await faultline('check', 'scaling/mmap-convoy', '-q', '--max-steps', '3000');
    expect(code).to.equal(3);
    expect(out.replaceAll(/\s+/g, ' ')).to.include('not seen (stopped after 0 classes, step bound hit in 100)');
  });

  it('explore: words that say what was done, exit 3 if that is not all', async () => {
    const path = file('good.yaml', RACE(''));
    expect((await faultline('explore', path, '--strategy', 'random', '--executions', '50')).out).to.contain(
      'not seen (50 sampled, random)',
    );
    for (const [strategy, words] of [
      ['bounded', /not within the bound \(all \d+ schedules? with at most N preemptions?\)/],
      ['delay', /not within the bound \(all \d+ schedules? with at most N delays?\)/],
    ] as const)
      for (const bound of ['0', '1']) {
        const bounded = ['explore', path, '--strategy', strategy, '--bound', bound];
        const { code, out } = await faultline(...bounded);
        expect(out.replaceAll(`most ${bound}`, 'most N')).to.match(words);
        expect(code).to.equal(0);
        expect((await faultline(...bounded, '--require-complete')).code).to.equal(3);
      }
    for (const strategy of ['pct', 'urw', 'random']) {
      expect((await faultline('explore', path, '--strategy', strategy, '--executions', '20')).code).to.equal(3);
    }
    const stopped = await faultline('explore', path, '--executions', '3');
    expect([stopped.code, stopped.out]).to.satisfy(
      ([code, out]: [number, string]) => code === 3 && out.includes('not seen (stopped after 3 classes)'),
    );
  });

  it('explore --check: exit 0 if the bug that the scenario expects is found, 1 if it is not', async () => {
    const expected = RACE('no-pte-none-recheck').replace(
      'never: anything',
      'sometimes: [lost store, mapcount mismatch, page leak, rss mismatch, stale TLB entry]',
    );
    const trail = join(folder, 'x.json');
    expect((await faultline('explore', file('e.yaml', expected), '--check', '-o', trail)).code).to.equal(0);
    const missing = RACE('').replace('never: anything', 'sometimes: lost store');
    const result = await faultline('explore', file('m.yaml', missing), '--check');
    expect(result.code).to.equal(1);
    expect(result.out).to.contain("expected 'lost store' sometimes, it was not seen");
  });

  it('check: nothing to explore is exit code 2, and says how such scenarios are run', async () => {
    const [small, race] = [file('clock/small.yaml', SMALL), file('race.yaml', RACE(''))];
    file('clock/other.yaml', SMALL);
    for (const [given, what] of [
      [[small], `${small} is`],
      [[small, small], 'all 2 scenarios are'],
      [[join(folder, 'clock')], 'all 2 scenarios are'],
      [['scaling/pft-altix-1g'], 'scaling/pft-altix-1g is'],
    ] as const) {
      for (const format of ['table', 'json', 'junit']) {
        expect(await faultline('check', ...given, '--format', format)).to.deep.equal({
          code: 2,
          out: '',
          err: `faultline: there is nothing to explore: ${what} for the clock, use 'faultline run'\n`,
        });
      }
    }
    const { code, out } = await faultline('check', small, race, '-q');
    expect([code, out]).to.satisfy(([code, out]: [number, string]) => code === 0 && /\n1 scenario, /.test(out));
  });

  it('check: of what is not all seen no format says that it is as expected', async () => {
    const [race, broken] = [
      file('race.yaml', RACE('')),
      file('broken.yaml', RACE('').replace('never: anything', 'sometimes: lost store')),
    ];
    const check = (format: string, ...given: string[]) => faultline('check', ...given, '--max-steps', '30', '-q', '--format', format); // prettier-ignore
    const table = await check('table', race);
    expect(table.code).to.equal(3);
    expect(table.out).to.contain('\n1 scenario, 0 classes: nothing unexpected, but not all was seen of 1\n');
    const unseen = 'not all was seen: stopped after 0 classes, step bound hit in ';
    const { scenarios } = JSON.parse((await check('json', race)).out) as { scenarios: { unseen: string }[] };
    expect(scenarios[0].unseen).to.contain(unseen);
    expect((await check('tap', race)).out).to.contain(unseen);
    const both = await check('table', race, broken);
    expect(both.code).to.equal(1);
    expect(both.out).to.contain('\n2 scenarios, 0 classes: 1 not as expected, and not all was seen of 2\n');
    expect((await faultline('check', race, '-q')).out).to.match(/1 scenario, \d+ classes: all as expected\n$/);
  });

  it('replay: a changed scenario is refused with exit code 4, what changed, and the first difference', async () => {
    const path = file('changed.yaml', RACE('no-pte-none-recheck'));
    const trail = join(folder, 'changed.trail.json');
    await faultline('explore', path, '-o', trail);
    writeFileSync(path, RACE('no-pte-none-recheck', 1));
    const other = await faultline('replay', trail);
    expect(other.code).to.equal(4);
    expect(other.err).to.contain('threads.1.ops.0.first: 0 -> 1');
    expect(other.err).to.match(/first difference: step \d+: recorded T2 .*heap\+0.*now T2 .*heap\+1/);
    writeFileSync(path, RACE(''));
    const fixed = await faultline('replay', trail);
    expect(fixed.code).to.equal(4);
    expect(fixed.err).to.match(/first difference: step \d+/);
    writeFileSync(path, `# a comment does not matter\n${RACE('no-pte-none-recheck')}`);
    expect((await faultline('replay', trail)).code).to.equal(1);
  });

  it('replay: what a trail says of its steps is shown as text', async () => {
    const trail = join(folder, 'odd.trail.json');
    await faultline('explore', file('bug.yaml', RACE('no-pte-none-recheck')), '-q', '-o', trail);
    writeFileSync(trail, readFileSync(trail, 'utf8').replace('"step": "', '"step": "\\u001b[31m\\u202e'));
    const { code, err } = await faultline('replay', trail);
    expect(code).to.equal(4);
    expect(err).to.match(/^first difference: step 1: recorded T1 \\u\{1b\}\[31m\\u\{202e\}/m);
    // eslint-disable-next-line no-control-regex
    expect(err).to.not.match(/[\u001b\u202e]/);
  });

  it('replay: a schedule that cannot be followed is refused with the step', async () => {
    const path = file('bad.yaml', RACE('no-pte-none-recheck'));
    const trail = join(folder, 'cut.trail.json');
    await faultline('explore', path, '-o', trail);
    const data = JSON.parse(readFileSync(trail, 'utf8')) as { schedule: { threads: number[] } };
    data.schedule.threads[1] = 9;
    writeFileSync(trail, JSON.stringify(data));
    const result = await faultline('replay', trail);
    expect(result.code).to.equal(4);
    expect(result.err).to.contain('step 2');
  });

  it('replay: a trail with fewer steps, another end or more answers than the run goes another way', async () => {
    const trail = join(folder, 'edited.trail.json');
    await faultline('explore', file('edited.yaml', RACE('no-pte-none-recheck')), '-o', trail);
    const text = readFileSync(trail, 'utf8');
    for (const [change, difference] of [
      [(data: Edited) => data.steps.splice(0), /the end: recorded 0 steps, now \d+/],
      [(data: Edited) => data.steps.pop(), /the end: recorded \d+ steps, now \d+/],
      [(data: Edited) => (data.expect.step = 0), /the end: recorded '[a-z ]+' after step 0, now after step \d+/],
      [(data: Edited) => data.schedule.answers.push(0, 0, 1), /answer \d: recorded [01], now not asked for/],
    ] as const) {
      const data = JSON.parse(text) as Edited;
      change(data);
      writeFileSync(trail, JSON.stringify(data));
      const { code, out, err } = await faultline('replay', trail);
      expect([code, out]).to.deep.equal([4, '']);
      expect(err).to.match(new RegExp(`^first difference: ${difference.source}$`, 'm'));
    }
  });

  it('replay: what is no trail is exit code 2', async () => {
    for (const path of [file('x.json', '{'), file('y.json', '{}'), join(folder, 'none.json'), folder]) {
      const { code, err } = await faultline('replay', path);
      expect(code).to.equal(2);
      expect(err).to.match(/^faultline: .*\n$/);
    }
  });

  it('list: scenarios, kernels, machines; as JSON too', async () => {
    const { out } = await faultline('list');
    for (const name of ['races/anon-fault+anon-fault', 'v2.6.10', 'altix-3700-8p', 'lost store'])
      expect(out).to.contain(name);
    expect(Math.max(...out.split('\n').map((line) => line.length))).to.be.at.most(80);
    const json = JSON.parse((await faultline('list', 'machines', '--format', 'json')).out) as {
      entries: { name: string }[];
    };
    expect(json.entries.map((entry) => entry.name)).to.include('altix-3700-8p');
  });

  it('layout: what structs there are, the text of the mail, a move; as JSON too; all within 80 columns', async () => {
    const listed = await faultline('layout');
    const shown = await faultline('layout', 'vm_fault');
    const move = await faultline('layout', 'vm_fault', '--move', 'cow_page=end');
    for (const { code, out, err } of [listed, shown, move]) {
      expect([code, err]).to.deep.equal([0, '']);
      expect(Math.max(...out.split('\n').map((line) => line.length))).to.be.at.most(80);
    }
    for (const kernel of ['3.14', '3.15', '3.19', 'v11', '4.0', '4.10']) expect(listed.out).to.contain(kernel);
    expect(shown.out).to.match(
      /^struct vm_fault {\nunsigned int flags; \/\* 0 4 \*\/\n\n\/\* XXX 4 bytes hole, try to pack/,
    );
    expect(shown.out).to.match(
      /\n\/\* size: 56, cachelines: 1, members: 7 \*\/\n.*\n\/\* last cacheline: 56 bytes \*\/\n};\n$/,
    );
    expect((await faultline('layout', 'vm_fault', '--kernel', 'v4.2')).out).to.equal(shown.out);
    expect(move.out)
      .to.contain('moved to the end')
      .and.to.match(/^ {2}page +32 -> 24 +1 -> 0 +0 +0$/m);
    expect(move.out).to.contain('It is on the stack').and.to.contain('32-byte lines are of 32 bits: pentium3-2p');
    const front = ['layout', 'vm_fault', '--move', 'page=first', '--bits', '32', '--line', '64'];
    expect((await faultline(...front)).out).to.match(
      /moved to the front\n\n32 bits.*\n {2}member +offset +64-byte line\n/,
    );

    const read = async (...args: string[]): Promise<Record<string, unknown>> =>
      JSON.parse((await faultline('layout', ...args, '--format', 'json')).out) as Record<string, unknown>;
    const json = [
      await read(),
      await read('vm_fault', '--bits', '32'),
      await read('vm_fault', '--move', 'page=after:flags'),
    ];
    for (const { schema } of json) expect(schema).to.equal('faultline.layout/1');
    expect(json[1]).to.include({ struct: 'vm_fault', kernel: 'v11', bits: 32, line: 64, size: 28, cachelines: 1 });
    expect(json[2]).to.deep.include({ move: { member: 'page', after: 'flags' } });
  });

  it('layout: bad input is one error that says what is possible, exit code 2', async () => {
    for (const [args, message] of [
      [['vm_falt'], /unknown struct 'vm_falt' \(there are: vm_fault\)\. Did you mean 'vm_fault'\?/],
      [['vm_fault', '--kernel', '4.11'], /unknown kernel '4\.11' \(vm_fault is known of: 3\.14, .*v11, .*4\.10\)/],
      [
        ['vm_fault', '--move', 'cow=end'],
        /unknown member 'cow' \(vm_fault of v11 has: flags, .*\)\. Did you mean 'cow_page'\?/,
      ],
      [['vm_fault', '--move', 'page=after:ptee'], /unknown member 'ptee' .*Did you mean 'pte'\?/],
      [['vm_fault', '--move', 'page=after:page'], /page cannot come after itself/],
      [
        ['vm_fault', '--move', 'page=ende'],
        /unknown place 'ende' \(places: first, end, after:<member>\)\. Did you mean 'end'\?/,
      ],
      [['vm_fault', '--move', 'page'], /--move is <member>=<place>, not 'page'/],
      [['vm_fault', '--bits', '16'], /Allowed choices are 64, 32/],
      [['vm_fault', '--line', '48'], /Allowed choices are 32, 64, 128/],
      [['--bits', '32'], /--bits needs a struct/],
    ] as const) {
      const { code, out, err } = await faultline('layout', ...args);
      expect([args, code, out]).to.deep.equal([args, 2, '']);
      expect(err).to.match(message);
    }
  });

  const bad: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ['unknown key', RACE('').replace('vmas:', 'vmaz: 1\nvmas:'), /:4:1: error: .*vmaz/],
    [
      'unknown vma',
      RACE('').replace('write: heap', 'write: haep'),
      /unknown vma 'haep'.*heap[\s\S]*Did you mean 'heap'/,
    ],
    ['negative pages', RACE('').replace('pages: 2', 'pages: -2'), /pages.*at least 1, got -2/],
    ['10^12 pages', RACE('').replace('pages: 2', 'pages: 1000000000000'), /:4:\d+: error: .*at most/],
    ['alias bomb', `a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n${RACE('')}`, /error: .*(anchor|alias)/],
    ['duplicate key', RACE('').replace('about:', 'about: x\nabout:'), /:2:1: error: /],
    ['empty file', '', /:1:1: error: /],
    ['binary file', new Uint8Array([0, 1, 2, 255, 254, 0]), /yaml: error: /],
    [
      'one name where a list goes',
      RACE('').replace('bugs: []', 'bugs: split'),
      /^[^\n]*: error: bugs must be a list[^\n]*\n(?![\s\S]*error:)/,
    ],
    ['a bug among more than a message lists', RACE('splat'), /… and \d+ more: 'faultline list kernels'\)/],
    ['a base that is not there', RACE('').replace('v2.6.10', 'v2.6.11'), /v2\.6\.11[\s\S]*v2\.6\.10/],
  ];
  for (const [name, text, message] of bad) {
    it(`bad input: ${name}: one clear message, exit code 2, no stack trace`, async () => {
      for (const command of ['run', 'explore']) {
        const started = performance.now();
        const { code, out, err } = await faultline(command, file('bad-input.yaml', text));
        expect(code).to.equal(2);
        expect(out).to.equal('');
        expect(err).to.match(message);
        expect(err).to.not.match(/\n\s+at /);
        expect(performance.now() - started).to.be.below(1000);
      }
    });
  }

  it('bad input: a directory, a file that is not there, a pft scenario to explore', async () => {
    mkdirSync(join(folder, 'dir.yaml'), { recursive: true });
    for (const [args, message] of [
      [['run', join(folder, 'dir.yaml')], /directory/],
      [['run', join(folder, 'nothing.yaml')], /nothing\.yaml/],
      [['run', 'no-such-scenario'], /no-such-scenario/],
      [['explore', file('small.yaml', SMALL)], /pft/],
    ] as const) {
      const { code, err } = await faultline(...args);
      expect(code).to.equal(2);
      expect(err).to.match(message);
    }
  });

  it('bad output: a folder that cannot be made is one error, exit code 2, and no hang', async () => {
    const below = join(file('a file', ''), 'folder', 'output');
    const bug = file('bug.yaml', RACE('no-pte-none-recheck'));
    for (const target of [below, ...(existsSync('/proc/self') ? ['/proc/faultline/output'] : [])]) {
      for (const args of [
        ['report', 'races/prefault-v2-read', '-q', '-o', target],
        ['explore', bug, '-q', '-o', target],
        ['explore', bug, '-q', '--checkpoint', target],
        ['run', bug, '-q', '--export', `chrome=${target}`],
        ['validate', 'scaling/pft-altix-1g', '-q', '--scale', '1024', '--replications', '1', '-o', target],
      ]) {
        const { code, err } = await faultline(...args);
        expect([args[0], code]).to.deep.equal([args[0], 2]);
        expect(err).to.match(/^faultline: cannot write \S.*\n$/);
        expect(err.match(/cannot write/g)).to.have.length(1);
      }
    }
  });

  it('a file that is no checkpoint is not written over by one, exit code 2', async () => {
    const bug = file('bug.yaml', RACE('no-pte-none-recheck'));
    for (const other of [bug, folder]) {
      const { code, err } = await faultline('explore', bug, '-q', '--checkpoint', other);
      expect([code, existsSync(other)]).to.deep.equal([2, true]);
      expect(err).to.match(/is there already, and is not a checkpoint: nothing is written over it\n$/);
    }
  });

  it('bad output: what a command reads is not written over, by whatever name: one error, exit code 2', async () => {
    const race = file('read.yaml', RACE('no-pte-none-recheck'));
    const draft = file('read.checkpoint.json.new', RACE(''));
    const imported = file('read-import.ts', '');
    const patch = file(
      'read-patch.ts',
      "import './read-import.ts';\nexport default { *do_no_page() { return 0; } };\n",
    );
    const table = join(folder, 'read-table.yaml');
    copyFileSync('scenarios/scaling/pft-altix-1g.yaml', table);
    const [trail, checkpoint, link, twin] = ['read.trail.json', 'read.checkpoint.json', 'link', 'twin'].map((name) =>
      join(folder, name),
    );
    expect((await faultline('explore', race, '-q', '-o', trail)).code).to.equal(1);
    symlinkSync(race, link);
    linkSync(race, twin);
    const reads = new Map(
      [race, draft, imported, patch, table, trail].map((path) => [path, readFileSync(path, 'utf8')]),
    );
    const line = ['--schedule', 'T1:4'];
    for (const args of [
      ['run', race, '--export', `csv=${race}`],
      ['run', race, '--export', `csv=${link}`],
      ['run', link, '--export', `csv=${twin}`],
      ['run', race, '--patch', patch, '--export', `chrome=${patch}`],
      ['run', race, '--patch', patch, '--export', `chrome=${imported}`],
      ['explore', race, '-o', race],
      ['explore', link, '-o', twin],
      ['explore', race, '--export', `csv=${race}`],
      ['explore', race, '--patch', patch, '-o', imported],
      ['explore', race, '--checkpoint', checkpoint, '-o', checkpoint],
      ['explore', race, '--checkpoint', checkpoint, '--export', `ndjson=${checkpoint}`],
      ['explore', draft, '--checkpoint', checkpoint],
      ['replay', trail, '--export', `csv=${trail}`],
      ['replay', trail, '--export', `csv=${race}`],
      ['replay', trail, '--patch', patch, '--export', `csv=${imported}`],
      ['replay', race, ...line, '--export', `csv=${link}`],
      ['validate', table, '-o', table],
    ]) {
      const { code, out, err } = await faultline(...args);
      expect([args, code, out]).to.deep.equal([args, 2, '']);
      expect(err).to.match(
        /^faultline: cannot write \S+: (this command reads it|it is \S+, which this command reads)\n$/,
      );
    }
    for (const [path, text] of reads) expect(readFileSync(path, 'utf8'), path).to.equal(text);
    expect(existsSync(checkpoint)).to.equal(false);
  });

  it('validate: a table without that of the unpatched kernel has no curves beside it', async () => {
    const options = ['--scale', '64', '--replications', '1', '-q', '-o', join(folder, 'validation.md')];
    const { code, out } = await faultline('validate', 'history/003-prefault-i386-v2', ...options);
    expect(code).to.equal(0);
    expect(out).to.contain('predicted: mean error');
  });

  it('bad sizes: a row that is too small or too large is one error before anything is run, exit code 2', async () => {
    const row = (gb: number): string => SMALL.replace('0.01', `${gb}`);
    const output = join(folder, 'sizes');
    const vast = ['--scale', '999999', '-q'];
    for (const [args, message] of [
      [
        ['run', file('grain.yaml', row(0.000001))],
        /0\.000001 GiB with 1 thread at scale 1 is less than a page.* size$/,
      ],
      [['run', file('full.yaml', row(7.9999))], /7\.9999 GiB with 1 thread .*more than the machine has free/],
      [['validate', 'scaling/pft-altix-1g', ...vast, '-o', output], /1 GiB with 1 thread at scale 999999 .* 4096/],
      [['validate', 'history/002-seqread-base', ...vast, '-o', output], /scale \d+ is possible/],
      [['whatif', 'scaling/pft-altix-1g', ...vast], /scale 4096 is possible/],
      [['report', 'scaling/pft-altix-1g', ...vast, '-o', output], /scale 4096 is possible/],
      [['calibrate', 'scaling/pft-altix-1g', ...vast], /scale 4096 is possible/],
    ] as const) {
      const { code, out, err } = await faultline(...args);
      expect([args[1], code, out]).to.deep.equal([args[1], 2, '']);
      expect(err).to.match(/^faultline: .*\n$/);
      expect(err.trim()).to.match(message);
    }
    expect(existsSync(output)).to.equal(false);
    const { code } = await faultline('validate', 'scaling/pft-altix-1g', '--scale', '4096', '-q', '-o', output);
    expect(code, 'what is said to be possible').to.equal(0);
  });

  it('usage: unknown commands, options and values are exit code 2 with a suggestion', async () => {
    for (const [args, message] of [
      [['rum'], /Did you mean run/],
      [['run'], /missing required argument/],
      [['run', 'x', '--sede', '1'], /Did you mean --seed/],
      [['run', 'x', '--seed', 'one'], /whole number/],
      [['run', 'x', '--seed', '9'.repeat(20)], /It must be a whole number from 0 to 9007199254740991\./],
      [['validate', '--scale', '10000000000'], /It must be a whole number from 1 to 1000000\./],
      [['whatif', 'x', '--factor', '1e-308'], /It must be a number from 0\.001 to 1000, such as 0\.5\./],
      [['whatif', 'x', '--factor', '1e308'], /It must be a number from 0\.001 to 1000, such as 0\.5\./],
      [['run', 'x', '--format', 'xml'], /table, json, ndjson/],
      [['list', 'things'], /scenarios, kernels/],
      [[], /Usage: faultline/],
    ] as const) {
      const { code, err } = await faultline(...args);
      expect([args, code]).to.deep.equal([args, 2]);
      expect(err).to.match(message);
    }
    const help = await faultline('--help');
    expect(help.code).to.equal(0);
    for (const code of ['0', '1', '2', '3', '4', '70']) expect(help.out).to.match(new RegExp(`^  ${code} `, 'm'));
  });

  it('usage: whatever is in a word that is wrong, it is shown as text', async () => {
    const odd = '\u001b[31m\u009b\u202e\n\r';
    const shown = '\\u{1b}[31m\\u{9b}\\u{202e}\\u{a}\\u{d}';
    for (const args of [
      [`rum${odd}`],
      ['run', 'x', `--sed${odd}`],
      ['run', 'x', '--seed', odd],
      ['run', 'x', '--format', odd],
      ['list', odd],
    ]) {
      const { code, err } = await faultline(...args);
      expect(code).to.equal(2);
      expect(err)
        .to.contain(shown)
        .and.to.match(/^error: [ -~]+\n(\(Did you mean --\w+\?\)\n)?\(see --help\)\n$/);
    }
    expect((await faultline('run', 'x', '--sed\u001b')).err).to.equal(
      "error: unknown option '--sed\\u{1b}'\n(Did you mean --seed?)\n(see --help)\n",
    );
  });

  it('as a program: results on stdout only, exit codes of the process', () => {
    const node = [program()];
    const version = execFileSync(process.execPath, [...node, '--version'], { encoding: 'utf8' });
    expect(version.trim()).to.equal((JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version);
    const bad = spawnSync(process.execPath, [...node, 'run', 'nothing-here'], { encoding: 'utf8' });
    expect([bad.status, bad.stdout]).to.deep.equal([2, '']);
    const colors = spawnSync(process.execPath, [...node, 'list', 'machines'], {
      encoding: 'utf8',
      env: { ...process.env, FORCE_COLOR: '1', NO_COLOR: '1' },
    });
    // eslint-disable-next-line no-control-regex
    expect(colors.stdout).to.not.match(/\u001b/);
  });

  /** A command line of the shell, `$faultline` being the program. */
  function shell(line: string) {
    const faultline = `${process.execPath} ${program()}`;
    return spawnSync('sh', ['-c', line], { encoding: 'utf8', env: { ...process.env, faultline } });
  }

  it('as a program: who closes the pipe does not change the exit code', () => {
    const path = file('piped.yaml', RACE('no-pte-none-recheck'));
    const explore = `$faultline explore ${path} -q -o ${join(folder, 'piped.trail.json')}`;
    expect(shell(`{ ${explore}; echo code $? >&2; } | true`).stderr).to.equal('code 1\n');
  });

  it('as a program: output that cannot be written is exit code 2 and a line, if that can be written', function () {
    if (!existsSync('/dev/full')) skip(this, 'there is no /dev/full');
    const { status, stderr } = shell('$faultline list machines > /dev/full');
    expect([status, stderr]).to.satisfy(
      ([code, err]: [number, string]) => code === 2 && /^faultline: stdout cannot be written: ENOSPC.*\n$/.test(err),
    );
    expect(shell('$faultline list machines > /dev/full 2> /dev/full').status).to.equal(2);
    expect(shell('$faultline run nothing-here 2> /dev/full').status).to.equal(2);
  });

  it('as a program: a patch that exits or waits for ever is exit code 2 and a line', () => {
    const path = file('patched.yaml', RACE(''));
    for (const text of ['process.exit(0);', 'await new Promise(() => undefined);']) {
      const patch = file('endless.mjs', `${text}\nexport default {};\n`);
      const { status, stderr } = shell(`$faultline explore ${path} -q --patch ${patch}`);
      expect([status, stderr]).to.deep.equal([
        2,
        'faultline: the command did not end: a patch exits, or awaits what never comes\n',
      ]);
    }
  });
});
