/**
 * The style sheet and the scripts of pages. The style sheet is read where the package has its sources; scripts are TypeScript
 * (browser/), and read where the build has compiled them. Files that import each other are put one after another.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Asset {
  readonly text: string;
  /** As a Content-Security-Policy names it. */
  readonly hash: string;
}

/** What a page may run, with the files it is made of: those that others need come first. */
const SCRIPTS = {
  timeline: ['../model.js', 'dom.js', 'axis.js', 'world.js', 'lanes.js', 'gestures.js', 'timeline.js'],
  filter: ['filter.js'],
} as const;
export type ScriptName = keyof typeof SCRIPTS;

const known = new Map<string, Asset>();

export function style(): Asset {
  return once('style', () => withoutIndent(read('src/html/style.css')));
}

export function script(name: ScriptName): Asset {
  return once(name, () => SCRIPTS[name].map((file) => scriptOf(`browser/${file}`)).join(''));
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

/** A file of the package, in which `src` lies beside `dist`. */
function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8').replaceAll('\r\n', '\n');
}

function scriptOf(file: string): string {
  const compiled = read(`dist/pages/${file}`);
  return withoutIndent(compiled.replaceAll(/^import .*\n/gm, '').replaceAll(/^export (\{\};\n)?/gm, ''));
}

/** No text in our scripts and styles has several lines. */
function withoutIndent(source: string): string {
  return source.replaceAll(/^\s+/gm, '');
}
