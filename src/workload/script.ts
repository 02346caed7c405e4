/** The programs of scenario files: loads and stores, system calls on memory and files, processes, and what kswapd does. */
import { wait_for } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { Birth, KernelBug, running, SIGNALS, spawn, SYSTEM, USER } from '../machine/thread.ts';
import { dup_mm, mmput } from '../kernel/fork.ts';
import type { Inode } from '../kernel/fs.ts';
import { type Mapped, sys_madvise_dontneed, sys_mmap, sys_munmap } from '../kernel/mmap.ts';
import { current, type Task, taskOf } from '../kernel/sched.ts';
import { refill_inactive_zone } from '../kernel/vmscan.ts';
import { page_size } from '../kernel/pgtable.ts';
import type { Address, Mm } from '../kernel/structs.ts';
import { type Area, type Ledger, placeOf } from './ledger.ts';
import { user_load, user_store } from './user.ts';

/** Pages `first` to `last` of an area, counted from its start, one after the other. */
interface OnPages {
  readonly area: Area;
  readonly first: number;
  readonly last: number;
}

/** Pages of a file. */
interface OnFile {
  readonly inode: Inode;
  readonly first: number;
  readonly last: number;
}

interface Writes {
  readonly word: number;
  readonly value: number;
}

/** `sees`: values that the load may show, or -signal; null: any. The word is that of the thread that reads, or of another. */
interface Reads {
  readonly word: number;
  readonly sees: readonly number[] | null;
}

/** Signals that the program survives: it goes on with its next operation. */
interface Catches {
  readonly catches: readonly number[];
}

/** One operation of a program. */
export type ScriptOp =
  | ({ readonly kind: 'write' } & Writes & Catches & OnPages)
  | ({ readonly kind: 'read' } & Reads & Catches & OnPages)
  | ({ readonly kind: 'page_referenced' | 'msync' } & OnPages)
  | ({ readonly kind: 'munmap' | 'madvise_dontneed' } & OnPages)
  | ({ readonly kind: 'remap'; readonly to: number } & OnPages)
  | { readonly kind: 'mmap'; readonly pages: number; readonly flags: number; readonly what: Mapped | null }
  /** In bytes. */
  | { readonly kind: 'truncate'; readonly inode: Inode; readonly size: number }
  | ({ readonly kind: 'punch' } & OnFile)
  | { readonly kind: 'invalidate' | 'writeback'; readonly inode: Inode }
  | ({ readonly kind: 'pwrite' } & Writes & OnFile)
  | ({ readonly kind: 'pread' } & Reads & OnFile)
  | { readonly kind: 'fork'; readonly threads: readonly ScriptThread[] }
  | { readonly kind: 'wait'; readonly name: string }
  | { readonly kind: 'exit' };

export interface ScriptThread {
  readonly name: string;
  readonly cpu: number;
  readonly ops: readonly ScriptOp[];
}

/** What the programs of a scenario have in common. */
export interface Shared {
  readonly ledger: Ledger;
  /** Threads of processes that were forked, by name. */
  readonly forked: Map<string, Birth>;
}

/** Run a program. */
export function* script(mm: Mm, ops: readonly ScriptOp[], shared: Shared): Coroutine {
  mm.cpu_vm_mask.add(running.cpu);
  current().batches = [];
  for (const op of ops) {
    running.mode = isAccess(op) ? USER : SYSTEM;
    yield* perform(mm, op, shared);
    running.mode = USER;
  }
}

function isAccess({ kind }: ScriptOp): boolean {
  return kind === 'write' || kind === 'read';
}

function perform(mm: Mm, op: ScriptOp, shared: Shared): Coroutine {
  switch (op.kind) {
    case 'write':
    case 'read':
      return onEachPage(op, (page) => (op.kind === 'write' ? store(mm, op, page, shared) : load(mm, op, page, shared)));
    case 'page_referenced':
      return onEachPage(op, (page) => refill(mm, op.area.start + page * page_size(mm)));
    case 'munmap':
    case 'madvise_dontneed':
      return giveBack(mm, op, shared);
    case 'mmap':
      return map(mm, op);
    case 'msync':
      return mm.system.kernel.sys_msync(mm, ...rangeOf(mm, op));
    case 'remap':
      return remap(mm, op, shared);
    case 'truncate':
    case 'punch':
      return cut(op, shared);
    case 'invalidate':
      return mm.system.kernel.invalidate_inode_pages2(op.inode);
    case 'writeback':
      return mm.system.kernel.do_writepages(op.inode);
    case 'pwrite':
    case 'pread':
      return onEachPage(op, (page) =>
        op.kind === 'pwrite' ? fileWrite(op, page, shared) : fileRead(op, page, shared),
      );
    case 'fork':
      return fork(mm, op.threads, shared);
    case 'wait':
      return wait(shared.forked.get(op.name));
    case 'exit':
      return mmput(mm);
  }
}

/** `act` returns false where the operation ends early. */
function* onEachPage(
  { first, last }: { readonly first: number; readonly last: number },
  act: (page: number) => Coroutine<boolean>,
): Coroutine {
  for (let page = first; page <= last; page++) if (!(yield* act(page))) return;
}

