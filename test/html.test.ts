/** Pages: what other people wrote is text everywhere, nothing is loaded, and reports/ is up to date. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pc from 'picocolors';
import { main } from '../src/cli/main.ts';
import { reportOf } from '../src/cli/report-pages.ts';
import { markdown } from '../src/export/escape.ts';
import { markdownHtml } from '../src/html/markdown.ts';
import { html, preformatted, prose, scriptJson } from '../src/html/markup.ts';
import { indexPage } from '../src/html/index-page.ts';
import { pageText } from '../src/html/shell.ts';
import { worldOf } from '../src/html/world.ts';
import { Strings } from '../src/html/strings.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { readScenario } from '../src/scenario/read.ts';

const HOSTILE = `<script>alert(1)<!-- "'&\u001b[31m\u202e\u0007\`](x)`;
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const SEEN = HOSTILE.replaceAll(new RegExp(UNSEEN, 'g'), '');
const RAW = new RegExp(`<script>alert|<!-- "|${UNSEEN.source}`);

async function faultline(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const io = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    width: 80,
    colors: pc.createColors(false),
    interactive: false,
  };
  return { code: await main(args, io), out, err };
}

describe('markup', () => {
  it('is made of text, and nothing in a text is markup', () => {
    const { text } = html`<p title="${HOSTILE}">${[HOSTILE, html`<b>${1}</b>`]}</p>`;
    expect(text).to.not.match(RAW);
    expect(text).to.include('&lt;script&gt;').and.to.include('\\u{1b}').and.to.include('<b>1</b>');
    expect(preformatted(['a', HOSTILE]).text.split('\n').length).to.equal(2);
  });

  it('has what stands between backticks as code, and nothing in it is markup', () => {
    expect(html`<p>${prose('a `<b>` c `d` e`f')}</p>`.text).to.equal(
      '<p>a <code>&lt;b&gt;</code> c <code>d</code> e`f</p>',
    );
    expect(html`<p>${prose(`${HOSTILE}${HOSTILE}`)}</p>`.text).to.not.match(RAW);
  });

  it('data for a script does not end the script, and is what it was', () => {
    const text = scriptJson(['</script>', HOSTILE, 'two\nlines']);
    expect(text).to.not.match(/</);
    expect(text).to.not.match(RAW);
    expect((JSON.parse(text) as string[])[2]).to.equal('two\nlines');
  });

  it('of a page has a policy with the hashes of what is in it, and no other style or script', () => {
    const page = pageText({ title: HOSTILE, index: null, body: null, script: 'timeline', data: {}, style: 'a{}' });
    const policy = /Content-Security-Policy"\s+content="([^"]*)"/.exec(page)![1].replaceAll('&apos;', "'");
    const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    const [, style] = /<style>([\s\S]*?)<\/style>/.exec(page)!;
    const [, script] = /<script type="module">([\s\S]*?)<\/script>/.exec(page)!;
    expect(policy).to.match(/^default-src 'none';/);
    expect(policy).to.not.include('unsafe');
    expect(policy)
      .to.include(`style-src ${hash(style)} ${hash('a{}')};`)
      .and.to.include(`script-src ${hash(script)};`);
    expect(page).to.not.match(RAW);
    expect(page).to.not.match(/ style="| on\w+="/);
    expect(script.length, 'the script stays small').to.be.lessThan(25_000);
  });
});

describe('Markdown of a report', () => {
  const rendered = (...lines: readonly string[]): string =>
    markdownHtml(lines.join('\n'), new Map([['a b.svg', '<svg>drawn</svg>']]))
      .map(({ text }) => text)
      .join('')
      .replaceAll(/\s*\n\s*/g, '');

  it('is what it is in HTML', () => {
    expect(rendered('## Where', '', 'the `time` went: <https://lore.kernel.org/r/1>.')).to.equal(
      '<h2>Where</h2><p>the <code>time</code> went: ' +
        '<a href="https://lore.kernel.org/r/1" rel="noreferrer">https://lore.kernel.org/r/1</a>.</p>',
    );
    expect(rendered('- one', '- two')).to.equal('<ul><li>one</li><li>two</li></ul>');
    expect(rendered('```', '| no table', '```')).to.equal('<pre tabindex="0">| no table</pre>');
    const table = rendered('| name | n |', '| --- | --: |', '| a\\|b [c](d.md) | 1 |');
    expect(table).to.include('<td class="">a|b c</td><td class="number">1</td>');
    expect(rendered('![rates](a%20b.svg)')).to.equal('<figure role="img" aria-label="rates"><svg>drawn</svg></figure>');
  });

  it('shows what other people wrote as it was, and no markup of theirs', () => {
    expect(rendered(markdown(HOSTILE))).to.equal(html`<p>${HOSTILE}</p>`.text);
    expect(rendered('![a](b.svg) <b>bold</b> <script>alert(1)</script>')).to.not.match(/<b>|<script|<img/);
  });
});

