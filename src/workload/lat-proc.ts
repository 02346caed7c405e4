/**
 * lat_proc of lmbench: how long it takes to start a process and wait for it. `fork`: it exits at once; `exec`: it executes
 * another program, which exits; `shell`: it executes a shell, which does the same.
 *
 * The programs are lists of areas, as /proc/PID/maps shows them. What is read of a file is the zero page here, what is
 * written is anonymous: there are no files yet, so that no page is shared but by fork. Sizes are assumed, after programs
 * and a C library of 2004. Before each iteration the cache that walks of page tables have is made cold: the programs have
 * used it meanwhile.
 */
import { wait_for } from '../machine/memory.ts';
import type { ProcessLayout } from '../machine/profile.ts';
import type { Coroutine } from '../machine/step.ts';
import { Birth, running, spawn, SYSTEM, USER } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { dup_mm, mm_alloc, mmput } from '../kernel/fork.ts';
import { page_size } from '../kernel/pgtable.ts';
import { type Mm, type System, VM_EXEC, VM_READ, VM_WRITE, Vma } from '../kernel/structs.ts';
import { user_load, user_store } from './user.ts';

export const LAT_PROC_KINDS = ['fork', 'exec', 'shell'] as const;
export type LatProcKind = (typeof LAT_PROC_KINDS)[number];

export interface LatProcOptions {
  readonly kind: LatProcKind;
  readonly iterations: number;
  readonly layout: ProcessLayout;
}

const DO_EXECVE = work('do_execve', 100_000);

/** A part of a program, in KiB: how far from the start of its part of the layout, how long, how much of it is used. */
interface AreaOfProgram {
  readonly name: string;
  readonly part: 'text' | 'data' | 'libs' | 'stack';
  readonly after: number;
  readonly size: number;
  readonly used: number;
  /** Used by writing, and how much of it again by each side after a fork. */
  readonly again?: number;
}

/** What every program of the time is linked with. All assumed: glibc 2.3 has 1.2 MiB of text. */
const LIBRARIES: readonly AreaOfProgram[] = [
  { name: 'ld.so', part: 'libs', after: 0, size: 96, used: 64 },
  { name: 'ld.so data', part: 'libs', after: 160, size: 16, used: 16, again: 0 },
  { name: 'libc', part: 'libs', after: 2048, size: 1216, used: 320 },
  { name: 'libc data', part: 'libs', after: 4096, size: 32, used: 32, again: 16 },
];

function program(text: number, data: number, heap: number): readonly AreaOfProgram[] {
  return [
    { name: 'text', part: 'text', after: 0, size: text, used: text / 2 },
    { name: 'data', part: 'data', after: 0, size: data, used: data, again: 16 },
    ...(heap === 0 ? [] : [{ name: 'heap', part: 'data' as const, after: 128, size: heap, used: heap, again: 0 }]),
    ...LIBRARIES,
    { name: 'stack', part: 'stack', after: 0, size: 128, used: 32, again: 16 },
  ];
}

const PROGRAMS = { lat_proc: program(64, 16, 64), sh: program(512, 64, 128), hello: program(16, 16, 0) };

/** Iteration after iteration. What walks read before the first one is not counted. */
export function* latProc(system: System, { kind, iterations, layout }: LatProcOptions): Coroutine {
  const mm = mm_alloc(system, 'lat_proc');
  mm.cpu_vm_mask.add(running.cpu);
  load(mm, 'lat_proc', layout);
  yield* touch(mm, 'lat_proc');
  for (const reads of system.tableReads) reads.reset();
  for (let n = 1; n <= iterations; n++) {
    for (const reads of system.tableReads) reads.cool();
    yield* child(mm, 'lat_proc', `${n}`, kind === 'fork' ? [] : kind === 'exec' ? ['hello'] : ['sh', 'hello'], layout);
  }
}

type ProgramName = keyof typeof PROGRAMS;

/** Fork; the child executes the first of these programs, which does the same with the others; wait for it. */
function* child(
  parent: Mm,
  name: ProgramName,
  number: string,
  programs: readonly ProgramName[],
  layout: ProcessLayout,
): Coroutine {
  running.mode = SYSTEM;
  const copy = yield* dup_mm(parent, `child${number}`);
  if (copy === null) return;
  copy.cpu_vm_mask.add(running.cpu);
  const birth = new Birth(`child${number}`, running.cpu, () => forked(copy, name, number, programs, layout));
  yield* spawn(birth);
  yield* touchAgain(parent, name);
  yield* wait_for(birth.exited, 1);
}

function* forked(
  mm: Mm,
  name: ProgramName,
  number: string,
  programs: readonly ProgramName[],
  layout: ProcessLayout,
): Coroutine {
  yield* touchAgain(mm, name);
  running.mode = SYSTEM;
  yield* programs.length === 0 ? mmput(mm) : execute(mm, number, programs, layout);
}

/** execve: a new address space, and the old one goes. Then the program runs, and ends. */
function* execute(old: Mm, number: string, programs: readonly ProgramName[], layout: ProcessLayout): Coroutine {
  const [name, ...others] = programs;
  charge(DO_EXECVE);
  const mm = mm_alloc(old.system, `${name}${number}`);
  mm.cpu_vm_mask.add(running.cpu);
  load(mm, name, layout);
  yield* mmput(old);
  yield* touch(mm, name);
  if (others.length > 0) yield* child(mm, name, `${number}.1`, others, layout);
  running.mode = SYSTEM;
  yield* mmput(mm);
}

function load(mm: Mm, name: ProgramName, layout: ProcessLayout): void {
  const size = page_size(mm);
  const align = (at: number): number => Math.ceil(at / size) * size;
  const areas = PROGRAMS[name].map(({ name: area, part, after, size: kib, again }) => {
    const bytes = align(kib * 1024);
    const start = part === 'stack' ? align(layout.stackTop) - bytes : align(layout[part] + after * 1024);
    const flags = VM_READ | (again === undefined ? VM_EXEC : VM_WRITE);
    return new Vma(mm, area, start, start + bytes, flags);
  });
  mm.mmap.push(...areas.sort((a, b) => a.vm_start - b.vm_start));
}

/** The program uses its memory for the first time: the stack from its end, everything else from its start. */
function* touch(mm: Mm, name: ProgramName): Coroutine {
  running.mode = USER;
  for (const { name: area, part, used, again } of PROGRAMS[name]) {
    for (const address of pages(mm, area, used, part === 'stack'))
      yield* again === undefined ? user_load(mm, address, 0) : user_store(mm, address, 0, 1);
  }
}

/** After a fork each side writes to what it uses most. */
function* touchAgain(mm: Mm, name: ProgramName): Coroutine {
  running.mode = USER;
  for (const { name: area, part, again } of PROGRAMS[name]) {
    for (const address of pages(mm, area, again ?? 0, part === 'stack')) yield* user_store(mm, address, 0, 1);
  }
}

function pages(mm: Mm, name: string, kib: number, fromEnd: boolean): number[] {
  const size = page_size(mm);
  const { vm_start, vm_end } = mm.mmap.find((vma) => vma.name === name)!;
  const count = Math.min(Math.ceil((kib * 1024) / size), (vm_end - vm_start) / size);
  return Array.from({ length: count }, (_, i) => (fromEnd ? vm_end - (i + 1) * size : vm_start + i * size));
}
