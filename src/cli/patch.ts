/** `--patch`: changes to a scenario's kernel that come from files of the user's own. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { inspect } from 'node:util';
import { visible } from '../export/escape.ts';
import type { Replaces } from '../kernel/change.ts';
import { type Change, misfit } from '../kernel/change.ts';
import { bases, bugs, patches } from '../kernel/index.ts';
import { type Coroutine, Step } from '../machine/step.ts';
import { KernelBug, Misuse } from '../machine/thread.ts';
import { NotTheSame } from '../drivers/controlled/execution.ts';
import { Divergence } from '../drivers/controlled/replay.ts';
import { catalog } from '../scenario/catalog.ts';
import { didYouMean, quote } from '../scenario/diagnostic.ts';
import { type OwnPatch, readScenario, type Scenario } from '../scenario/read.ts';
import { parseStack } from '../trace/stack.ts';
import { UsageError } from './exit.ts';
import { type CommonOptions, scenarioPath } from './options.ts';

/** What a patch may replace, as far as its base has it, and what each function returns. */
const RETURNS = {
  handle_mm_fault: 'number',
  handle_pte_fault: 'number',
  do_no_page: 'number',
  do_anonymous_page: 'number',
  do_wp_page: 'number',
  switch_to_copy: 'undefined',
  anon_vma_prepare: 'boolean',
  dup_mmap: 'boolean',
  copy_page_range: 'boolean',
  zap_page_range: 'undefined',
  unmap_region: 'undefined',
  exit_mmap: 'undefined',
  page_check_address: 'object',
  page_check_done: 'undefined',
  do_page_fault: 'number',
  do_truncate: 'undefined',
  unmap_mapping_range: 'undefined',
  invalidate_inode_pages2: 'undefined',
  do_writepages: 'undefined',
  sys_msync: 'undefined',
  filemap_nopage: 'object',
  do_linear_fault: 'number',
  do_nonlinear_fault: 'number',
  do_read_fault: 'number',
  do_cow_fault: 'number',
  do_shared_fault: 'number',
  do_fault_around: 'undefined',
  filemap_fault: 'number',
  filemap_page_mkwrite: 'number',
  filemap_map_pages: 'undefined',
  xip_file_fault: 'number',
  zap_pte_range: 'undefined',
  truncate_pagecache: 'undefined',
  truncate_pagecache_range: 'undefined',
  truncate_inode_page: 'undefined',
  page_mkclean: 'boolean',
} as const satisfies Readonly<Record<string, string>>;
type Replaceable = keyof typeof RETURNS;

const WORDS = {
  number: 'a VM_FAULT code',
  boolean: 'true or false',
  undefined: 'nothing',
  object: 'a pte, a page or null',
};
function replaceable({ kernel }: Scenario): Replaceable[] {
  const { path } = bases.find(({ name }) => name === kernel.base)!;
  return (Object.keys(RETURNS) as Replaceable[]).filter((name) => name in path);
}
/** What a patch may say beside what it replaces. */
const ABOUT = ['name', 'base', 'about', 'mail'];

/** The patch is right, and is not for this scenario. */
export class PatchMisfit extends UsageError {}

/** The scenario of a file or a name, with the patches of the user's own. */
export async function readPatched(file: string, { patch = [] }: Pick<CommonOptions, 'patch'>): Promise<Scenario> {
  return withPatches(scenarioPath(file), patch);
}

/** All files that it was read from. */
export function filesOf({ path, own = [] }: Scenario): string[] {
  return [path, ...own.flatMap(({ files }) => files)];
}

/** The scenario at the path; `words`: files, and names of patches of the package. */
export async function withPatches(path: string, words: readonly string[]): Promise<Scenario> {
  const scenario = readScenario(path, catalog(), { patches: words });
  if (words.length === 0) return scenario;
  const own: OwnPatch[] = [];
  for (const word of words) own.push(packaged(word, scenario) ?? (await ofFile(word, scenario)));
  checkFit(scenario, own);
  return { ...scenario, own };
}

/** What comes later would take the place of what was there, and nobody would see that; of several of one's own one does. */
function checkFit({ path, kernel }: Scenario, own: readonly OwnPatch[]): void {
  const { base } = kernel;
  const named = (all: readonly Change[], names: readonly string[]): Change[] =>
    all.filter(({ name }) => names.includes(name));
  const ofScenario = named(patches, kernel.patches);
  const before = [...ofScenario];
  for (const { name, replaces, sha256 } of own) {
    const known = sha256 === OF_THE_PACKAGE ? patches.find((patch) => patch.name === name) : undefined;
    const change: Change = known ?? { name, base, about: '', replaces };
    refuse(quote(name), misfit(base, known === undefined ? ofScenario : before, change), path);
    before.push(change);
  }
  for (const bug of named(bugs, kernel.bugs)) refuse(`bug ${quote(bug.name)}`, misfit(base, before, bug), path);
}

function refuse(what: string, problem: string | null, path: string): void {
  if (problem !== null) throw new PatchMisfit(`${what} ${problem} (${path})`);
}

function packaged(word: string, scenario: Scenario): OwnPatch | null {
  const found = patches.find(({ name }) => name === word);
  if (found === undefined) return null;
  checkBase(word, found.base, scenario);
  return { path: word, sha256: OF_THE_PACKAGE, files: [], name: word, replaces: found.replaces };
}

/** Its text is that of the version of faultline. */
const OF_THE_PACKAGE = '';

async function ofFile(path: string, scenario: Scenario): Promise<OwnPatch> {
  if (/^[\w-]+$/.test(path) && !existsSync(path)) throw new UsageError(unknownPatch(path));
  const { loadPatchFiles } = await import('./patch-files.ts');
  const { exports, ...source } = await loadPatchFiles(path);
  return { path, ...source, ...read(path, exports, scenario) };
}

