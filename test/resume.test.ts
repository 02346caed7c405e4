/**
 * Searches that are interrupted and taken up again: a process that is killed at any moment, again and again, ends with
 * the same result as one that was left alone.
 */
import { type ChildProcess, spawn as spawnProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import pc from 'picocolors';
import { main } from '../src/cli/main.ts';
import {
  allInterleavings,
  Birth,
  Cell,
  type Checkpoint,
  choose,
  type Coroutine,
  delayBounded,
  type ExploreOptions,
  pct,
  portfolio,
  preemptionBounded,
  type Program,
  random,
  READ_ONCE,
  Search,
  sometimes,
  sourceDpor,
  spawn,
  urw,
  WRITE_ONCE,
} from '../src/index.ts';
import { program } from './support/built.ts';
import { faultModel } from './support/programs.ts';
import { long, onlyInLongRuns } from './support/long.ts';

function* add(x: Cell): Coroutine {
  const old = yield* READ_ONCE(x);
  const by = 1 + choose(2, 'by how much');
  sometimes(old > 1, 'late');
  yield* WRITE_ONCE(x, old + by);
}

/** Choices, marks, a thread that is born, and rules of every kind that are broken. */
function mixed(): Program {
  const x = new Cell('x');
  return {
    threads: {
      T1: () => add(x),
      *T2() {
        yield* add(x);
        yield* spawn(new Birth('T3', 2, () => add(x)));
      },
    },
    afterStep: () => (x.value === 1 ? 'one' : x.value > 2 ? 'many' : null),
    atEnd: () => (x.value > 3 ? null : 'few'),
    outcome: () => String(x.value),
    reachable: ['late', 'never'],
  };
}

/** Some of its executions are cut short. */
function crashing(): Program {
  const x = new Cell('x');
  return {
    threads: {
      T1: () => add(x),
      T2: () => add(x),
      *T3() {
        if ((yield* READ_ONCE(x)) === 2) throw new Error('two');
      },
    },
    afterStep: () => (x.value === 2 ? 'two' : null),
    outcome: () => String(x.value),
  };
}

describe('a search that is taken up again', () => {
  const copied = (checkpoint: Checkpoint): Checkpoint => JSON.parse(JSON.stringify(checkpoint)) as Checkpoint;

  for (const [name, strategy] of [
    ['all interleavings', () => allInterleavings()],
    ['at most 1 preemption', () => preemptionBounded(1)],
    ['at most 2 delays', () => delayBounded(2)],
    ['uniform random', () => random(5, 300)],
    ['URW', () => urw(5, 300)],
    ['PCT', () => pct(3, 5, 300)],
    ['source-DPOR', () => sourceDpor()],
    ['the default', () => portfolio(5)],
  ] as const) {
    it(`${name}: after any execution, ends as if it had not been interrupted`, () => {
      for (const program of [mixed, crashing, faultModel(2, false)]) {
        const options = (): ExploreOptions => ({ strategy: strategy(), countClasses: true, maxExecutions: 400 });
        const whole = new Search(program, options());
        const checkpoints = [copied(whole.save())];
        while (whole.advance()) checkpoints.push(copied(whole.save()));
        const few = checkpoints.filter((_, i) => i < 20 || i % 37 === 0 || i > checkpoints.length - 5);
        for (const checkpoint of few) {
          const search = new Search(program, options(), checkpoint);
          while (search.advance());
          expect(search.result()).to.deep.equal(whole.result());
        }
        let often = new Search(program, options());
        for (const _ of checkpoints.slice(1)) {
          often.advance();
          often = new Search(program, options(), copied(often.save()));
        }
        expect([often.advance(), often.result()]).to.deep.equal([false, whole.result()]);
      }
    });

    it(`${name}: what was saved stays as it is while the search goes on`, () => {
      const search = new Search(mixed, { strategy: strategy(), countClasses: true });
      for (let i = 0; i < 10; i++) search.advance();
      const saved = search.save();
      const then = copied(saved);
      for (let i = 0; i < 10; i++) search.advance();
      expect(saved).to.deep.equal(then);
    });
  }
});

/** Takes some seconds, and has something to find. */
const SCENARIO = `about: two threads write to two pages that nobody has touched, without a second look at the pte
kernel: { base: v2.6.10, bugs: [no-pte-none-recheck] }
machine: { profile: altix-3700-8p, cpus: 2 }
vmas: { heap: { pages: 2 } }
threads:
  T1: [{ write: heap, page: 0 }, { write: heap, page: 1 }, { write: heap, page: 1 }]
  T2: [{ write: heap, page: 0 }, { write: heap, page: 1 }, { write: heap, page: 1 }]
expect: { sometimes: [lost store, mapcount mismatch, page leak, rss mismatch] }
`;
/** One that nobody sees the end of. */
const LONG = SCENARIO.replace('expect:', '  T3: [{ write: heap, page: 0 }, { write: heap, page: 1 }]\nexpect:');
const KILLS = 2;
const MANY_KILLS = 10;
const EXPLORE = ['explore', 'race.yaml', '--format', 'json', '--executions', '1000000'];

/** A command that runs, in a folder. */
class Run {
  readonly child: ChildProcess;
  out = '';
  err = '';
  /** Its exit code, or the signal that has killed it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** The search has begun, or the command has ended before. */
  readonly begun: Promise<unknown>;

  constructor(folder: string, command: string, args: readonly string[]) {
    this.child = spawnProcess(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve(signal ?? code ?? -1));
    });
    const begun = new Promise<void>((resolve) => {
      this.child.stderr!.on('data', (data: Buffer) => {
        this.err += data.toString();
        if (/resuming from|from the beginning/.test(this.err)) resolve();
      });
    });
    this.begun = Promise.race([begun, this.ended]);
    this.child.stdout!.on('data', (data: Buffer) => (this.out += data.toString()));
  }
}

