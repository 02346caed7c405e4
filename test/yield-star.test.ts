import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';
import { forgottenYieldStar } from '../src/cli/yield-star.ts';

const kit = `
  export class Step { readonly kind: number; constructor(kind: number) { this.kind = kind; } }
  export interface LockStep extends Step { readonly lock: Lock }
  export type Coroutine<T> = Generator<Step, T, number>;
  export class Lock {
    readonly taken = new Step(1);
    trylock(): LockStep { return { kind: 2, lock: this }; }
    *slowpath(): Coroutine<number> { return yield this.taken; }
  }
  export interface Ops { close?: (vma: Vma) => Coroutine<void> }
  export interface Vma { ops: Ops | undefined; coroutine: Coroutine<number> | undefined; pages: number[] }
  export const spin_lock = (lock: Lock): Step => lock.taken;
  export function* prepare(vma: Vma): Coroutine<number> { return vma.pages.length; }
  export function* unmap(page: number): Coroutine<void> { yield new Step(page); }
  export function* count(): Generator<number, void> { yield 1; }
  export function work(coroutine: Coroutine<number>): number { return coroutine.next().done ? 1 : 0; }
`;

/** One statement list each, run in `function*(vma: Vma, lock: Lock)`; ‹ › mark what must be reported. */
const bad: Record<string, string> = {
  'a generator dropped': `‹unmap(1)›;`,
  'a method dropped': `‹lock.slowpath()›;`,
  'an optional call dropped': `‹vma.ops?.close?.(vma)›;`,
  'dropped behind &&': `vma.ops && ‹unmap(1)›;`,
  'dropped by void': `void ‹unmap(1)›;`,
  'dropped by a comma': `‹unmap(1)›, yield spin_lock(lock);`,
  'dropped by for': `for (let i = 0; i < 2; i++, ‹unmap(i)›) yield lock.taken;`,
  'a variable dropped': `const c = prepare(vma); ‹c›; return yield* c;`,
  'yield of a generator': `yield ‹prepare(vma)› as never;`,
  'yield of a variable': `const c = prepare(vma); yield ‹c› as never;`,
  'if (generator)': `if (‹prepare(vma)›) return 1;`,
  'if (!generator)': `if (!‹prepare(vma)›) return 1;`,
  'if (optional call)': `if (‹vma.ops?.close?.(vma)›) return 1;`,
  'if ((err = generator))': `let err; if ((err = ‹prepare(vma)›)) return 1;`,
  'if (variable)': `const err = prepare(vma); if (‹err›) return 1; vma.coroutine = err;`,
  'while (generator)': `while (‹prepare(vma)›) yield lock.taken;`,
  'generator ? :': `return ‹prepare(vma)› ? 1 : 2;`,
  'generator && …': `return (‹prepare(vma)› && 1) || 2;`,
  comparison: `if ((‹prepare(vma)› as unknown) === 0) return 1;`,
  arithmetic: `return (‹prepare(vma)› as never) + 1;`,
  negation: `return -(‹prepare(vma)› as never);`,
  text: 'vma.pages.push(`${‹prepare(vma)›}`.length);',
  switch: `switch (‹prepare(vma)› as unknown) { case 1: return 1; }`,
  'a variable never used': `const ‹err› = prepare(vma);`,
  'a variable only written': `let ‹err› = prepare(vma); err = prepare(vma);`,
  'a variable only tested': `const ‹err› = vma.ops?.close?.(vma); if (err) return 1;`,
  'return generator in a function*': `return ‹prepare(vma)›;`,
  'return one of two': `return vma.ops ? ‹prepare(vma)› : 0;`,
  'return a step in a function*': `return ‹spin_lock(lock)›;`,
  'return a step by name': `return ‹lock.taken›;`,
  'a callback without result': `vma.pages.forEach(‹(page) => unmap(page)›);`,
  'a callback by name': `vma.pages.forEach(‹unmap›);`,
  'a callback that is a function*': `vma.pages.forEach(‹function* (page) { yield* unmap(page); }›);`,
  'a predicate': `return vma.pages.filter(‹() => prepare(vma)›).length;`,
  'a step dropped': `‹spin_lock(lock)›;`,
  'a new step dropped': `‹new Step(1)›;`,
  'a derived step dropped': `‹lock.trylock()›;`,
  'if (step)': `if (‹lock.trylock()›) return 1;`,
  'if (!step)': `if (!‹lock.trylock()›) return 1;`,
  'a step computed with': `if ((‹lock.trylock()› as unknown) === 1) return 1;`,
  'a step never used': `const ‹step› = spin_lock(lock);`,
};

