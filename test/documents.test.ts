/** README.md and docs/ show what comes out. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { onlyInLongRuns } from './support/long.ts';

describe('documents', () => {
  const documents = ['README.md', ...readdirSync('docs').map((file) => `docs/${file}`)];
  // docs/patch.md is followed with the packed package, by patch.test.ts
  for (const path of documents.filter((file) => file !== 'docs/patch.md')) {
    it(`${path} shows what comes out`, function () {
      this.timeout(300_000);
      if (['README.md', 'docs/history.md', 'docs/whatif.md'].includes(path)) onlyInLongRuns(this);
      const node = ['--enable-source-maps', '--import', './test/support/register.mjs', 'scripts/write-readme.ts'];
      const { status, stderr } = spawnSync(process.execPath, [...node, '--check', path], { encoding: 'utf8' });
      expect(status, stderr).to.equal(0);
    });
  }
});
