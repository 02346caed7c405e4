/**
 * Lookahead, as conservative parallel simulations have it (Chandy and Misra 1979). Threads that go through a file in sequence
 * can be seen coming: for each page the driver knows who may use its struct page within the next moments. If that is one thread
 * alone, its CPU has the page to itself, ahead of its time, and need not stop for each step on it.
 *
 * What is foreseen is a guess, and never trusted: each use of a page is held against what CPUs have done with it ahead of their
 * time. If one of them should have come later, the run ends with `Overtaken`, and can be made again without lookahead.
 */
import type { Lead } from '../../machine/lead.ts';
import { ANYBODY, type PageLine, type Shared } from '../../machine/step.ts';
import { EXIT, type Thread } from '../../machine/thread.ts';
import { clock, due } from './cells.ts';
import { type Hardware, longer } from './hardware.ts';

/** A CPU has used a page ahead of its time, and another one should have come before it. */
export class Overtaken extends Error {
  constructor({ pfn }: PageLine) {
    super(`page ${pfn} was used too far ahead of time`);
    this.name = 'Overtaken';
  }
}

const NOWHERE = -1;

export class Lookahead {
  private readonly lead: Lead;
  private readonly hardware: Hardware;
  /** Where each thread may come to within its reach, from the page that it is at. */
  private readonly coming = new Ranges();
  /** What it has mapped, and not read yet. */
  private readonly unread = new Ranges();
  /** By thread. */
  private readonly paths: Path[] = [];
  /** The page that each CPU has to itself. */
  private readonly lent: (PageLine | null)[];
  /** By page, of who has used it ahead of time last: until when, which CPU, and the node that had the line before. */
  private until = new Float64Array(1024);
  private by = new Int16Array(1024);
  private from = new Int16Array(1024);
  /** No page behind this one has been unmapped. */
  private lastUnmapped = NOWHERE;
  /** Pages that a thread can unmap in the lead of those that read. */
  private readonly unmapped: number;

  constructor(lead: Lead, hardware: Hardware, cpus: number) {
    this.lead = lead;
    this.unmapped = Math.ceil((lead.exit.pages * lead.reading.ticks) / lead.exit.ticks);
    this.hardware = hardware;
    this.lent = Array.from({ length: cpus }, () => null);
  }

  /** The CPU is done with the page that it has to itself. */
  givesBack(cpu: number): void {
    const page = this.lent[cpu];
    if (page === null) return;
    this.lent[cpu] = null;
    if (page.confinedTo !== cpu) return; // somebody else has come to it
    this.until[page.place] = clock[cpu];
    page.lendTo(ANYBODY);
  }

  /** A thread wants an object, and its CPU is not due. True: it may have it, and the page is lent to the CPU. */
  lends(thread: Thread, object: Shared): boolean {
    const page = object.pageLine();
    // That others may come is why most who ask do not get it.
    if (page === null || this.coming.of(page.place) !== 1 || !this.isForeseen(thread, page.place)) return false;
    const { cpu } = thread;
    const { place, owner } = page;
    if (place < this.until.length && this.until[place] >= clock[cpu]) return false;
    if (!this.hardware.isSettled(page, cpu, this.unread.of(place) > 0) || !page.lendTo(cpu)) return false;
    this.givesBack(cpu);
    this.lent[cpu] = page;
    this.note(place, cpu, owner < 0 || owner === cpu ? NOWHERE : this.hardware.nodeOf(owner));
    this.comes(thread, place);
    return true;
  }

  /** Can nobody else come to the page before this thread is due? */
  private isForeseen({ id, cpu, mode }: Thread, place: number): boolean {
    const { reading, exit } = this.lead;
    const exits = mode === EXIT;
    // Where threads begin to read or to unmap they have not been seen coming.
    if (place <= (exits ? exit.pages : Math.max(reading.pages, this.lastUnmapped + this.unmapped))) return false;
    const { ticks } = exits ? exit : reading;
    return clock[cpu] - due[0] <= ticks && this.coming.has(id, place);
  }

  private note(place: number, cpu: number, node: number): void {
    if (place >= this.until.length) {
      this.until = longer(this.until, place);
      this.by = longer(this.by, place);
      this.from = longer(this.from, place);
    }
    this.until[place] = Infinity; // till it is given back
    this.by[place] = cpu;
    this.from[place] = node;
  }

  /** A thread uses an object, and its CPU is due: whoever has the page to itself has it no longer. */
  uses(thread: Thread, object: Shared): void {
    const page = object.pageLine();
    if (page === null) return;
    const { place, confinedTo } = page;
    if (place < 0) return;
    if (confinedTo >= 0) {
      this.until[place] = clock[confinedTo];
      page.lendTo(ANYBODY);
    }
    if (place < this.by.length && this.by[place] !== thread.cpu) this.mustBeLast(page, thread.cpu);
    const path = this.paths[thread.id];
    if (path === undefined || path.front !== place || path.exits !== (thread.mode === EXIT)) this.comes(thread, place);
  }

