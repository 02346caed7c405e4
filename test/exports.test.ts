/** Exports, held to the definitions of those who read them. Sources of these stand beside each. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import pc from 'picocolors';
import { main } from '../src/cli/main.ts';
import { runTimed } from '../src/drivers/timed/run.ts';
import { junit, tap, type TestCase } from '../src/export/ci.ts';
import { collapsed, speedscope } from '../src/export/flame.ts';
import { type ExportKind, Listener, TIMELINE_KINDS, timelineFile } from '../src/export/index.ts';
import { type Timeline, timelineOfSteps } from '../src/export/timeline.ts';
import { tracksOf } from '../src/export/tracks.ts';
import { scaled } from '../src/predict/rows.ts';
import { findProfile } from '../src/profiles/index.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { readScenario } from '../src/scenario/read.ts';
import { buildPftWorld, buildWorld, pftRows, type World } from '../src/scenario/world.ts';
import type { Span } from '../src/trace/span.ts';
import { TimedRecorder } from '../src/trace/timed.ts';
import { JUNIT } from './support/junit.ts';
import { speedscopeSchema } from './support/speedscope.ts';

const RACE = 'scenarios/races/anon-fault+anon-fault.yaml';
const KINDS: readonly ExportKind[] = ['lock_stat', 'perf-lock', 'collapsed', 'speedscope', ...TIMELINE_KINDS];

async function faultline(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const io = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    ...{ width: 80, colors: pc.createColors(false), interactive: false },
  };
  return { code: await main(args, io), out, err };
}

/** A scenario under the clock, watched. */
function watched(path = RACE) {
  return listened(buildWorld(readScenario(path, catalog())));
}

function listened(world: World) {
  const listener = new Listener(KINDS, Infinity);
  const recorder = new TimedRecorder(Math.round(world.profile.lineHit.value * 10), listener.sinks);
  const result = recorder.watch(() => runTimed(world.births, { ...world, watcher: recorder }));
  const run = { title: 'a run', cpus: world.cpus, tasks: recorder.tasks };
  const { spans, locks, leftOut } = listener.timeline;
  const timeline: Timeline = { ...run, clock: true, spans, locks, leftOut };
  return { listener, result, run, timeline, file: (kind: ExportKind) => listener.file(kind, run) };
}

describe('a timed run that is watched', () => {
  const others = ['madvise+write', 'fork+write', 'cow-flush+anon-fault', 'anon-vma+page-referenced'];
  for (const path of [RACE, ...others.map((name) => `scenarios/races/${name}.yaml`)]) {
    it(`is the same run: ${path}`, () => {
      const world = buildWorld(readScenario(path, catalog()));
      const { wallNs, userNs, systemNs, steps, locks } = runTimed(world.births, world);
      expect(watched(path).result).to.deep.include({ wallNs, userNs, systemNs, steps, locks });
    });

    it(`accounts for every tick: ${path}`, () => {
      const { listener, result } = watched(path);
      const { spans } = listener.timeline;
      const ends = new Map<number, number>();
      let onCpu = 0;
      for (const { task, from, to, kind } of spans) {
        expect(from, task.name).to.equal(ends.get(task.id) ?? from);
        ends.set(task.id, to);
        if (kind !== 'sleep' && kind !== 'ready') onCpu += to - from;
      }
      expect(onCpu).to.equal((result.userNs + result.systemNs) * 10);
      expect(Math.max(...ends.values())).to.be.at.most(result.wallNs * 10);
    });

    it(`counts locks as the lock table does: ${path}`, () => {
      const { listener, result } = watched(path);
      for (const { lockClass, acquisitions, contended, waitNs } of result.locks.filter(
        (row) => row.lockClass !== 'irqs',
      )) {
        const rows = listener.locks.rows().filter((row) => row.lockClass === lockClass);
        const sum = (of: (row: (typeof rows)[number]) => number): number => rows.reduce((all, row) => all + of(row), 0);
        expect(
          sum((row) => row.acquisitions),
          lockClass,
        ).to.equal(acquisitions);
        expect(
          sum((row) => row.wait.count),
          lockClass,
        ).to.equal(contended);
        expect(
          sum((row) => row.wait.total),
          lockClass,
        ).to.equal(waitNs * 10);
      }
    });
  }

  it('gives the same bytes again', () => {
    const [one, two] = [watched(), watched()];
    for (const kind of KINDS) expect(one.file(kind), kind).to.deep.equal(two.file(kind));
  });
});

