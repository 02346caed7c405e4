/** Every file in scenarios/ is run and held to its `expect`. */
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import { runTimed } from '../src/drivers/timed/run.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { judge } from '../src/scenario/judge.ts';
import { figures, judgePft, measuredFigures, type PftResult } from '../src/scenario/pft-result.ts';
import { readScenario, type Scenario } from '../src/scenario/read.ts';
import { buildPftWorld, buildWorld, checkedProgram, type PftRow, pftRows } from '../src/scenario/world.ts';
import { pftPages } from '../src/workload/pft.ts';

const files = readdirSync('scenarios', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));

function runRow(scenario: Scenario, row: PftRow): PftResult {
  const world = buildPftWorld(scenario, row);
  const timed = runTimed(world.births, world);
  const pages = pftPages({ ...row, cpus: world.cpus }, world.system.geometry.pageBytes);
  const measured = measuredFigures(scenario, row, pages);
  return { ...row, pages, faults: world.system.pgfault, ...figures(pages, timed), measured };
}

describe('scenarios', () => {
  it('there are some', () => {
    expect(files).to.not.be.empty;
  });

  for (const file of files.sort()) {
    it(file, function () {
      this.timeout(120_000);
      const scenario = readScenario(`scenarios/${file}`, catalog());
      if (scenario.pft !== null) {
        const results = pftRows(scenario).map((row) => runRow(scenario, row));
        expect(judgePft(scenario.expect, results)).to.deep.equal([]);
        return;
      }
      const result = explore(() => checkedProgram(buildWorld(scenario)), { strategy: new DporStrategy() });
      expect(result.complete, 'complete').to.equal(true);
      expect(judge(scenario.expect, result)).to.deep.equal([]);
    });
  }
});
