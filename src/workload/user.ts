/**
 * Loads and stores of user programs: by way of the TLB, or the page tables, or a trap into the kernel. Whoever flushes
 * the TLB comes before or after an access, not between look and use.
 */
import { READ_ONCE, WRITE_ONCE } from '../machine/memory.ts';
import { type Coroutine, type Step, Walk } from '../machine/step.ts';
import { smp_processor_id } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { page_number, pte_dirty, pte_mkdirty, pte_page, pte_present, pte_write } from '../kernel/pgtable.ts';
import type { Address, Mm, Page } from '../kernel/structs.ts';

const TOUCH = work('user_touch');

/** The MMU looks for a translation in the page tables; it keeps what it finds in the TLB, and the access begins. */
class TableWalk extends Walk {
  private readonly mm: Mm;
  private readonly address: Address;
  private readonly write: boolean;
  private readonly caught: readonly number[];

  constructor(mm: Mm, address: Address, write: boolean, caught: readonly number[]) {
    super(mm.pgd.walk(page_number(mm, address)));
    this.mm = mm;
    this.address = address;
    this.write = write;
    this.caught = caught;
  }
  /** The first store by way of a pte makes it dirty. */
  override leaves(entry: number): number {
    return this.write && pte_present(entry) && pte_write(entry) ? pte_mkdirty(entry) : entry;
  }
  access(entry: number): Step | null {
    if (!translates(entry, this.write)) return null;
    const cpu = smp_processor_id();
    const tlb = this.mm.system.tlbs[cpu];
    this.mm.cpu_vm_mask.add(cpu); // it may have been moved
    tlb.load(this.mm.asid, page_number(this.mm, this.address), entry);
    return tlb.beginStep;
  }
  fault(): Coroutine<number> {
    return this.mm.system.kernel.do_page_fault(this.mm, this.address, this.write);
  }
  override catches(signal: number): boolean {
    return this.caught.includes(signal);
  }
}

/** A store by way of an entry that is not dirty has to make it so first. */
function translates(entry: number, write: boolean): boolean {
  return pte_present(entry) && (!write || (pte_write(entry) && pte_dirty(entry)));
}

/**
 * An instruction of a user program that uses one word of its memory: the translation is in the TLB, or the MMU walks,
 * or the program traps. Returns what `use` replies, or -signal if the program catches the one that the fault has sent.
 */
function* user_access(
  mm: Mm,
  address: Address,
  write: boolean,
  caught: readonly number[],
  use: (page: Page) => Step,
): Coroutine<number> {
  const vpn = page_number(mm, address);
  for (;;) {
    let tlb = mm.system.tlbs[smp_processor_id()];
    if (translates(tlb.lookup(mm.asid, vpn), write)) yield* tlb.beginStep;
    else {
      const reply = yield new TableWalk(mm, address, write, caught);
      if (reply < 0) return reply;
      tlb = mm.system.tlbs[smp_processor_id()]; // a thread may wake up on another CPU
    }
    const entry = tlb.lookup(mm.asid, vpn);
    const hit = translates(entry, write);
    if (hit) charge(TOUCH);
    const value = hit ? yield* use(pte_page(mm, entry)) : 0;
    yield* tlb.endStep;
    if (hit) return value;
  }
}

/** No signal. */
const NONE: readonly number[] = [];

/** Store to one word of a page. Returns -signal if that did not happen. */
export function user_store(
  mm: Mm,
  address: Address,
  word: number,
  value: number,
  caught: readonly number[] = NONE,
): Coroutine<number> {
  return user_access(mm, address, true, caught, (page) => WRITE_ONCE(page.contents(word), value));
}

/** Load one word of a page; returns its value, or -signal. */
export function user_load(mm: Mm, address: Address, word: number, caught: readonly number[] = NONE): Coroutine<number> {
  return user_access(mm, address, false, caught, (page) => READ_ONCE(page.contents(word)));
}
