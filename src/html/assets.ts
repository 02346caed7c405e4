/**
 * The style sheet and the scripts of pages, which are read where the package has its sources. Scripts are TypeScript
 * (browser/): their types are taken off, and files that import each other are put one after another.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import ts from 'typescript';

export interface Asset {
  readonly text: string;
  /** As a Content-Security-Policy names it. */
  readonly hash: string;
}

/** What a page may run, with the files it is made of: those that others need come first. */
const SCRIPTS = {
  timeline: ['../model.ts', 'dom.ts', 'axis.ts', 'world.ts', 'lanes.ts', 'gestures.ts', 'timeline.ts'],
  filter: ['filter.ts'],
} as const;
export type ScriptName = keyof typeof SCRIPTS;

const known = new Map<string, Asset>();

export function style(): Asset {
  return once('style', () => withoutIndent(read('style.css')));
}

export function script(name: ScriptName): Asset {
  return once(name, () => SCRIPTS[name].map((file) => scriptOf(read(`browser/${file}`))).join(''));
}

function once(name: string, make: () => string): Asset {
  let asset = known.get(name);
  if (asset === undefined) {
    const text = make();
    asset = { text, hash: hashOf(text) };
    known.set(name, asset);
  }
  return asset;
}

/** As a Content-Security-Policy has it. */
export function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** `src` lies beside `dist` in the package. */
function read(file: string): string {
  return readFileSync(new URL(`../../src/html/${file}`, import.meta.url), 'utf8').replaceAll('\r\n', '\n');
}

function scriptOf(source: string): string {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, removeComments: true },
  });
  return withoutIndent(outputText.replaceAll(/^import .*\n/gm, '').replaceAll(/^export (\{\};\n)?/gm, ''));
}

/** No text in our scripts and styles has several lines. */
function withoutIndent(source: string): string {
  return source.replaceAll(/^\s+/gm, '');
}
