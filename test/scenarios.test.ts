/** Every file in scenarios/ is run and held to its `expect`, and if it is a race to its page in reports/. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { exploreForReport, raceTexts } from '../src/cli/report-race.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { judge } from '../src/scenario/judge.ts';
import { latProcRows } from '../src/scenario/lat-proc-result.ts';
import { benchmarkOf, readScenario, type Scenario } from '../src/scenario/read.ts';
import { pftRows } from '../src/scenario/world.ts';
import { onlyInLongRuns } from './support/long.ts';

const files = readdirSync('scenarios', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));

/** Under the clock, in a process of its own: V8 is several times slower where other tests have widened every type. */
function runTimed(file: string): { status: number | null; rows: { faults: number }[]; problems: string[] } {
  const node = ['--import', './test/support/register.mjs', 'src/cli/main.ts', 'run', file, '--format', 'json'];
  const { status, stdout } = spawnSync(process.execPath, node, { encoding: 'utf8' });
  return { status, ...(JSON.parse(stdout) as { rows: { faults: number }[]; problems: string[] }) };
}

/** A page fault test with one repetition in the place of many: each is as the others, and as long. */
function once(text: string): string {
  const repetitions = Number(/repetitions: (\d+)/.exec(text)![1]);
  return text
    .replace(/repetitions: \d+/, 'repetitions: 1')
    .replace(/faults: (\d+)/, (_all, faults: string) => `faults: ${Number(faults) / repetitions}`)
    .replaceAll(new RegExp(`(- \\[[\\d.]+, )${repetitions},`, 'g'), '$11,');
}

/** Scenarios that docs/history.md checks or runs, which test/documents.test.ts holds to what comes out. */
const documented = new Set(
  [...readFileSync('docs/history.md', 'utf8').matchAll(/^npx faultline (?:check|run) (.*)$/gm)].flatMap(([, names]) =>
    names.split(' ').map((name) => `${name}.yaml`),
  ),
);

/** Sequential reads of a smaller part of the file, and one window. */
function shorter(text: string): string {
  return text.replace(/scale: \d+/, 'scale: 4096').replace(/orders: \[.*\]/, 'orders: 4');
}

/** Races of more classes and tables of more rows take more than half a second. */
const MANY_CLASSES = 300;
const MANY_ROWS = 2;

function isDear(file: string, scenario: Scenario): boolean {
  if (scenario.pft !== null) return pftRows(scenario).length > MANY_ROWS;
  if (benchmarkOf(scenario) !== null) return scenario.seqread?.measured !== undefined;
  return classesOf(file) > MANY_CLASSES;
}

/** As the page of a race has it; 0: there is no such page. */
function classesOf(file: string): number {
  const page = `reports/${file.replace('.yaml', '.html')}`;
  const [, words] = /all ([\d,]+) classes/.exec(existsSync(page) ? readFileSync(page, 'utf8') : '') ?? ['', '0'];
  return Number(words.replaceAll(',', ''));
}

describe('scenarios', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'faultline-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('that docs/history.md shows are there, and as expected there', () => {
    expect(files).to.include.members([...documented]);
    expect(readFileSync('docs/history.md', 'utf8')).to.not.match(/NOT AS EXPECTED|BROKEN/);
  });

  it('there are some', () => {
    expect(files).to.not.be.empty;
  });

  for (const file of [...files].sort()) {
    it(file, function () {
      this.timeout(300_000);
      const path = `scenarios/${file}`;
      const scenario = readScenario(path, catalog());
      if (isDear(file, scenario)) onlyInLongRuns(this);
      if (documented.has(file) && benchmarkOf(scenario) !== null) return; // once is enough
      if (file.startsWith('scaling/') && scenario.pft === null) {
        expect(runTimed(path)).to.include({ status: 0 });
        return;
      }
      if (scenario.pft !== null) {
        const short = join(folder, 'once.yaml');
        writeFileSync(short, once(readFileSync(path, 'utf8')));
        const { status, rows, problems } = runTimed(short);
        expect([status, problems, rows.length]).to.deep.equal([0, [], pftRows(scenario).length]);
        return;
      }
      if (scenario.seqread !== undefined) {
        const short = join(folder, 'shorter.yaml');
        writeFileSync(short, shorter(readFileSync(path, 'utf8')));
        const { status, problems } = runTimed(short);
        expect([status, problems]).to.deep.equal([0, []]);
        return;
      }
      if (scenario.latProc !== undefined) {
        const { status, problems, rows } = runTimed(path);
        expect([status, problems, rows.length]).to.deep.equal([0, [], latProcRows(scenario.latProc).length]);
        return;
      }
      const result = exploreForReport(scenario, 200_000);
      expect(result.complete, 'complete').to.equal(true);
      expect(judge(scenario.expect, result)).to.deep.equal([]);
      const name = file.replace('.yaml', '');
      const isKept =
        raceTexts(scenario, result, name, '../index.html').page === readFileSync(`reports/${name}.html`, 'utf8');
      expect(isKept, `reports/${name}.html is up to date (npm run reports)`).to.equal(true);
    });
  }
});
