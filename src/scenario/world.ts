/** From a scenario to a booted machine with its threads, the same for both drivers. */
import { type Invariant, invariants } from '../check/invariants.ts';
import { describeWorld } from '../check/fingerprint.ts';
import { mm_alloc } from '../kernel/fork.ts';
import type { FaultPath } from '../kernel/fault-path.ts';
import { buildKernel } from '../kernel/index.ts';
import { SIGBUS, SIGSEGV } from '../kernel/fault.ts';
import { Inode } from '../kernel/fs.ts';
import { insert_vm_struct, type Mapped } from '../kernel/mmap.ts';
import {
  type Config,
  type Mm,
  PAGE_WORDS,
  type System,
  VM_EXEC,
  VM_RAND_READ,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from '../kernel/structs.ts';
import { boot } from '../kernel/system.ts';
import type { Lead } from '../machine/lead.ts';
import type { Profile } from '../machine/profile.ts';
import { Birth, type Thread } from '../machine/thread.ts';
import { findProfile } from '../profiles/index.ts';
import { byteOf, cacheFile, fillBlock } from '../workload/files.ts';
import { type Area, Ledger } from '../workload/ledger.ts';
import { latProc, type LatProcKind } from '../workload/lat-proc.ts';
import { pft, type PftOptions } from '../workload/pft.ts';
import { script, type ScriptOp, type ScriptThread, type Shared } from '../workload/script.ts';
import { cachedFile, leadOf, seqread } from '../workload/seqread.ts';
import type { FileSpec, MappedSpec, Op, Scenario, VmaSpec } from './read.ts';
import type { Signal } from './schema.ts';
import type { SeqreadRow } from './seqread-result.ts';

export interface World {
  readonly system: System;
  readonly profile: Profile;
  readonly cpus: number;
  readonly births: readonly Birth[];
  readonly ledger: Ledger;
  /** What the run should count. */
  readonly counts: Readonly<Record<string, number>>;
  /** Only the timed driver can use it; undefined: little can be foreseen. */
  readonly lead?: Lead | undefined;
}

/** One row of a pft scenario. */
export interface PftRow {
  readonly gb: number;
  readonly repetitions: number;
  readonly threads: number;
}

/** The rows of a pft scenario, in the order in which they are printed; none for a scenario with threads. */
export function pftRows(scenario: Scenario): PftRow[] {
  if (scenario.pft === null) return [];
  const { gb, repetitions, threads } = scenario.pft;
  return gb.flatMap((g) => threads.map((n) => ({ gb: g, repetitions, threads: n })));
}

/** Which text runs: a function of kernel text, or its twin (`flat`), which is faster and has no backtraces. */
export type Text = <F>(f: F) => F;

/** As it stands in the sources. */
export const asWritten: Text = (f) => f;

function kernelText(kernel: FaultPath, text: Text): FaultPath {
  const result: Record<string, unknown> = { ...kernel };
  for (const name of Object.keys(result)) result[name] = text(result[name]);
  return result as unknown as FaultPath;
}

function bootFor(
  scenario: Scenario,
  checks: Partial<Config> = {},
  profile = findProfile(scenario.machine.profile),
  text = asWritten,
): { system: System; profile: Profile; cpus: number } {
  const { cpus } = scenario.machine;
  const { base, patches, bugs } = scenario.kernel;
  const kernel = kernelText(buildKernel(base, patches, bugs, scenario.own), text);
  const config = { ...checks, ...scenario.kernel.config };
  return { system: boot({ profile, cpus, kernel, config }), profile, cpus };
}

/** The world of one pft row; on the machine of the scenario, if it is not said what that costs. */
export function buildPftWorld(scenario: Scenario, row: PftRow, profile?: Profile, text = asWritten): World {
  const booted = bootFor(scenario, {}, profile, text);
  const options: PftOptions = { ...row, cpus: booted.cpus };
  const births = [new Birth('pft', 0, () => text(pft)(booted.system, options))];
  return { ...booted, births, ledger: new Ledger(), counts: {} };
}

/** One run of a lat_proc scenario: a row of the table, a column, and how many processes are started. */
export interface LatProcRun {
  readonly kind: LatProcKind;
  readonly machine: string;
  readonly patch: string | null;
  readonly iterations: number;
}

/** The world of one such run, on one CPU. */
export function buildLatProcWorld({ kernel }: Scenario, run: LatProcRun, text = asWritten): World {
  const { kind, machine, patch, iterations } = run;
  const profile = findProfile(machine);
  const patches = [...kernel.patches, ...(patch === null ? [] : [patch])];
  const path = kernelText(buildKernel(kernel.base, patches, kernel.bugs), text);
  const system = boot({ profile, cpus: 1, kernel: path, config: kernel.config ?? {} });
  const options = { kind, iterations, layout: profile.layout };
  const births = [new Birth('lat_proc', 0, () => text(latProc)(system, options))];
  return { system, profile, cpus: 1, births, ledger: new Ledger(), counts: {} };
}

/** The world of one seqread row; on the machine of the scenario, if it is not said what that costs. */
export function buildSeqreadWorld(scenario: Scenario, row: SeqreadRow, profile?: Profile, text = asWritten): World {
  const { gib, processes, threads, order } = row;
  const { pageBytes } = findProfile(scenario.machine.profile).geometry;
  const window = order === null ? {} : { fault_around_bytes: pageBytes * 2 ** order, FAULT_AROUND_ORDER: order };
  const hints = { SPLIT_RSS_COUNTING: true, mmap_cache: scenario.kernel.base === 'v3.14' };
  const booted = bootFor(scenario, { ...window, ...hints }, profile, text);
  const pages = Math.ceil((gib * 2 ** 30) / pageBytes);
  const file = cachedFile(booted.system, 'testfile', pages);
  const options = { ...booted, pages, processes, threads };
  const births = [new Birth('usemem', 0, () => text(seqread)(booted.system, file, options))];
  const lead = leadOf(booted.system, booted.profile, pages, 2 ** (order ?? 0));
  return { ...booted, births, ledger: new Ledger(), counts: {}, lead };
}

/** The world of a scenario with vmas and threads; on the machine of the scenario, if it is not said what that costs. */
export function buildWorld(scenario: Scenario, profile?: Profile, text = asWritten): World {
  const booted = bootFor(scenario, { DEBUG_PAGEALLOC: true }, profile, text);
  const shared: Shared = { ledger: new Ledger(), forked: new Map() };
  const files = new Map(
    (scenario.files ?? []).map((file) => [file.name, makeFile(booted.system, file, shared.ledger)]),
  );
  const mm = mm_alloc(booted.system, 'mm');
  mm.mm_users.value = scenario.threads.length;
  const areas = new Map(scenario.vmas.map((vma) => [vma.name, makeArea(mm, vma, files)]));
  const births = new Programs(scenario, areas, files).threads().map(({ name, cpu, ops }) => {
    mm.cpu_vm_mask.add(cpu);
    return new Birth(name, cpu, () => text(script)(mm, ops, shared));
  });
  return { ...booted, births, ledger: shared.ledger, counts: scenario.expect.counts ?? {} };
}

/** Each page holds a value of its own in all words. */
function makeFile(system: System, spec: FileSpec, ledger: Ledger): Inode {
  const { name, pages, cached, dax = false, page_mkwrite = false, holes = [] } = spec;
  const inode = new Inode(system, name, pages * system.geometry.pageBytes, { dax, page_mkwrite });
  const first = 1000 * inode.i_mapping.number;
  for (let pgoff = 0; pgoff < pages; pgoff++) if (!holes.includes(pgoff)) fillBlock(inode, pgoff, first + pgoff);
  if (cached === undefined && !dax) cacheFile(inode);
  if (Array.isArray(cached) && !dax)
    for (const pgoff of cached as readonly number[]) cacheFile(inode, pgoff, pgoff + 1);
  const size = inode.i_size.value;
  ledger.addFile(inode, (pgoff, word) =>
    byteOf(system, pgoff, word) < size && !holes.includes(pgoff) ? first + pgoff : 0,
  );
  return inode;
}

function makeArea(mm: Mm, vma: VmaSpec, files: ReadonlyMap<string, Inode>): Area {
  const what = mappedBy(vma, files);
  const made = insert_vm_struct(mm, vma.name, vma.pages, flagsOf(vma), what);
  what?.file.f_mapping.i_mmap.push(made);
  const file =
    what === null ? null : { inode: what.file.f_mapping.host, pgoff: what.pgoff, shared: vma.shared === true };
  return { name: vma.name, start: made.vm_start, file };
}

function mappedBy({ file, offset = 0 }: MappedSpec, files: ReadonlyMap<string, Inode>): Mapped | null {
  return file === undefined ? null : { file: files.get(file)!.file, pgoff: offset };
}

function flagsOf({ readonly = false, executable, random, shared }: Partial<VmaSpec>): number {
  return (
    VM_READ |
    (readonly ? 0 : VM_WRITE) |
    (executable === true ? VM_EXEC : 0) |
    (random === true ? VM_RAND_READ : 0) |
    (shared === true ? VM_SHARED : 0)
  );
}

const SIGNAL_NUMBERS: Readonly<Record<Signal, number>> = { SIGBUS, SIGSEGV };

/** A signal that the program may see is -signal. */
function toSeen(seen: number | Signal): number {
  return typeof seen === 'number' ? seen : -SIGNAL_NUMBERS[seen];
}

/**
 * Threads write words of their own, and values that tell who wrote them: 101 is the first operation of the first thread.
 * Those of forked processes count on where the others end.
 */
class Programs {
  private readonly scenario: Scenario;
  private readonly areas: ReadonlyMap<string, Area>;
  private readonly files: ReadonlyMap<string, Inode>;
  /** By name. */
  private readonly numbers = new Map<string, number>();

  constructor(scenario: Scenario, areas: ReadonlyMap<string, Area>, files: ReadonlyMap<string, Inode>) {
    this.scenario = scenario;
    this.areas = areas;
    this.files = files;
    for (const { name } of scenario.threads) this.numbers.set(name, this.numbers.size);
    for (const { ops } of scenario.threads) {
      for (const op of ops) {
        if (op.kind === 'fork') for (const { name } of op.threads) this.numbers.set(name, this.numbers.size);
      }
    }
  }

  threads(): ScriptThread[] {
    return this.scenario.threads.map(({ name, cpu, ops }) => ({ name, cpu, ops: this.opsOf(name, ops) }));
  }

  private opsOf(thread: string, ops: readonly Op[]): ScriptOp[] {
    return ops.map((op, n) => this.op(thread, op, n));
  }

  private op(thread: string, op: Op, n: number): ScriptOp {
    switch (op.kind) {
      case 'wait':
      case 'exit':
        return op;
      case 'mmap':
        return { kind: op.kind, pages: op.pages, flags: flagsOf(op), what: mappedBy(op, this.files) };
      case 'fork':
        return { kind: op.kind, threads: op.threads.map((child) => this.child(child)) };
      case 'truncate': {
        const inode = this.files.get(op.file)!;
        return { kind: op.kind, inode, size: op.to * inode.system.geometry.pageBytes };
      }
      case 'invalidate':
      case 'writeback':
        return { kind: op.kind, inode: this.files.get(op.file)! };
      case 'punch':
      case 'pwrite':
      case 'pread':
        return this.fileOp(thread, op, n);
      default:
        return this.memoryOp(thread, op, n);
    }
  }

  private fileOp(thread: string, op: Extract<Op, { kind: 'punch' | 'pwrite' | 'pread' }>, n: number): ScriptOp {
    const { file, first, last } = op;
    const where = { inode: this.files.get(file)!, first, last: last ?? Infinity };
    if (op.kind === 'punch') return { kind: op.kind, ...where };
    if (op.kind === 'pread') return { kind: op.kind, ...where, ...this.reads(thread, op) };
    return { kind: op.kind, ...where, ...this.writes(thread, op.value, n) };
  }

  private memoryOp(thread: string, op: Extract<Op, { readonly vma: string }>, n: number): ScriptOp {
    const { first, last } = op;
    const where = { area: this.areas.get(op.vma)!, first, last };
    if (op.kind === 'remap') return { kind: op.kind, ...where, to: op.to };
    if (op.kind !== 'write' && op.kind !== 'read') return { kind: op.kind, ...where };
    const seen = op.kind === 'read' ? (op.sees ?? []).filter((one) => typeof one !== 'number') : [];
    const catches = [...(op.catches ?? []), ...seen].map((signal) => SIGNAL_NUMBERS[signal]);
    if (op.kind === 'read') return { kind: op.kind, ...where, ...this.reads(thread, op), catches };
    return { kind: op.kind, ...where, ...this.writes(thread, op.value, n), catches };
  }

  private writes(thread: string, value: number | null, n: number) {
    const number = this.numbers.get(thread)!;
    return { word: number % PAGE_WORDS, value: value ?? (number + 1) * 100 + n + 1 };
  }

  private reads(thread: string, { of, sees }: Pick<Extract<Op, { kind: 'read' }>, 'of' | 'sees'>) {
    const word = of === undefined && sees === undefined ? 0 : this.numbers.get(of ?? thread)! % PAGE_WORDS;
    return { word, sees: sees?.map(toSeen) ?? null };
  }

  private child({ name, ops }: { readonly name: string; readonly ops: readonly Op[] }): ScriptThread {
    const cpu = this.numbers.get(name)! % this.scenario.machine.cpus;
    return { name, cpu, ops: this.opsOf(name, ops) };
  }
}

/** A breach of an invariant. */
export interface Breach {
  readonly rule: string;
  readonly witness: string;
}

/** What the controlled driver runs: the world's threads, held to the catalogue of invariants. */
export interface CheckedProgram {
  readonly threads: readonly Birth[];
  afterStep(threads: readonly Thread[]): Breach[];
  atEnd(threads: readonly Thread[]): Breach[];
  outcome(): string;
}

const AFTER_EACH_STEP = invariants.filter(({ moment }) => moment === 'always');

export function checkedProgram(world: World): CheckedProgram {
  const { system, ledger, counts } = world;
  const check = (which: readonly Invariant[], threads: readonly Thread[]): Breach[] => {
    const breaches: Breach[] = [];
    for (const { name, check: witnesses } of which) {
      for (const witness of witnesses({ system, ledger, threads, counts })) breaches.push({ rule: name, witness });
    }
    return breaches;
  };
  return {
    threads: world.births,
    afterStep: (threads) => check(AFTER_EACH_STEP, threads),
    atEnd: (threads) => check(invariants, threads),
    outcome: () => describeWorld(system),
  };
}
