/**
 * Loads and stores of user programs: by way of the TLB, or the page tables, or a trap into the kernel. The access has its CPU's
 * TLB for itself while it looks and uses: whoever flushes that comes before or after it, and so do other threads of the CPU.
 */
import { isWrittenOver } from '../machine/ask.ts';
import { READ_ONCE, WRITE_ONCE } from '../machine/memory.ts';
import { type Coroutine, FAULTED, LOAD, Step, type StepDraft, Walk } from '../machine/step.ts';
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

/** The MMU looks for a translation in the page tables, and keeps what it finds in the TLB. */
class TableWalk extends Walk {
  readonly mm: Mm;
  address: Address;
  readonly write: boolean;
  private vpn: number;
  private readonly caught: readonly number[];
  /** Of each file, when the fault began, with DEBUG_PAGEALLOC: what it was, and how often it had been set. */
  private sizes: readonly { readonly size: number; readonly set: number }[] | null = null;

  constructor(mm: Mm, address: Address, write: boolean, caught: readonly number[]) {
    const vpn = page_number(mm, address);
    super(mm.pgd.walk(vpn));
    this.mm = mm;
    this.address = address;
    this.vpn = vpn;
    this.write = write;
    this.caught = caught;
  }
  /** The walk for another page: this one, if it may be written over. */
  to(address: Address): TableWalk {
    const { mm, write, caught } = this;
    if (!isWrittenOver()) return new TableWalk(mm, address, write, caught);
    const vpn = page_number(mm, address);
    const leaf = mm.pgd.leaf(vpn);
    const step: StepDraft = this;
    step.object = leaf ?? mm.pgd;
    step.index = leaf?.entry(vpn) ?? vpn;
    this.address = address;
    this.vpn = vpn;
    return this;
  }
  /** The first store by way of a pte makes it dirty. */
  override leaves(entry: number): number {
    return this.write && pte_present(entry) && pte_write(entry) ? pte_mkdirty(entry) : entry;
  }
  translates(entry: number): boolean {
    if (!translates(entry, this.write)) return false;
    const cpu = smp_processor_id();
    this.mm.cpu_vm_mask.add(cpu); // it may have been moved
    this.mm.system.tlbs[cpu].load(this.mm.asid, this.vpn, entry);
    return true;
  }
  fault(): Coroutine<number> {
    return handleFault(this);
  }
  /** The fault begins. */
  noteSizes(): void {
    const { config, inodes } = this.mm.system;
    if (config.DEBUG_PAGEALLOC)
      this.sizes = inodes.map(({ i_size, sizes }) => ({ size: i_size.value, set: sizes.length }));
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

/** The fault handler. */
function handleFault(walk: TableWalk): Coroutine<number> {
  const { mm, address, write } = walk;
  walk.noteSizes();
  return mm.system.kernel.do_page_fault(mm, address, write);
}

/** A walk of an instruction that holds the TLB. */
class AccessWalk extends TableWalk {
  override readonly trapStep: Step;

  constructor(mm: Mm, address: Address, write: boolean, caught: readonly number[], { endStep }: Tlb) {
    super(mm, address, write, caught);
    this.trapStep = endStep;
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
    const tlb = mm.system.tlbs[smp_processor_id()]; // a thread may wake up on another CPU
    yield* tlb.beginStep;
    let entry = tlb.lookup(mm.asid, vpn);
    if (!translates(entry, write)) entry = yield* new AccessWalk(mm, address, write, caught, tlb);
    if (entry < 0) return entry;
    if (entry === FAULTED) continue;
    charge(TOUCH);
    const value = yield* use(pte_page(mm, entry));
    yield* tlb.endStep;
    return value;
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

/** For a program that reads page after page: the walk for the first one. */
export function read_walk(mm: Mm, address: Address): TableWalk {
  return new TableWalk(mm, address, false, NONE);
}

/** Load all that a page holds, whatever that is; nobody unmaps it meanwhile. Returns 0, or -signal. */
export function* user_read_page(first: TableWalk, address: Address): Coroutine<number> {
  const { mm } = first;
  let entry = mm.system.tlbs[smp_processor_id()].lookup(mm.asid, page_number(mm, address));
  if (!translates(entry, false)) {
    const walk = first.to(address);
    do {
      entry = yield* walk;
      if (entry < 0) return entry;
    } while (!translates(entry, false));
  }
  charge(TOUCH);
  const page = pte_page(mm, entry);
  return yield* new Step(LOAD, page, DATA, page_size(mm), page.zone.node);
}
