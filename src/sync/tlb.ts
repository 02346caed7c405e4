/**
 * A CPU's translation look-aside buffer. Interrupts are taken between instructions: whoever flushes it on behalf of
 * another CPU waits until the access under way is done, and an access that has begun uses the translation it has found.
 * So accesses hold the TLB shared, and a flush has it for itself.
 *
 * Entries are tagged with the address space (ASIDs, region ids), so that switching to another one flushes nothing. They
 * stay until they are flushed, or until the TLB is full and the oldest goes.
 */
import { LOCK, LOCK_SHARED, Shared, Step, UNLOCK, UNLOCK_SHARED } from '../machine/step.ts';
import type { Thread } from '../machine/thread.ts';

/** Larger than any page number; more than 8,000 address spaces are apart. */
const PAGES = 2 ** 40;

export class Tlb extends Shared {
  readonly name: string;
  /** Not a lock of the kernel: the lock table does without it. */
  readonly lockClass = '';
  /** By address space and page. */
  readonly entries = new Map<number, number>();
  readonly beginStep = new Step(LOCK_SHARED, this);
  readonly endStep = new Step(UNLOCK_SHARED, this);
  readonly flushStep = new Step(LOCK, this);
  readonly flushedStep = new Step(UNLOCK, this);
  private readonly size: number;
  /** Threads with an access under way. */
  private readonly users: Thread[] = [];
  private flusher: Thread | null = null;

  /** `size`: entries. */
  constructor(cpu: number, size: number) {
    super();
    this.name = `CPU${cpu}.tlb`;
    this.size = size;
    this.confinedTo = cpu; // whoever flushes it for another CPU does so by a call
  }

  /** What is known of a page of address space `asid`; 0: nothing. */
  lookup(asid: number, vpn: number): number {
    return this.entries.get(asid * PAGES + vpn) ?? 0;
  }

  /** Keep a translation. */
  load(asid: number, vpn: number, entry: number): void {
    const key = asid * PAGES + vpn;
    this.entries.delete(key);
    if (this.entries.size === this.size) this.entries.delete(this.entries.keys().next().value!);
    this.entries.set(key, entry);
  }

  /** Forget a page. */
  purge(asid: number, vpn: number): void {
    this.entries.delete(asid * PAGES + vpn);
  }

  /** Forget an address space, or pages `first` to `end` - 1 of it. */
  purgeAll(asid: number, first = 0, end = PAGES): void {
    for (const key of this.entries.keys()) {
      const vpn = key - asid * PAGES;
      if (vpn >= first && vpn < end) this.entries.delete(key);
    }
  }

  /** Visit every entry as (asid, vpn, entry); for checks. */
  forEach(visit: (asid: number, vpn: number, entry: number) => void): void {
    for (const [key, entry] of this.entries) visit(Math.floor(key / PAGES), key % PAGES, entry);
  }

  describe(): string {
    return this.name;
  }
  /** That an access begins and ends goes without saying. */
  label({ kind }: Step): string {
    return kind === LOCK ? `flush ${this.name}` : '';
  }
  admits(step: Step): boolean {
    return this.ready(step);
  }
  ready({ kind }: Step): boolean {
    if (kind === LOCK_SHARED) return this.flusher === null;
    return kind !== LOCK || (this.flusher === null && this.users.length === 0);
  }
  perform({ kind }: Step, thread: Thread): number {
    if (kind === LOCK_SHARED) this.users.push(thread);
    else if (kind === UNLOCK_SHARED) this.users.splice(this.users.indexOf(thread), 1);
    else this.flusher = kind === LOCK ? thread : null;
    return 0;
  }
  override waitsFor(step: Step): Thread[] {
    const flusher = this.flusher === null ? [] : [this.flusher];
    return step.kind === LOCK ? [...flusher, ...this.users] : flusher;
  }
}
