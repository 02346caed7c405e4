/** Scaling reports: parts that add up, drawings that show what the rows say, the same bytes again. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { main } from '../src/cli/main.ts';
import { PART_KINDS } from '../src/predict/parts.ts';
import { scalingOf, type ScalingRow } from '../src/predict/scaling.ts';
import { trialsOf } from '../src/predict/trials.ts';
import { findProfile } from '../src/profiles/index.ts';
import { curveSvg } from '../src/report/curve-svg.ts';
import { type StackBar, stackSvg } from '../src/report/stack-svg.ts';
import { ticksTo } from '../src/report/svg.ts';
import { partLines } from '../src/report/time-parts.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { readScenario } from '../src/scenario/read.ts';
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

function rowsOf(name: string, scale: number, replications = 1): ScalingRow[] {
  const scenario = readScenario(`scenarios/${name}.yaml`, catalog());
  const profile = findProfile(scenario.machine.profile);
  return scalingOf(trialsOf(scenario, profile, scale), profile, { seed: 1, replications });
}

describe('scaling: where CPU time goes', () => {
  for (const [name, scale] of [['scaling/pft-altix-1g', 512], ['history/003-prefault-v2', 512], ['scaling/mmap-convoy', 1], ['scaling/seqread-cached-file', 1]] as const) {
    it(`is all in one part or another, to the tick: ${name}`, () => {
      for (const { parts, cpuNs } of rowsOf(name, scale)) {
        const sum = parts.reduce((all, { ns }) => all + Math.round(ns * 10), 0);
        expect(sum).to.equal(Math.round(cpuNs * 10));
        expect(parts.every(({ ns, kind }) => ns > 0 && PART_KINDS.includes(kind))).to.equal(true);
      }
    });
  } // prettier-ignore

  it('is waited for locks with many threads, and for nothing with one', () => {
    const rows = rowsOf('scaling/pft-altix-1g', 256);
    const part = (row: ScalingRow, kind: string, what: string): number =>
      row.parts.find((one) => one.kind === kind && one.what === what)?.ns ?? 0;
    const [one, eight] = [rows[0], rows.at(-1)!];
    expect(part(one, 'wait', '&mm->page_table_lock') + part(one, 'bus', '')).to.equal(0);
    expect(part(eight, 'wait', '&mm->page_table_lock')).to.be.above(0.1 * eight.cpuNs);
    expect(part(one, 'clear', '')).to.be.above(0.7 * one.cpuNs);
  });

  it('has lines for tables that add up to it as well, small ones put together', () => {
    const rows = rowsOf('scaling/pft-altix-1g', 512);
    const lines = partLines(rows);
    rows.forEach(({ cpuNs, pages }, i) => {
      expect(lines.reduce((sum, { values }) => sum + values[i], 0)).to.be.closeTo(cpuNs / pages! / 1000, 1e-9);
    });
    expect(new Set(lines.map(({ label }) => label)).size).to.equal(lines.length);
    expect(lines.length).to.be.below(20);
  });

  it('has a spread where placement is random, and none where it is not', () => {
    const rows = rowsOf('scaling/pft-altix-1g', 512, 3);
    expect(rows.map(({ runs }) => runs)).to.deep.equal([1, 1, 3, 3]);
    expect(rows.map(({ spread }) => spread > 0)).to.deep.equal([false, false, true, true]);
  });
});

describe('drawings', () => {
  it('of curves have error bars where there is a spread, from low to high', () => {
    const points = [{ threads: 1, rate: 100 }, { threads: 2, rate: 150, half: 10 }]; // prettier-ignore
    const svg = curveSvg({ title: 't', unit: 'u', actors: 'threads', model: [{ label: 'm', points }], published: [] });
    const bars = [...svg.matchAll(/<path d="M([\d.]+) ([\d.]+)V([\d.]+)/g)].map((match) => match.slice(1).map(Number));
    const [zero, hundred] = [0, 100].map((rate) => 360 - (rate / (160 * 1.08)) * (420 - 48 - 60));
    expect(bars).to.have.length(1);
    expect(bars[0][2] - bars[0][1]).to.be.closeTo(((zero - hundred) * 20) / 100, 0.11);
    expect(svg).to.contain('95 % interval');
    expect(curveSvg({ title: 't', unit: 'u', actors: 'threads', model: [{ label: 'm', points: [points[0]] }], published: [] })).not.to.contain('95 %'); // prettier-ignore
  });

  const bar = (label: string, ...values: number[]): StackBar => ({
    label,
    group: 'g',
    parts: values.map((value, i) => ({ label: `<part ${i}>`, colour: `#00${i}`, value })),
  });
  const heights = (svg: string, colour: string): number[] =>
    [...svg.matchAll(/height="([\d.]+)" fill="(#00\d)"><title>/g)].filter((match) => match[2] === colour).map((match) => Number(match[1])); // prettier-ignore

  it('of stacks are as high as their parts, and name all of them once', () => {
    const svg = stackSvg({ title: 't', unit: 'us', actors: 'threads', bars: [bar('1', 10, 0), bar('2', 10, 20)] });
    const [first, second] = heights(svg, '#000');
    expect(first).to.equal(second);
    expect(heights(svg, '#001')[0]).to.be.closeTo(2 * first, 0.2);
    expect(svg.match(/>&lt;part 1&gt;</g)).to.have.length(1);
  });

  it('of stacks that are too unlike show shares, with the sums above them', () => {
    const svg = stackSvg({ title: 't', unit: 'us', actors: 'threads', bars: [bar('1', 1, 1), bar('2', 50, 150)] });
    expect(heights(svg, '#000')[0]).to.be.closeTo(heights(svg, '#001')[0], 0.11);
    expect(heights(svg, '#001')[1]).to.be.closeTo(3 * heights(svg, '#000')[1], 0.3);
    expect(svg).to.contain('% of us').and.to.contain('>200<');
  });

  it('have round numbers on their axes', () => {
    expect(ticksTo(187_000)).to.deep.equal([0, 50_000, 100_000, 150_000]);
    expect(ticksTo(1.9)).to.deep.equal([0, 0.5, 1, 1.5]);
  });
});

describe('faultline report', function () {
  this.timeout(120_000);
  const quick = ['--scale', '512', '--replications', '2', '-q'];

  it('is the same, byte for byte, when it is written again', async () => {
    const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'faultline-')));
    const names = [
      'history/003-prefault-i386-v2',
      'history/003-prefault-i386-unpatched',
      'history/001-page-table-walks',
    ];
    for (const folder of folders)
      expect((await faultline('report', ...names, ...quick, '-o', folder)).code).to.equal(0);
    const filesIn = (folder: string): string[] =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.includes('.'));
    const files = filesIn(folders[0]);
    expect(files).to.deep.equal(filesIn(folders[1]));
    for (const file of files) {
      const [once, again] = folders.map((folder) => readFileSync(join(folder, file), 'utf8'));
      expect(again, file).to.equal(once);
      if (file.endsWith('.md')) expect(once, file).to.contain('## What not to believe').and.not.to.contain('undefined');
      if (file.endsWith('.svg')) expect(once, file).not.to.match(/NaN|undefined|Infinity/);
    }
    expect(files.filter((file) => file.endsWith('.md'))).to.have.length(4);
  });

  it('compares kernels of one machine, and only those', async function () {
    onlyInLongRuns(this);
    const folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    const names = ['scaling/pft-altix-1g', 'history/003-prefault-unpatched', 'history/003-prefault-v2'];
    await faultline('report', ...names, ...quick, '-o', folder);
    const text = readFileSync(join(folder, 'kernels-altix-3700-8p.md'), 'utf8');
    expect(text).to.match(
      /\| \[v2\.6\.10\]\(pft-altix-1g\.md\) \| \[v2\.6\.10 \+ anon-prefault-v2\]\(003-prefault-v2\.md\) \|/,
    );
    const row = /^\| 1 GiB \| 8 \| (\d+)[^|]*\| (\d+)[^|]*\(([+-][\d.]+) %\) \|$/m.exec(text)!;
    expect(Number(row[3])).to.be.closeTo((Number(row[2]) / Number(row[1]) - 1) * 100, 0.06);
    const alone = mkdtempSync(join(tmpdir(), 'faultline-'));
    await faultline('report', ...names.slice(0, 2), ...quick, '-o', alone);
    expect(readdirSync(alone).some((file) => file.startsWith('kernels'))).to.equal(false);
  });

  it('says by which command it was written, of a file too; and of what was published only where something was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    const mine = join(folder, "it's mine.yaml");
    writeFileSync(
      mine,
      readFileSync('scenarios/scaling/pft-altix-1g.yaml', 'utf8').replace(/^measured:\n( {2}.*\n)+/m, ''),
    );
    const { code } = await faultline('report', mine, 'scaling/pft-altix-1g', ...quick, '-o', folder);
    expect(code).to.equal(0);
    const [text, packaged] = ["it's mine.md", 'pft-altix-1g.md'].map((file) =>
      readFileSync(join(folder, file), 'utf8'),
    );
    expect(text).to.contain(`Written by \`faultline report '${mine.replace("'", "'\\''")}' --scale `);
    expect(packaged).to.contain('Written by `faultline report scaling/pft-altix-1g --scale ');
    expect(text).to.contain('| | threads | fault/wsec |\n| --: | --: | --: |\n').and.not.to.contain('published');
    expect(packaged).to.contain('| | threads | fault/wsec | published | error |\n| --: | --: | --: | --: | --: |\n');
    rmSync(folder, { recursive: true });
  });

  it('has files that are read too: rates of what is read, by window', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'faultline-'));
    const { out } = await faultline('report', 'scaling/seqread-cached-file', '-q', '-o', folder);
    expect(out.trim().split('\n')).to.have.length(4);
    const text = readFileSync(join(folder, 'seqread-cached-file.md'), 'utf8');
    const rates = [...text.matchAll(/^\| windows of \d+ \| 1 \| ([\d.]+) \|/gm)].map((match) => Number(match[1]));
    expect(rates).to.have.length(4);
    expect(rates).to.deep.equal([...rates].sort((a, b) => a - b));
  });
});
