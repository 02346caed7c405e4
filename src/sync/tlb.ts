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

/** No address space: there is no entry. */
const NOBODY = 0;

interface Entry {
  asid: number;
  vpn: number;
  translation: number;
}
const NONE: readonly Entry[] = [];

/** Plain data: it is a part of the state of the machine. */
interface TlbSet {
  readonly entries: readonly Entry[];
  /** The way that is used next. */
  next: number;
}

function emptySet(): TlbSet {
  return { entries: Array.from({ length: WAYS }, () => ({ asid: NOBODY, vpn: 0, translation: 0 })), next: 0 };
}

/** Its place is that of the next one. */
function oldest(set: TlbSet): Entry {
  const entry = set.entries[set.next];
  set.next = (set.next + 1) % WAYS;
  return entry;
}

export class Tlb extends Shared {
  readonly name: string;
  /** Not a lock of the kernel: the lock table does without it. */
  readonly lockClass = '';
  readonly beginStep = new Step(LOCK, this, 0, ACCESS);
  readonly endStep = new Step(UNLOCK, this, 0, INSTRUCTION_ENDS);
  readonly flushStep = new Step(LOCK, this);
  readonly flushedStep = new Step(UNLOCK, this);
  private readonly size: number;
  /** Made when the first translation of a page that belongs there is loaded. */
  private readonly sets: (TlbSet | undefined)[] = [];
  /** Who has an access or a flush under way. */
  private user: Thread | null = null;

  /** `size`: entries. */
  constructor(cpu: number, size: number) {
    super();
    this.name = `CPU${cpu}.tlb`;
    this.size = Math.ceil(size / WAYS);
    this.confinedTo = cpu; // whoever flushes it for another CPU does so by a call
  }

  /** What is known of a page of address space `asid`; 0: nothing. */
  lookup(asid: number, vpn: number): number {
    return this.find(asid, vpn)?.translation ?? 0;
  }

  /** Keep a translation. */
  load(asid: number, vpn: number, translation: number): void {
    const entry = this.find(asid, vpn) ?? oldest((this.sets[vpn % this.size] ??= emptySet()));
    entry.vpn = vpn;
    entry.asid = asid;
    entry.translation = translation;
  }

  private find(asid: number, vpn: number): Entry | null {
    const set = this.sets[vpn % this.size];
    if (set === undefined) return null;
    for (const entry of set.entries) if (entry.vpn === vpn && entry.asid === asid) return entry;
    return null;
  }

  /** Forget a page. */
  purge(asid: number, vpn: number): void {
    const entry = this.find(asid, vpn);
    if (entry !== null) entry.asid = NOBODY;
  }

  /** Forget an address space, or pages `first` to `end` - 1 of it. */
  purgeAll(asid: number, first = 0, end = Infinity): void {
    for (const set of this.sets) {
      for (const entry of set?.entries ?? NONE) {
        if (entry.asid === asid && entry.vpn >= first && entry.vpn < end) entry.asid = NOBODY;
      }
    }
  }

  /** Visit every entry as (asid, vpn, entry); for checks. */
  forEach(visit: (asid: number, vpn: number, entry: number) => void): void {
    for (const set of this.sets) {
      for (const { asid, vpn, translation } of set?.entries ?? NONE) if (asid !== NOBODY) visit(asid, vpn, translation);
    }
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
