// Runs the tests in several processes of mocha, as many at a time as there are CPUs; arguments are handed on. Not in those
// of mocha's --parallel, which run whatever comes next: V8 is about half as fast where other tests have widened every type.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { stripVTControlCharacters } from 'node:util';

const MOCHA = ['--import', './test/support/register.mjs', 'node_modules/mocha/bin/_mocha', '--no-parallel'];

/** Files of test/ that go together, the longest first; the others make one more group. */
const GROUPS = [
  ['scenarios'],
  ['documents', 'resume', 'patch'],
  ['predict', 'whatif', 'seqread', 'report', 'timed'],
  ['files', 'dax', 'fault-around'],
  ['flat', 'lookahead'],
  ['cli', 'html', 'readers', 'exports'],
  ['kernels', 'kernel', 'memory', 'walks'],
  ['golden', 'liveness', 'needle'],
  ['sampling'],
  ['fast-check'],
].map((group) => group.map((name) => `test/${name}.test.ts`));

const others = readdirSync('test', { encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name}`)
  .filter((file) => !GROUPS.flat().includes(file));
const waiting = [...GROUPS, others];
const sums = { passing: 0, pending: 0, failing: 0 };
const began = Date.now();

/** What mocha says at the end: `  12 passing (3s)`. */
function count(said, what) {
  const found = new RegExp(`^ *(\\d+) ${what}\\b`, 'm').exec(stripVTControlCharacters(said));
  return Number(found?.[1] ?? 0);
}

/** Has mocha run these files, and prints what it says when it has ended. */
async function run(files) {
  const colors = process.stdout.isTTY ? ['--color'] : [];
  const args = [...MOCHA, ...colors, ...process.argv.slice(2), ...files];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
  const code = await new Promise((resolve) => child.on('close', resolve));
  process.stdout.write(said);
  for (const what of Object.keys(sums)) sums[what] += count(said, what);
  if (code !== 0 && count(said, 'failing') === 0) sums.failing++;
}

async function runInTurn() {
  for (let files = waiting.shift(); files !== undefined; files = waiting.shift()) await run(files);
}

await Promise.all(Array.from({ length: availableParallelism() }, runInTurn));
const seconds = Math.round((Date.now() - began) / 1000);
console.log(`  ${sums.passing} passing (${Math.floor(seconds / 60)}m ${seconds % 60}s)`);
console.log(`  ${sums.pending} pending\n  ${sums.failing} failing`);
process.exitCode = sums.failing > 0 ? 1 : 0;