const good: Record<string, string> = {
  'yield*': `yield* unmap(1); const err = yield* prepare(vma); if (err) return err; return yield* prepare(vma);`,
  'yield* in a test': `if ((yield* prepare(vma)) > 1 || !(yield lock.trylock())) return 1;`,
  'yield* behind &&': `vma.ops && (yield* prepare(vma)); yield spin_lock(lock); yield lock.taken;`,
  'yield* of an optional call': `const closing = vma.ops?.close?.(vma); if (closing) yield* closing;`,
  'a dispatcher': `const pick = (n: number) => { if (n) return prepare(vma); return lock.slowpath(); }; return yield* pick(1);`,
  'a dispatcher of steps': `const pick = (n: number) => { return n ? spin_lock(lock) : lock.taken; }; return yield pick(1);`,
  'an arrow function': `const body = () => prepare(vma); return yield* body();`,
  'an argument': `return work(prepare(vma));`,
  'a property': `vma.coroutine = prepare(vma); vma.coroutine ??= prepare(vma); const o = { c: prepare(vma) }; return work(o.c);`,
  'an array': `const all = [prepare(vma)]; all.push(lock.slowpath()); if (all[0] !== undefined) return work(all[0]);`,
  shorthand: `const c = prepare(vma); const o = { c }; return work(o.c);`,
  'a field that may be empty': `if (vma.coroutine) work(vma.coroutine); return vma.coroutine === undefined ? 1 : 2;`,
  'a field just filled': `vma.coroutine = prepare(vma); if (vma.coroutine) return 1;`,
  iteration: `for (const pfn of count()) yield new Step(pfn); vma.pages.push(...count(), Math.max(...count()));`,
  'driving by hand': `const c = prepare(vma); c.next(1); c.return(1); return c.next(1).done ? 1 : 2;`,
  map: `for (const c of vma.pages.map((page) => unmap(page))) yield* c; for (const c of vma.pages.map(unmap)) yield* c;`,
  'comparing steps': `const step = lock.trylock(); return lock.taken === step ? 1 : step.kind;`,
  'asking for the class': `return vma.coroutine instanceof Step ? 1 : 2;`,
};

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true,
  strict: true,
  types: [],
};
const header = `import { Lock, Step, count, prepare, spin_lock, unmap, work, type Coroutine, type Vma } from './kit.ts';
export function* fixture(vma: Vma, lock: Lock): Generator<Step, any, number> {
`;
const footer = `\n}\nexport type Unused = Coroutine<Lock>;\n`;

/** Where the marks of a fixture open, as `line:col` of the file made from it. */
function marked(text: string): string[] {
  const pieces = text.replaceAll('›', '').split('‹');
  return pieces.slice(1).map((_, i) => `3:${pieces.slice(0, i + 1).join('').length + 1}`);
}

describe('forgotten yield*', () => {
  describe('fixtures', () => {
    const cases = Object.entries({ ...bad, ...good });
    let files: string[] = [];
    let found: string[] = [];

    before(() => {
      const folder = mkdtempSync(join(tmpdir(), 'yield-star-'));
      files = [...cases.map((_, i) => join(folder, `${i}.ts`)), join(folder, 'kit.ts')];
      cases.forEach(([, text], i) => writeFileSync(files[i], header + text.replace(/[‹›]/g, '') + footer));
      writeFileSync(files[cases.length], kit);
      found = forgottenYieldStar(files, options);
    });
    after(() => rmSync(dirname(files[0]), { recursive: true }));

    function foundIn(file: string): string[] {
      return found.filter((line) => line.startsWith(`${relative('.', file)}:`));
    }

    it('compile without a word: the compiler does not help', () => {
      const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram(files, options));
      expect(diagnostics.map(({ messageText }) => messageText)).to.deep.equal([]);
    });
    it('accepts the kit', () => {
      expect(foundIn(files[cases.length])).to.deep.equal([]);
    });
    cases.forEach(([name, text], i) => {
      it(`${name in bad ? 'finds' : 'accepts'}: ${name}`, () => {
        const places = foundIn(files[i]).map((line) => /:(\d+:\d+): /.exec(line)?.[1]);
        expect(places, foundIn(files[i]).join('\n')).to.deep.equal(marked(text));
      });
    });
  });
});
