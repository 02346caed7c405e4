/**
 * What user memory and files must hold, by what programs have done to them. Whatever is done takes a while by the clock
 * of the ledger: what ended before another thing began is written over by that, of what happened at the same time
 * nobody knows which came last.
 *
 * A store by way of a shared mapping, or by write(2), is one to a word of a file; all others are to a word of an address
 * space. A child has what its parent had when it forked; what happened during the fork the child may have or not.
 * Which page of its file an address shows is a word too, which remap_file_pages writes: a store during that goes to the
 * page that was there before, or to the one that is there afterwards.
 */
import type { Inode } from '../kernel/fs.ts';
import { page_size } from '../kernel/pgtable.ts';
import { type Address, type Mm, PAGE_WORDS } from '../kernel/structs.ts';
import { byteOf } from './files.ts';

/** A page of a file. */
export interface FilePage {
  readonly inode: Inode;
  readonly pgoff: number;
}

/** One word of a page in memory, and what it is called. */
export interface Place {
  readonly address: Address;
  readonly word: number;
  /** `heap+0` */
  readonly name: string;
  /** What was mapped there when the program began, and whether stores go to the file. Null: anonymous memory. */
  readonly file: (FilePage & { readonly shared: boolean }) | null;
}

/** From when to when; the end is Infinity as long as it is under way. */
interface Span {
  readonly begin: number;
  end: number;
  /** It has happened, wholly, between the two. */
  sure: boolean;
}

/** A store to one word. */
export interface Store extends Span {
  readonly place: Place;
  readonly mm: Mm | null;
  readonly by: string;
  readonly value: number;
  /** Behind the end of the file, in its last page: it may last or not. */
  loose: boolean;
  /** Pages of the file that it may have gone to, if that is where it goes. */
  readonly pages: number[];
}

/** Words lose what they hold: here what they were when nobody had stored to them. */
interface Discard extends Span {
  /** Of an address space by address, of a file by page and word. */
  readonly covers: (at: number, word: number) => boolean;
  /** Private copies go too: a truncation. */
  readonly cutsOff: boolean;
}

/** What has been done to an address space, or to a file: by page and word. */
class Book {
  readonly stores = new Map<string, Store[]>();
  readonly discards: Discard[] = [];

  add(at: number, store: Store): void {
    const key = `${at} ${store.place.word}`;
    const known = this.stores.get(key);
    if (known === undefined) this.stores.set(key, [store]);
    else known.push(store);
  }

  /** Stores of which the word may have the value, and whether it may have none: as discarded, or as at the beginning. */
  live(
    at: number,
    word: number,
    more: readonly Discard[] = [],
  ): { stores: Store[]; none: boolean; untouched: boolean } {
    const stores = this.stores.get(`${at} ${word}`) ?? [];
    const discards = [...this.discards, ...more].filter((discard) => discard.covers(at, word));
    const gone = ({ end }: Span, by: readonly Span[]): boolean =>
      by.some((later) => isOver(later) && later.begin > end);
    return {
      stores: stores.filter((store) => !gone(store, stores) && (store.loose || !gone(store, discards))),
      none: discards.some((discard) => !gone(discard, stores)) || stores.some(({ loose }) => loose),
      untouched: !stores.some(isOver) && !discards.some(isOver),
    };
  }

  /** As a child gets it whose fork began at `begin`. */
  copy(begin: number, now: number): Book {
    const inherited = <T extends Span>(span: T): T =>
      span.end < begin ? span : { ...span, end: Math.min(span.end, now), sure: false };
    const book = new Book();
    for (const [key, stores] of this.stores) book.stores.set(key, stores.map(inherited));
    book.discards.push(...this.discards.map(inherited));
    return book;
  }
}

function isOver({ sure, end }: Span): boolean {
  return sure && end < Infinity;
}

/** A fork under way: when it began. */
export interface Forking {
  readonly parent: Mm;
  readonly begin: number;
}

/** A place, what it may hold, and who has stored that. */
export interface Allowed extends Place {
  readonly values: readonly number[];
  /** It may show what it would if nobody had ever stored there. */
  readonly usual: boolean;
  readonly stores: readonly string[];
}

export class Ledger {
  private clock = 0;
  private readonly memory = new Map<Mm, Book>();
  private readonly files = new Map<Inode, Book>();
  /** Addresses that were remapped, and the pages that they show. */
  private readonly shown = new Map<Mm, Book>();
  /** What each word of a file held when the program began. */
  private readonly initial = new Map<Inode, (pgoff: number, word: number) => number>();
  private readonly stores: Store[] = [];
  /** Loads that have shown what they must not. */
  readonly complaints: string[] = [];

