import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Diagnostic, formatDiagnostic, ScenarioError } from '../src/scenario/diagnostic.ts';
import { parseScenario, readScenario } from '../src/scenario/read.ts';

import { catalog, head, race, pft, full, parse, soundOutcome, splice } from './support/scenario-texts.ts';
import { skip } from './support/skip.ts';

function errorOf(action: () => unknown): ScenarioError {
  try {
    action();
  } catch (error) {
    if (error instanceof ScenarioError) return error;
    throw error;
  }
  throw new Error('no error');
}

const line = (d: Diagnostic) => `${d.line}:${d.column} ${d.message}${d.hint === undefined ? '' : `. ${d.hint}`}`;
const errors = (text: string) => errorOf(() => parse(text)).diagnostics.map(line);
/** The race with one line replaced (counted from 1). */
const raceWith = (at: number, text: string) =>
  race
    .split('\n')
    .with(at - 1, text)
    .join('\n');
const op = (text: string) => raceWith(5, `  T1: [ ${text} ]`);

describe('a scenario', () => {
  it('is normalised', () => {
    const { sha256, ...rest } = parse(full);
    expect(sha256).to.match(/^[0-9a-f]{64}$/);
    expect(rest).to.deep.equal({
      path: 'x.yaml',
      about: 'Two threads fault the same anonymous page at once.',
      kernel: { base: 'v2.6.10', patches: [], bugs: ['no-pte-none-recheck'] },
      machine: { profile: 'altix-3700-8p', cpus: 2 },
      vmas: [
        { name: 'heap', pages: 4, readonly: true },
        { name: 'stack', pages: 1, readonly: false },
      ],
      threads: [
        {
          name: 'T1',
          cpu: 0,
          ops: [
            { kind: 'write', vma: 'heap', first: 0, last: 0, value: null },
            { kind: 'read', vma: 'heap', first: 0, last: 0 },
            { kind: 'write', vma: 'heap', first: 0, last: 3, value: null },
          ],
        },
        { name: 'T2', cpu: 1, ops: [{ kind: 'write', vma: 'stack', first: 0, last: 0, value: 7 }] },
        { name: 'T3', cpu: 0, ops: [{ kind: 'mmap', pages: 3 }] },
        { name: 'T4', cpu: 0, ops: [{ kind: 'read', vma: 'stack', first: 0, last: 0 }] },
      ],
      pft: null,
      measured: null,
      expect: {
        never: 'anything',
        sometimes: ['lost store'],
        always: [],
        reachable: [],
        faults: null,
        errorPercent: null,
      },
    });
  });

  it('may have executable areas and ask whether a page was used', () => {
    const text = race
      .replace('stack: { pages: 1 }', 'code: { pages: 1, executable: true }, data: { pages: 1, executable: false }')
      .replace('{ write: heap, page: 0 }', '{ page_referenced: heap, pages: [0, 3] }');
    const { vmas, threads } = parse(text);
    expect(vmas.slice(1)).to.deep.equal([
      { name: 'code', pages: 1, readonly: false, executable: true },
      { name: 'data', pages: 1, readonly: false },
    ]);
    expect(threads[0]?.ops).to.deep.equal([{ kind: 'page_referenced', vma: 'heap', first: 0, last: 3 }]);
  });

  it('may have files, mapped and not', () => {
    const text = files
      .replace('{ write: map, page: 0 }', '{ truncate: data, to: 1.5 }, { punch: data }, { msync: map }')
      .replace('pages: 2.5', 'pages: 2.5, cached: [0, 2], holes: [1], dax: false, page_mkwrite: true')
      .replace('shared: true', 'shared: true, offset: 1');
    const { files: made, vmas, threads } = parse(text);
    expect(made).to.deep.equal([{ name: 'data', pages: 2.5, cached: [0, 2], page_mkwrite: true, holes: [1] }]);
    expect(vmas).to.deep.equal([{ name: 'map', pages: 2, readonly: false, file: 'data', offset: 1, shared: true }]);
    expect(threads[0].ops).to.deep.equal([
      { kind: 'truncate', file: 'data', to: 1.5 },
      { kind: 'punch', file: 'data', first: 0, last: null },
      { kind: 'msync', vma: 'map', first: 0, last: 1 },
    ]);
  });

  it('may catch signals, and say nothing that goes without saying', () => {
    const text = files
      .replace(
        '{ write: map, page: 0 }',
        '{ write: map, page: 0, catches: SIGBUS }, { read: map, page: 0, sees: [5, SIGBUS] }, { pread: data, page: 9, of: T1 }, { mmap: { pages: 1, file: data, offset: 0, shared: false } }',
      )
      .replace('shared: true', 'shared: false, offset: 0')
      .replace('pages: 2.5', 'pages: 2.5, cached: true');
    const { files: made, vmas, threads } = parse(text);
    expect([made, vmas]).to.deep.equal([
      [{ name: 'data', pages: 2.5 }],
      [{ name: 'map', pages: 2, readonly: false, file: 'data' }],
    ]);
    const where = { vma: 'map', first: 0, last: 0 };
    expect(threads[0].ops).to.deep.equal([
      { kind: 'write', ...where, value: null, catches: ['SIGBUS'] },
      { kind: 'read', ...where, sees: [5, 'SIGBUS'] },
      { kind: 'pread', file: 'data', first: 9, last: 9, of: 'T1' },
      { kind: 'mmap', pages: 1, file: 'data' },
    ]);
  });

  it('may be the page fault test with a published table', () => {
    const scenario = parse(pft);
    expect(scenario.machine).to.deep.equal({ profile: 'altix-3700-8p', cpus: 8 });
    expect(scenario.pft).to.deep.equal({ gb: [1], repetitions: 3, threads: [1, 2] });
    expect(scenario.expect).to.deep.equal({
      never: [],
      sometimes: [],
      always: [],
      reachable: [],
      faults: 196608,
      errorPercent: 60,
    });
    const times = {
      user: '0.047s',
      system: '2.163s',
      wall: '2.021s',
      faultsPerCpuS: 88925.153,
      faultsPerWallS: 88859.03,
    };
    expect(scenario.measured?.rows).to.deep.equal([{ gb: 1, repetitions: 3, threads: 1, ...times }]);
    expect(parse(pft.replace('gb: 1', 'gb: [0.25, 8]')).pft?.gb).to.deep.equal([0.25, 8]);
  });

  it('has a hash of its meaning only', () => {
    const hash = (text: string) => parse(text).sha256;
    expect(hash(`# a comment\n${race.replace('about: why', 'about: because')}`)).to.equal(hash(race));
    expect(hash(race.replace('vmas', 'machine: { cpus: 8, profile: altix-3700-8p }\nvmas'))).to.equal(hash(race));
    expect(parseScenario(race, 'elsewhere.yaml', catalog).sha256).to.equal(hash(race));
    for (const [from, to] of [
      ['page: 0', 'page: 1'],
      ['pages: 4', 'pages: 5'],
      ['T1', 'T2'],
      ['write', 'read'],
    ] as const)
      expect(hash(race.replace(from, to)), to).not.to.equal(hash(race));
  });

  it('may have names that JavaScript gives to other things', () => {
    const names = parse(race.replaceAll('heap', 'constructor').replaceAll('T1', 'toString'));
    expect(names.vmas[0]?.name).to.equal('constructor');
    expect(names.threads[0]?.name).to.equal('toString');
  });
});

