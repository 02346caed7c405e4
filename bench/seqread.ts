/**
 * Host time and memory of the sequential reads: a column of the table (1, 8, 32, 60 and 120 processes at one window order) at
 * a time, each in a process of its own, by what `npm run build` has made.
 *
 *     npm run bench:seqread -- [GiB] [orders, such as 0,4,9] [processes]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [gib = '1', orders = '0,4,9', processes = '1,8,32,60,120'] = process.argv.slice(2);
const PAGES_OF_A_GIB = 2 ** 18;

/** Imported first: prints on the last line what the process took, CPU seconds and MiB at most. */
const WATCH = `
process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  process.stderr.write('\\n' + JSON.stringify({ seconds: (userCPUTime + systemCPUTime) / 1e6, mib: maxRSS / 1024 }));
});
`;

const folder = mkdtempSync(join(tmpdir(), 'faultline-'));
try {
  process.stdout.write(`${gib} GiB, processes ${processes}\norder   host CPU s   us/page   peak MiB\n`);
  for (const order of orders.split(',')) column(order);
} finally {
  rmSync(folder, { recursive: true });
}

function column(order: string): void {
  const file = join(folder, `order${order}.yaml`);
  const lines = [
    'about: bench',
    'kernel: { base: v3.17 }',
    'machine: { profile: ivybridge-ex-4s }',
    `seqread: { gib: ${gib}, processes: [${processes}], orders: ${order} }`,
    'expect: { never: anything }',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const watch = join(folder, 'watch.mjs');
  writeFileSync(watch, WATCH);
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const args = ['--max-old-space-size=8192', '--import', watch, main, 'run', file, '--quiet'];
  const { stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const { seconds, mib } = JSON.parse(stderr.trim().split('\n').at(-1)!) as { seconds: number; mib: number };
  const pages = processes.split(',').reduce((sum, n) => sum + Number(n), 0) * Number(gib) * PAGES_OF_A_GIB;
  const cells = [
    seconds.toFixed(1).padStart(13),
    ((seconds / pages) * 1e6).toFixed(2).padStart(10),
    mib.toFixed(0).padStart(11),
  ];
  process.stdout.write(`${order.padStart(5)}${cells.join('')}\n`);
}
