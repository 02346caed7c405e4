/** The programs of scenario files: loads, stores, and what kswapd does; with a ledger of what each page must hold. */
import type { Coroutine } from '../machine/step.ts';
import { running, SYSTEM, USER } from '../machine/thread.ts';
import { user_load, user_store } from '../kernel/fault.ts';
import { sys_mmap } from '../kernel/mmap.ts';
import { refill_inactive_zone } from '../kernel/vmscan.ts';
import { page_size } from '../kernel/pgtable.ts';
import type { Mm, Vma } from '../kernel/structs.ts';

/** One operation of a program, pages counted from the start of the vma. */
export type ScriptOp =
  | {
      readonly kind: 'write' | 'read';
      readonly vma: Vma;
      readonly first: number;
      readonly last: number;
      readonly word: number;
      readonly value: number;
    }
  | { readonly kind: 'page_referenced'; readonly vma: Vma; readonly first: number; readonly last: number }
  | { readonly kind: 'mmap'; readonly pages: number };

/** A store that has completed. */
export interface Stored {
  readonly by: string;
  readonly mm: Mm;
  /** Of the place, for people: `heap+0`. */
  readonly name: string;
  readonly address: number;
  readonly word: number;
  readonly value: number;
}

/** Run a program; completed stores are written into the ledger. */
export function* script(mm: Mm, ops: readonly ScriptOp[], ledger: Stored[]): Coroutine {
  for (const op of ops) {
    if (op.kind === 'mmap') {
      running.mode = SYSTEM;
      yield* sys_mmap(mm, `${running.name}.mmap`, op.pages);
      running.mode = USER;
      continue;
    }
    for (let page = op.first; page <= op.last; page++) {
      const address = op.vma.vm_start + page * page_size(mm);
      if (op.kind === 'page_referenced') {
        running.mode = SYSTEM;
        yield* refill_inactive_zone(mm, address);
        running.mode = USER;
        continue;
      }
      const write = op.kind === 'write';
      yield write ? user_store(mm, address, op.word, op.value) : user_load(mm, address, op.word);
      if (write)
        ledger.push({ by: running.name, mm, name: `${op.vma.name}+${page}`, address, word: op.word, value: op.value });
    }
  }
}
