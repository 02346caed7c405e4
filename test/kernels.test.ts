/** What holds of every kernel and patch there is: it has its scenario, and two threads may fault one page. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { packagedScenarios } from '../src/cli/options.ts';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import { replay } from '../src/drivers/controlled/replay.ts';
import { bases, knobsOf, patches } from '../src/kernel/index.ts';
import { commonKnobs } from '../src/kernel/knobs.ts';
import { catalog } from '../src/scenario/catalog.ts';
import { parseScenario, readScenario, type Scenario } from '../src/scenario/read.ts';
import { buildWorld, type CheckedProgram, checkedProgram } from '../src/scenario/world.ts';
import { Recorder } from '../src/trace/recorder.ts';
import { collect, traceStream } from '../src/trace/stream.ts';
import { type Kernel, kernels, kernelTitle } from './support/kernels.ts';
import { onlyInLongRuns } from './support/long.ts';

const history = packagedScenarios()
  .filter((file) => file.startsWith('history/'))
  .map((file) => ({ file, scenario: readScenario(`scenarios/${file}`, catalog()) }));

describe('scenarios/history', () => {
  for (const { name } of bases) {
    it(`has ${name} as it was`, () => {
      const plain = history.filter(({ scenario: { kernel } }) => kernel.base === name && kernel.patches.length === 0);
      expect(plain).to.not.be.empty;
    });
  }

  for (const { name, mail } of patches) {
    it(`has ${name}, with who wrote it, when, and words of the mail`, () => {
      const own = history
        .filter(({ scenario: { kernel } }) => kernel.patches.includes(name))
        .map(({ file }) => readFileSync(`scenarios/${file}`, 'utf8'));
      const [author, date] = [mail!.author.split(',')[0], mail!.date];
      // the words of others are in quotation marks, or under the table
      const said = own.filter((text) => text.replaceAll(/\s+/g, ' ').includes(author) && text.includes(date));
      expect(said.filter((text) => /"[^"]+"|^ {2}said:/m.test(text))).to.not.be.empty;
    });
  }
});

function scenario({ base, patches: names }: Kernel, T1: string, T2: string): Scenario {
  const text = `about: R1
kernel: { base: ${base}, patches: [${names.join(', ')}] }
machine: { profile: altix-3700-8p, cpus: 2 }
vmas: { heap: { pages: 3 } }
threads:
  T1: [${T1}]
  T2: [${T2}]
expect: { never: anything }
`;
  return parseScenario(text, 'R1.yaml', catalog());
}

describe('two threads and one anonymous page (R1)', () => {
  for (const kernel of kernels) {
    it(`one page stays, the other is freed, never anything else: ${kernelTitle(kernel)}`, function () {
      if (kernel.base.startsWith('v3.') && kernel.patches.length > 0) onlyInLongRuns(this); // they are about files
      const batches = kernel.patches.some((name) => name.includes('prefault'));
      for (const [T1, T2] of [
        ['{ write: heap, page: 0 }', '{ write: heap, page: 0 }'],
        ['{ write: heap, pages: [0, 1] }', '{ write: heap, page: 1 }'],
        ...(batches ? [['{ write: heap, pages: [0, 1] }', '{ write: heap, page: 2 }']] : []),
      ]) {
        const result = explore(() => checkedProgram(buildWorld(scenario(kernel, T1, T2))), {
          strategy: new DporStrategy(),
        });
        expect([result.complete, result.failures]).to.deep.equal([true, []]);
        const raced = result.reached.find(({ name }) => name === 'anonymous fault raced')?.executions ?? 0;
        if (!T2.includes('2')) expect(raced).to.be.within(1, result.executions - 1);
      }
    });
  }
});

describe('knobs', () => {
  it('belong to functions that a patch replaces', () => {
    const owners = patches.filter(({ knobs }) => knobs !== undefined);
    expect(owners).not.to.be.empty;
    for (const { name, replaces, knobs } of owners) expect(replaces, name).to.include.keys(Object.keys(knobs!));
  });

  it('go when their reader is replaced', () => {
    const own = (base: string, ...changes: string[]) => knobsOf(base, changes).slice(commonKnobs.length);
    expect(own('v3.14')).to.deep.equal([]);
    expect(own('v3.14', 'map-pages-merged')).to.deep.equal(['FAULT_AROUND_ORDER']);
    expect(own('v3.14', 'map-pages-merged', 'fault-around-bytes')).to.deep.equal(['fault_around_bytes']);
    expect(own('v3.17', 'map-pages-no-size')).to.deep.equal(['fault_around_bytes']);
    expect(own('v2.6.10', 'anon-prefault-v4', 'anon-prefault-v1')).to.deep.equal([]);
  });

  it('of a patch that comes with the command may be set, those of its base no more', () => {
    const read =
      (knob: string, ...own: string[]) =>
      () =>
        parseScenario(
          `about: x\nkernel: { base: v3.14, config: { ${knob}: 1 } }\nvmas: { a: { pages: 1 } }\nthreads: { T: [{ read: a, page: 0 }] }\nexpect: { never: anything }`,
          'x.yaml',
          catalog(),
          { patches: own },
        );
    expect(read('FAULT_AROUND_ORDER', 'map-pages-merged')).not.to.throw();
    expect(read('FAULT_AROUND_ORDER', 'fault-around-bytes')).to.throw('this kernel has no FAULT_AROUND_ORDER');
    expect(read('FAULT_AROUND_ORDER', './mine.ts')).not.to.throw();
  });
});

describe('the race of 2008', () => {
  it('is found in the order in which the mail draws it', () => {
    const { scenario: unpatched } = history.find(({ file }) => file.includes('cow-rmap-order-unpatched'))!;
    const make = (): CheckedProgram => checkedProgram(buildWorld(unpatched));
    const [{ rule, schedule }] = explore(make, { strategy: new DporStrategy() }).failures;
    expect(rule).to.equal('wrong value read');
    const steps = collect(
      traceStream((sink) => {
        const recorder = new Recorder(sink);
        recorder.watch(() => replay(make, schedule, () => recorder));
      }),
    ).map(({ thread, label }) => `${thread}: ${label}`);
    const drawn = [
      /^proc2 thr1: copy from page \d+$/,
      /^proc2 thr1: atomic page \d+->_mapcount -= 1$/,
      /^proc1: read page \d+->_mapcount$/,
      /^proc1: pte\[heap\+0\] = pfn \d+ rw dirty$/,
      /^proc1: page \d+\[0\] = 2$/,
      /^proc2 thr2: read page \d+\[0\]$/,
      /^proc2 thr1\.ipi1: flush CPU2\.tlb$/,
    ];
    let from = steps.findIndex((step) => drawn[0].test(step));
    for (const what of drawn) {
      from = steps.findIndex((step, i) => i >= from && what.test(step));
      expect(from, String(what)).to.be.at.least(0);
    }
  });
});
