/** Which frames of a JavaScript stack are shown as a backtrace. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { parseStack } from '../src/trace/stack.ts';

/** A stack with one frame for each path. */
const shown = (...paths: string[]): string[] =>
  parseStack(['Error', ...paths.map((path, i) => `    at fn${i} (${path}:${i + 1}:7)`)].join('\n')).map(
    ({ fn, file, line }) => `${fn} ${file}:${line}`,
  );
const src = (path: string): string => resolve('src', path);

describe('backtraces', () => {
  it('are of kernel text and of programs of users, not of machinery', () => {
    expect(shown(src('sync/spinlock.ts'), src('kernel/mm/memory.ts'), src('workload/ops.ts'))).to.deep.equal([
      'fn1 memory.ts:2',
    ]);
    expect(shown(resolve('scenarios/mine.ts'), resolve('node_modules/mocha/lib/runner.js'), 'node:fs')).to.deep.equal([
      'fn0 mine.ts:1',
    ]);
  });

  it('end where the driver begins', () => {
    expect(shown(src('kernel/mm/memory.ts'), src('machine/thread.ts'), resolve('scenarios/mine.ts'))).to.deep.equal([
      'fn0 memory.ts:1',
    ]);
  });

  it('may be in folders of any name outside of this package', () => {
    const elsewhere = ['/check/mine.ts', '/home/me/src/machine/thread.ts', 'C:\\sync\\mine.ts'];
    expect(shown(...elsewhere)).to.have.lengthOf(3);
    expect(shown('/home/me/node_modules/effection/mod.js')).to.deep.equal([]);
  });

  it('are read from URLs too', () => {
    const url = (path: string): string => pathToFileURL(src(path)).href;
    expect(shown(url('kernel/mm/memory.ts'), url('drivers/controlled/dpor.ts'))).to.deep.equal(['fn0 memory.ts:1']);
  });
});
