/**
 * Known bad: handle_mm_fault looks at the user's memory while mmap_sem is held for reading. If nothing is mapped there
 * it faults, and do_page_fault asks for mmap_sem a second time. That goes well until a writer queues in between: first
 * come, first served, so the second read waits behind the writer, and the writer waits for the first read.
 *
 * Linux has had this for real: the futexes of the time ("Futex mmap_sem deadlock", linux-kernel, February 2005), and
 * mincore until commit 2f77d107050a.
 *
 * Breaks: some thread can always go on.
 */
import { READ_ONCE } from '../../machine/memory.ts';
import type { Coroutine } from '../../machine/step.ts';
import { running, SYSTEM } from '../../machine/thread.ts';
import { do_page_fault } from '../fault.ts';
import type { Change } from '../change.ts';
import { v2_6_10 } from '../memory.ts';
import { page_number, pte_present } from '../pgtable.ts';
import type { Address, Mm, VmFault, Vma } from '../structs.ts';

function* handle_mm_fault(mm: Mm, vma: Vma, address: Address, write_access: boolean): Coroutine<VmFault> {
  if (write_access) yield* copy_from_user(mm, address);
  return yield* v2_6_10.handle_mm_fault(mm, vma, address, write_access);
}

/** A load by kernel text; what it loads does not matter here. */
function* copy_from_user(mm: Mm, address: Address): Coroutine {
  const entry = yield* READ_ONCE(mm.pgd.walk(page_number(mm, address)));
  if (!pte_present(entry)) yield* do_page_fault(mm, address, false);
  running.mode = SYSTEM;
}

export const mmapSemTwice: Change = {
  name: 'mmap-sem-twice',
  base: 'v2.6.10',
  about: 'handle_mm_fault reads user memory, and may fault, with mmap_sem held',
  replaces: { handle_mm_fault },
};
