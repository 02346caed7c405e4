/** The form that src/kernel/ has: this only calls it. `yield*` stops at a step only if another CPU is due before. */
import { user_store } from '../../src/workload/user.ts';
import { page_size } from '../../src/kernel/pgtable.ts';
import type { Mm, Vma } from '../../src/kernel/structs.ts';
import { type Coroutine, takeShortcuts } from '../../src/machine/step.ts';

export function* nested(mm: Mm, vma: Vma): Coroutine {
  for (let address = vma.vm_start; address < vma.vm_end; address += page_size(mm)) {
    yield* user_store(mm, address, 0, 1);
  }
}

/** The same text when the driver lets no step take effect without a stop. */
export function* stopping(mm: Mm, vma: Vma): Coroutine {
  takeShortcuts(null);
  yield* nested(mm, vma);
}
