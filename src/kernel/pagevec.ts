/** A few pages on their way somewhere (include/linux/pagevec.h). */
import { KernelBug, running } from '../machine/thread.ts';
import type { Page, System } from './structs.ts';

export interface Pagevec {
  readonly pages: Page[];
  /** PAGEVEC_SIZE: whoever adds more writes over what lies behind it on the stack. */
  readonly size: number;
}

export function pagevec_init(system: System): Pagevec {
  return { pages: [], size: system.config.PAGEVEC_SIZE };
}

export function pagevec_add(pvec: Pagevec, page: Page): void {
  if (pvec.pages.length === pvec.size) {
    throw new KernelBug('pagevec overrun', `${running.name} puts page ${pvec.size + 1} into a pagevec of ${pvec.size}`);
  }
  pvec.pages.push(page);
}
