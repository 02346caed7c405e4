/**
 * A CPU's translation look-aside buffer. Interrupts are taken between instructions: whoever flushes it on behalf of
 * another CPU waits until the access under way is done, and an access that has begun uses the translation it has found.
 * So an access has the TLB for itself, and so has a flush.
 *
 * Entries are tagged with the address space (ASIDs, region ids), so that switching to another one flushes nothing. They
 * stay until they are flushed, or until the ways of their set are full and the oldest goes.
 */
import { INSTRUCTION_ENDS, LOCK, Shared, Step, TICK_0, UNLOCK } from '../machine/step.ts';
import type { Thread } from '../machine/thread.ts';

/** Entries of a set: a page can be in one set only, and there in any of these. */
const WAYS = 4;
/** `value` of the step with which an access begins. */
const ACCESS = 1;

/**
 * A way holds a tag, which names the address space and the page, and its translation; a set its ways one behind the other, and
 * which of them is used next. Sets that are neighbours are together in one array of doubles: on a machine of many CPUs what is
 * known of a page is in nobody's cache when it is asked for, so that it had better be on one line. Plain data: it is a part of
 * the state of the machine.
 */
const FIELDS = 2;
const NEXT = WAYS * FIELDS;
const SET = NEXT + 1;
const SETS = 8;
/** No address space: there is no entry. */
const NOBODY = 0;
/** More than any number that a tag has for a page, which is that of the page among those of its set. */
const PAGES = 2 ** 33;
/** So many address spaces there may be for tags to be exact. */
const ASIDS = 2 ** 20;

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
  private readonly chunks: (number[] | undefined)[] = [];
  /** The one that was used last: neighbours are used one after the other. */
  private lastNumber = -1;
  private lastChunk: number[] | undefined;
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
    const set = vpn % this.size;
    const chunk = this.chunkOf(set);
    if (chunk === undefined) return 0;
    const at = find(chunk, (set % SETS) * SET, this.tag(asid, vpn));
    return at < 0 ? 0 : chunk[at + 1];
  }

  /** Keep a translation. */
  load(asid: number, vpn: number, translation: number): void {
    if (asid >= ASIDS) throw new RangeError(`there are more than ${ASIDS} address spaces`);
    const set = vpn % this.size;
    const chunk = this.chunkOf(set) ?? this.newChunk(set);
    const first = (set % SETS) * SET;
    const tag = this.tag(asid, vpn);
    const known = find(chunk, first, tag);
    const at = known < 0 ? oldest(chunk, first) : known;
    chunk[at] = tag;
    chunk[at + 1] = translation;
  }

  private chunkOf(set: number): number[] | undefined {
    const number = (set / SETS) | 0;
    if (number !== this.lastNumber) {
      this.lastNumber = number;
      this.lastChunk = this.chunks[number];
    }
    return this.lastChunk;
  }

  private newChunk(set: number): number[] {
    return (this.lastChunk = this.chunks[(set / SETS) | 0] = emptyChunk());
  }

  private tag(asid: number, vpn: number): number {
    return asid * PAGES + Math.floor(vpn / this.size);
  }

  /** Forget a page. */
  purge(asid: number, vpn: number): void {
    const set = vpn % this.size;
    const chunk = this.chunkOf(set);
    const at = chunk === undefined ? -1 : find(chunk, (set % SETS) * SET, this.tag(asid, vpn));
    if (at >= 0) chunk![at] = NOBODY;
  }

  /** Forget an address space, or pages `first` to `end` - 1 of it. */
  purgeAll(asid: number, first = 0, end = Infinity): void {
    this.visit((chunk, at, known, vpn) => {
      if (known === asid && vpn >= first && vpn < end) chunk[at] = NOBODY;
    });
  }

  /** Visit every entry as (asid, vpn, entry); for checks. */
  forEach(visit: (asid: number, vpn: number, entry: number) => void): void {
    this.visit((chunk, at, asid, vpn) => visit(asid, vpn, chunk[at + 1]));
  }

  private visit(entry: (chunk: number[], at: number, asid: number, vpn: number) => void): void {
    for (const [number, chunk] of this.chunks.entries()) {
      for (let set = 0; chunk !== undefined && set < SETS; set++) {
        for (let way = 0; way < WAYS; way++) {
          const at = set * SET + way * FIELDS;
          const asid = Math.floor(chunk[at] / PAGES);
          if (asid !== NOBODY) entry(chunk, at, asid, (chunk[at] % PAGES) * this.size + number * SETS + set);
        }
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

/** `new Array` and 0 would be an array of small integers, and another one when the first tag comes. */
function emptyChunk(): number[] {
  return new Array<number>(SETS * SET).fill(TICK_0);
}

/** Where the way with this tag is, in the set that begins at `first`; -1: in none. */
function find(chunk: readonly number[], first: number, tag: number): number {
  for (let at = first; at < first + NEXT; at += FIELDS) if (chunk[at] === tag) return at;
  return -1;
}

/** Where the way of the oldest entry is; the next one's turn comes. */
function oldest(chunk: number[], first: number): number {
  const way = chunk[first + NEXT];
  chunk[first + NEXT] = way + 1 < WAYS ? way + 1 : TICK_0;
  return first + way * FIELDS;
}
