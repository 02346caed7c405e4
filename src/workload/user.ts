/**
 * Loads and stores of user programs: by way of the TLB, or the page tables, or a trap into the kernel. Whoever flushes
 * the TLB comes before or after an access, not between look and use.
 */
import { READ_ONCE, WRITE_ONCE } from '../machine/memory.ts';
import { type Coroutine, LOAD, Step, Walk } from '../machine/step.ts';
import { KernelBug, running, smp_processor_id } from '../machine/thread.ts';
import { charge, work } from '../machine/work.ts';
import { SIGBUS } from '../kernel/fault.ts';
import { round_up_pages } from '../kernel/pagemap.ts';
import {
  linear_page_index,
  page_number,
  page_size,
  pte_dirty,
  pte_mkdirty,
  pte_page,
  pte_present,
  pte_write,
} from '../kernel/pgtable.ts';
import { type Address, DATA, type Mm, type Page, VM_NONLINEAR } from '../kernel/structs.ts';
import type { Tlb } from '../sync/tlb.ts';

const TOUCH = work('user_touch');

/** The MMU looks for a translation in the page tables; it keeps what it finds in the TLB, and the access begins. */
class TableWalk extends Walk {
  private readonly mm: Mm;
  private readonly address: Address;
  private readonly write: boolean;
  private readonly caught: readonly number[];
  /** Of each file, when the fault began, with DEBUG_PAGEALLOC: what it was, and how often it had been set. */
  private sizes: readonly { readonly size: number; readonly set: number }[] | null = null;

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
    return this.found(entry)?.beginStep ?? null;
  }
  /** The TLB, with the translation; null: there is none. */
  protected found(entry: number): Tlb | null {
    if (!translates(entry, this.write)) return null;
    const cpu = smp_processor_id();
    const tlb = this.mm.system.tlbs[cpu];
    this.mm.cpu_vm_mask.add(cpu); // it may have been moved
    tlb.load(this.mm.asid, page_number(this.mm, this.address), entry);
    return tlb;
  }
  fault(): Coroutine<number> {
    const { system } = this.mm;
    if (system.config.DEBUG_PAGEALLOC)
      this.sizes = system.inodes.map(({ i_size, sizes }) => ({ size: i_size.value, set: sizes.length }));
    return system.kernel.do_page_fault(this.mm, this.address, this.write);
  }
  override catches(signal: number): boolean {
    if (signal === SIGBUS) this.mustBeDeserved();
    return this.caught.includes(signal);
  }

  /** The page lay behind the end of the file at some moment of the fault. A size may be about to be set when it begins. */
  private mustBeDeserved(): void {
    const { mm, address, sizes } = this;
    const vma = mm.mmap.find(({ vm_start, vm_end }) => vm_start <= address && address < vm_end);
    if (sizes === null || vma === undefined || vma.vm_file === null || (vma.vm_flags & VM_NONLINEAR) !== 0) return;
    const { host } = vma.vm_file.f_mapping;
    const before = sizes[host.i_mapping.number - 1];
    const smallest = Math.min(before.size, ...host.sizes.slice(before.set - 1));
    const pgoff = linear_page_index(vma, address);
    if (pgoff >= round_up_pages(mm.system, smallest)) return;
    throw new KernelBug(
      'undeserved SIGBUS',
      `${running.name} gets SIGBUS at ${mm.pgd.describe(page_number(mm, address))}, and ${host.name} had a page ${pgoff} all the time`,
    );
  }
}

/** A walk for a load of which nobody asks what it loads. */
class Touch extends TableWalk {
  override access(entry: number): Step | null {
    return this.found(entry) === null ? null : this;
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

/** Load all that a page holds, whatever that is. Returns 0, or -signal. */
export function* user_read_page(mm: Mm, address: Address): Coroutine<number> {
  const tlb = mm.system.tlbs[smp_processor_id()];
  const vpn = page_number(mm, address);
  if (!translates(tlb.lookup(mm.asid, vpn), false)) {
    const reply = yield new Touch(mm, address, false, NONE);
    if (reply < 0) return reply;
  }
  charge(TOUCH);
  const page = pte_page(mm, tlb.lookup(mm.asid, vpn));
  return yield new Step(LOAD, page, DATA, page_size(mm), page.zone.node);
}
