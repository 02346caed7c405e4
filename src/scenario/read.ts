/**
 * From a scenario file to a `Scenario`: every default applied, every name known, every bound kept.
 *
 * Reading is all or nothing. Whatever the file is (no file, a picture, a bomb), the outcome is a Scenario or one
 * ScenarioError that holds everything wrong with it.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Replaces } from '../kernel/change.ts';
import { fileError, type Problem, type Report, ScenarioError, toError } from './diagnostic.ts';
import { type Catalog, type FileOp, ON_FILES, ON_VMAS, type ScenarioFile, type Signal } from './schema.ts';
import { parseYaml } from './yaml.ts';
import { checkNames } from './yaml-names.ts';
import { checkShape } from './yaml-shape.ts';
import { maxBytes } from './yaml-tokens.ts';

export type { Catalog } from './schema.ts';

/** A file. What is not there is as usual, so that hashes stay what they are when there is more to say. */
export interface FileSpec {
  readonly name: string;
  /** In sixteenths of pages. */
  readonly pages: number;
  /** Pages in the page cache, or none; left out: all. */
  readonly cached?: false | readonly number[];
  readonly dax?: true;
  readonly page_mkwrite?: true;
  readonly holes?: readonly number[];
}

/** What of a file is mapped: from page `offset` on. Left out: anonymous memory, page 0, private. */
export interface MappedSpec {
  readonly file?: string;
  readonly offset?: number;
  readonly shared?: true;
}

/** An area of memory, in pages. */
export interface VmaSpec extends MappedSpec {
  readonly name: string;
  readonly pages: number;
  readonly readonly: boolean;
  /** Not there means false, so that the hash of older scenarios is what it was. */
  readonly executable?: true;
  readonly random?: true;
}

/** Pages are counted from 0 within the vma; `first` to `last`, both included. */
interface OnPages {
  readonly vma: string;
  readonly first: number;
  readonly last: number;
}

/** Pages of a file. `last` null: to its end. */
interface OnFile {
  readonly file: string;
  readonly first: number;
  readonly last: number | null;
}

/** `of`: reads the word that this thread writes; `sees`: what it may show. Left out if it is not said. */
interface Reads {
  readonly of?: string;
  readonly sees?: readonly (number | Signal)[];
}

/** Signals that the program survives; left out: none. */
interface Catches {
  readonly catches?: readonly Signal[];
}

/** What a thread does next. */
export type Op =
  | ({ readonly kind: 'write'; readonly value: number | null } & OnPages & Catches)
  | ({ readonly kind: 'read' } & OnPages & Reads & Catches)
  | ({ readonly kind: 'page_referenced' | 'munmap' | 'madvise_dontneed' | 'msync' } & OnPages)
  /** `to`: the page of the file that `first` is to show. */
  | ({ readonly kind: 'remap'; readonly to: number } & OnPages)
  | ({ readonly kind: 'mmap'; readonly pages: number } & MappedSpec)
  | { readonly kind: 'truncate'; readonly file: string; readonly to: number }
  | ({ readonly kind: 'punch' } & OnFile)
  | { readonly kind: 'invalidate' | 'writeback'; readonly file: string }
  | ({ readonly kind: 'pwrite'; readonly value: number | null } & OnFile)
  | ({ readonly kind: 'pread' } & OnFile & Reads)
  | { readonly kind: 'fork'; readonly threads: readonly { readonly name: string; readonly ops: readonly Op[] }[] }
  | { readonly kind: 'wait'; readonly name: string }
  | { readonly kind: 'exit' };

/** An operation that starts, awaits or ends no process. */
export type SimpleOp = Exclude<Op, { readonly kind: 'fork' | 'wait' | 'exit' }>;

/** A thread, the CPU it is bound to, and its operations in order. */
export interface ThreadSpec {
  readonly name: string;
  readonly cpu: number;
  readonly ops: Op[];
}

/** Lameter's page fault test: every size with every number of threads. */
export interface PftSpec {
  /** GiB per repetition. */
  readonly gb: number[];
  readonly repetitions: number;
  readonly threads: number[];
  /** Memory, and all that is paid once a run, divided by this; left out: 1. */
  readonly scale?: number;
}

/** lat_proc of lmbench: every kind on every machine, with every patch. */
export interface LatProcSpec {
  readonly kinds: readonly ('fork' | 'exec' | 'shell')[];
  readonly iterations: number;
  readonly machines: readonly string[];
  /** Null: the kernel as it is. */
  readonly patches: readonly (string | null)[];
  readonly said: { readonly text: string; readonly source: string } | null;
}

/** A row of a published table of such reads. */
export interface SeqreadMeasured {
  readonly readers: number;
  readonly faults: number;
  readonly seconds: number;
}

