/** Texts that were spoilt at random, and scenarios written at random. */
import { expect } from 'chai';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { type SimpleOp } from '../src/scenario/read.ts';

import { catalog, race, pft, full, parse, soundOutcome } from './support/scenario-texts.ts';

const scraps = [
  '\n',
  '  ',
  '\t',
  '- ',
  '? ',
  ': ',
  '{',
  '}',
  '[',
  ']',
  ',',
  '&a ',
  '*a',
  '!!str ',
  '"',
  "'",
  '|\n',
  '>',
  '#',
  '%',
  '---\n',
  '...',
  '<<: ',
  '-1',
  '1e400',
  'null',
  '\r',
  '\u2028',
  '\ufeff',
  '\ud800',
  '__proto__: ',
];

describe('fuzz: a mutated text', () => {
  it('is a scenario or one ScenarioError', () => {
    const scrap = fc.oneof(fc.constantFrom(...scraps), fc.string({ unit: 'binary', maxLength: 3 }));
    const edit = fc.tuple(fc.nat(), fc.nat(12), fc.array(scrap, { maxLength: 3 }));
    fc.assert(
      fc.property(fc.constantFrom(full, race, pft), fc.array(edit, { minLength: 1, maxLength: 4 }), (text, edits) => {
        const mutated = edits.reduce<string>((t, [at, drop, more]) => {
          const i = at % (t.length + 1);
          return t.slice(0, i) + more.join('') + t.slice(i + drop);
        }, text);
        soundOutcome(() => parse(mutated));
      }),
    );
  });
});

describe('fuzz: a scenario written as YAML', () => {
  type MemoryOp = Extract<SimpleOp, { readonly kind: 'mmap' } | { readonly vma: string }>;
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_ .+-]{0,12}$/).filter((text) => text !== '__proto__');
  const vma = fc.record({ name, pages: fc.integer({ min: 1, max: 2 ** 20 }), readonly: fc.boolean() });
  const opOn = ({ name: vma, pages }: { name: string; pages: number }): fc.Arbitrary<MemoryOp> =>
    fc
      .tuple(fc.nat(pages - 1), fc.nat(pages - 1), fc.option(fc.integer({ min: 1, max: 2 ** 30 })))
      .chain(([a, b, value]) => {
        const where = { vma, first: Math.min(a, b), last: Math.max(a, b) };
        return fc.constantFrom<MemoryOp>(
          { kind: 'write', ...where, value },
          { kind: 'read', ...where },
          { kind: 'mmap', pages: a + 1 },
        );
      });
  const unique = { selector: ({ name }: { name: string }) => name, minLength: 1, maxLength: 4 };
  const world = fc.uniqueArray(vma, unique).chain((vmas) =>
    fc.record({
      vmas: fc.constant(vmas),
      threads: fc.uniqueArray(
        fc.record({
          name,
          cpu: fc.nat(7),
          ops: fc.array(fc.constantFrom(...vmas).chain(opOn), { minLength: 1, maxLength: 4 }),
        }),
        unique,
      ),
      kernel: fc.constantFrom(...catalog.kernels).chain((base) =>
        fc.record({
          base: fc.constant(base),
          patches: fc.subarray(catalog.patches.filter((patch) => catalog.misfit(base, [], patch) === null)),
          bugs: fc.subarray(catalog.bugs.filter((bug) => catalog.misfit(base, [], bug) === null)),
        }),
      ),
      never: fc.oneof(fc.constant('anything' as const), fc.subarray([...catalog.invariants])),
    }),
  );

  it('comes back with the same meaning, in every style', () => {
    fc.assert(
      fc.property(
        world,
        fc.constantFrom('block' as const, 'flow' as const, 'any' as const),
        ({ never, ...w }, style) => {
          const file = {
            about: 'x',
            kernel: w.kernel,
            machine: { profile: 'altix-3700-8p' },
            vmas: Object.fromEntries(w.vmas.map(({ name, ...rest }) => [name, rest])),
            threads: Object.fromEntries(w.threads.map(({ name, cpu, ops }) => [name, { cpu, do: ops.map(toFile) }])),
            expect: { never },
          };
          const {
            path: _,
            sha256,
            about,
            pft,
            measured,
            ...back
          } = parse(stringify(file, { collectionStyle: style, aliasDuplicateObjects: false }));
          const expected = { never, sometimes: [], always: [], reachable: [], faults: null, errorPercent: null };
          expect(back).to.deep.equal({ ...w, machine: { profile: 'altix-3700-8p', cpus: 8 }, expect: expected });
          expect([about, pft, measured]).to.deep.equal(['x', null, null]);
          expect(sha256).to.equal(parse(JSON.stringify(file)).sha256);
        },
      ),
    );
  });

  function toFile(op: MemoryOp): object {
    if (op.kind === 'mmap') return { mmap: { pages: op.pages } };
    const where = op.first === op.last ? { page: op.first } : { pages: [op.first, op.last] };
    return { [op.kind]: op.vma, ...where, ...(op.kind === 'write' && op.value !== null && { value: op.value }) };
  }
});
