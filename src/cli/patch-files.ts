/**
 * Loads a patch from files of the user's own: TypeScript or JavaScript, with what they import from each other. They are
 * made into JavaScript here, lines kept in source maps, so that nobody needs a loader; and `faultline/kernel` is the
 * kernel text of this process, or `running` would be there twice.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { register } from 'node:module';
import { dirname, extname, isAbsolute, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type typescript from 'typescript';
import { Misuse } from '../machine/thread.ts';
import { UsageError } from './exit.ts';
import { countRounds } from './loop-guard.ts';
import type { PatchModule, PatchModules } from './patch-hooks.ts';

type TypeScript = typeof typescript;

/** A patch as a module, and what it was made of. */
export interface PatchFiles {
  readonly exports: Readonly<Record<string, unknown>>;
  /** Of the texts of all its files, in hex. */
  readonly sha256: string;
  /** Absolute paths. */
  readonly files: readonly string[];
}

interface Source {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly code: string;
  /** Its relative imports, and the absolute paths that they mean. */
  readonly imports: ReadonlyMap<string, string>;
}

const EXTENSION = extname(fileURLToPath(import.meta.url));
/** What is run through TypeScript; all else (JSON, CommonJS) is Node's business. */
const FOLLOWED = /\.m?[jt]s$/;

export async function loadPatchFiles(given: string): Promise<PatchFiles> {
  const { default: ts } = await import('typescript');
  const main = resolve(given);
  const sources = readSources(ts, main, given);
  if (!FOLLOWED.test(main)) throw new UsageError(`${given} is no patch: it must be a .ts, .mts, .js or .mjs file`);
  const sha256 = hashOf(main, sources);
  if (!seen.has(sha256)) {
    await checkYieldStar(ts, followed(sources));
    seen.add(sha256);
  }
  const urls = new Map([...sources.keys()].map((path) => [path, `${pathToFileURL(path).href}?patch=${sha256}`]));
  process.setSourceMapsEnabled(true); // backtraces show the user's lines
  const data: PatchModules = { modules: toModules(sources, urls), own: ownModules() };
  register(`./patch-hooks${EXTENSION}`, { parentURL: import.meta.url, data });
  try {
    const exports = (await import(urls.get(main)!)) as PatchFiles['exports'];
    return { exports, sha256, files: [...sources.keys()] };
  } catch (error) {
    throw new UsageError(`${given} cannot be loaded: ${failure(error)}`);
  }
}

/** The modules of this process by what users import them as, as files with this extension. */
function ownFiles(extension: string): Record<string, string> {
  const at = (name: string): string => fileURLToPath(new URL(`../${name}${extension}`, import.meta.url));
  return { faultline: at('index'), 'faultline/kernel': at('kernel'), 'faultline/fast-check': at('fast-check') };
}

function ownModules(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ownFiles(EXTENSION)).map(([name, path]) => [name, pathToFileURL(path).href]),
  );
}

/** Patches that have been through that: a sweep over many scenarios reads one many times. */
const seen = new Set<string>();

/** Paths of what TypeScript can read. */
function followed(sources: ReadonlyMap<string, Source>): string[] {
  return [...sources.keys()].filter((path) => FOLLOWED.test(path));
}

/** It compiles without, and does nothing: what the explorer would say then is worth nothing. */
async function checkYieldStar(ts: TypeScript, files: readonly string[]): Promise<void> {
  const { forgottenYieldStar } = await import('./yield-star.ts');
  const types = Object.entries(ownFiles(EXTENSION === '.js' ? '.d.ts' : EXTENSION));
  const [forgotten] = forgottenYieldStar(files, {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2023.d.ts'],
    paths: Object.fromEntries(types.map(([name, path]) => [name, [path]])),
    allowImportingTsExtensions: true,
    allowJs: true,
    skipLibCheck: true,
    strict: true,
    types: [],
  });
  if (forgotten !== undefined) throw new UsageError(forgotten.replace(/(?<=:\d+:\d+): /, ': error: '));
}