describe('threads that are moved', () => {
  const scenario = readScenario('scenarios/scaling/pft-altix-1g.yaml', catalog());
  const row = pftRows(scenario).find(({ threads }) => threads === 4)!;
  const world = buildPftWorld(scenario, { ...row, gb: row.gb / 256 }, scaled(findProfile('altix-3700-8p'), 256));
  const { timeline, file } = listened(world);
  const onCpu = timeline.spans.filter(({ kind }) => kind !== 'sleep' && kind !== 'ready');
  const tracks = tracksOf(timeline).filter(({ group }) => group === 'CPUs');

  it('are on the tracks of the CPUs that they run on, one at a time', () => {
    expect(onCpu.filter(({ task, cpu }) => cpu !== task.cpu).length, 'some are moved').to.be.above(100);
    for (const { task, cpu, from, to } of onCpu) {
      const around = tracks[cpu].bars.filter((bar) => bar.name === task.name && bar.from <= from && bar.to >= to);
      expect(around, `${task.name} on CPU${cpu}`).to.have.length(1);
    }
    for (const { bars } of tracks)
      for (const [i, bar] of bars.slice(1).entries()) expect(bar.from).to.be.at.least(bars[i].to);
    const time = (all: readonly { from: number; to: number }[]): number =>
      all.reduce((sum, { from, to }) => sum + to - from, 0);
    expect(time(tracks.flatMap(({ bars }) => bars))).to.equal(time(onCpu));
  });

  it('have these CPUs in ftrace and CSV as well', () => {
    const moved = onCpu.find(({ task, cpu }) => cpu !== task.cpu)!;
    const { task, cpu, from } = moved;
    const when = (Math.round(from / 10) / 1e9).toFixed(9);
    const switched = new RegExp(`\\[00${cpu}\\] .* ${when}: sched_switch: .*next_comm=${task.name} `);
    expect(String(file('ftrace'))).to.match(switched);
    expect(String(file('csv'))).to.include(`,span,${task.name},${cpu},${from / 10},`);
  });
});

describe('lock tables', () => {
  it('have the columns of lock_stat 0.4 (kernel/locking/lockdep_proc.c)', () => {
    const lines = String(watched().file('lock_stat')).split('\n');
    expect(lines[0]).to.equal('lock_stat version 0.4');
    expect(lines[2].trim().split(/\s{2,}|(?<=\S) (?=\S+-)/)).to.include.members(['class name', 'con-bounces']);
    const row = lines.find((line) => line.includes('&mm->page_table_lock:'))!;
    expect(row.split(':')[1].trim().split(/\s+/)).to.have.length(12);
    expect(lines.some((line) => line.includes('&mm->mmap_sem-R:'))).to.equal(true);
    expect(lines.every((line) => line.length <= 221)).to.equal(true);
  });

  it('have those of perf lock contention (tools/perf/builtin-lock.c)', () => {
    const [head, blank, ...rows] = String(watched().file('perf-lock')).trimEnd().split('\n');
    expect(head).to.equal(' contended   total wait     max wait     avg wait         type   caller');
    expect(blank).to.equal('');
    for (const row of rows) expect(row).to.match(/^ *\d+( +[\d.]+ (ns|us|ms|s )){3} +spinlock {3}\w+ \(\w+\.ts:\d+\)$/);
  });
});

interface SpeedscopeFile {
  readonly shared: { readonly frames: readonly object[] };
  readonly profiles: readonly { samples: number[][]; weights: number[]; endValue: number }[];
}

