/** Scenario texts that are right, to be spoilt by the tests of the reader. */
import { expect } from 'chai';
import { escapeText, ScenarioError } from '../../src/scenario/diagnostic.ts';
import { type Catalog, parseScenario, type Scenario } from '../../src/scenario/read.ts';

export const catalog: Catalog = {
  kernels: ['v2.6.10', 'v3.17'],
  patches: ['anon-atomic', 'dax-cow-fault'],
  bugs: ['no-pte-none-recheck', 'early-unlock'],
  misfit: (base, _before, name) => {
    const its = name === 'dax-cow-fault' ? 'v3.17' : 'v2.6.10';
    return its === base || !['dax-cow-fault', 'anon-atomic', 'no-pte-none-recheck', 'early-unlock'].includes(name)
      ? null
      : `is a change to ${its}, and base is ${base}`;
  },
  knobsOf: (base) => (base === 'v3.17' ? ['ra_pages', 'fault_around_bytes'] : ['ra_pages']),
  windowKnobs: ['fault_around_bytes'],
  profiles: {
    'altix-3700-8p': { cpus: 8, cpusPerNode: 2, gibPerNode: 2, largest: {} },
    'x86-2s': { cpus: 2, cpusPerNode: 1, gibPerNode: 2, largest: { fault_around_bytes: 9999 } },
  },
  defaultProfile: 'altix-3700-8p',
  invariants: ['lost store', 'no page is mapped twice'],
  marks: ['anonymous fault raced'],
};

export const head = 'about: why\nkernel: { base: v2.6.10 }\n'; // two lines
export const race = `${head}vmas: { heap: { pages: 4 }, stack: { pages: 1 } }
threads:
  T1: [ { write: heap, page: 0 } ]
expect: { never: anything }
`;
export const pft = `${head}pft:
  gb: 1
  repetitions: 3
  threads: [1, 2]
measured:
  source: https://lore.kernel.org/x
  columns: [Gb, Rep, Threads, User, System, Wall, flt/cpu/s, fault/wsec]
  rows:
    - [1, 3, 1, 0.047s, 2.163s, 2.021s, 88925.153, 88859.030]
expect: { faults: 196608, errorPercent: 60 }
`;
export const full = `# yaml-language-server: $schema=../../schemas/scenario.schema.json
about: >            # why
  Two threads fault the same
  anonymous page at once.
kernel: { base: v2.6.10, patches: [], bugs: [no-pte-none-recheck] }
machine: { cpus: 2 }
vmas:
  heap: { pages: 4, readonly: true }
  stack: { pages: 1 }
threads:
  T1: [ { write: heap, page: 0 }, { read: heap, page: 0 }, { write: heap, pages: [0, 3] } ]
  T2: { do: [ { write: stack, page: 0, value: 7 } ] }
  T3: [ mmap: { pages: 3 } ]
  T4: { cpu: 0, do: [ { read: stack, page: 0 } ] }
expect: { never: anything, sometimes: lost store, always: [] }
`;

export const parse = (text: string) => parseScenario(text, 'x.yaml', catalog);

export function splice(bytes: Buffer, at: number, drop: number, more: Uint8Array): Buffer {
  const i = at % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, i), more, bytes.subarray(i + drop)]);
}

/** A Scenario, or a ScenarioError of which every part is fit to print; any other error is thrown on. */
export function soundOutcome(action: () => Scenario): void {
  let error: unknown;
  try {
    action();
    return;
  } catch (thrown) {
    error = thrown;
  }
  if (!(error instanceof ScenarioError)) throw error;
  expect(error.diagnostics).to.have.length.above(0);
  for (const d of error.diagnostics)
    expect(d.line >= 0 && d.column >= Math.min(d.line, 1) && d.message !== '').to.be.true;
  expect(escapeText(error.message.replace(/[\n\t]/g, ''))).to.equal(error.message.replace(/[\n\t]/g, ''));
}