/** The file and all that it imports by a relative path, by absolute path; the file comes first. */
function readSources(ts: TypeScript, main: string, given: string): Map<string, Source> {
  const sources = new Map<string, Source>();
  const toRead = [main];
  for (let path = toRead.pop(); path !== undefined; path = toRead.pop()) {
    if (sources.has(path)) continue;
    const source = readSource(ts, path, path === main ? given : shown(path));
    sources.set(path, source);
    toRead.push(...source.imports.values());
  }
  return sources;
}

function readSource(ts: TypeScript, path: string, name: string): Source {
  const text = readText(path, name);
  if (!FOLLOWED.test(path)) return { path, text, code: '', imports: new Map() };
  const code = toJavaScript(ts, path, text, name);
  const specifiers = ts.preProcessFile(code, true, true).importedFiles.map(({ fileName }) => fileName);
  const relatives = specifiers.filter((specifier) => /^\.{1,2}\/|^file:/.test(specifier));
  return { path, text, code, imports: new Map(relatives.map((one) => [one, localFile(path, one, name)])) };
}

function readText(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const words: Readonly<Record<string, string>> = { ENOENT: 'no such file', EISDIR: 'it is a directory' };
    throw new UsageError(`${name}: the patch cannot be read: ${words[code] ?? code}`);
  }
}

function toJavaScript(ts: TypeScript, path: string, text: string, name: string): string {
  if (text.includes('\0')) throw new UsageError(`${name}: this is not a text file: it has NUL bytes`);
  const { outputText, diagnostics = [] } = ts.transpileModule(text, {
    fileName: path,
    reportDiagnostics: true,
    transformers: { before: [countRounds(ts, name)] },
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      useDefineForClassFields: true,
      inlineSourceMap: true,
      allowJs: true,
    },
  });
  const error = diagnostics.find(({ category }) => category === ts.DiagnosticCategory.Error);
  if (error === undefined) return outputText;
  const { line, character } = ts.getLineAndCharacterOfPosition(error.file!, error.start!);
  const message = ts.flattenDiagnosticMessageText(error.messageText, ' ');
  throw new UsageError(`${name}:${line + 1}:${character + 1}: error: ${message}`);
}

/** The file that a relative import means; of `./x.js` that is not there, `./x.ts`, as in TypeScript. */
function localFile(importer: string, specifier: string, name: string): string {
  const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : resolve(dirname(importer), specifier);
  const found = [path, path.replace(/\.(m?)js$/, '.$1ts')].find(isFile);
  if (found !== undefined) return found;
  const named = /\.\w+$/.test(specifier) ? '' : ' (a relative import names its file with the extension)';
  throw new UsageError(`${name} imports '${specifier}', and there is no such file${named}`);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The same wherever the files are, and whatever the first one is called. */
function hashOf(main: string, sources: ReadonlyMap<string, Source>): string {
  const hash = createHash('sha256');
  const parts = [...sources.values()].map(({ path, text }) => [
    path === main ? '' : relative(dirname(main), path).replaceAll('\\', '/'),
    text,
  ]);
  for (const part of parts.sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${JSON.stringify(part)}\n`);
  return hash.digest('hex');
}

function toModules(sources: ReadonlyMap<string, Source>, urls: ReadonlyMap<string, string>): PatchModules['modules'] {
  const linked = ({ imports }: Source): PatchModule['imports'] =>
    Object.fromEntries([...imports].map(([specifier, path]) => [specifier, urls.get(path)!]));
  return Object.fromEntries(
    followed(sources).map((path) => {
      const source = sources.get(path)!;
      return [urls.get(path)!, { code: source.code, imports: linked(source) }];
    }),
  );
}

/** A path as people like it: from here, if that is not further away. */
function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') || isAbsolute(near) ? path : near;
}

const FRAME = /^ +at (?:.* \()?.+\/(?<place>[^/]+\.m?[jt]s:\d+:\d+)\)?$/m;

/** What was thrown while the patch was loaded, and where. */
function failure(error: unknown): string {
  if (!(error instanceof Error)) return `it throws ${String(error)}`;
  if (error instanceof Misuse) return error.message;
  const place = FRAME.exec(error.stack ?? '')?.groups?.['place'];
  const isOurs = place === undefined || place.startsWith('patch-files.'); // it was never run
  return `${error.name}: ${error.message.split('\n', 1)[0]}${isOurs ? '' : ` (${place})`}`;
}