/** Threads or processes that read a cached file: every number of them with every window. */
export interface SeqreadSpec {
  readonly gib: number;
  /** One part in so many of the file is read, and times are multiplied. */
  readonly scale: number;
  readonly kind: 'threads' | 'processes';
  readonly readers: readonly number[];
  /** Windows of 2^order pages; null: as the kernel has it. */
  readonly orders: readonly (number | null)[];
  /** The published rows: of the kernel as it is, or without windows. */
  readonly measured: { readonly source: string; readonly rows: readonly SeqreadMeasured[] } | null;
}

/** One row of a published table. The three times are as printed ("0.047s"; Wall is known to be misprinted). */
export interface MeasuredRow {
  readonly gb: number;
  readonly repetitions: number;
  readonly threads: number;
  readonly user: string;
  readonly system: string;
  readonly wall: string;
  /** The column flt/cpu/s: faults per second of CPU time. */
  readonly faultsPerCpuS: number;
  /** The column fault/wsec: faults per second of wall time. */
  readonly faultsPerWallS: number;
}

/** See `Config` in kernel/structs.ts; what is left out is as usual. */
export interface KernelConfig {
  readonly HIGHPTE?: boolean;
  readonly PAGEVEC_SIZE?: number;
  readonly FAIL_PAGE_ALLOC?: number;
  readonly max_prealloc_order?: number;
  readonly ra_pages?: number;
  readonly fault_around_bytes?: number;
}

/** A patch that comes with the command: from a file of the user's own, or one of the package by its name. */
export interface OwnPatch {
  readonly name: string;
  /** As given. */
  readonly path: string;
  /** Of its text, and that of all files that go with it, in hex; '' if it is one of the package. */
  readonly sha256: string;
  /** It, and what it imports by relative paths; none if it is one of the package. */
  readonly files: readonly string[];
  readonly replaces: Replaces;
}

/** A scenario, complete. Names stand in the order of the file. */
export interface Scenario {
  /** As given to readScenario. */
  readonly path: string;
  /** Of the meaning, in hex: everything here except path and about. */
  readonly sha256: string;
  readonly about: string;
  readonly kernel: {
    readonly base: string;
    readonly patches: string[];
    readonly bugs: string[];
    /** Left out if nothing is set. */
    readonly config?: KernelConfig;
  };
  /** Applied after `kernel.patches`. No scenario file names any: left out then, and no part of its hash. */
  readonly own?: readonly OwnPatch[];
  readonly machine: { readonly profile: string; readonly cpus: number };
  /** Left out if there are none. */
  readonly files?: FileSpec[];
  /** Empty with pft. */
  readonly vmas: VmaSpec[];
  /** Empty with pft. */
  readonly threads: ThreadSpec[];
  readonly pft: PftSpec | null;
  /** Not there in other scenarios, so that the hash of older ones is what it was. */
  readonly latProc?: LatProcSpec;
  readonly seqread?: SeqreadSpec;
  readonly measured: { readonly source: string; readonly rows: MeasuredRow[] } | null;
  readonly expect: {
    readonly never: 'anything' | string[];
    readonly sometimes: string[];
    readonly always: string[];
    /** Marks that some execution must come by. */
    readonly reachable: string[];
    /** What every run counts, by name; left out if it is not said. */
    readonly counts?: Readonly<Record<string, number>>;
    readonly faults: number | null;
    readonly errorPercent: number | null;
    /** With lat_proc: misses per iteration in the first row and column; the column that has the fewest in all rows. */
    readonly misses?: number;
    readonly fewestMisses?: string;
  };
}

/** The benchmark that a scenario is, for the clock only; null: it has threads, and interleavings. */
export function benchmarkOf({ pft, latProc, seqread }: Scenario): 'pft' | 'lat_proc' | 'seqread' | null {
  if (pft !== null) return 'pft';
  if (seqread !== undefined) return 'seqread';
  return latProc === undefined ? null : 'lat_proc';
}

/** How errors are to look. */
export interface ReadOptions {
  /** Code frames with colours. Default: false. */
  readonly color?: boolean;
  /** Patches that will be applied beside those of the scenario: it may set their knobs. Those of the user's own may have any. */
  readonly patches?: readonly string[];
}

/** The scenario in the file. Throws ScenarioError. */
export function readScenario(path: string, catalog: Catalog, options: ReadOptions = {}): Scenario {
  const bytes = readBytes(path);
  if (bytes.includes(0)) throw fileError(path, 'this is not a text file: it has NUL bytes');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw fileError(path, 'this is not a text file: it is not valid UTF-8');
  }
  return parseScenario(text, path, catalog, options);
}

