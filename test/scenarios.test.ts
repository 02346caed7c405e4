/** Every file in scenarios/ is run and held to its `expect`, and to its page in reports/. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { exploreForReport, raceTexts } from '../src/cli/report-race.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { judge } from '../src/scenario/judge.ts';
import { benchmarkOf, readScenario, type Scenario } from '../src/scenario/read.ts';
import { pftRows } from '../src/scenario/world.ts';
import { program } from './support/built.ts';
import { onlyInLongRuns } from './support/long.ts';

const kept = readdirSync('reports', { recursive: true, encoding: 'utf8' });
const files = readdirSync('scenarios', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));

/** Scenarios that docs/history.md checks or runs, which test/documents.test.ts holds to what comes out. */
const documented = [
  ...readFileSync('docs/history.md', 'utf8').matchAll(/^npx faultline (?:check|run) (.*)$/gm),
].flatMap(([, names]) => names.split(' ').map((name) => `${name}.yaml`));

/** Races of more classes and tables of more rows take more than half a second. */
const MANY_CLASSES = 300;
const MANY_ROWS = 1;

/** The other scenarios are explored. */
function isTimed(file: string, scenario: Scenario): boolean {
  return file.startsWith('scaling/') || benchmarkOf(scenario) !== null;
}

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

/** The link to the index is there if all are written. */
function withoutIndex(text: string): string {
  return text.replace('<nav><a href="../index.html">all reports</a></nav>', '');
}

describe('scenarios', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'faultline-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** Run in a process of its own: V8 is several times slower where other tests have widened every type. */
  function reportedAsKept(name: string): void {
    const output = mkdtempSync(join(folder, 'reports-'));
    const node = [program(), 'report', name, '-q', '-o', output];
    const { status, stderr } = spawnSync(process.execPath, node, { encoding: 'utf8' });
    expect([status, stderr]).to.deep.equal([0, '']);
    const written = readdirSync(output, { recursive: true, encoding: 'utf8' });
    expect(written).to.include(`${name}.html`);
    for (const file of written.filter((one) => kept.includes(one) && /\.(html|md|svg)$/.test(one))) {
      const isKept = readFileSync(join(output, file), 'utf8') === withoutIndex(readFileSync(`reports/${file}`, 'utf8'));
      expect(isKept, `reports/${file} is up to date (npm run reports)`).to.equal(true);
    }
  }

  it('that docs/history.md shows are there, and as expected there', () => {
    expect(files).to.include.members(documented);
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
      if (isTimed(file, scenario)) {
        reportedAsKept(file.replace('.yaml', ''));
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
