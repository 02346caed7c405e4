/**
 * Flushing translations from all CPUs that may have them (arch/i386/kernel/smp.c of 2.6.10): the CPU's own TLB, then a
 * call to the others, and a wait until all of them have answered. Those who wait for a spinlock meanwhile answer too;
 * those with interrupts off do not.
 *
 * Left out: tlbstate_lock (any number of flushes may be under way), lazy TLB mode, ia64's ptc.ga (which needs no calls).
 */
import { WRITE_ONCE } from '../machine/memory.ts';
import type { Coroutine } from '../machine/step.ts';
import { smp_processor_id } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { smp_call_function_many } from '../sync/smp.ts';
import type { Tlb } from '../sync/tlb.ts';
import { page_number, pte_mkold, pte_young, type Ptep } from './pgtable.ts';
import type { Address, Mm, Vma } from './structs.ts';

const FLUSH_TLB = work('flush_tlb', 100);

/** One page. */
export function flush_tlb_page(vma: Vma, address: Address): Coroutine {
  const mm = vma.vm_mm;
  const vpn = page_number(mm, address);
  return flush(mm, (tlb) => tlb.purge(mm.asid, vpn));
}

/** [start, end) */
export function flush_tlb_range(mm: Mm, start: Address, end: Address): Coroutine {
  return flush(mm, (tlb) => tlb.purgeAll(mm.asid, page_number(mm, start), page_number(mm, end)));
}

/** The whole address space. */
export function flush_tlb_mm(mm: Mm): Coroutine {
  return flush(mm, (tlb) => tlb.purgeAll(mm.asid));
}

/**
 * 1 if the pte was young; it is old then, and no TLB has it. Caller holds page_table_lock. No MMU makes a pte young
 * again here: a page once found old stays so.
 */
export function* ptep_clear_flush_young(vma: Vma, address: Address, ptep: Ptep, entry: number): Coroutine<number> {
  if (!pte_young(entry)) return 0;
  yield* WRITE_ONCE(ptep, pte_mkold(entry));
  yield* flush_tlb_page(vma, address);
  return 1;
}
/** No thread of the address space is left, and its number is given to no other: what TLBs have of it is dead. */
export function destroy_context(mm: Mm): void {
  for (const cpu of mm.cpu_vm_mask) mm.system.tlbs[cpu].purgeAll(mm.asid);
}

function* flush(mm: Mm, purge: (tlb: Tlb) => void): Coroutine {
  const { tlbs, smp } = mm.system;
  if (mm.cpu_vm_mask.size === 0) return;
  charge(FLUSH_TLB);
  const here = (): Coroutine => flush_here(tlbs[smp_processor_id()], purge);
  if (mm.cpu_vm_mask.has(smp_processor_id())) yield* here();
  const others = [...mm.cpu_vm_mask].filter((cpu) => cpu !== smp_processor_id());
  if (others.length > 0) yield* smp_call_function_many(smp, others, here, true);
}

function* flush_here(tlb: Tlb, purge: (tlb: Tlb) => void): Coroutine {
  yield* tlb.flushStep;
  purge(tlb);
  yield* tlb.flushedStep;
}
