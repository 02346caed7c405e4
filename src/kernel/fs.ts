/**
 * Files: inodes, the page cache, the disk under it (include/linux/fs.h). Fields are grouped by the lock that guards them.
 *
 * A file has a map from its pages to blocks of a disk; block 0 is a hole. What the disk holds are blocks of a page each,
 * which are freed and used again. The blocks of a DAX file are memory that the CPUs can reach: a pte may point to one.
 *
 * Locks have the names and kinds of their era, and each kernel takes its own: i_sem and the spinlock i_mmap_lock in 2.6,
 * i_mutex and the mutex i_mmap_mutex to 3.18, the semaphore i_mmap_rwsem then.
 *
 * Left out: directories, reference counts of inodes, prio trees and interval trees of vmas (lists stand for them).
 */
import { Cell, Words, WRITE_ONCE } from '../machine/memory.ts';
import { COPY, Shared, Step } from '../machine/step.ts';
import { Mutex } from '../sync/mutex.ts';
import { RwSemaphore } from '../sync/rwsem.ts';
import { Spinlock } from '../sync/spinlock.ts';
import { Page, type System, type Vma, type Zone } from './structs.ts';

/** A block is the size of a page. Its words are what is on the disk; of a DAX disk, what is in memory. */
export class Block extends Page {
  readonly number: number;

  /** No struct page stands behind it: nothing counts who maps it. */
  constructor(pfn: number, zone: Zone, number: number) {
    super(pfn, zone, true);
    this.number = number;
  }
  protected override get name(): string {
    return `block ${this.number}`;
  }
}

/** The part that moves: who has asked for something waits for it (DELAY). */
class Drive extends Shared {
  describe(): string {
    return 'disk';
  }
  label(): string {
    return 'wait for the disk';
  }
  ready(): boolean {
    return true;
  }
  perform(): number {
    return 0;
  }
}

/** Blocks, of which those that are in no file wait to be used. */
export class Disk {
  private readonly mem_map: Page[];
  private readonly zone: Zone;
  readonly drive = new Drive();
  /** One request at a time. */
  readonly queue: Mutex;
  /** Guards `free`. */
  readonly lock: Spinlock;
  /** The one that was freed last is used first. */
  readonly free: Block[] = [];
  /** By number, from 1. */
  readonly blocks: Block[] = [];
  /** XIP: whoever maps the page that stands for holes, or fills a hole. Written with `xip_sparse_mutex` held. */
  readonly xip_sparse_mutex: Mutex;
  readonly xip_sparse_seq: Cell;

  /** Its blocks get page frames of `zone`, as if they were memory. */
  constructor(mem_map: Page[], zone: Zone) {
    this.mem_map = mem_map;
    this.zone = zone;
    this.queue = new Mutex('disk.queue', 'queue');
    this.lock = new Spinlock('disk.lock', '&disk->lock');
    this.xip_sparse_mutex = new Mutex('xip_sparse_mutex');
    this.xip_sparse_seq = new Cell('xip_sparse_seq');
  }

  block(number: number): Block {
    return this.blocks[number - 1];
  }

  /** One more block. Numbers are those of first use. */
  grow(): Block {
    const block = new Block(this.mem_map.length, this.zone, this.blocks.length + 1);
    this.mem_map.push(block);
    this.blocks.push(block);
    return block;
  }
}

/** A word for each page of a file. Read-mostly: its cache lines are charged with the lookup. */
abstract class PerPage extends Words {
  protected readonly inode: Inode;

  constructor(inode: Inode) {
    super();
    this.inode = inode;
  }
  /** Look at every entry from `pgoff` on. */
  lookup(pgoff: number): Step {
    return new Step(COPY, this, pgoff);
  }
  override label(step: Step): string {
    return step.kind === COPY ? `lookup from ${this.describe(step.index)}` : super.label(step);
  }
  override perform(step: Step): number {
    return step.kind === COPY ? 0 : super.perform(step);
  }
  /** Every entry from there on, in order; of many the first. */
  override found(step: Step): string {
    const there: [pgoff: number, value: number][] = [];
    this.forEach((pgoff, value) => {
      if (pgoff >= step.index) there.push([pgoff, value]);
    });
    if (there.length === 0) return this.show(step.index, 0);
    const first = there.sort(([a], [b]) => a - b).slice(0, MOST_SHOWN);
    const rest = there.length - first.length;
    return [...first.map(([pgoff, value]) => this.show(pgoff, value)), ...(rest > 0 ? [`${rest} more`] : [])].join(
      ', ',
    );
  }
  /** Visit every entry that is not 0. */
  abstract forEach(visit: (pgoff: number, value: number) => void): void;
  override claim(_pgoff: number, cpu: number): number {
    return cpu;
  }
}

/** Entries that a lookup is drawn with. */
const MOST_SHOWN = 4;

/**
 * Which block holds each page of a file: 0 is a hole, -n is block n, allocated and never written (an unwritten extent).
 * Guarded by `i_data_sem` of the inode for writing.
 */
export class BlockMap extends PerPage {
  private readonly numbers = new Map<number, number>();

  get(pgoff: number): number {
    return this.numbers.get(pgoff) ?? 0;
  }
  set(pgoff: number, number: number): void {
    if (number === 0) this.numbers.delete(pgoff);
    else this.numbers.set(pgoff, number);
  }
  /** Visit every page that has a block; kernel text has looked before. */
  forEach(visit: (pgoff: number, number: number) => void): void {
    for (const [pgoff, number] of this.numbers) visit(pgoff, number);
  }
  describe(pgoff: number): string {
    return `${this.inode.name}.block[${pgoff}]`;
  }
  override show(_pgoff: number, number: number): string {
    return number === 0 ? 'hole' : number < 0 ? `block ${-number} unwritten` : `block ${number}`;
  }
}

