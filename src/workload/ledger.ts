/**
 * What user memory must hold, by the stores that programs have completed: of each word the last store of every thread,
 * as nobody knows which of them came last. A child has what its parent had when it forked; what the parent's threads
 * stored while it forked the child may have or not.
 */
import { page_size } from '../kernel/pgtable.ts';
import type { Address, Mm } from '../kernel/structs.ts';

/** One word of a page, and what it is called. */
export interface Place {
  readonly address: Address;
  readonly word: number;
  /** `heap+0` */
  readonly name: string;
}

/** What is known of one word of an address space. */
export interface Known extends Place {
  /** By thread. */
  readonly last: Map<string, number>;
  /** What it may hold besides. */
  readonly maybe: number[];
}

type Book = Map<string, Known>;

/** A fork under way: what the parent had before, and what was stored meanwhile. */
export interface Forking {
  readonly parent: Mm;
  readonly before: Book;
  readonly meanwhile: [Place, number][];
}

export class Ledger {
  private readonly books = new Map<Mm, Book>();
  private readonly forks = new Set<Forking>();
  /** All words that anybody has stored to. */
  private readonly places = new Map<string, Place>();
  private readonly stores: {
    readonly mm: Mm;
    readonly address: Address;
    readonly word: number;
    readonly value: number;
  }[] = [];
  /** Loads that have shown what they must not. */
  readonly complaints: string[] = [];

  /** A store has completed. */
  store(mm: Mm, place: Place, by: string, value: number): void {
    this.places.set(keyOf(place), place);
    this.stores.push({ mm, address: place.address, word: place.word, value });
    this.known(mm, place).last.set(by, value);
    for (const fork of this.forks) if (fork.parent === mm) fork.meanwhile.push([place, value]);
  }

  /** The pages of [start, end) have been given back: they hold zeros. */
  discard(mm: Mm, start: Address, end: Address): void {
    const book = this.bookOf(mm);
    for (const [key, { address }] of book) if (address >= start && address < end) book.delete(key);
  }

  forkBegins(parent: Mm): Forking {
    const fork = { parent, before: copyOf(this.bookOf(parent)), meanwhile: [] };
    this.forks.add(fork);
    return fork;
  }

  forkEnds(fork: Forking, child: Mm | null): void {
    this.forks.delete(fork);
    if (child === null) return;
    this.books.set(child, fork.before);
    for (const [place, value] of fork.meanwhile) this.known(child, place).maybe.push(value);
  }

  /** Address spaces in which this value was stored there. */
  storedBy(address: Address, word: number, value: number): Mm[] {
    return this.stores.filter((s) => s.address === address && s.word === word && s.value === value).map(({ mm }) => mm);
  }

  /** Has anybody stored to the page that begins there? */
  isTouched(address: Address): boolean {
    return this.stores.some((store) => store.address === address);
  }

  /** What each word that was ever stored to may hold in this address space. */
  *allowed(mm: Mm): Iterable<Place & { readonly values: readonly number[]; readonly stores: readonly string[] }> {
    const book = this.bookOf(mm);
    for (const [key, place] of this.places) {
      const known = book.get(key);
      const last = known === undefined ? [] : [...known.last];
      const values = [...last.map(([, value]) => value), ...(known?.maybe ?? []), ...(last.length === 0 ? [0] : [])];
      yield { ...place, values, stores: last.map(([by, value]) => `${by} stored ${value}`) };
    }
  }

  private bookOf(mm: Mm): Book {
    let book = this.books.get(mm);
    if (book === undefined) this.books.set(mm, (book = new Map<string, Known>()));
    return book;
  }

  private known(mm: Mm, place: Place): Known {
    const book = this.bookOf(mm);
    const key = keyOf(place);
    let known = book.get(key);
    if (known === undefined) book.set(key, (known = { ...place, last: new Map<string, number>(), maybe: [] }));
    return known;
  }
}

function keyOf({ address, word }: Place): string {
  return `${address} ${word}`;
}

function copyOf(book: Book): Book {
  return new Map(
    [...book].map(([key, known]) => [key, { ...known, last: new Map(known.last), maybe: [...known.maybe] }]),
  );
}

/** The page of an area, counted from 0. */
export function placeOf(
  mm: Mm,
  area: { readonly name: string; readonly start: Address },
  page: number,
  word: number,
): Place {
  return { address: area.start + page * page_size(mm), word, name: `${area.name}+${page}` };
}