describe('flame graphs', () => {
  it('of speedscope add up', () => {
    const file = JSON.parse(String(watched().file('speedscope'))) as SpeedscopeFile;
    const { frames } = file.shared;
    for (const { samples, weights, endValue } of file.profiles) {
      expect(samples.length).to.equal(weights.length);
      expect(weights.reduce((sum, weight) => sum + weight, 0)).to.be.closeTo(endValue, 1e-6);
      for (const sample of samples) for (const index of sample) expect(frames[index]).to.be.an('object');
    }
  });

  it('that are collapsed are read by the pattern of speedscope (import/bg-flamegraph.ts) and add up', () => {
    const run = watched();
    const lines = String(run.file('collapsed')).trimEnd().split('\n');
    const sum = lines.reduce((total, line) => total + Number(/^(.*) (\d+)$/.exec(line)![2]), 0);
    const ticks = run.listener.timeline.spans.reduce((total, { from, to }) => total + to - from, 0);
    expect(sum).to.be.closeTo(ticks / 10, lines.length);
    expect(lines.some((line) => line.startsWith('T1;do_page_fault;handle_mm_fault;'))).to.equal(true);
  });
});

describe('timelines', () => {
  it('of ftrace are lines of trace_pipe', () => {
    const lines = String(watched().file('ftrace')).trimEnd().split('\n');
    const times = lines
      .filter((line) => !line.startsWith('#'))
      .map((line) => {
        // Documentation/trace/ftrace.rst: TASK-PID CPU# flags TIMESTAMP FUNCTION
        const match = /^ *(?:T[12]|<idle>)-\d+ +\[00[01]\] [.\da-f]{5} +(\d+\.\d{9}): (.+)$/.exec(line);
        expect(match, line).not.to.equal(null);
        return Number(match![1]);
      });
    expect(times).to.deep.equal(times.toSorted((a, b) => a - b));
    const text = lines.join('\n');
    expect(text).to.match(/: handle_mm_fault <-do_page_fault$/m);
    expect(text).to.match(/: contention_begin: 0x[\da-f]{16} \(flags=SPIN\)$/m);
    expect(text).to.match(/: sched_switch: prev_comm=T1 prev_pid=1 prev_prio=120 prev_state=X ==> next_comm=swapper/m);
  });

  it('of NDJSON and CSV have a schema and as many fields in each row', () => {
    const { file, listener } = watched();
    const records = String(file('ndjson'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { record: string });
    expect(records[0]).to.include({ schema: 'faultline.timeline/1', record: 'head', unit: 'ns' });
    const { spans, locks } = listener.timeline;
    expect(records.length).to.equal(1 + spans.length + locks.length);
    const rows = String(file('csv'))
      .trimEnd()
      .split('\r\n')
      .map((row) => fields(row));
    expect(rows.length).to.equal(records.length);
    for (const row of rows) expect(row).to.have.length(rows[0].length);
    expect(rows.slice(1).every(([schema]) => schema === 'faultline.timeline/1')).to.equal(true);
  });
});

/** Of a line of RFC 4180. */
function fields(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, plain]) => quoted ?? plain);
}