function unknownPatch(word: string): string {
  const hint = didYouMean(word, catalog().patches);
  const what = `${quote(word)} is no file and no patch of the package (see 'faultline list kernels')`;
  return hint === undefined ? what : `${what}. ${hint}`;
}

function checkBase(patch: string, base: unknown, { path, kernel }: Scenario): void {
  if (base === kernel.base) return;
  throw new PatchMisfit(
    `${patch} is a patch to ${typeof base === 'string' ? quote(base) : what(base)}, and ${path} runs ${kernel.base}`,
  );
}

/** What the module says, checked. */
function read(path: string, exports: Readonly<Record<string, unknown>>, scenario: Scenario) {
  const said = exports['default'] ?? exports['patch'];
  if (!isRecord(said)) throw new UsageError(`${path} has no patch: ${instead(exports)}. ${POSSIBLE}`);
  const isChange = 'replaces' in said;
  const { name = basename(path).replace(/\.\w+$/, ''), base } = isChange ? said : {};
  if (typeof name !== 'string' || name === '') throw new UsageError(`${path}: name must be a text, not empty`);
  if (base !== undefined) checkBase(path, base, scenario);
  if (isChange) checkKeys(path, said, ['replaces', ...ABOUT], 'a patch has');
  return { name, replaces: readReplaces(path, name, isChange ? said['replaces'] : said, replaceable(scenario)) };
}

const POSSIBLE =
  'Possible: export default { do_anonymous_page }, or { name, base, about, replaces: { do_anonymous_page } }; ' +
  "or the same as 'patch'";

function instead(exports: Readonly<Record<string, unknown>>): string {
  for (const name of ['default', 'patch']) {
    if (exports[name] !== undefined) return `its export '${name}' is ${what(exports[name])}`;
  }
  const names = Object.keys(exports).filter((name) => name !== 'default');
  return names.length === 0 ? 'it exports nothing' : `it exports ${names.join(', ')}`;
}

function readReplaces(path: string, name: string, replaces: unknown, possible: readonly Replaceable[]): Replaces {
  if (!isRecord(replaces)) throw new UsageError(`${path}: replaces is ${what(replaces)}, not an object of functions`);
  checkKeys(path, replaces, possible, 'a patch may replace');
  const functions = Object.entries(replaces).map(([fn, value]) => {
    if (typeof value !== 'function') throw new UsageError(`${path}: ${fn} is ${what(value)}, not a function`);
    return [fn, held(`${fn} of ${name}`, RETURNS[fn as Replaceable], value as AnyFunction)];
  });
  if (functions.length === 0) throw new UsageError(`${path} replaces nothing. Possible: ${possible.join(', ')}`);
  return Object.fromEntries(functions) as Replaces;
}

function checkKeys(path: string, object: object, known: readonly string[], words: string): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const guess = didYouMean(unknown, known);
  const hint = guess === undefined && ABOUT.includes(unknown) ? 'It goes beside replaces: { ... }.' : guess;
  const suggestion = hint === undefined ? '' : ` ${hint}`;
  throw new UsageError(`${path}: unknown ${quote(unknown)}: ${words} ${known.join(', ')}.${suggestion}`);
}

type AnyFunction = (...args: unknown[]) => unknown;
type Path = Coroutine<unknown>;

/** A function of the user's own, held to what drivers and callers rely on. */
function held(fn: string, returns: keyof typeof WORDS, body: AnyFunction): AnyFunction {
  return (...args) => new HeldPath(fn, returns, asPath(fn, body(...args)));
}

function asPath(fn: string, result: unknown): Path {
  const isPath = isRecord(result) && !(result instanceof Step) && typeof result.next === 'function';
  if (isPath) return result as unknown as Path;
  throw new Misuse(`${fn} returns ${what(result)}, not a path: it must be a function*, or return what one returns`);
}

class HeldPath implements Iterator<Step, unknown, number> {
  private readonly fn: string;
  private readonly returns: keyof typeof WORDS;
  private readonly path: Path;

  constructor(fn: string, returns: keyof typeof WORDS, path: Path) {
    this.fn = fn;
    this.returns = returns;
    this.path = path;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(reply: number): IteratorResult<Step, unknown> {
    let next: IteratorResult<unknown, unknown>;
    try {
      next = this.path.next(reply);
    } catch (error) {
      throw asFinding(error);
    }
    const { done, value } = next;
    if (done !== true) {
      if (!(value instanceof Step)) throw new Misuse(`${this.fn} yields ${what(value)}, not a step: write yield*`);
    } else if (typeof value !== this.returns) {
      throw new Misuse(`${this.fn} returns ${what(value)} in the end, not ${WORDS[this.returns]}`);
    }
    return next as IteratorResult<Step, unknown>;
  }
}

/** Kernel text that throws has found a bug, under either driver; what drivers throw is theirs. */
function asFinding(error: unknown): unknown {
  const isTheirs = [Misuse, NotTheSame, Divergence].some((kind) => error instanceof kind);
  if (isTheirs) return error;
  if (error instanceof KernelBug) return new KernelBug(visible(error.rule), visible(error.message));
  if (!(error instanceof Error)) return new KernelBug('exception', visible(String(error)));
  const place = parseStack(error.stack ?? '').at(0);
  const at = place === undefined ? '' : ` (${place.fn}, ${place.file}:${place.line})`;
  return new KernelBug('exception', visible(`${error.name}: ${error.message}${at}`));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in words. */
function what(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'function') return `a function (${value.name || 'without a name'})`;
  if (value instanceof Promise) return 'a promise';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Step) return 'a step';
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object') return inspect(value);
  return typeof (value as { next?: unknown }).next === 'function' ? 'a path' : 'an object';
}
