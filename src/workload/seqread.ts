/**
 * `usemem -f FILE -o SIZE` of vm-scalability: a file that is in the page cache is mapped, all of it, and every word of it read
 * in sequence; by N threads of one process, each in a mapping of its own (`-t N`), or by N processes (`-n N`). That address
 * spaces are torn down at exit is part of the measurement.
 *
 * The first read of a page goes by way of TLB and MMU, and all of its words are read in one step then. Readers are spread over
 * the nodes in turn, as Linux's balancer spreads them.
 */
import { wait_for } from '../machine/memory.ts';
import type { Lead } from '../machine/lead.ts';
import { nodeOf, type Profile, TICKS_PER_NS } from '../machine/profile.ts';
import { type Coroutine, READERS } from '../machine/step.ts';
import { Birth, EXIT, running, spawn, SYSTEM, USER } from '../machine/thread.ts';
import { clone_vm, dup_mm, mm_alloc, mmput } from '../kernel/fork.ts';
import { Inode } from '../kernel/fs.ts';
import { sys_mmap } from '../kernel/mmap.ts';
import { page_size } from '../kernel/pgtable.ts';
import { type Mm, type System, VM_READ } from '../kernel/structs.ts';
import { cacheFile } from './files.ts';
import { read_walk, user_read_page } from './user.ts';

export interface SeqreadOptions {
  /** Pages of the file. */
  readonly pages: number;
  readonly processes: number;
  /** Of each process; 1: it starts none, and reads by itself. */
  readonly threads: number;
  readonly profile: Profile;
  readonly cpus: number;
}

/** How far readers may be ahead of others: so many pages are read in this time at most. */
const READS = 3;
/** The same, in ns, while mappings are torn down: a CPU that is further ahead would meet more others. */
const EXIT_NS = 500;

/** In larger windows many readers are on the same pages at once, so that looking ahead takes longer than it saves. */
const LARGEST_WINDOW = 64;

/**
 * What can be foreseen of readers, which fault on `window` pages at once; undefined: too little. To unmap a page takes the work for
 * its pte at least.
 */
export function leadOf({ FREE_PTE_NR }: System, profile: Profile, pages: number, window: number): Lead | undefined {
  if (window > LARGEST_WINDOW) return undefined;
  const { geometry, clear, read, work } = profile;
  const readNs = ((read?.loop ?? clear.local).value * geometry.pageBytes) / 1024;
  const windows = 1 + Math.floor(READS / window);
  const unmapped = Math.ceil(EXIT_NS / (work.zap_pte?.value ?? 0));
  return {
    reading: { ticks: READS * readNs * TICKS_PER_NS, pages: Math.min(pages, windows * window), reads: READS },
    exit: { ticks: EXIT_NS * TICKS_PER_NS, pages: Math.min(pages, unmapped) },
    batch: FREE_PTE_NR,
    pages,
  };
}

/** The CPU of each reader: node after node, and on each node CPU after CPU. */
export function spreadOver(profile: Profile, cpus: number, reader: number): number {
  const nodes = nodeOf(profile, cpus - 1) + 1;
  const places = Array.from({ length: cpus }, (_, cpu) => ({ cpu, node: nodeOf(profile, cpu) }));
  const byNode = Array.from({ length: nodes }, (_, node) => places.filter((place) => place.node === node));
  const inTurn = places.map((_, i) => byNode.flatMap((list) => list.slice(i, i + 1))).flat();
  return inTurn[reader % cpus].cpu;
}

/** A file all of which is in the page cache, as whoever wrote it has left it. */
export function cachedFile(system: System, name: string, pages: number): Inode {
  const inode = new Inode(system, name, pages * system.geometry.pageBytes);
  cacheFile(inode);
  for (const zone of system.zones) zone.pageLocks.reuse = true;
  inode.i_size.ownLine();
  inode.i_size.confinedTo = READERS;
  inode.i_mapping.page_tree.confinedTo = READERS;
  return inode;
}

/** The parent of all. */
export function* seqread(system: System, file: Inode, options: SeqreadOptions): Coroutine {
  const mm = mm_alloc(system, 'usemem');
  running.mode = SYSTEM;
  const children: Birth[] = [];
  for (let i = 0; i < options.processes; i++) {
    const childMm = yield* dup_mm(mm, `usemem${i + 1}`);
    if (childMm === null) return;
    children.push(options.threads === 1 ? process(childMm, file, options, i) : threaded(childMm, file, options, i));
    yield* spawn(children[i]);
  }
  for (const child of children) yield* wait_for(child.exited, 1);
  yield* mmput(mm);
}

/** A process that reads by itself. Nobody else has to do with its address space. */
function process(mm: Mm, file: Inode, { profile, cpus, pages }: SeqreadOptions, i: number): Birth {
  const cpu = spreadOver(profile, cpus, i);
  mm.cpu_vm_mask.add(cpu);
  mm.confineTo(cpu);
  return new Birth(mm.name, cpu, () => reader(mm, file, pages));
}

/** A process that starts threads, waits for them and exits: all that they have mapped is torn down by one CPU. */
function threaded(mm: Mm, file: Inode, { profile, cpus, pages, threads }: SeqreadOptions, i: number): Birth {
  const placeOf = (thread: number): number => spreadOver(profile, cpus, i * threads + thread);
  const places = Array.from({ length: threads }, (_, thread) => placeOf(thread));
  return new Birth(mm.name, placeOf(0), () => startReaders(mm, file, pages, places));
}

function* startReaders(mm: Mm, file: Inode, pages: number, places: readonly number[]): Coroutine {
  const births: Birth[] = [];
  running.mode = SYSTEM;
  for (const [thread, cpu] of places.entries()) {
    yield* clone_vm(mm);
    mm.cpu_vm_mask.add(cpu);
    const birth = new Birth(`${mm.name}.${thread + 1}`, cpu, () => reader(mm, file, pages));
    births.push(birth);
    yield* spawn(birth);
  }
  for (const birth of births) yield* wait_for(birth.exited, 1);
  leaveCaches(mm.system);
  running.mode = EXIT;
  yield* mmput(mm);
}

/**
 * The file is many times as large as all caches, even if a run is scaled down and reads a part of it only: when all have read
 * it, there is nothing left of its first pages there.
 */
function leaveCaches({ mem_map }: System): void {
  for (const page of mem_map) page.inCaches = 0;
}

function* reader(mm: Mm, file: Inode, pages: number): Coroutine {
  const size = page_size(mm);
  running.mode = SYSTEM;
  const vma = yield* sys_mmap(mm, `${running.name}.file`, pages, VM_READ, { file: file.file, pgoff: 0 });
  running.mode = USER;
  const walk = read_walk(mm, vma.vm_start);
  for (let i = 0; i < pages; i++) {
    yield* user_read_page(walk, vma.vm_start + i * size);
  }
  running.mode = EXIT;
  yield* mmput(mm);
}