describe('names of other people', () => {
  const nasty = fc.oneof(
    fc.constantFrom(
      '<script>alert(1)</script>',
      `"'&;,`,
      '\u001b[31mred',
      '\u202egnp.exe',
      'a\nb',
      '\ud800',
      ']]>',
      '#',
    ),
    fc.string({ unit: 'binary' }),
  );
  // eslint-disable-next-line no-control-regex
  const unseen = /[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

  function timelineWith(name: string): Timeline {
    const task = { id: 0, name, cpu: 0, device: false };
    const stack = [{ fn: name, file: name, line: 1 }];
    const span: Span = {
      task,
      cpu: 0,
      from: 0,
      to: 10,
      kind: 'spin',
      what: name,
      lockClass: name,
      holding: name,
      stack,
    };
    const lock = { number: 1, name, lockClass: name, type: name };
    const events = (['contended', 'acquired', 'released'] as const).map((what, at) => ({
      ...{ task, cpu: 0, at, what, lock, shared: false, depth: 1, stack },
    }));
    return { title: name, cpus: 1, clock: true, tasks: [task], spans: [span], locks: events, leftOut: 0 };
  }

  it('are shown as text, whatever is in them', () => {
    fc.assert(
      fc.property(nasty, (name) => {
        const timeline = timelineWith(name);
        const listener = new Listener(KINDS, Infinity);
        for (const sink of listener.sinks) for (const span of timeline.spans) sink.span?.(span, false);
        for (const sink of listener.sinks) for (const event of timeline.locks) sink.lock?.(event);
        for (const kind of KINDS) {
          const text = Buffer.from(listener.file(kind, timeline)).toString('utf8');
          if (kind === 'perfetto') expect(text.includes('\u001b[') || /[\u202e\u2028]/.test(text)).to.equal(false);
          else expect(text, kind).not.to.match(unseen);
          if (['chrome', 'speedscope', 'ndjson'].includes(kind)) expect(text, kind).not.to.contain('<');
        }
        JSON.parse(String(listener.file('chrome', timeline)));
        speedscopeSchema.parse(JSON.parse(speedscope(name, listener.flames)));
        expect(collapsed(listener.flames).trimEnd().split('\n')).to.have.length(1);
        expect(String(timelineFile('csv', timeline)).trimEnd().split('\r\n')).to.have.length(5);
        expect(String(timelineFile('ndjson', timeline)).trimEnd().split('\n')).to.have.length(5);
      }),
    );
  });

  it('are text in JUnit and TAP', () => {
    fc.assert(
      fc.property(nasty, nasty, fc.boolean(), (name, words, skipped) => {
        const cases: TestCase[] = [{ name, found: words, problems: [words, name], skipped: skipped ? words : null }];
        const xml = junit(name, cases);
        expect(xml).not.to.match(unseen);
        expect(tagsOf(xml).every((tag) => JUNIT[tag.name] !== undefined)).to.equal(true);
        const lines = tap(cases).trimEnd().split('\n');
        expect(lines.slice(0, 2)).to.deep.equal(['TAP version 13', '1..1']);
        expect(lines[2]).to.match(/^not ok 1 - /);
        expect(lines[2].replaceAll(/\\./g, '').includes('#')).to.equal(skipped);
        expect(lines.join('')).not.to.match(unseen);
      }),
    );
  });
});

interface Tag {
  readonly name: string;
  readonly parent: string;
  readonly attributes: Record<string, string>;
}

/** A small reader of XML: elements with their parents; throws where it is not well-formed. */
function tagsOf(xml: string): Tag[] {
  const tags: Tag[] = [];
  const open: string[] = [];
  const rest = xml
    .replace(/^<\?xml [^?]*\?>/, '')
    .replace(/<(\/?)([\w-]+)((?: [\w-]+="[^"<]*")*)(\/?)>/g, (_, ends, name, words, alone) => {
      if (ends === '/') expect(open.pop()).to.equal(name);
      else {
        const pairs = [...String(words).matchAll(/ ([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]);
        tags.push({
          name: String(name),
          parent: open.at(-1) ?? '',
          attributes: Object.fromEntries(pairs) as Tag['attributes'],
        });
        if (alone !== '/') open.push(String(name));
      }
      return '';
    });
  expect(open).to.deep.equal([]);
  expect(rest).not.to.match(/[<]|&(?!(amp|lt|gt|quot|apos);)/);
  return tags;
}

describe('results for CI', () => {
  let found: { code: number; out: string };
  before(async () => {
    found = await faultline('check', 'races/anon-fault+anon-fault', 'scaling/pft-altix-1g', '--format', 'junit', '-q');
  });

  it('fit the schema of JUnit', () => {
    expect(found.code).to.equal(0);
    const tags = tagsOf(found.out);
    for (const { name, parent, attributes } of tags) {
      const rule = JUNIT[name];
      expect(rule.in, name).to.include(parent);
      expect(Object.keys(attributes), name).to.include.members(rule.must);
      expect([...rule.must, ...rule.may], name).to.include.members(Object.keys(attributes));
    }
    expect(tags.filter(({ name }) => name === 'testcase')).to.have.length(2);
  });

  it('are TAP', async () => {
    const { code, out } = await faultline('check', 'races/anon-fault+anon-fault', '--format', 'tap', '-q');
    expect([code, out]).to.deep.equal([0, 'TAP version 13\n1..1\nok 1 - races/anon-fault+anon-fault\n']);
  });

  it('say what is wrong', () => {
    const cases = [{ name: 'a/b/c', found: 'x', problems: ['one', 'two'], skipped: null }];
    expect(junit('s', cases)).to.contain('classname="a.b" name="c"').and.to.contain('<failure message="one"');
    expect(tap(cases)).to.contain(
      'not ok 1 - a/b/c\n  ---\n  found: "x"\n  problems:\n    - "one"\n    - "two"\n  ...\n',
    );
  });
});

describe('--export', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'faultline-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('writes every kind, and says so on stderr', async () => {
    const words = KINDS.flatMap((kind) => ['--export', `${kind}=${join(folder, kind)}`]);
    const { code, err } = await faultline('run', RACE, ...words);
    expect(code).to.equal(0);
    for (const kind of KINDS) {
      expect(err).to.contain(`wrote ${join(folder, kind)}\n`);
      expect(readFileSync(join(folder, kind)).length, kind).to.be.above(100);
    }
  });

  it('keeps to a limit and says what it left out', async () => {
    const file = join(folder, 'short.ndjson');
    const { err } = await faultline('run', RACE, '--export', `ndjson=${file}`, '--export-limit', '10');
    expect(err).to.match(/\d+ spans and lock events after the limit are left out/);
    expect(readFileSync(file, 'utf8').trimEnd().split('\n')).to.have.length(11);
  });

  it('is of the run at the scale that the scenario asks for, and says so', async () => {
    const text = readFileSync('scenarios/scaling/pft-altix-1g.yaml', 'utf8');
    const [path, stats, trace] = ['scaled.yaml', 'stats', 'trace'].map((name) => join(folder, name));
    writeFileSync(path, text.replace(/^pft: \{/m, 'pft: { scale: 512,'));
    const run = ['run', path, '--row', '4', '--format', 'json', '--seed', '7'];
    const plain = await faultline(...run);
    expect(JSON.parse(plain.out)).to.have.nested.property('rows[0].faults', 196608 / 512);
    const { out, err } = await faultline(...run, '--export', `chrome=${trace}`, '--export', `lock_stat=${stats}`);
    expect(out).to.equal(plain.out);
    expect(err).to.contain('exports are of one part in 512 of the memory, and their times are not multiplied\n');
    expect(readFileSync(trace, 'utf8')).to.contain('8 threads, one part in 512 of the memory, times not multiplied"');
    expect((await faultline('run', RACE, '--export', `chrome=${trace}`)).err).not.to.contain('one part');
  });

  it('goes to stdout in place of the result', async () => {
    const { out } = await faultline('run', RACE, '--export', 'perf-lock=-');
    expect(out).to.equal(watched().file('perf-lock'));
  });

  it('shows a schedule, a microsecond a step', async () => {
    const file = join(folder, 'replay.txt');
    const { code } = await faultline('replay', RACE, '--schedule', 'T1:4 T2:2', '--export', `ftrace=${file}`, '-q');
    expect(code).to.equal(0);
    expect(readFileSync(file, 'utf8')).to.match(/0\.00000[0-5]000: do_page_fault$/m);
  });

  it('refuses what it cannot do, before anything is run', async () => {
    const refused = async (...args: string[]): Promise<string> => {
      const { code, err } = await faultline(...args);
      expect(code).to.equal(2);
      return err;
    };
    expect(await refused('run', RACE, '--export', 'chrome')).to.contain('--export wants kind=file');
    expect(await refused('run', RACE, '--export', 'chrom=x')).to.contain("there is no export 'chrom'");
    expect(await refused('run', RACE, '--export', `chrome=${folder}`)).to.contain('cannot write');
    expect(await refused('run', RACE, '--export', 'perfetto=-')).to.contain('is not text');
    expect(await refused('explore', RACE, '--export', 'lock_stat=x')).to.contain('needs a clock');
    expect(await refused('run', 'scaling/pft-altix-1g', '--export', 'chrome=x')).to.contain('--row 1 to 4');
    expect(await refused('run', RACE, '--row', '1')).to.contain('--row is for pft and seqread');
    expect(await refused('run', '001-page-table-walks', '--export', 'chrome=x')).to.contain('it has no exports');
    expect(await refused('run', 'scaling/seqread-cached-file', '--export', 'chrome=x')).to.contain('--row 1 to 8');
    expect(await refused('run', 'scaling/pft-altix-1g', '--row', '9')).to.contain('there is no row 9');
  });

  it('of no steps is a file of no steps', () => {
    const empty = timelineOfSteps('nothing', [], []);
    for (const kind of TIMELINE_KINDS) expect(timelineFile(kind, empty).length, kind).to.be.above(0);
  });
});