  /** There is a file; what each of its words holds. */
  addFile(inode: Inode, initial: (pgoff: number, word: number) => number): void {
    this.initial.set(inode, initial);
  }

  storeBegins(mm: Mm, place: Place, by: string, value: number): Store {
    const store = this.begins({ place, mm, by, value, loose: false, pages: [] });
    const { file, address } = place;
    if (file === null || !file.shared) this.bookOf(mm).add(address, store);
    else for (const pgoff of this.shownAt(mm, address, file)) this.mayGoTo(file.inode, pgoff, store);
    return store;
  }

  /** write(2) */
  writeBegins({ inode, pgoff }: FilePage, word: number, by: string, value: number): Store {
    const place = { address: -1, word, name: `${inode.name}+${pgoff}`, file: { inode, pgoff, shared: true } };
    const store = this.begins({ place, mm: null, by, value, loose: false, pages: [] });
    this.mayGoTo(inode, pgoff, store);
    return store;
  }

  /** It has completed, or it has not been made: the program has caught a signal. */
  storeEnds(store: Store, made: boolean): void {
    if (!made) {
      this.strike(store);
      return;
    }
    const { file, word } = store.place;
    store.end = ++this.clock;
    if (file !== null && file.shared && store.mm !== null) {
      const { system, i_size } = file.inode;
      store.loose = store.pages.some((pgoff) => byteOf(system, pgoff, word) >= i_size.value);
    }
    store.sure = !store.loose && store.pages.length <= 1;
  }

  private begins(what: Omit<Store, keyof Span>): Store {
    const store = { ...what, begin: ++this.clock, end: Infinity, sure: true };
    this.stores.push(store);
    return store;
  }

  private mayGoTo(inode: Inode, pgoff: number, store: Store): void {
    if (store.pages.includes(pgoff)) return;
    store.pages.push(pgoff);
    this.fileBook(inode).add(pgoff, store);
  }

  /** remap_file_pages: what is mapped shared at that place shows another page of the file. */
  remapBegins(mm: Mm, { address, name, file }: Place, by: string, pgoff: number): Store {
    const place = { address, word: 0, name, file };
    const span = { begin: ++this.clock, end: Infinity, sure: true };
    const remap = { place, mm, by, value: pgoff, loose: false, pages: [], ...span };
    bookIn(this.shown, mm).add(address, remap);
    const during = this.stores.filter((store) => store.end === Infinity && store.mm === mm);
    for (const store of during) if (store.place.address === address) this.mayGoTo(file!.inode, pgoff, store);
    return remap;
  }

  remapEnds(remap: Store, made: boolean): void {
    if (made) remap.end = ++this.clock;
    else this.strike(remap);
  }

  /** Pages of the file that the address may show now. */
  private shownAt(mm: Mm, address: Address, { pgoff }: FilePage): number[] {
    const { stores, untouched } = bookIn(this.shown, mm).live(address, 0);
    const moved = stores.map(({ value }) => value);
    return untouched ? [pgoff, ...moved] : moved;
  }

  private strike(store: Store): void {
    const books = [...this.memory.values(), ...this.files.values(), ...this.shown.values()];
    for (const list of [this.stores, ...books.flatMap((book) => [...book.stores.values()])]) {
      const at = list.indexOf(store);
      if (at >= 0) list.splice(at, 1);
    }
  }

  /** The pages of [start, end) are given back. */
  discardBegins(mm: Mm, start: Address, end: Address): Span {
    return this.discard(this.bookOf(mm), (address) => address >= start && address < end);
  }

  /** The file is cut off at a byte: private copies of pages behind it go too. */
  truncateBegins(inode: Inode, size: number): Span {
    return this.discard(this.fileBook(inode), (pgoff, word) => byteOf(inode.system, pgoff, word) >= size, true);
  }

  /** Pages of the file become a hole; private copies stay. */
  punchBegins(inode: Inode, first: number, last: number): Span {
    return this.discard(this.fileBook(inode), (pgoff) => pgoff >= first && pgoff <= last);
  }

  discardEnds(discard: Span): void {
    discard.end = ++this.clock;
  }

  private discard(book: Book, covers: Discard['covers'], cutsOff = false): Span {
    const discard = { begin: ++this.clock, end: Infinity, sure: true, covers, cutsOff };
    book.discards.push(discard);
    return discard;
  }

  forkBegins(parent: Mm): Forking {
    return { parent, begin: ++this.clock };
  }

