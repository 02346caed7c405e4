/** From a scenario to a booted machine with its threads, the same for both drivers. */
import { invariants } from '../check/invariants.ts';
import { describeWorld } from '../check/fingerprint.ts';
import { mm_alloc } from '../kernel/fork.ts';
import { buildKernel } from '../kernel/index.ts';
import { insert_vm_struct } from '../kernel/mmap.ts';
import { type Config, PAGE_WORDS, type System, VM_EXEC, VM_RAND_READ, VM_READ, VM_WRITE } from '../kernel/structs.ts';
import { boot } from '../kernel/system.ts';
import type { Profile } from '../machine/profile.ts';
import { Birth, type Thread } from '../machine/thread.ts';
import { findProfile } from '../profiles/index.ts';
import { Ledger } from '../workload/ledger.ts';
import { latProc, type LatProcKind } from '../workload/lat-proc.ts';
import { pft, type PftOptions } from '../workload/pft.ts';
import { type Area, script, type ScriptOp, type ScriptThread, type Shared } from '../workload/script.ts';
import type { Op, Scenario, VmaSpec } from './read.ts';

export interface World {
  readonly system: System;
  readonly profile: Profile;
  readonly cpus: number;
  readonly births: readonly Birth[];
  readonly ledger: Ledger;
  /** What the run should count. */
  readonly counts: Readonly<Record<string, number>>;
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

function bootFor(
  scenario: Scenario,
  checks: Partial<Config> = {},
  profile = findProfile(scenario.machine.profile),
): { system: System; profile: Profile; cpus: number } {
  const { cpus } = scenario.machine;
  const kernel = buildKernel(scenario.kernel.base, scenario.kernel.patches, scenario.kernel.bugs, scenario.own);
  const config = { ...checks, ...scenario.kernel.config };
  return { system: boot({ profile, cpus, kernel, config }), profile, cpus };
}

/** The world of one pft row; on the machine of the scenario, if it is not said what that costs. */
export function buildPftWorld(scenario: Scenario, row: PftRow, profile?: Profile): World {
  const booted = bootFor(scenario, {}, profile);
  const options: PftOptions = { ...row, cpus: booted.cpus };
  const births = [new Birth('pft', 0, () => pft(booted.system, options))];
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
export function buildLatProcWorld({ kernel }: Scenario, { kind, machine, patch, iterations }: LatProcRun): World {
  const profile = findProfile(machine);
  const patches = [...kernel.patches, ...(patch === null ? [] : [patch])];
  const path = buildKernel(kernel.base, patches, kernel.bugs);
  const system = boot({ profile, cpus: 1, kernel: path, config: kernel.config ?? {} });
  const options = { kind, iterations, layout: profile.layout };
  const births = [new Birth('lat_proc', 0, () => latProc(system, options))];
  return { system, profile, cpus: 1, births, ledger: new Ledger(), counts: {} };
}

/** The world of a scenario with vmas and threads. */
export function buildWorld(scenario: Scenario): World {
  const booted = bootFor(scenario, { DEBUG_PAGEALLOC: true });
  const mm = mm_alloc(booted.system, 'mm');
  mm.mm_users.value = scenario.threads.length;
  const areas = new Map(
    scenario.vmas.map((vma) => {
      const { name, vm_start } = insert_vm_struct(mm, vma.name, vma.pages, flagsOf(vma));
      return [name, { name, start: vm_start }];
    }),
  );
  const shared: Shared = { ledger: new Ledger(), forked: new Map() };
  const births = new Programs(scenario, areas).threads().map(({ name, cpu, ops }) => {
    mm.cpu_vm_mask.add(cpu);
    return new Birth(name, cpu, () => script(mm, ops, shared));
  });
  return { ...booted, births, ledger: shared.ledger, counts: scenario.expect.counts ?? {} };
}

function flagsOf({ readonly, executable, random }: VmaSpec): number {
  return (
    VM_READ | (readonly ? 0 : VM_WRITE) | (executable === true ? VM_EXEC : 0) | (random === true ? VM_RAND_READ : 0)
  );
}

/**
 * Threads write words of their own, and values that tell who wrote them: 101 is the first operation of the first thread.
 * Those of forked processes count on where the others end.
 */
class Programs {
  private readonly scenario: Scenario;
  private readonly areas: ReadonlyMap<string, Area>;
  /** By name. */
  private readonly numbers = new Map<string, number>();

  constructor(scenario: Scenario, areas: ReadonlyMap<string, Area>) {
    this.scenario = scenario;
    this.areas = areas;
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
    if (op.kind === 'mmap' || op.kind === 'wait' || op.kind === 'exit') return op;
    if (op.kind === 'fork') return { kind: 'fork', threads: op.threads.map((child) => this.child(child)) };
    const { first, last } = op;
    const where = { area: this.areas.get(op.vma)!, first, last };
    const number = this.numbers.get(thread)!;
    if (op.kind === 'write') {
      return { kind: op.kind, ...where, word: number % PAGE_WORDS, value: op.value ?? (number + 1) * 100 + n + 1 };
    }
    if (op.kind !== 'read') return { kind: op.kind, ...where };
    const word = op.of === undefined && op.sees === undefined ? 0 : this.numbers.get(op.of ?? thread)! % PAGE_WORDS;
    return { kind: op.kind, ...where, word, sees: op.sees ?? null };
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

export function checkedProgram(world: World): CheckedProgram {
  const { system, ledger, counts } = world;
  const check = (moments: readonly string[], threads: readonly Thread[]): Breach[] =>
    invariants
      .filter((invariant) => moments.includes(invariant.moment))
      .flatMap(({ name, check: witnesses }) =>
        witnesses({ system, ledger, threads, counts }).map((witness) => ({ rule: name, witness })),
      );
  return {
    threads: world.births,
    afterStep: (threads) => check(['always'], threads),
    atEnd: (threads) => check(['end', 'always'], threads),
    outcome: () => describeWorld(system),
  };
}
