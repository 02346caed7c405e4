/**
 * Known bad: handle_mm_fault waits for page_table_lock with interrupts off. Who holds the lock may be waiting for this
 * very CPU to flush its TLB (do_wp_page does so inside page_table_lock), and that needs an interrupt.
 *
 * Breaks: some thread can always go on (I21).
 */
import { LOCK } from '../../machine/step.ts';
import { local_irq_disable, local_irq_enable } from '../../sync/smp.ts';
import type { Change2_6 } from '../change.ts';
import { v2_6_10 } from '../memory.ts';
import { around } from './altered.ts';

export const faultIrqsOff: Change2_6 = {
  name: 'fault-irqs-off',
  base: 'v2.6.10',
  about: 'handle_mm_fault waits for page_table_lock with interrupts off',
  replaces: {
    handle_mm_fault: (mm, ...args) =>
      around(
        v2_6_10.handle_mm_fault(mm, ...args),
        ({ kind, object }) => kind === LOCK && object === mm.page_table_lock,
        () => local_irq_disable(mm.system.smp),
        () => local_irq_enable(mm.system.smp),
      ),
  },
};