  /** The CPU is due. No other one may have used the page after that. */
  private mustBeLast(page: PageLine, cpu: number): void {
    const { place } = page;
    const until = this.until[place];
    const by = this.by[place];
    if (by !== cpu && (until > clock[cpu] || (until === clock[cpu] && by > cpu))) throw new Overtaken(page);
  }

  private comes({ id, mode }: Thread, place: number): void {
    const exits = mode === EXIT;
    let path = this.paths[id];
    if (path?.exits !== exits) {
      path = this.paths[id] = new Path(exits, place);
      this.unread.set(id, place, place - 1);
    } else if (place === path.front) return;
    if (exits) this.unmaps(id, path, place);
    else this.maps(id, path, place);
  }

  private maps(id: number, path: Path, place: number): void {
    if (place < path.front) return;
    path.front = place;
    const first = path.missed < place ? path.missed : place;
    this.coming.set(id, first, place + this.lead.reading.pages);
    this.unread.set(id, this.unread.first[id], place);
  }

  private unmaps(id: number, path: Path, place: number): void {
    const { batch, pages, exit } = this.lead;
    if (place > this.lastUnmapped) this.lastUnmapped = place;
    const frees = place < path.front;
    if (frees) path.freed = place;
    else path.front = place;
    const last = path.front + exit.pages;
    const isFull = last - path.freed >= batch || last >= pages;
    this.coming.set(id, frees || isFull ? path.freed : path.front, last);
  }

  /** A thread that maps pages has found one locked: it will come back for that one and those behind it. */
  misses({ id }: Thread, object: Shared): void {
    const page = object.pageLine();
    const path = this.paths[id];
    if (page !== null && path !== undefined && page.place < path.missed) path.missed = page.place;
  }

  /** A thread reads what a page holds, and its CPU is due. `fetched`: the page comes to the caches of its node only now. */
  reads({ id, cpu }: Thread, page: PageLine, fetched: boolean): void {
    const { place } = page;
    const path = this.paths[id];
    if (fetched) this.mustBeSettled(page, cpu);
    if (path === undefined || path.exits || place > path.front) return;
    const { front } = path;
    const { reads, pages } = this.lead.reading;
    this.unread.set(id, place + 1, front);
    if (place >= front) path.missed = Infinity;
    const last = front - place < reads ? front + pages : path.missed < Infinity ? front : place - 1;
    this.coming.set(id, place, last);
  }

  /** The caches of the CPU's node get the page, or lose it. Nobody may have looked there at a later time. */
  mustBeSettled(page: PageLine, cpu: number): void {
    const { place, confinedTo } = page;
    if (place < 0 || place >= this.until.length || this.from[place] !== this.hardware.nodeOf(cpu)) return;
    if (confinedTo >= 0) this.until[place] = clock[confinedTo];
    this.mustBeLast(page, cpu);
  }
}

/** What a thread does with the file. */
class Path {
  readonly exits: boolean;
  /** The last page that it has mapped, or unmapped. */
  front: number;
  /** The last one that it has given free. */
  freed: number;
  /** The first one that it could not map, until it has read all that it has mapped. */
  missed = Infinity;

  constructor(exits: boolean, place: number) {
    this.exits = exits;
    this.front = place;
    this.freed = place;
  }
}

/** A range of pages for each thread; and for each page, in how many of the ranges it is. */
class Ranges {
  private counts = new Uint16Array(1024);
  /** By thread: its first page, and the one behind its last. */
  first = new Int32Array(64);
  private end = new Int32Array(64);

  of(place: number): number {
    return place >= 0 && place < this.counts.length ? this.counts[place] : 0;
  }

  /** Is the page in the range of this thread? */
  has(id: number, place: number): boolean {
    return id < this.first.length && place >= this.first[id] && place < this.end[id];
  }

  set(id: number, first: number, last: number): void {
    if (id >= this.first.length) {
      this.first = longer(this.first, id);
      this.end = longer(this.end, id);
    }
    const before = this.first[id];
    const until = this.end[id] - 1;
    this.first[id] = first;
    this.end[id] = last + 1;
    if (last >= this.counts.length) this.counts = longer(this.counts, last);
    if (before < first) this.add(before, Math.min(until, first - 1), -1);
    else if (first < before) this.add(first, Math.min(last, before - 1), 1);
    if (until > last) this.add(Math.max(before, last + 1), until, -1);
    else if (last > until) this.add(Math.max(first, until + 1), last, 1);
  }

  private add(first: number, last: number, by: number): void {
    for (let place = first; place <= last; place++) this.counts[place] += by;
  }
}