/** Slots of a node of a page tree. */
const SLOTS = 64;

/** An integer for V8 too, which divides by a shift then. */
function nodeOf(pgoff: number): number {
  return (pgoff / SLOTS) | 0;
}

/** The radix tree of a page cache: by offset in pages, the pfn of the page; 0 none. Written under `tree_lock`. */
export class PageTree extends PerPage {
  private readonly nodes: (Int32Array | undefined)[] = [];

  get(pgoff: number): number {
    return this.nodes[nodeOf(pgoff)]?.[pgoff % SLOTS] ?? 0;
  }
  set(pgoff: number, pfn: number): void {
    (this.nodes[nodeOf(pgoff)] ??= new Int32Array(SLOTS))[pgoff % SLOTS] = pfn;
  }
  /** Visit every cached page from `start` to `end` - 1, in order, as (pgoff, pfn); kernel text has looked before. */
  forEach(visit: (pgoff: number, pfn: number) => void, start = 0, end = Infinity): void {
    for (const number of Object.keys(this.nodes).map(Number)) {
      const node = this.nodes[number]!;
      for (let slot = 0; slot < SLOTS; slot++) {
        const pgoff = number * SLOTS + slot;
        if (node[slot] !== 0 && pgoff >= start && pgoff < end) visit(pgoff, node[slot]);
      }
    }
  }
  describe(pgoff: number): string {
    return `${this.inode.name}.cache[${pgoff}]`;
  }
  override show(_pgoff: number, pfn: number): string {
    return pfn === 0 ? 'none' : `page ${pfn}`;
  }
}

/** The cached pages of a file and the vmas that map it. */
export class AddressSpace {
  readonly host: Inode;
  /** From 1; what page->mapping says. */
  readonly number: number;
  readonly page_tree: PageTree;
  readonly tree_lock: Spinlock;
  /** Guarded by the i_mmap lock of the era: vmas that map the file, and those of them that are not linear. */
  readonly i_mmap: Vma[] = [];
  readonly i_mmap_nonlinear: Vma[] = [];
  /** 2.6: grows when pages are unmapped to be taken out. Written under i_mmap_lock, read without. */
  readonly truncate_count: Cell;
  private lock: Spinlock | null = null;
  private mutex: Mutex | null = null;
  private rwsem: RwSemaphore | null = null;

  constructor(host: Inode, number: number) {
    this.host = host;
    this.number = number;
    this.page_tree = new PageTree(host);
    this.tree_lock = new Spinlock(`${host.name}.tree_lock`, '&mapping->tree_lock');
    this.truncate_count = new Cell(`${host.name}.truncate_count`);
  }
  get i_mmap_lock(): Spinlock {
    return (this.lock ??= new Spinlock(`${this.host.name}.i_mmap_lock`, '&mapping->i_mmap_lock'));
  }
  get i_mmap_mutex(): Mutex {
    return (this.mutex ??= new Mutex(`${this.host.name}.i_mmap_mutex`, '&mapping->i_mmap_mutex'));
  }
  get i_mmap_rwsem(): RwSemaphore {
    return (this.rwsem ??= new RwSemaphore(`${this.host.name}.i_mmap_rwsem`, '&mapping->i_mmap_rwsem'));
  }
}

/** What a program has open. */
export interface File {
  readonly f_mapping: AddressSpace;
}

/** What kind of file system the file is on. */
export interface FileKind {
  /** Its blocks are memory, and are mapped as they are: no page cache. */
  readonly dax?: boolean;
  /** It wants to know before a page becomes writable (page_mkwrite): it has to find a block for it, say. */
  readonly page_mkwrite?: boolean;
}

export class Inode {
  readonly system: System;
  readonly name: string;
  readonly kind: FileKind;
  /** In bytes. Written under i_mutex (i_sem), read without. */
  readonly i_size: Cell;
  /** What i_size has been; for checks. */
  readonly sizes: number[];
  readonly blocks: BlockMap;
  readonly i_mapping: AddressSpace;
  readonly file: File;
  private mutex: Mutex | null = null;
  private data_sem: RwSemaphore | null = null;
  private mmaplock: RwSemaphore | null = null;

  /** A file of `size` bytes, all of it a hole. */
  constructor(system: System, name: string, size: number, kind: FileKind = {}) {
    this.system = system;
    this.name = name;
    this.kind = kind;
    this.i_size = new Cell(`${name}.i_size`, null, size);
    this.sizes = [size];
    this.blocks = new BlockMap(this);
    this.i_mapping = new AddressSpace(this, system.inodes.push(this));
    this.file = { f_mapping: this.i_mapping };
  }
  get disk(): Disk {
    return this.system.disk;
  }
  /** Serialises writes and truncation: i_sem in 2.6, i_rwsem today. */
  get i_mutex(): Mutex {
    return (this.mutex ??= new Mutex(`${this.name}.i_mutex`, '&inode->i_mutex'));
  }
  /** Guards `blocks` (ext4; ext2 has truncate_mutex). */
  get i_data_sem(): RwSemaphore {
    return (this.data_sem ??= new RwSemaphore(`${this.name}.i_data_sem`, '&ei->i_data_sem'));
  }
  /** Later: faults have it shared, whoever gives blocks back has it alone (XFS; i_mmap_sem of ext4, invalidate_lock). */
  get i_mmaplock(): RwSemaphore {
    return (this.mmaplock ??= new RwSemaphore(`${this.name}.i_mmaplock`, '&ip->i_mmaplock'));
  }
}

/** Caller holds i_mutex. */
export function i_size_write(inode: Inode, size: number): Step {
  inode.sizes.push(size);
  return WRITE_ONCE(inode.i_size, size);
}
