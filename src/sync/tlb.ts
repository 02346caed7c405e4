/**
 * A CPU's translation look-aside buffer. Interrupts are taken between instructions: whoever flushes it on behalf of
 * another CPU waits until the access under way is done, and an access that has begun uses the translation it has found.
 * So an access has the TLB for itself, and so has a flush.
 *
 * Entries are tagged with the address space (ASIDs, region ids), so that switching to another one flushes nothing. They
 * stay until they are flushed, or until the ways of their set are full and the oldest goes.
 */
import { INSTRUCTION_ENDS, LOCK, Shared, Step, UNLOCK } from '../machine/step.ts';
import type { Thread } from '../machine/thread.ts';

/** Entries of a set: a page can be in one set only, and there in any of these. */
const WAYS = 4;
/** `value` of the step with which an access begins. */
const ACCESS = 1;

export class Tlb extends Shared {
  readonly name: string;
  /** Not a lock of the kernel: the lock table does without it. */
  readonly lockClass = '';
  readonly beginStep = new Step(LOCK, this, 0, ACCESS);
  readonly endStep = new Step(UNLOCK, this, 0, INSTRUCTION_ENDS);
  readonly flushStep = new Step(LOCK, this);
  readonly flushedStep = new Step(UNLOCK, this);
  private readonly sets: number;
  /** Of each entry, set by set; made when the first one is loaded. Address space 0: there is no entry. */
  private pages: Float64Array | null = null;
  private spaces = new Int32Array(0);
  private translations = new Int32Array(0);
  /** The way of each set that is used next. */
  private next = new Uint8Array(0);
  /** Who has an access or a flush under way. */
  private user: Thread | null = null;

  /** `size`: entries. */
  constructor(cpu: number, size: number) {
    super();
    this.name = `CPU${cpu}.tlb`;
    this.sets = Math.ceil(size / WAYS);
    this.confinedTo = cpu; // whoever flushes it for another CPU does so by a call
  }

  /** What is known of a page of address space `asid`; 0: nothing. */
  lookup(asid: number, vpn: number): number {
    const at = this.find(asid, vpn);
    return at < 0 ? 0 : this.translations[at];
  }

  /** Keep a translation. */
  load(asid: number, vpn: number, entry: number): void {
    this.pages ??= this.makeRoom();
    let at = this.find(asid, vpn);
    if (at < 0) {
      const set = vpn % this.sets;
      at = set * WAYS + this.next[set];
      this.next[set] = (this.next[set] + 1) % WAYS;
      this.pages[at] = vpn;
      this.spaces[at] = asid;
    }
    this.translations[at] = entry;
  }

  private makeRoom(): Float64Array {
    const entries = this.sets * WAYS;
    this.spaces = new Int32Array(entries);
    this.translations = new Int32Array(entries);
    this.next = new Uint8Array(this.sets);
    return new Float64Array(entries);
  }

  private find(asid: number, vpn: number): number {
    const { pages, spaces } = this;
    if (pages === null) return -1;
    const first = (vpn % this.sets) * WAYS;
    for (let at = first; at < first + WAYS; at++) if (pages[at] === vpn && spaces[at] === asid) return at;
    return -1;
  }

  /** Forget a page. */
  purge(asid: number, vpn: number): void {
    const at = this.find(asid, vpn);
    if (at >= 0) this.spaces[at] = 0;
  }

  /** Forget an address space, or pages `first` to `end` - 1 of it. */
  purgeAll(asid: number, first = 0, end = Infinity): void {
    const { pages, spaces } = this;
    if (pages === null) return;
    spaces.forEach((space, at) => {
      if (space === asid && pages[at] >= first && pages[at] < end) spaces[at] = 0;
    });
  }

  /** Visit every entry as (asid, vpn, entry); for checks. */
  forEach(visit: (asid: number, vpn: number, entry: number) => void): void {
    this.spaces.forEach((space, at) => {
      if (space !== 0) visit(space, this.pages![at], this.translations[at]);
    });
  }

  describe(): string {
    return this.name;
  }
  /** That an access begins and ends goes without saying. */
  label({ kind, value }: Step): string {
    return kind === LOCK && value !== ACCESS ? `flush ${this.name}` : '';
  }
  admits(step: Step): boolean {
    return this.ready(step);
  }
  ready({ kind }: Step): boolean {
    return kind !== LOCK || this.user === null;
  }
  perform({ kind }: Step, thread: Thread): number {
    this.user = kind === LOCK ? thread : null;
    return 0;
  }
  override waitsFor(): Thread[] {
    return this.user === null ? [] : [this.user];
  }
}
