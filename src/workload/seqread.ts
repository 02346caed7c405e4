/**
 * `usemem -t N -f FILE -o SIZE`: N processes, each of which maps the whole file, which is in the page cache, and reads every
 * word of it in sequence. Each has an address space of its own; that it is torn down at exit is part of the measurement.
 *
 * The first read of a page goes by way of TLB and MMU, and all of its words are read in one step then. Processes are spread over
 * the nodes in turn, as Linux's balancer spreads them.
 */
import { wait_for } from '../machine/memory.ts';
import { nodeOf, type Profile } from '../machine/profile.ts';
import { type Coroutine, READERS } from '../machine/step.ts';
import { Birth, running, spawn, SYSTEM, USER } from '../machine/thread.ts';
import { dup_mm, mm_alloc, mmput } from '../kernel/fork.ts';
import { Inode } from '../kernel/fs.ts';
import { sys_mmap } from '../kernel/mmap.ts';
import { page_size } from '../kernel/pgtable.ts';
import { type Mm, type System, VM_READ } from '../kernel/structs.ts';
import { cacheFile } from './files.ts';
import { user_read_page } from './user.ts';

export interface SeqreadOptions {
  /** Pages of the file. */
  readonly pages: number;
  readonly processes: number;
  readonly profile: Profile;
  readonly cpus: number;
}

/** The CPU of each process: node after node, and on each node CPU after CPU. */
export function spreadOver(profile: Profile, cpus: number, process: number): number {
  const nodes = nodeOf(profile, cpus - 1) + 1;
  const places = Array.from({ length: cpus }, (_, cpu) => ({ cpu, node: nodeOf(profile, cpu) }));
  const byNode = Array.from({ length: nodes }, (_, node) => places.filter((place) => place.node === node));
  const inTurn = places.map((_, i) => byNode.flatMap((list) => list.slice(i, i + 1))).flat();
  return inTurn[process % cpus].cpu;
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
  const children: Birth[] = [];
  running.mode = SYSTEM;
  for (let i = 0; i < options.processes; i++) {
    const name = `usemem${i + 1}`;
    const childMm = yield* dup_mm(mm, name);
    if (childMm === null) return;
    const cpu = spreadOver(options.profile, options.cpus, i);
    childMm.cpu_vm_mask.add(cpu);
    childMm.confineTo(cpu);
    const child = new Birth(name, cpu, () => reader(childMm, file, options.pages));
    children.push(child);
    yield* spawn(child);
  }
  for (const child of children) yield* wait_for(child.exited, 1);
  yield* mmput(mm);
}

function* reader(mm: Mm, file: Inode, pages: number): Coroutine {
  const size = page_size(mm);
  running.mode = SYSTEM;
  const vma = yield* sys_mmap(mm, `${mm.name}.file`, pages, VM_READ, { file: file.file, pgoff: 0 });
  running.mode = USER;
  for (let i = 0; i < pages; i++) {
    yield* user_read_page(mm, vma.vm_start + i * size);
  }
  running.mode = SYSTEM;
  yield* mmput(mm);
}
