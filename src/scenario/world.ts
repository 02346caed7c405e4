/** From a scenario to a booted machine with its threads, the same for both drivers. */
import { invariants } from '../check/invariants.ts';
import { describeWorld } from '../check/fingerprint.ts';
import { mm_alloc } from '../kernel/fork.ts';
import { buildKernel } from '../kernel/index.ts';
import { insert_vm_struct } from '../kernel/mmap.ts';
import { PAGE_WORDS, type System, VM_EXEC, VM_READ, VM_WRITE, type Vma } from '../kernel/structs.ts';
import { boot } from '../kernel/system.ts';
import type { Profile } from '../machine/profile.ts';
import { Birth, type Thread } from '../machine/thread.ts';
import { findProfile } from '../profiles/index.ts';
import { pft, type PftOptions } from '../workload/pft.ts';
import { script, type ScriptOp, type Stored } from '../workload/script.ts';
import type { Op, Scenario, VmaSpec } from './read.ts';

export interface World {
  readonly system: System;
  readonly profile: Profile;
  readonly cpus: number;
  readonly births: readonly Birth[];
  readonly ledger: readonly Stored[];
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

function bootFor(scenario: Scenario): { system: System; profile: Profile; cpus: number } {
  const profile = findProfile(scenario.machine.profile);
  const { cpus } = scenario.machine;
  const kernel = buildKernel(scenario.kernel.base, scenario.kernel.patches, scenario.kernel.bugs);
  return { system: boot({ profile, cpus, kernel }), profile, cpus };
}

/** The world of one pft row. */
export function buildPftWorld(scenario: Scenario, row: PftRow): World {
  const booted = bootFor(scenario);
  const options: PftOptions = { ...row, cpus: booted.cpus };
  return { ...booted, births: [new Birth('pft', 0, () => pft(booted.system, options))], ledger: [] };
}

/** The world of a scenario with vmas and threads. */
export function buildWorld(scenario: Scenario): World {
  const booted = bootFor(scenario);
  const mm = mm_alloc(booted.system, 'mm');
  mm.mm_users.value = scenario.threads.length;
  const vmas = new Map(scenario.vmas.map((vma) => [vma.name, insert_vm_struct(mm, vma.name, vma.pages, flagsOf(vma))]));
  const ledger: Stored[] = [];
  const births = scenario.threads.map(({ name, cpu, ops }, i) => {
    const program = ops.map((op, n) => scriptOp(op, vmas, i, n));
    return new Birth(name, cpu, () => script(mm, program, ledger));
  });
  return { ...booted, births, ledger };
}

function flagsOf({ readonly, executable }: VmaSpec): number {
  return VM_READ | (readonly ? 0 : VM_WRITE) | (executable === true ? VM_EXEC : 0);
}

/** Threads write words of their own, and values that tell who wrote them: 101 is the first of the first thread. */
function scriptOp(op: Op, vmas: ReadonlyMap<string, Vma>, thread: number, n: number): ScriptOp {
  if (op.kind === 'mmap') return op;
  if (op.kind === 'page_referenced') return { ...op, vma: vmas.get(op.vma)! };
  const value = op.kind === 'write' ? (op.value ?? (thread + 1) * 100 + n + 1) : 0;
  return { kind: op.kind, vma: vmas.get(op.vma)!, first: op.first, last: op.last, word: thread % PAGE_WORDS, value };
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
  const { system, ledger } = world;
  const check = (moments: readonly string[], threads: readonly Thread[]): Breach[] =>
    invariants
      .filter((invariant) => moments.includes(invariant.moment))
      .flatMap(({ name, check: witnesses }) =>
        witnesses({ system, ledger, threads }).map((witness) => ({ rule: name, witness })),
      );
  return {
    threads: world.births,
    afterStep: (threads) => check(['always'], threads),
    atEnd: (threads) => check(['end', 'always'], threads),
    outcome: () => describeWorld(system),
  };
}