/** The scenario in the text; `path` is for messages only. Throws ScenarioError. */
export function parseScenario(text: string, path: string, catalog: Catalog, options: ReadOptions = {}): Scenario {
  const body = text.replace(/^\ufeff/, '');
  if (Buffer.byteLength(body) > maxBytes) throw tooLarge(path);
  const problems: Problem[] = [];
  const report: Report = (offset, message, hint) => problems.push({ offset, message, ...(hint && { hint }) });
  const file = check(body, catalog, options.patches ?? [], report);
  if (file === null || problems.length > 0) throw toError(body, path, problems, options.color ?? false);
  return normalise(file, path, catalog);
}

/** The file's data, null if its shape is wrong; what has the wrong shape is not asked for its name too. The data is not to be used if anything was reported. */
function check(text: string, catalog: Catalog, patches: readonly string[], report: Report): ScenarioFile | null {
  let isSilent = true;
  const located = parseYaml(text, (...problem) => {
    isSilent = false;
    report(...problem);
  });
  if (located === null) return null;
  if (located.root.node === null || located.data === null) {
    if (isSilent) report(0, 'the scenario is empty: it needs at least about, kernel, expect and a workload');
    return null;
  }
  const misshapen = new Set<number>();
  const file = checkShape(located, (offset, ...problem) => {
    misshapen.add(offset);
    report(offset, ...problem);
  });
  checkNames(located, catalog, patches, (offset, ...problem) => {
    if (!misshapen.has(offset)) report(offset, ...problem);
  });
  return file;
}

/** The bytes of a regular file of at most `maxBytes`. Throws ScenarioError. */
function readBytes(path: string): Uint8Array {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw fileError(path, 'this is a directory, not a scenario file');
    if (!stat.isFile()) throw fileError(path, 'this is not a regular file');
    const buffer = Buffer.alloc(maxBytes + 1);
    const file = openSync(path, 'r');
    try {
      let length = 0;
      for (let n = 1; n > 0 && length < buffer.length; length += n)
        n = readSync(file, buffer, length, buffer.length - length, null);
      if (stat.size > maxBytes || length > maxBytes) throw tooLarge(path);
      return buffer.subarray(0, length);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof ScenarioError) throw error;
    throw fileError(path, `cannot be read: ${reason(error)}`);
  }
}

function tooLarge(path: string): ScenarioError {
  return fileError(path, `too large: a scenario file has at most ${maxBytes} bytes`);
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'no such file',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
  };
  return words[code] ?? code;
}

function normalise(file: ScenarioFile, path: string, catalog: Catalog): Scenario {
  const profile = file.machine?.profile ?? catalog.defaultProfile;
  const cpus = file.machine?.cpus ?? catalog.profiles[profile].cpus;
  const { base, patches = [], bugs = [], config } = file.kernel;
  const sizes = new Map(Object.entries(file.vmas ?? {}).map(([name, { pages }]) => [name, pages]));
  const toOps = (ops: readonly FileOp[]): Op[] => ops.map((op) => toOp(op, sizes));
  const meaning: Omit<Scenario, 'path' | 'sha256' | 'about'> = {
    kernel: { base, patches, bugs, ...(config !== undefined && { config: said(config) }) },
    machine: { profile, cpus },
    ...(file.files !== undefined && { files: Object.entries(file.files).map(toFileSpec) }),
    vmas: Object.entries(file.vmas ?? {}).map(([name, { pages, readonly = false, executable, random, ...mapped }]) => ({
      name,
      pages,
      readonly,
      ...(executable === true && { executable }),
      ...(random === true && { random }),
      ...toMapped(mapped),
    })),
    threads: Object.entries(file.threads ?? {}).map(([name, thread], index) =>
      Array.isArray(thread)
        ? { name, cpu: index % cpus, ops: toOps(thread) }
        : { name, cpu: thread.cpu ?? index % cpus, ops: toOps(thread.do) },
    ),
    pft: file.pft === undefined ? null : toPft(file.pft),
    ...(file.lat_proc !== undefined && { latProc: toLatProc(file.lat_proc, profile) }),
    ...(file.seqread !== undefined && { seqread: toSeqread(file.seqread) }),
    measured: toMeasured(file.measured),
    expect: toExpect(file.expect),
  };
  const sha256 = createHash('sha256').update(canonical(meaning)).digest('hex');
  return { path, sha256, about: file.about.trim(), ...meaning };
}

function toFileSpec([name, { pages, cached, dax, page_mkwrite, holes }]: [
  string,
  NonNullable<ScenarioFile['files']>[string],
]): FileSpec {
  return {
    name,
    pages,
    ...(cached !== undefined && cached !== true && { cached }),
    ...(dax === true && { dax }),
    ...(page_mkwrite === true && { page_mkwrite }),
    ...(holes !== undefined && { holes }),
  };
}

function toMapped({ file, offset = 0, shared }: Pick<NonNullable<FileOp['mmap']>, keyof MappedSpec>): MappedSpec {
  return {
    ...(file !== undefined && { file }),
    ...(offset !== 0 && { offset }),
    ...(shared === true && { shared }),
  };
}

