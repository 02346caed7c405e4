/** scenarios/README.md: every scenario is in its tables, and every operation. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { OPERATIONS } from '../src/scenario/schema.ts';

const text = readFileSync('scenarios/README.md', 'utf8');
const files = readdirSync('scenarios', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.replaceAll('\\', '/').replace(/\.yaml$/, ''));

/** What stands between backticks in the cells of each row of a table. */
const rows = [...text.matchAll(/^\| (`.*) \|$/gm)].map(([, row]) => row.split(' |').map(namesIn));

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
}

/** `-merged` after another name is that name, or what it begins with, and `-merged`. */
function whole(first: string, suffix: string): string {
  const parts = first.split('-');
  const found = parts
    .map((_, i) => parts.slice(0, parts.length - i).join('-') + suffix)
    .find((one) => files.includes(one));
  return found ?? `${first}, ${suffix}: there is no such scenario`;
}

describe('scenarios/README.md', () => {
  it('has every scenario once, and no others', () => {
    const named = rows
      .filter(([[first]]) => first.includes('/'))
      .flatMap(([[first, ...others]]) => [
        first,
        ...others.map((name) => (name.startsWith('-') ? whole(first, name) : name)),
      ]);
    expect(named.sort()).to.deep.equal(files.sort());
  });

  it('has every operation, with the keys that may stand beside it', () => {
    const operations = rows.filter(([[first]]) => !first.includes('/'));
    expect(operations.map(([[name]]) => name)).to.have.members(Object.keys(OPERATIONS));
    const beside = Object.fromEntries(operations.map(([[name], , keys]) => [name, keys]));
    expect(beside).to.deep.equal(OPERATIONS);
  });
});