const files = `${head}files: { data: { pages: 2.5 } }
vmas: { map: { pages: 2, file: data, shared: true } }
threads:
  T1: [ { write: map, page: 0 } ]
expect: { never: anything }
`;
const fileOp = (text: string) => files.replace('{ write: map, page: 0 }', text);
const never = (value: string) => raceWith(6, `expect: { ${value} }`);
const mappingHere =
  'a scenario must be a mapping with the keys about, kernel, expect and either vmas and threads or pft or lat_proc or seqread';
const opKeys =
  'write, read, page_referenced, munmap, madvise_dontneed, mmap, remap, msync, truncate, punch, invalidate, writeback, pwrite, pread, wait, exit, page, pages, value, of, sees, catches, to, fork';
const opKinds =
  'write, read, page_referenced, munmap, madvise_dontneed, mmap, remap, msync, truncate, punch, invalidate, writeback, pwrite, pread, fork, wait and exit';
const rootKeys = 'about, kernel, machine, files, vmas, threads, pft, lat_proc, seqread, measured, expect';
const noAlias = (c: string) => `anchors and aliases are not supported. Text that begins with ${c} needs quotes`;
const badName = 'must be at most 64 letters, digits, spaces and _ . + -, the first of them a letter or _';

// Text, then all of its errors as line:column message.
// prettier-ignore
const refused: Record<string, [text: string, ...errors: string[]]> = {
  // keys
  'an unknown key': [`${race}seed: 3`, `7:1 unknown key 'seed' (possible here: ${rootKeys})`],
  'a misspelt key, said once': [race.replace('kernel:', 'kernal:'), `2:1 unknown key 'kernal' (possible here: ${rootKeys}). Did you mean 'kernel'?`],
  'an unknown key of an operation': [op('{ wriet: heap, page: 0 }'), `5:11 unknown key 'wriet' (possible here: ${opKeys}). Did you mean 'write'?`],
  'a misspelt section': [race.replace('vmas', 'vams'), `3:1 unknown key 'vams' (possible here: ${rootKeys}). Did you mean 'vmas'?`],
  'a missing key': [race.replace(/kernel.*\n/, ''), "1:1 missing key 'kernel'"],
  'a missing key of a section': [race.replace('base: v2.6.10', ''), "2:1 missing key 'base' in kernel"],
  'a missing key of a thread': [raceWith(5, '  T1: { cpu: 1 }'), "5:3 missing key 'do' in T1"],
  '__proto__ as a key': [`${race}__proto__: 3`, `7:1 unknown key '__proto__' (possible here: ${rootKeys})`],
  'constructor as a key': [race.replace('base', 'constructor: 1, base'), "2:11 unknown key 'constructor' (possible here: base, patches, bugs, config)"],
  '__proto__ as a name': [race.replace('stack', '__proto__'), "3:29 '__proto__' cannot be a name"],
  'a duplicate key': [race.replace('stack', 'heap'), "3:29 duplicate key 'heap' (first in line 3)"],
  'a key that is a number': [race.replace('stack', '12'), "3:29 a key must be text, got 12. Write '12' in quotes"],
  'a key that is a list': [race.replace('stack', '[1]'), '3:29 a key must be text, got a list of 1'],
  'a name with an escape': [race.replace('stack', '"\\e[31m"'), `3:29 a name of one of the vmas ${badName}, got '\\x1b[31m'`],
  'a name with a newline': [raceWith(5, '  "T\\n1": [ mmap: { pages: 3 } ]'), `5:3 a name of one of the threads ${badName}, got 'T\\n1'`],
  // values
  'no about': [race.replace('why', ''), '1:1 about must be text: the question, and why the outcome is right, got nothing'],
  'an about of blanks': [race.replace('why', '" "'), "1:8 about must be text: the question, and why the outcome is right, got ' '"],
  'an about with an escape': [race.replace('why', '"\\e[2J"'), "1:8 about must be text without control characters, got '\\x1b[2J'"],
  'negative pages': [race.replace('pages: 4', 'pages: -3'), '3:24 pages must be a whole number of at least 1, got -3'],
  'fractional pages': [race.replace('pages: 4', 'pages: 1.5'), '3:24 pages must be a whole number of at least 1, got 1.5'],
  'pages in words': [race.replace('pages: 4', 'pages: four'), "3:24 pages must be a whole number of at least 1, got 'four'"],
  'a trillion pages': [race.replace('pages: 4', 'pages: 1000000000000'), '3:24 pages must be a whole number of at most 268435456, got 1000000000000'],
  'a file of too many pages': [`files: { f: { pages: 65537 } }\n${race}`, '1:22 pages must be a number of at most 65536, got 65537'],
  'files of too many pages together': [`files: { f: { pages: 65535.5 }, g: { pages: 1 } }\n${race}`, '1:1 all files together have at most 65536 pages, got 65537'],
  'too many pages together': [race.replace('pages: 4', 'pages: 268435456'), '3:1 all vmas together have at most 268435456 pages, got 268435457'],
  'a number beyond all': [race.replace('pages: 4', 'pages: 1e400'), '3:24 pages must be a whole number of at least 1, got 1e400'],
  'not a number': [race.replace('pages: 4', 'pages: .nan'), '3:24 pages must be a whole number of at least 1, got .nan'],
  infinity: [race.replace('pages: 4', 'pages: -.inf'), '3:24 pages must be a whole number of at least 1, got -.inf'],
  'a hexadecimal number': [race.replace('pages: 4', 'pages: 0x10'), '3:24 numbers are written in decimal, got 0x10'],
  'yes for true': [race.replace('pages: 4', 'pages: 4, readonly: yes'), "3:37 readonly must be true or false, got 'yes'"],
  'a list for a section': [race.replace('{ base: v2.6.10 }', '[v3.17]'), '2:9 kernel must be a mapping such as { base: v2.6.10 }, got a list of 1'],
  'a name for a list of names': [race.replace('v2.6.10', 'v2.6.10, bugs: early-unlock'), "2:32 bugs must be a list of names of bugs, got 'early-unlock'"],
  'a number among names': [race.replace('v2.6.10', 'v2.6.10, bugs: [3]'), '2:33 entry 1 of bugs must be the name of a bug, got 3'],
  // names and bounds
  'an unknown vma': [op('{ write: haep, page: 0 }'), "5:18 unknown vma 'haep' (this scenario has: heap, stack). Did you mean 'heap'?"],
  'a vma called as in Object': [op('{ write: toString, page: 0 }'), "5:18 unknown vma 'toString' (this scenario has: heap, stack)"],
  'an unknown kernel': [race.replace('v2.6.10', 'v2.6.11'), "2:17 unknown kernel 'v2.6.11' (there are: v2.6.10, v3.17). Did you mean 'v2.6.10'?"],
  'an unknown patch': [race.replace('v2.6.10', 'v3.17, patches: [dax]'), "2:34 unknown patch 'dax' (there are: anon-atomic, dax-cow-fault)"],
  'a bug named twice': [race.replace('v2.6.10', 'v2.6.10, bugs: [early-unlock, early-unlock]'), "2:47 bug 'early-unlock' is named twice"],
  'a bug of another kernel': [race.replace('v2.6.10', 'v3.17, bugs: [early-unlock]'), "2:31 bug 'early-unlock' is a change to v2.6.10, and base is v3.17"],
  'a knob of another kernel': [race.replace('v2.6.10', 'v2.6.10, config: { ra_pages: 2, fault_around_bytes: 3 }'), '2:49 this kernel has no fault_around_bytes (v2.6.10 has: ra_pages)'],
  'a knob turned too far': [`machine: { profile: x86-2s }\n${race.replace('v2.6.10', 'v3.17, config: { fault_around_bytes: 10000 }')}`, "3:54 fault_around_bytes must be at most 9999, a page of ptes of 'x86-2s', got 10000"],
  'windows of a kernel without': [`${head}seqread: { gib: 1, threads: 2, orders: 0 }\nexpect: { never: anything }`, '3:32 orders needs a kernel with fault_around_bytes (v2.6.10 has: ra_pages)'],
  'windows set twice': [`${head.replace('v2.6.10', 'v3.17, config: { fault_around_bytes: 1 }')}seqread: { gib: 1, threads: 2, orders: 0 }\nexpect: { never: anything }`, '3:32 either orders or fault_around_bytes of config sets the window, got both'],
  'an unknown profile': [`machine: { profile: toString }\n${race}`, "1:21 unknown profile 'toString' (there are: altix-3700-8p, x86-2s)"],
  'too many cpus': [`machine: { profile: x86-2s, cpus: 3 }\n${race}`, "1:35 cpus must be at most 2, the CPUs of 'x86-2s', got 3"],
  'a cpu beyond the machine': [`machine: { cpus: 2 }\n${raceWith(5, '  T1: { cpu: 2, do: [ mmap: { pages: 1 } ] }')}`, '6:14 cpu must be at most 1, as the machine has 2, got 2'],
  'a page beyond the vma': [op('{ write: heap, page: 4 }'), "5:30 page 4 is beyond vma 'heap', whose last page is 3"],
  'pages beyond the vma': [op('{ read: heap, pages: [0, 9] }'), "5:34 page 9 is beyond vma 'heap', whose last page is 3"],
  'pages downwards': [op('{ read: heap, pages: [2, 1] }'), '5:30 pages must be [first, last] and go upwards, got [2, 1]'],
  'three pages': [op('{ read: heap, pages: [0, 1, 2] }'), '5:30 pages must be a pair [first, last] of page numbers, got a list of 3'],
  'a negative page': [op('{ read: heap, pages: [-1, 1] }'), '5:31 entry 1 of pages must be a whole number of at least 0, got -1'],
  // operations and workload
  'an operation without a kind': [op('{ page: 0 }'), `5:9 an operation has exactly one of ${opKinds}, got none of them`],
  'an operation of two kinds': [op('{ write: heap, read: heap, page: 0 }'), `5:9 an operation has exactly one of ${opKinds}, got write and read`],
  'an operation without a page': [op('{ write: heap }'), '5:9 write has exactly one of page and pages, got neither'],
  'an operation with page and pages': [op('{ write: heap, page: 0, pages: [0, 1] }'), '5:9 write has exactly one of page and pages, got both'],
  'a read with a value': [op('{ read: heap, page: 0, value: 3 }'), '5:32 value does not go with read'],
  'a page_referenced of an unknown vma': [op('{ page_referenced: haep, page: 0 }'), "5:28 unknown vma 'haep' (this scenario has: heap, stack). Did you mean 'heap'?"],
  'a page_referenced with a value': [op('{ page_referenced: heap, page: 0, value: 3 }'), '5:43 value does not go with page_referenced'],
  'an mmap with a page': [op('{ mmap: { pages: 1 }, page: 0 }'), '5:31 page does not go with mmap'],
  'an operation in words': [op('write'), "5:9 entry 1 of T1 must be an operation such as { write: heap, page: 0 }, got 'write'"],
  'a thread that is a word': [raceWith(5, '  T1: go'), "5:7 T1 must be a list of operations or { cpu: ..., do: [...] }, got 'go'"],
  'a thread without operations': [raceWith(5, '  T1: []'), '5:7 T1 must be a list of at least one operation, got a list of 0'],
  'no threads': [race.replace(/threads:\n.*/, 'threads: {}'), '4:1 threads must have at least one thread, got none'],
  'vmas without threads': [race.replace(/threads:\n.*\n/, ''), "3:1 missing key 'threads': vmas and threads go together"],
  'no workload': [`${head}expect: { never: anything }`, '1:1 a scenario needs a workload: either vmas and threads, or pft, or lat_proc, or seqread'],
  'pft and threads': [`${race}pft: { gb: 1, repetitions: 1, threads: 1 }`, '7:1 a scenario has either vmas and threads or pft, got pft and vmas'],
  'lat_proc and threads': [`${race}lat_proc: { kind: fork, iterations: 1 }`, '7:1 a scenario has either vmas and threads or lat_proc, got lat_proc and vmas'],
  'lat_proc and pft': [`${pft}lat_proc: { kind: fork, iterations: 1 }`, '13:1 a scenario has either pft or lat_proc, got both'],
  'seqread by nobody': [`${head}seqread: { gib: 1 }\nexpect: { never: anything }`, '3:1 seqread has either threads or processes, got neither'],
  'seqread by both': [`${head}seqread: { gib: 1, threads: 2, processes: 2 }\nexpect: { never: anything }`, '3:32 seqread has either threads or processes, got both'],
  'misses without lat_proc': [never('misses: 3'), '6:11 misses goes with lat_proc only'],
  'too many repetitions': [pft.replace('repetitions: 3', 'repetitions: 101'), '5:16 repetitions must be a whole number of at most 100, got 101'],
  'more memory than there is': [`machine: { cpus: 3 }\n${pft.replace('gb: 1', 'gb: [4, 4.5]')}`, '5:11 gb must be at most 4: the machine has 4 GiB with 3 CPUs, got 4.5'],
  'a file larger than memory': [`${head}seqread: { gib: 9, threads: 1, scale: 64 }\nexpect: { faults: 1 }\n`, '3:17 gib must be at most 8: the machine has 8 GiB with 8 CPUs, got 9'],
  'no memory': [pft.replace('gb: 1', 'gb: [1, 0]'), '4:11 entry 2 of gb must be a number greater than 0, got 0'],
  'an empty list': [pft.replace('[1, 2]', '[]'), '6:12 threads must be a whole number of at least 1, or a list of them, got a list of 0'],
  'another column': [pft.replace('User', 'Usr'), "9:31 entry 4 of columns must be 'User', got 'Usr'"],
  'seconds without s': [pft.replace('0.047s', '0.047'), '11:17 entry 4 of entry 1 of rows must be seconds such as 0.047s, got 0.047'],
  'a rate of 0': [pft.replace('88859.030', '0'), '11:52 entry 8 of entry 1 of rows must be a number from 1e-6 to 1e15, got 0'],
  'a rate of next to nothing': [pft.replace('88859.030', '1e-300'), '11:52 entry 8 of entry 1 of rows must be a number from 1e-6 to 1e15, got 1e-300'],
  'a rate beyond all': [pft.replace('88859.030', '1e308'), '11:52 entry 8 of entry 1 of rows must be a number from 1e-6 to 1e15, got 1e308'],
  'a short row': [pft.replace(', 88859.030', ''), '11:7 entry 1 of rows must be a list of 8 cells, one for each column, got a list of 7'],
  // files
  'an unknown file of a vma': [files.replace('file: data', 'file: date'), "4:32 unknown file 'date' (this scenario has: data). Did you mean 'data'?"],
  'an unknown file of an operation': [fileOp('{ truncate: dota, to: 1 }'), "6:21 unknown file 'dota' (this scenario has: data). Did you mean 'data'?"],
  'an unknown file of mmap': [fileOp('{ mmap: { pages: 1, file: x } }'), "6:35 unknown file 'x' (this scenario has: data)"],
  'a file where there are none': [race.replace('pages: 4', 'pages: 4, file: data'), "3:33 unknown file 'data' (this scenario has: none)"],
  'shared memory without a file': [race.replace('pages: 4', 'pages: 4, shared: true, offset: 1'), '3:27 shared goes with file only', '3:41 offset goes with file only'],
  'a size that is not in sixteenths': [files.replace('2.5', '2.55'), '3:25 pages must be a number of at least 1/16 (0.0625) in sixteenths, such as 2.5, got 2.55'],
  'a file of no bytes': [files.replace('2.5', '0'), '3:25 pages must be a number of at least 1/16 (0.0625) in sixteenths, such as 2.5, got 0'],
  'a hole behind the end': [files.replace('2.5', '2.5, holes: [1, 3]'), "3:41 page 3 is beyond file 'data', whose last page is 2"],
  'a cached page behind the end': [files.replace('2.5', '2, cached: [2]'), "3:37 page 2 is beyond file 'data', whose last page is 1"],
  'cached by the number of pages': [files.replace('2.5', '2, cached: 2'), '3:36 cached must be true, false or a list of page numbers, got 2'],
  'truncate without a size': [fileOp('{ truncate: data }'), '6:9 truncate needs the key to'],
  'truncate to a third': [fileOp('{ truncate: data, to: 0.33 }'), '6:31 to must be a number of at least 0 in sixteenths, such as 2.5, got 0.33'],
  'remap to half a page': [fileOp('{ remap: map, page: 0, to: 0.5 }'), '6:36 to must be a whole number with remap, got 0.5'],
  'remap of private memory': [fileOp('{ remap: map, page: 0, to: 1 }').replace(', shared: true', ''), "6:18 remap needs a vma that is shared, and 'map' is not"],
  'truncate of a vma': [fileOp('{ truncate: map, to: 1 }'), "6:21 unknown file 'map' (this scenario has: data)"],
  'a write to a file': [fileOp('{ write: data, page: 0 }'), "6:18 unknown vma 'data' (this scenario has: map)"],
  'pwrite without a page': [fileOp('{ pwrite: data }'), '6:9 pwrite has exactly one of page and pages, got neither'],
  'punch downwards': [fileOp('{ punch: data, pages: [2, 1] }'), '6:31 pages must be [first, last] and go upwards, got [2, 1]'],
  'a signal that nobody can catch': [fileOp('{ read: map, page: 0, catches: SIGKILL }'), "6:40 catches must be SIGBUS or SIGSEGV, got 'SIGKILL'"],
  'a pread that catches': [fileOp('{ pread: data, page: 0, catches: SIGBUS }'), '6:33 catches does not go with pread'],
  'files with pft': [`${pft}files: { data: { pages: 1 } }`, '13:1 files goes with vmas and threads only'],
  // expect
  'no expectation': [never(''), '6:1 expect must have at least one of never, sometimes, always, reachable, counts, faults, misses, fewestMisses and errorPercent, got none'],
  'an unknown invariant': [never('never: lost stoer'), "6:18 unknown invariant 'lost stoer' (there are: lost store, no page is mapped twice, anything). Did you mean 'lost store'?"],
  'anything sometimes': [never('sometimes: anything'), "6:22 unknown invariant 'anything' (there are: lost store, no page is mapped twice)"],
  'a contradiction': [never('never: lost store, always: [lost store]'), "6:39 'lost store' stands under never and always, and only one of them can be right"],
  'faults without pft': [never('faults: 3'), '6:11 faults goes with pft and seqread only'],
  'an error without a table': [never('errorPercent: 3'), '6:11 errorPercent goes with measured only'],
  // YAML
  'an empty file': ['', '1:1 the scenario is empty: it needs at least about, kernel, expect and a workload'],
  'only comments': ['# a\n\n# b\n', '1:1 the scenario is empty: it needs at least about, kernel, expect and a workload'],
  'a list': ['- a\n- b\n', `1:1 ${mappingHere}, got a list of 2`],
  'a string': ['\n  hello', `2:3 ${mappingHere}, got 'hello'`],
  'a number': ['12', `1:1 ${mappingHere}, got 12`],
  'two documents': [`${race}---\n${race}`, '7:1 a scenario file holds one YAML document, and here a second one starts'],
  'an anchor and an alias': [op('&a { write: heap, page: 0 }, *a'), `5:9 ${noAlias('&')}`, `5:38 ${noAlias('*')}`],
  'a merge key': [race.replace('{ pages: 1 }', '{ <<: *x, pages: 1 }'), "3:38 unknown key '<<' (possible here: pages, readonly, executable, random, file, offset, shared)", `3:42 ${noAlias('*')}`],
  'a tag of JavaScript': [race.replace('why', '!!js/function "f"'), '1:8 tags are not supported. Text that begins with ! needs quotes'],
  'a binary tag': [race.replace('why', '!!binary aGk='), '1:8 tags are not supported. Text that begins with ! needs quotes'],
  'a directive': [`%YAML 1.1\n---\n${race}`, '1:1 directives are not supported. Text that begins with % needs quotes'],
  'a tab': [race.replace('  T1', '\tT1'), '5:1 tabs cannot indent YAML, only spaces can'],
  'an open bracket': [race.replace(' ]\n', '\n'), '6:1 not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  'a control character': [race.replace('why', 'w\x1bhy'), '1:9 control character \\x1b. Write it as an escape in double quotes if it is meant'],
  'a NUL byte': ['about:\n \0', '2:2 this is not a text file: it has NUL bytes'],
  'deep brackets': ['['.repeat(10_000), '1:33 nested more than 32 deep'],
  'deep dashes': ['- '.repeat(10_000), '1:65 nested more than 32 deep'],
  'deep braces, closed': ['{a: '.repeat(10_000) + '}'.repeat(10_000), '1:129 nested more than 32 deep'],
  'a million commas': ['['.padEnd(1e6, ','), '1:100000 a scenario has at most 100000 YAML tokens, and this file has more'],
  'a huge text': ['a'.repeat(2 ** 20 + 1), '0:0 too large: a scenario file has at most 1048576 bytes'],
};

describe('reading refuses', () => {
  for (const [name, [text, ...expected]] of Object.entries(refused)) {
    it(name, () => {
      const start = performance.now();
      expect(errors(text)).to.deep.equal(expected);
      expect(performance.now() - start).to.be.lessThan(1000);
    });
  }

  it('a billion laughs at once', () => {
    const laughs = 'bcdefghij'
      .split('')
      .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefghij'[i]}`).join(', ')}]`);
    const { diagnostics, message } = errorOf(() => parse(`a: &a lol\n${laughs.join('\n')}`));
    expect(diagnostics).to.have.length(50);
    expect(diagnostics.map(line)).to.include(`1:4 ${noAlias('&')}`);
    expect(message).to.match(/\.\.\. and \d+ more errors$/);
  });

  it('everything wrong at once, in order', () => {
    expect(
      errors(`${race.replace('v2.6.10', 'v9').replace('4', '-4').replace('heap, page', 'hepa, page')}x: 1`),
    ).to.deep.equal([
      "2:17 unknown kernel 'v9' (there are: v2.6.10, v3.17)",
      '3:24 pages must be a whole number of at least 1, got -4',
      "5:18 unknown vma 'hepa' (this scenario has: heap, stack). Did you mean 'heap'?",
      `7:1 unknown key 'x' (possible here: ${rootKeys})`,
    ]);
  });
});

describe('an error', () => {
  it('is printed with its place, a hint and the lines around it', () => {
    const error = errorOf(() => parseScenario(op('{ write: haep, page: 0 }'), 'races/\x1b[31m.yaml', catalog));
    expect(error.message).to.equal(
      [
        "races/\\x1b[31m.yaml:5:18: error: unknown vma 'haep' (this scenario has: heap, stack). Did you mean 'heap'?",
        '  3 | vmas: { heap: { pages: 4 }, stack: { pages: 1 } }',
        '  4 | threads:',
        '> 5 |   T1: [ { write: haep, page: 0 } ]',
        '    |                  ^',
        '  6 | expect: { never: anything }',
        '  7 |',
      ].join('\n'),
    );
    expect(error.diagnostics.map(formatDiagnostic).join()).to.equal(error.message);
  });

  it('has colours only when asked for', () => {
    const text = op('{ write: haep, page: 0 }');
    expect(errorOf(() => parse(text)).message).not.to.include('\x1b');
    expect(errorOf(() => parseScenario(text, 'x', catalog, { color: true })).message).to.include('\x1b[');
  });

  it('shows a part of a long line, with the caret in place', () => {
    const { frame, column } = errorOf(() => parse(`${' '.repeat(500)}{ "\\e": 1, \u202e: 2 }`)).diagnostics[0];
    const [shown, caret] = frame.split('\n');
    expect(column).to.equal(501);
    expect(shown).to.include('"\\e": 1, ·: 2 }').and.have.length.below(120);
    expect(shown[caret.indexOf('^')]).to.equal('{');
  });
});

describe('a scenario file', () => {
  let folder = '';
  const put = (name: string, content: string | Uint8Array) => (
    writeFileSync(join(folder, name), content),
    join(folder, name)
  );
  const fileErrors = (path: string) => errorOf(() => readScenario(path, catalog)).message.slice(path.length);
  before(() => (folder = mkdtempSync(join(tmpdir(), 'scenario-'))));
  after(() => rmSync(folder, { recursive: true }));

  it('is read, with or without a byte order mark', () => {
    const path = put('bom.yaml', `\ufeff${race}`);
    expect(readScenario(path, catalog)).to.deep.equal({ ...parse(race), path });
  });

  it('must be there', () =>
    expect(fileErrors(join(folder, 'no.yaml'))).to.equal(': error: cannot be read: no such file'));

  it('must not be a directory', () => {
    mkdirSync(join(folder, 'd'));
    expect(fileErrors(join(folder, 'd'))).to.equal(': error: this is a directory, not a scenario file');
  });

  it('must be a regular file', function () {
    if (!existsSync('/dev/zero')) skip(this, 'there is no /dev/zero');
    expect(fileErrors('/dev/zero')).to.equal(': error: this is not a regular file');
  });

  it('must be readable', function () {
    const { geteuid, seteuid } = process;
    if (geteuid === undefined || seteuid === undefined) return skip(this, 'there are no user ids');
    const path = put('secret.yaml', race);
    chmodSync(path, 0);
    const user = geteuid();
    if (user === 0) seteuid(65534); // root may read everything
    try {
      expect(fileErrors(path)).to.equal(': error: cannot be read: permission denied');
    } finally {
      if (user === 0) seteuid(user);
    }
  });

  it('may fail while it is read', function () {
    if (!existsSync('/proc/self/mem')) skip(this, 'there is no /proc');
    expect(fileErrors('/proc/self/mem')).to.match(/^: error: cannot be read: [A-Z]+$/);
  });

  it('must have a path that a file can have', () => {
    expect(errorOf(() => readScenario('a\0b', catalog)).message).to.equal(
      'a\\x00b: error: cannot be read: ERR_INVALID_ARG_VALUE',
    );
  });

  it('must be text, in UTF-8, of at most 1 MiB', () => {
    const notText = ': error: this is not a text file: it';
    expect(fileErrors(put('nul', `${race}\0`))).to.equal(`${notText} has NUL bytes`);
    expect(fileErrors(put('latin1', Buffer.from('about: caf\xe9', 'latin1')))).to.equal(
      `${notText} is not valid UTF-8`,
    );
    expect(fileErrors(put('huge', Buffer.alloc(2 ** 20 + 1, 35)))).to.match(/^: error: too large/);
  });

  it('fuzz: whatever bytes it has, is a scenario or one ScenarioError', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.uint8Array({ maxLength: 4 })), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(fc.constantFrom(full, pft), edits, (text, list) => {
        const bytes = list.reduce<Buffer>((b, [at, drop, more]) => splice(b, at, drop, more), Buffer.from(text));
        const path = put('fuzz.yaml', bytes);
        soundOutcome(() => readScenario(path, catalog));
      }),
    );
  });
});
