/** The programs of scenario files: loads and stores, system calls on memory, processes, and what kswapd does. */
import { wait_for } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { Birth, running, spawn, SYSTEM, USER } from '../machine/thread.ts';
import { dup_mm, mmput } from '../kernel/fork.ts';
import { sys_madvise_dontneed, sys_mmap, sys_munmap } from '../kernel/mmap.ts';
import { current, taskOf } from '../kernel/sched.ts';
import { refill_inactive_zone } from '../kernel/vmscan.ts';
import { page_size } from '../kernel/pgtable.ts';
import type { Address, Mm } from '../kernel/structs.ts';
import { type Ledger, placeOf } from './ledger.ts';
import { user_load, user_store } from './user.ts';

/** An area of memory as it was when the program began. */
export interface Area {
  readonly name: string;
  readonly start: Address;
}

/** Pages `first` to `last` of an area, counted from its start, one after the other. */
interface OnPages {
  readonly area: Area;
  readonly first: number;
  readonly last: number;
}

/** One operation of a program. */
export type ScriptOp =
  | ({ readonly kind: 'write'; readonly word: number; readonly value: number } & OnPages)
  /** `sees`: values that the load may show; null: any. The word is that of the thread that reads, or of another one. */
  | ({ readonly kind: 'read'; readonly word: number; readonly sees: readonly number[] | null } & OnPages)
  | ({ readonly kind: 'page_referenced' | 'munmap' | 'madvise_dontneed' } & OnPages)
  | { readonly kind: 'mmap'; readonly pages: number }
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
    case 'page_referenced':
      return onEachPage(mm, op, shared);
    case 'munmap':
    case 'madvise_dontneed':
      return giveBack(mm, op, shared);
    case 'mmap':
      return map(mm, op.pages);
    case 'fork':
      return fork(mm, op.threads, shared);
    case 'wait':
      return wait(shared.forked.get(op.name));
    case 'exit':
      return mmput(mm);
  }
}

function* onEachPage(mm: Mm, op: Extract<ScriptOp, OnPages>, { ledger }: Shared): Coroutine {
  for (let page = op.first; page <= op.last; page++) {
    if (op.kind !== 'write' && op.kind !== 'read') {
      yield* refill_inactive_zone(mm, op.area.start + page * page_size(mm));
      continue;
    }
    const place = placeOf(mm, op.area, page, op.word);
    if (op.kind === 'write') {
      yield* user_store(mm, place.address, op.word, op.value);
      ledger.store(mm, place, running.name, op.value);
    } else {
      const value = yield* user_load(mm, place.address, op.word);
      if (op.sees !== null && !op.sees.includes(value)) {
        ledger.complaints.push(`${running.name} reads ${value} at ${place.name}, it may read ${op.sees.join(' or ')}`);
      }
    }
  }
}

function* giveBack(mm: Mm, { kind, area, first, last }: Extract<ScriptOp, OnPages>, { ledger }: Shared): Coroutine {
  const start = area.start + first * page_size(mm);
  const end = area.start + (last + 1) * page_size(mm);
  yield* (kind === 'munmap' ? sys_munmap : sys_madvise_dontneed)(mm, start, end);
  ledger.discard(mm, start, end);
}

function* map(mm: Mm, pages: number): Coroutine {
  yield* sys_mmap(mm, `${running.name}.mmap`, pages);
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
    const birth = new Birth(name, cpu, function* () {
      Object.assign(taskOf(running), { anon_fault_next_addr, anon_fault_order });
      yield* script(child, ops, shared);
    });
    forked.set(name, birth);
    yield* spawn(birth);
  }
}

function* wait(birth: Birth | undefined): Coroutine {
  if (birth !== undefined) yield* wait_for(birth.exited, 1);
}