  forkEnds({ parent, begin }: Forking, child: Mm | null): void {
    if (child === null) return;
    const now = ++this.clock;
    for (const books of [this.memory, this.shown]) books.set(child, bookIn(books, parent).copy(begin, now));
  }

  /** Address spaces in which this value was stored there. */
  storedBy(address: Address, word: number, value: number): Mm[] {
    return this.stores.flatMap(({ mm, place, value: stored }) =>
      mm !== null && place.address === address && place.word === word && stored === value ? [mm] : [],
    );
  }

  /** Has anybody stored to the page that begins there? */
  isTouched(address: Address): boolean {
    return this.stores.some(({ place }) => place.address === address);
  }

  /** What each word of memory that was ever stored to may hold in this address space; not those of shared mappings. */
  *allowed(mm: Mm): Iterable<Allowed> {
    const places = new Map(this.stores.map(({ place }) => [`${place.address} ${place.word}`, place]));
    for (const place of places.values()) {
      if (place.file?.shared === true) continue;
      const { address, word, file } = place;
      const { stores, none, untouched } = this.bookOf(mm).live(address, word, this.cutOff(file));
      const usual = none || untouched;
      const values = stores.map(({ value }) => value);
      if (usual) values.push(...(file === null ? [0] : this.history(file.inode, file.pgoff, word)));
      yield { ...place, values, usual, ...told(stores) };
    }
  }

  /** Truncations take private copies of whole pages with them. */
  private cutOff(file: FilePage | null): Discard[] {
    if (file === null) return [];
    const { discards } = this.fileBook(file.inode);
    const those = discards.filter(({ covers, cutsOff }) => cutsOff && covers(file.pgoff, 0));
    return those.map((discard) => ({ ...discard, covers: () => true }));
  }

  /** What a word of the file may hold. */
  allowedInFile(inode: Inode, pgoff: number, word: number): Pick<Allowed, 'values' | 'stores'> {
    const { stores, none, untouched } = this.fileBook(inode).live(pgoff, word);
    const values = stores.map(({ value }) => value);
    if (none) values.push(0);
    if (untouched) values.push(this.initial.get(inode)!(pgoff, word));
    return { values, ...told(stores) };
  }

  /** Pages of a file that somebody has stored to. */
  storedPages(inode: Inode): number[] {
    return [...this.fileBook(inode).stores.keys()].map((key) => parseInt(key, 10));
  }

  /** Has anything been done to a page of a file? */
  isChanged(inode: Inode, pgoff: number): boolean {
    const { stores, discards } = this.fileBook(inode);
    const words = Array.from({ length: PAGE_WORDS }, (_, word) => word);
    return words.some((word) => stores.has(`${pgoff} ${word}`) || discards.some(({ covers }) => covers(pgoff, word)));
  }

  /** All that a word of the file has ever held. */
  history(inode: Inode, pgoff: number, word: number): number[] {
    const stores = this.fileBook(inode).stores.get(`${pgoff} ${word}`) ?? [];
    return [0, this.initial.get(inode)!(pgoff, word), ...stores.map(({ value }) => value)];
  }

  /** Has the file ever held this value, wherever? */
  wasInFile(inode: Inode, pages: number, value: number): boolean {
    const initial = this.initial.get(inode)!;
    if (value === 0 || Array.from({ length: pages }, (_, pgoff) => initial(pgoff, 0)).includes(value)) return true;
    return this.stores.some(({ place: { file }, value: stored }) => file?.inode === inode && stored === value);
  }

  private bookOf(mm: Mm): Book {
    return bookIn(this.memory, mm);
  }

  private fileBook(inode: Inode): Book {
    return bookIn(this.files, inode);
  }
}

function bookIn<T>(books: Map<T, Book>, of: T): Book {
  let book = books.get(of);
  if (book === undefined) books.set(of, (book = new Book()));
  return book;
}

function told(stores: readonly Store[]): { stores: string[] } {
  return { stores: stores.filter(({ sure }) => sure).map(({ by, value }) => `${by} stored ${value}`) };
}

/** An area of memory as it was when the program began. */
export interface Area {
  readonly name: string;
  readonly start: Address;
  /** What its first page showed; null: anonymous memory. */
  readonly file: Place['file'];
}

/** The page of an area, counted from 0. */
export function placeOf(mm: Mm, { name, start, file }: Area, page: number, word: number): Place {
  const mapped = file === null ? null : { ...file, pgoff: file.pgoff + page };
  return { address: start + page * page_size(mm), word, name: `${name}+${page}`, file: mapped };
}
