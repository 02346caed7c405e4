/** Schedules drawn in lanes as SVG: all steps are there, others' names are text, and the same bytes come out again. */
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { exploreForReport, raceTexts } from '../src/cli/report-race.ts';
import { counterexampleOf } from '../src/explain/counterexample.ts';
import { heldSpans } from '../src/report/held.ts';
import { laneOf } from '../src/report/lanes.ts';
import { type LanesDrawing, LANES_STYLE, lanesSvg } from '../src/report/lanes-svg.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { readScenario } from '../src/scenario/read.ts';
import { buildWorld, checkedProgram } from '../src/scenario/world.ts';
import type { TraceStep } from '../src/trace/step.ts';
import { skip } from './support/skip.ts';

const HOSTILE = `</text></svg><script>alert(1)</script><!-- "'&]]>\u001b[31m\u202e\u200f\u0007\ud800`;
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

function step(n: number, thread: string, more: Partial<TraceStep> = {}): TraceStep {
  const nothing = { runnable: [], result: '', plain: [], held: [], released: [], stack: [] };
  return { ...nothing, n, thread, label: `step ${n}`, ...more };
}

function drawn(steps: readonly TraceStep[], more: Partial<LanesDrawing> = {}): string {
  const lanes = [...new Set(steps.map(({ thread }) => thread))].map((name, cpu) => laneOf({ name, cpu }));
  return lanesSvg({ title: 'a race', notes: [], lanes, steps, marks: [], ...more });
}

/** What stands in it, in order, as it is read. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, words]) =>
    words.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  );
}

/** What xmllint says; null: it is not there. */
function linted(xml: string): { status: number | null; stderr: string } | null {
  const { error, status, stderr } = spawnSync('xmllint', ['--noout', '-'], { input: xml, encoding: 'utf8' });
  return error === undefined ? { status, stderr } : null;
}

describe('lanes as SVG', () => {
  const scenario = readScenario('scenarios/races/anon-fault+anon-fault-no-recheck.yaml', catalog());
  const result = exploreForReport(scenario, 10_000);
  const made = raceTexts(scenario, result, 'races/no-recheck', null);
  const { page } = made;
  const drawing = made.drawing!;

  it('have every step of a counterexample with its values and places, and what is wrong after the last', () => {
    const program = () => checkedProgram(buildWorld(scenario));
    const { recording } = counterexampleOf(program, result.failures[0]);
    const { steps, found } = recording;
    const texts = textsOf(drawing);
    const words = texts.join(' ').replaceAll(/\s+/g, ' ');
    const said = steps.filter(({ label }) => label !== '');
    expect(said.length).to.be.above(30);
    for (const { n, label, result: came, plain } of said) {
      expect(texts).to.include(String(n));
      expect(words).to.include(came === '' ? label : `${label} [${came}]`);
      for (const { write, name, before, after } of plain)
        expect(words).to.include(write ? `${name}: ${before} -> ${after}` : `looks at ${name}: ${after}`);
    }
    for (const { witness, step: after } of found)
      expect(words).to.include(`after step ${after}: `).and.to.include(witness);
    expect(texts).to.include.members(['CPU0 T1', 'CPU1 T2']);
  });

  it('come out the same again, and are in the page as they are', () => {
    expect(raceTexts(scenario, result, 'races/no-recheck', null)).to.deep.equal({ page, drawing });
    expect(page).to.include(drawing);
    expect(drawing).to.include(`<style>${LANES_STYLE}</style>`).and.to.include('prefers-color-scheme:dark');
    expect(drawing).to.not.match(/NaN|undefined|Infinity| style="/);
    expect(drawing).to.match(/<title>races\/no-recheck: fails<\/title>\n<desc>45 steps in lanes/);
  });

  it('are XML, whatever names there are, and all of it is seen', function () {
    const access = { thread: HOSTILE, name: HOSTILE, write: true, before: HOSTILE, after: HOSTILE };
    const frame = { fn: HOSTILE, file: HOSTILE, line: 1 };
    const all = { held: [HOSTILE], released: [HOSTILE], choices: [HOSTILE], result: HOSTILE, stack: [frame] };
    const plain = [{ ...access, held: [], stack: [] }];
    const steps = [step(1, HOSTILE, { ...all, label: HOSTILE, plain }), step(2, 'T2')];
    const svg = drawn(steps, { title: HOSTILE, notes: [HOSTILE], marks: [{ step: 2, text: HOSTILE }] });
    expect(svg).to.not.match(UNSEEN);
    expect(svg).to.not.match(/<script|<!--/);
    expect(svg.match(/<\/svg>/g)).to.have.length(1);
    const texts = textsOf(svg).join('');
    for (const seen of ['<script>', '\\u{1b}', '\\u{202e}', '\\u{200f}', '\\u{7}', '\\u{d800}'])
      expect(texts).to.include(seen);
    const [good, hostile, broken] = [drawing, svg, svg.replace('</g>', '')].map(linted);
    if (good === null) skip(this, 'there is no xmllint');
    expect(good.stderr + hostile!.stderr).to.equal('');
    expect(broken!.status).to.equal(1);
  });

  it('draw a lock from the step that takes it to the one that releases it, two at once beside each other', () => {
    const held = [['a'], ['a', 'b'], ['b'], ['b', 'c'], ['b']];
    const steps = held.map((locks, i) => step(i + 1, 'T1', { held: locks }));
    expect(heldSpans(steps, 'T1')).to.deep.equal([
      { lock: 'a', row: 0, from: 1, to: 3 },
      { lock: 'c', row: 0, from: 4, to: 5 },
      { lock: 'b', row: 1, from: 2, to: 5 },
    ]);
    const bars = [...drawn(steps).matchAll(/class="lock" x="(\d+)" y="(\d+)" width="\d+" height="(\d+)"><title>(\w)/g)];
    const rows = bars.map(
      ([, x, y, height, lock]) => [lock, Number(x), Number(y), Number(y) + Number(height)] as const,
    );
    const [a, c, b] = rows;
    expect(rows.map(([lock]) => lock)).to.deep.equal(['a', 'c', 'b']);
    expect([c[1] - a[1], b[1] - a[1] > 0]).to.deep.equal([0, true]);
    expect([a[3] < c[2], b[2] < a[3], b[3] - c[3]]).to.deep.equal([true, true, 0]);
  });

  it('mark the step after which something is wrong, also one that goes without saying', () => {
    const steps = [step(1, 'T1'), step(2, 'T2'), step(3, 'T1', { label: '' })];
    const of = (at: number): string => drawn(steps, { marks: [{ step: at, text: 'it broke' }] });
    const below = (svg: string): string[] => textsOf(svg).slice(textsOf(svg).indexOf('step 1'));
    expect(below(of(1))).to.deep.equal(['step 1', 'after step 1: it broke', 'step 2']);
    expect(below(of(3))).to.deep.equal(['step 1', 'step 2', 'after step 3: it broke']);
    expect(of(1)).to.match(/<path class="after" d="M\d+ \d+H\d+V/);
    expect(of(3).match(/class="after" d="M\d+ \d+H\d+"/g)).to.have.length(1);
  });
});
