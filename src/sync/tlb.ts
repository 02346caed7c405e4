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

/**
 * A set, all in one place: which way is used next, then what the ways hold, each ASID, VPN and translation. Plain data: it is a
 * part of the state of the machine.
 */
type TlbSet = number[];
const FIRST = 1;
const VPN = 1;
const TRANSLATION = 2;
const FIELDS = 3;
const END = FIRST + WAYS * FIELDS;
const NONE: TlbSet = [];

/** Where the way of the oldest entry is; the next one's turn comes. */
function oldest(set: TlbSet): number {
  const way = set[0];
  set[0] = (way + 1) % WAYS;
  return FIRST + way * FIELDS;
}

/** Where the way with this page is; 0: in none. */
function find(set: TlbSet, asid: number, vpn: number): number {
  for (let at = FIRST; at < set.length; at += FIELDS) if (set[at + VPN] === vpn && set[at] === asid) return at;
  return 0;
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
    const set = this.setOf(vpn);
    const at = find(set, asid, vpn);
    return at === 0 ? 0 : set[at + TRANSLATION];
  }

  /** Keep a translation. */
  load(asid: number, vpn: number, translation: number): void {
    const set = (this.sets[vpn % this.size] ??= new Array<number>(END).fill(0));
    const at = find(set, asid, vpn) || oldest(set);
    set[at] = asid;
    set[at + VPN] = vpn;
    set[at + TRANSLATION] = translation;
  }

  private setOf(vpn: number): TlbSet {
    return this.sets[vpn % this.size] ?? NONE;
  }

  /** Forget a page. */
  purge(asid: number, vpn: number): void {
    const set = this.setOf(vpn);
    const at = find(set, asid, vpn);
    if (at > 0) set[at] = NOBODY;
  }

  /** Forget an address space, or pages `first` to `end` - 1 of it. */
  purgeAll(asid: number, first = 0, end = Infinity): void {
    for (const set of this.sets) {
      for (let at = FIRST; set !== undefined && at < END; at += FIELDS) {
        if (set[at] === asid && set[at + VPN] >= first && set[at + VPN] < end) set[at] = NOBODY;
      }
    }
  }

  /** Visit every entry as (asid, vpn, entry); for checks. */
  forEach(visit: (asid: number, vpn: number, entry: number) => void): void {
    for (const set of this.sets) {
      for (let at = FIRST; set !== undefined && at < END; at += FIELDS) {
        if (set[at] !== NOBODY) visit(set[at], set[at + VPN], set[at + TRANSLATION]);
      }
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