function* store(
  mm: Mm,
  op: Extract<ScriptOp, { kind: 'write' }>,
  page: number,
  { ledger }: Shared,
): Coroutine<boolean> {
  const place = placeOf(mm, op.area, page, op.word);
  const begun = ledger.storeBegins(mm, place, running.name, op.value);
  const reply = yield* user_store(mm, place.address, op.word, op.value, op.catches);
  ledger.storeEnds(begun, reply >= 0);
  return reply >= 0;
}

function* load(mm: Mm, op: Extract<ScriptOp, { kind: 'read' }>, page: number, { ledger }: Shared): Coroutine<boolean> {
  const { address, name } = placeOf(mm, op.area, page, op.word);
  const value = yield* user_load(mm, address, op.word, op.catches);
  compare(ledger, name, value, op);
  return value >= 0;
}

function compare(ledger: Ledger, name: string, value: number, { sees }: Reads): void {
  if (sees === null || sees.includes(value)) return;
  const may = sees.map(shown).join(' or ');
  ledger.complaints.push(`${running.name} reads ${shown(value)} at ${name}, it may read ${may}`);
}

function shown(value: number): string {
  return value < 0 ? SIGNALS[-value] : String(value);
}

function* refill(mm: Mm, address: Address): Coroutine<boolean> {
  yield* refill_inactive_zone(mm, address);
  return true;
}

function* fileWrite(
  { inode, word, value }: Extract<ScriptOp, { kind: 'pwrite' }>,
  pgoff: number,
  { ledger }: Shared,
): Coroutine<boolean> {
  const begun = ledger.writeBegins({ inode, pgoff }, word, running.name, value);
  const written = yield* inode.system.kernel.file_write(inode, pgoff, word, value);
  ledger.storeEnds(begun, written > 0);
  return written > 0;
}

function* fileRead(op: Extract<ScriptOp, { kind: 'pread' }>, pgoff: number, { ledger }: Shared): Coroutine<boolean> {
  const { inode, word } = op;
  const value = yield* inode.system.kernel.file_read(inode, pgoff, word);
  compare(ledger, `${inode.name}+${pgoff}`, value, op);
  return true;
}

function rangeOf(mm: Mm, { area, first, last }: OnPages): [start: Address, end: Address] {
  return [area.start + first * page_size(mm), area.start + (last + 1) * page_size(mm)];
}

function* giveBack(
  mm: Mm,
  op: Extract<ScriptOp, { kind: 'munmap' | 'madvise_dontneed' }>,
  { ledger }: Shared,
): Coroutine {
  const range = rangeOf(mm, op);
  const discard = ledger.discardBegins(mm, ...range);
  yield* (op.kind === 'munmap' ? sys_munmap : sys_madvise_dontneed)(mm, ...range);
  ledger.discardEnds(discard);
}

function* map(mm: Mm, { pages, flags, what }: Extract<ScriptOp, { kind: 'mmap' }>): Coroutine {
  yield* sys_mmap(mm, `${running.name}.mmap`, pages, flags, what);
}

function* cut(op: Extract<ScriptOp, { kind: 'truncate' | 'punch' }>, { ledger }: Shared): Coroutine {
  const { inode } = op;
  const { kernel } = inode.system;
  if (op.kind === 'truncate') {
    const discard = ledger.truncateBegins(inode, op.size);
    yield* kernel.do_truncate(inode, op.size);
    ledger.discardEnds(discard);
  } else {
    const discard = ledger.punchBegins(inode, op.first, op.last);
    yield* kernel.punchHole(inode, op.first, op.last);
    ledger.discardEnds(discard);
  }
}

function* remap(mm: Mm, op: Extract<ScriptOp, { kind: 'remap' }>, { ledger }: Shared): Coroutine {
  const { kernel } = mm.system;
  if (kernel.sys_remap_file_pages === undefined)
    throw new KernelBug('not modelled', 'this kernel has no remap_file_pages');
  const [start, end] = rangeOf(mm, op);
  const pages = Array.from({ length: op.last - op.first + 1 }, (_, n) => placeOf(mm, op.area, op.first + n, 0));
  const begun = pages.map((place, n) => ledger.remapBegins(mm, place, running.name, op.to + n));
  const reply = yield* kernel.sys_remap_file_pages(mm, start, end - start, op.to);
  for (const remapped of begun) ledger.remapEnds(remapped, reply >= 0);
}

/** A process with these threads, whose memory is a copy of this one's. If there is no memory for it there is none. */
function* fork(mm: Mm, threads: readonly ScriptThread[], shared: Shared): Coroutine {
  const { ledger, forked } = shared;
  const { anon_fault_next_addr, anon_fault_order } = current();
  const forking = ledger.forkBegins(mm);
  const child = yield* dup_mm(mm, threads[0].name);
  ledger.forkEnds(forking, child);
  if (child === null) return;
  child.mm_users.value = threads.length;
  for (const { name, cpu, ops } of threads) {
    child.cpu_vm_mask.add(cpu);
    const birth = new Birth(name, cpu, () =>
      forkedScript(child, ops, shared, { anon_fault_next_addr, anon_fault_order }),
    );
    forked.set(name, birth);
    yield* spawn(birth);
  }
}

function* forkedScript(mm: Mm, ops: readonly ScriptOp[], shared: Shared, inherited: Partial<Task>): Coroutine {
  Object.assign(taskOf(running), inherited);
  yield* script(mm, ops, shared);
}

function* wait(birth: Birth | undefined): Coroutine {
  if (birth !== undefined) yield* wait_for(birth.exited, 1);
}