describe('a timeline', () => {
  const cell = (row: string, value: string) => ({ panel: 'words', row, column: '', value });

  it('has of each state what differs from the one before', () => {
    const strings = new Strings();
    const world = worldOf([[cell('a', '1')], [cell('a', '1'), cell('b', '2')], [cell('b', '2')]], strings);
    expect(world.panels).to.deep.equal([{ name: 'words', columns: [''], rows: ['a', 'b'], more: 0 }]);
    const said = (changes: readonly number[]): unknown[] =>
      changes.map((entry, i) => (i % 2 === 0 ? entry : strings.all[entry]));
    expect([world.first, ...world.changes].map(said)).to.deep.equal([
      [0, '1'],
      [1, '2'],
      [0, ''],
    ]);
  });

  it('shows of a long table the rows that change', () => {
    const long = Array.from({ length: 100 }, (_, i) => cell(`row ${i}`, 'same'));
    const changed = long.map((one, i) => (i === 77 ? { ...one, value: 'other' } : one));
    const { panels } = worldOf([long, changed], new Strings());
    expect(panels[0].rows).to.include('row 77');
    expect(panels[0].rows.length + panels[0].more).to.equal(100);
  });
});

describe('reports of what other people wrote', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'faultline-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** A scenario of the package under another name, and with another `about`. */
  function hostile(scenario: string): string {
    const file = join(folder, `${HOSTILE.replaceAll('/', '')}.yaml`);
    // the schema refuses what is not seen in a text
    const about = `about: ${JSON.stringify(SEEN)}\n`;
    const rest = readFileSync(`scenarios/${scenario}.yaml`, 'utf8').replace(/^about: >\n( .*\n)*/m, '');
    writeFileSync(file, `# ${SEEN}\n${about}${rest}`);
    return file;
  }

  for (const scenario of [
    'races/anon-fault+anon-fault-leak',
    'races/prefault-v2-read',
    'history/003-prefault-i386-v2',
  ]) {
    it(`show it as text: ${scenario}`, async function () {
      this.timeout(120_000);
      const file = hostile(scenario);
      const output = join(folder, 'out');
      const { code, out, err } = await faultline('report', file, '--scale', '512', '-q', '-o', output);
      expect([code, err]).to.deep.equal([0, '']);
      const written = readdirSync(output, { recursive: true, encoding: 'utf8' });
      expect(written.length).to.be.greaterThan(0);
      for (const name of written) {
        const text = readFileSync(join(output, name), 'utf8');
        // between backticks Markdown has no markup
        expect(name.endsWith('.md') ? text.replaceAll(/`[^`]*`/g, '') : text, name).to.not.match(RAW);
        expect(text, name).to.not.match(UNSEEN);
      }
      expect(out).to.not.match(UNSEEN);
      rmSync(output, { recursive: true });
    });
  }

  it('show it as text in a terminal', async () => {
    const file = hostile('races/anon-fault+anon-fault-leak');
    for (const args of [
      ['explore', file, '--check', '-o', join(folder, 'trail.json')],
      ['check', file],
      ['run', file],
    ]) {
      const { code, out, err } = await faultline(...args, '-q');
      expect(code, args[0]).to.be.oneOf([0, 1]);
      expect(out + err, args[0]).to.not.match(UNSEEN);
    }
    const { code, err } = await faultline('report', `${file}.not`, '-o', folder);
    expect(code).to.equal(2);
    expect(err).to.not.match(UNSEEN);
  });

  it('show it as text in the index', () => {
    const entry = {
      folder: 'races',
      base: HOSTILE,
      kernel: HOSTILE,
      about: HOSTILE,
      verdict: HOSTILE,
      detail: HOSTILE,
    };
    const page = indexPage([{ ...entry, href: `races/${HOSTILE}.html`, name: `races/${HOSTILE}`, tone: 'bad' }]);
    expect(page).to.not.match(RAW);
    expect(page).to.match(/href="races\/%3Cscript/);
  });

  it('where they cannot be written say so', async () => {
    writeFileSync(join(folder, 'a file'), '');
    const { code, err } = await faultline('report', 'races/prefault-v2-read', '-q', '-o', join(folder, 'a file'));
    expect(code).to.equal(2);
    expect(err).to.match(/^faultline: cannot write .*\n$/);
  });
});

describe('pages of races', () => {
  it('say of a search that stopped early that it is inconclusive, and so does the exit code', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    const pageOf = async (...more: string[]): Promise<[code: number, page: string]> => {
      const { code } = await faultline('report', 'races/anon-fault+anon-fault', '-q', '-o', folder, ...more);
      return [code, readFileSync(join(folder, 'races/anon-fault+anon-fault.html'), 'utf8')];
    };
    const [whole, good] = await pageOf();
    expect(whole).to.equal(0);
    expect(good).to.include('class="word good">never</td>').and.to.include('As the scenario expects.');
    const [part, neutral] = await pageOf('--executions', '20');
    expect(part).to.equal(3);
    expect(neutral).to.match(/class="word ">not seen<\/td>\s*<td>stopped after 20 classes</);
    expect(neutral).to.include('Nothing so far that the scenario does not expect.');
    expect(neutral).to.not.match(/class="word good|As the scenario expects/);
    rmSync(folder, { recursive: true });
  });

  it('that say NOT AS EXPECTED are a finding, whatever else there is; so are those of runs under the clock', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    const written = (name: string, from: string, change: (text: string) => string): string => {
      const file = join(folder, `${name}.yaml`);
      writeFileSync(file, change(readFileSync(`scenarios/${from}.yaml`, 'utf8')));
      return file;
    };
    const race = written('race', 'races/anon-fault+anon-fault', (text) =>
      text.replace(/^expect:.*$/m, 'expect: { sometimes: lost store }'),
    );
    const clock = written('clock', 'scaling/seqread-cached-file', (text) =>
      text.replace(/^expect:(.|\n)*/m, 'expect: { faults: 7 }\n').replace('seqread: {', 'seqread: { scale: 2,'),
    );
    for (const [file, page] of [[race, 'race.html'], [clock, 'clock.html']] as const) {
      expect((await faultline('report', file, '-q', '-o', folder)).code, page).to.equal(1);
      expect(readFileSync(join(folder, page), 'utf8')).to.include('NOT AS EXPECTED');
    } // prettier-ignore
    const early = ['races/anon-fault+anon-fault', '--executions', '20', '-q', '-o', folder];
    expect((await faultline('report', ...early)).code, 'stopped early').to.equal(3);
    expect((await faultline('report', race, ...early)).code, 'a finding, and stopped early').to.equal(1);
    rmSync(folder, { recursive: true });
  });

  it('are of no colour in the index if their search stopped early', async () => {
    const path = 'scenarios/races/anon-fault+anon-fault.yaml';
    const options = {
      executions: 20,
      scale: 1,
      replications: 1,
      output: '',
      format: 'table',
      seed: 1,
      quiet: true,
    } as const;
    const job = { scenario: readScenario(path, catalog()), name: 'a', index: null, options, apart: false };
    const bar = { update: () => undefined, done: () => undefined };
    const { entry, inconclusive } = await reportOf({ ...job, bar });
    expect([entry.verdict, entry.tone, inconclusive]).to.deep.equal(['Not seen', '', true]);
  });
});

/** Scenarios are held to their pages by scenarios.test.ts, which runs them anyway. */
describe('reports/', () => {
  it('has a page for every scenario, and every page is in the index', () => {
    const scenarios = readdirSync('scenarios', { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.yaml'),
    );
    const pages = scenarios.map((file) => file.replace('.yaml', '.html'));
    const kept = readdirSync('reports', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
    const ofSeveral = kept.filter((file) => file.startsWith('scaling/kernels-'));
    expect(ofSeveral).to.have.length(2);
    expect(kept).to.have.members(['index.html', 'history/004-vm_fault-layout.html', ...ofSeveral, ...pages]);
    const index = readFileSync('reports/index.html', 'utf8');
    const hrefs = [...index.matchAll(/href="([^"]+\.html)"/g)].map(([, href]) => decodeURIComponent(href));
    expect(hrefs).to.have.members(kept.filter((file) => file !== 'index.html'));
  });
});