function toOp(op: FileOp, sizes: ReadonlyMap<string, number>): Op {
  if (op.mmap !== undefined) return { kind: 'mmap', pages: op.mmap.pages, ...toMapped(op.mmap) };
  if (op.wait !== undefined) return { kind: 'wait', name: op.wait };
  if (op.exit !== undefined) return { kind: 'exit' };
  if (op.fork !== undefined) {
    const threads = Object.entries(op.fork).map(([name, ops]) => ({ name, ops: ops.map((one) => toOp(one, sizes)) }));
    return { kind: 'fork', threads };
  }
  return toFileOp(op) ?? toMemoryOp(op, sizes);
}

function toMemoryOp(op: FileOp, sizes: ReadonlyMap<string, number>): Op {
  const kind = ON_VMAS.find((key) => op[key] !== undefined)!;
  const vma = op[kind]!;
  const [first, last] = pagesOf(op) ?? [0, sizes.get(vma)! - 1];
  const where = { vma, first, last };
  const catches = op.catches === undefined ? {} : { catches: [op.catches].flat() };
  if (kind === 'write') return { kind, ...where, value: op.value ?? null, ...catches };
  if (kind === 'read') return { kind, ...where, ...toReads(op), ...catches };
  return kind === 'remap' ? { kind, ...where, to: op.to! } : { kind, ...where };
}

/** Null: it is about memory. */
function toFileOp(op: FileOp): Op | null {
  const kind = ON_FILES.find((key) => op[key] !== undefined);
  if (kind === undefined) return null;
  const file = op[kind]!;
  if (kind === 'truncate') return { kind, file, to: op.to! };
  if (kind === 'invalidate' || kind === 'writeback') return { kind, file };
  const [first, last] = pagesOf(op) ?? [0, null];
  const where = { file, first, last };
  if (kind === 'pwrite') return { kind, ...where, value: op.value ?? null };
  return kind === 'pread' ? { kind, ...where, ...toReads(op) } : { kind, ...where };
}

function pagesOf({ page, pages }: FileOp): [first: number, last: number] | undefined {
  return page === undefined ? pages : [page, page];
}

function toReads({ of, sees }: FileOp): Reads {
  return { ...(of !== undefined && { of }), ...(sees !== undefined && { sees: [sees].flat() }) };
}

/** Without the keys that are left out. */
function said<T extends object>(from: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as never;
}

function toPft({ gb, repetitions, threads, scale }: NonNullable<ScenarioFile['pft']>): PftSpec {
  return { gb: [gb].flat(), repetitions, threads: [threads].flat(), ...(scale !== undefined && { scale }) };
}

function toLatProc(
  { kind, iterations, machines, patches, said: words }: NonNullable<ScenarioFile['lat_proc']>,
  profile: string,
): LatProcSpec {
  const said = words === undefined ? null : { text: words.text.trim(), source: words.source.trim() };
  return { kinds: [kind].flat(), iterations, machines: machines ?? [profile], patches: patches ?? [null], said };
}

function toSeqread(spec: NonNullable<ScenarioFile['seqread']>): SeqreadSpec {
  const { gib, scale = 1, threads, processes, orders, measured } = spec;
  const rows = measured?.rows.map(([readers, faults, seconds]) => ({ readers, faults, seconds }));
  return {
    gib,
    scale,
    kind: threads === undefined ? 'processes' : 'threads',
    readers: [threads ?? processes!].flat(),
    orders: orders === undefined ? [null] : [orders].flat(),
    measured: measured === undefined ? null : { source: measured.source.trim(), rows: rows! },
  };
}

function toMeasured(measured: ScenarioFile['measured']): Scenario['measured'] {
  if (measured === undefined) return null;
  const rows = measured.rows.map(([gb, repetitions, threads, user, system, wall, faultsPerCpuS, faultsPerWallS]) => ({
    gb,
    repetitions,
    threads,
    user,
    system,
    wall,
    faultsPerCpuS,
    faultsPerWallS,
  }));
  return { source: measured.source.trim(), rows };
}

function toExpect({
  never = [],
  sometimes = [],
  always = [],
  reachable = [],
  counts,
  faults,
  errorPercent,
  misses,
  fewestMisses,
}: ScenarioFile['expect']): Scenario['expect'] {
  return {
    never: never === 'anything' ? never : [never].flat(),
    sometimes: [sometimes].flat(),
    always: [always].flat(),
    reachable: [reachable].flat(),
    ...(counts !== undefined && { counts: said(counts) }),
    faults: faults ?? null,
    errorPercent: errorPercent ?? null,
    ...(misses !== undefined && { misses }),
    ...(fewestMisses !== undefined && { fewestMisses }),
  };
}

/** JSON with the keys in order, so that equal meanings are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