/** Random numbers from 0 to 1. */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}

describe('faultline explore --resume', function () {
  this.timeout(300_000);
  let folder = '';
  let whole: Promise<unknown>;
  const faultline = (...args: string[]): Run => new Run(folder, process.execPath, [program(), ...args]);
  const resultOf = async (run: Run): Promise<unknown> => {
    const code = await run.ended;
    expect(code, run.err).to.equal(1);
    return JSON.parse(run.out) as unknown;
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    writeFileSync(join(folder, 'race.yaml'), SCENARIO);
    whole = resultOf(faultline(...EXPLORE, '--checkpoint', 'whole.json'));
    whole.catch(() => undefined);
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** The checkpoint at a path, or in the folder that the path is; null: none. */
  function checkpointAt(path: string): string | null {
    const place = join(folder, path);
    if (path.endsWith('.json')) return existsSync(place) ? place : null;
    const files = existsSync(place) ? readdirSync(place).filter((file) => file.endsWith('.json')) : [];
    expect(files.length).to.be.at.most(1);
    return files.length === 0 ? null : join(place, files[0]);
  }

  /** Executions that the checkpoint has on record. */
  function recorded(path: string): number {
    const file = checkpointAt(path);
    if (file === null) return 0;
    const { search } = JSON.parse(readFileSync(file, 'utf8')) as { search: Checkpoint };
    return search.tally.counts.executions;
  }

  for (const [where, path, option, most] of [
    ['where it is told to', 'search.json', ['--checkpoint', 'search.json'], MANY_KILLS],
    ['in the usual place', 'reports/checkpoints', [], KILLS],
  ] as const) {
    it(`killed with SIGKILL, ${most} times and until it has got on, with its checkpoints ${where}`, async function () {
      onlyInLongRuns(this);
      const random = randoms(path.length);
      let before = 0;
      let advances = 0;
      for (let kills = 0; kills < most || (advances < 1 && kills < 20); kills++) {
        const run = faultline(...EXPLORE, '--resume', ...option);
        await run.begun;
        await sleep(random() * 600 * (1 + kills / 10)); // on a busy machine it gets on only if it is left longer
        run.child.kill('SIGKILL');
        if ((await run.ended) === 'SIGKILL') {
          expect(recorded(path)).to.be.at.least(before);
          expect(run.err).to.contain(before > 0 ? `resuming from ${path}` : 'from the beginning');
          if (recorded(path) > before) advances++;
        } else expect(JSON.parse(run.out)).to.deep.equal(await whole); // it was faster
        before = recorded(path);
      }
      const last = faultline(...EXPLORE, '--resume', ...option);
      expect(await resultOf(last)).to.deep.equal(await whole);
      expect(checkpointAt(path)).to.equal(null);
    });
  }

  it('SIGINT is exit code 130, SIGTERM 143, and the line that is printed goes on', async () => {
    // npx finds this program.
    const shim = join(folder, 'npx');
    writeFileSync(shim, `#!/bin/sh\nshift\nexec '${process.execPath}' '${program()}' "$@"\n`, { mode: 0o755 });
    writeFileSync(join(folder, 'long.yaml'), LONG);
    const runs = [
      ['SIGINT', 130, ['--strategy', 'dpor', '--seed', '7', '--max-steps', '5000']],
      ['SIGTERM', 143, []],
      ['SIGINT', 130, []],
    ] as const;
    for (const [signal, code, options] of long ? runs : runs.slice(0, 1)) {
      const args = ['explore', 'long.yaml', '--format', 'json', '--executions', long ? '2000' : '600', ...options];
      const expected = resultOf(faultline(...args, '--checkpoint', 'other.json'));
      const run = faultline(...args, '--resume', '--checkpoint', "it's here.json");
      await run.begun;
      await sleep(50);
      run.child.kill(signal);
      expect(await run.ended, run.err).to.equal(code);
      // what was seen so far is told, and is not all
      expect(JSON.parse(run.out)).to.deep.include({ complete: false, exhausted: false });
      expect(run.err).to.match(/interrupted after [\d,]+ executions?\n/);
      const [, line] = /^resume: (.*)$/m.exec(run.err)!;
      const again = new Run(folder, '/bin/sh', ['-c', `PATH="${folder}:$PATH"; ${line}`]);
      const result = await resultOf(again);
      expect(again.err).to.contain('resuming from');
      expect(result).to.deep.equal(await expected);
    }
  });

  describe('is refused with exit code 2', () => {
    const SOME = ['--strategy', 'dpor', '--seed', '3', '--format', 'json'];
    interface Saved {
      version: string;
      format: unknown;
      search: { state: object; tally: unknown; classes: unknown };
    }
    let good = '';

    before(async () => {
      writeFileSync(join(folder, 'refused.yaml'), LONG);
      const run = faultline('explore', 'refused.yaml', ...SOME, '--resume', '--checkpoint', 'good.json');
      await run.begun;
      await sleep(50);
      run.child.kill('SIGINT');
      expect(await run.ended, run.err).to.equal(130);
      good = readFileSync(join(folder, 'good.json'), 'utf8');
    });

    /** Resume from this text, with these options on top. */
    async function refused(text: string | Uint8Array, ...options: string[]): Promise<string> {
      const path = join(folder, 'bad.json');
      writeFileSync(path, text);
      let err = '';
      const io = {
        out: () => undefined,
        err: (more: string) => void (err += more),
        width: 80,
        colors: pc.createColors(false),
        interactive: false,
      };
      const code = await main(['explore', join(folder, 'refused.yaml'), ...SOME, '--resume', path, ...options], io);
      expect(code, err).to.equal(2);
      expect(err)
        .to.match(/^faultline: .*\n$/)
        .and.to.contain('bad.json');
      return err;
    }

    for (const [options, difference] of [
      [['--seed', '4'], '--seed was 3, is 4'],
      [['--strategy', 'urw'], '--strategy was "dpor", is "urw"'],
      [['--strategy', 'pct', '--depth', '5'], '--depth was 3, is 5'],
      [['--strategy', 'bounded', '--bound', '1'], '--bound was 2, is 1'],
      [['--executions', '9'], '--executions was null, is 9'],
      [['--max-steps', '99'], '--max-steps was null, is 99'],
    ] as const) {
      it(`with other options: ${difference}`, async () => {
        expect(await refused(good, ...options)).to.contain(difference);
      });
    }

    it('after a change of the scenario, or of faultline', async () => {
      writeFileSync(join(folder, 'refused.yaml'), SCENARIO.replace('pages: 2', 'pages: 3'));
      expect(await refused(good)).to.match(/scenario was "\w+", is "\w+"/);
      writeFileSync(join(folder, 'refused.yaml'), LONG);
      const saved = JSON.parse(good) as Saved;
      expect(await refused(JSON.stringify({ ...saved, version: '0.0.0' }))).to.contain('version was "0.0.0"');
    });

    it('if it is named and not there', async () => {
      const run = faultline('explore', 'refused.yaml', ...SOME, '--resume', 'nothing.json');
      expect(await run.ended).to.equal(2);
      expect(run.err).to.equal(
        'faultline: nothing.json cannot be read: no such file; to begin there, use --checkpoint\n',
      );
      expect(existsSync(join(folder, 'nothing.json'))).to.equal(false);
    });

    it('if it is not JSON', async () => {
      for (const text of ['', '{', good.slice(0, good.length / 2), new Uint8Array([0, 255, 1, 254]), `${good}}`]) {
        await refused(text);
      }
    });

    const changes: readonly (readonly [string, (saved: Saved) => unknown])[] = [
      ['a number', () => 1],
      ['nothing', () => null],
      ['a list', () => []],
      ['an empty object', () => ({})],
      ['of another format', (saved) => ({ ...saved, format: 'faultline.checkpoint/0' })],
      ['without a search', (saved) => ({ ...saved, search: undefined })],
      ['without a state', (saved) => ({ ...saved, search: { ...saved.search, state: null } })],
      ['with an empty state', (saved) => ({ ...saved, search: { ...saved.search, state: {} } })],
      // Taken at its word, it would say that there is nothing left to try.
      [
        'with an empty path',
        (saved) => ({
          ...saved,
          search: { ...saved.search, state: { ...saved.search.state, chosen: [], states: [] } },
        }),
      ],
      ['without a tally', (saved) => ({ ...saved, search: { ...saved.search, tally: null } })],
      ['with an empty tally', (saved) => ({ ...saved, search: { ...saved.search, tally: {} } })],
      ['with classes in words', (saved) => ({ ...saved, search: { ...saved.search, classes: ['one'] } })],
    ];
    for (const [what, change] of changes) {
      it(`if it is JSON, but ${what}`, async () => {
        await refused(JSON.stringify(change(JSON.parse(good) as Saved)));
      });
    }
  });

  it('without a checkpoint it begins at the beginning, and says so', async () => {
    writeFileSync(join(folder, 'short.yaml'), SCENARIO);
    const run = faultline('explore', 'short.yaml', '--executions', '20', '--resume', '--format', 'json');
    expect(await resultOf(run)).to.have.property('executions', 20);
    expect(run.err).to.match(/no checkpoint at \S+short-\w{8}\.checkpoint\.json: from the beginning/);
  });
});
