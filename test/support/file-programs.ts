/** Random programs that work on a file, and a flat model of files and memory that says what they see. */
import fc from 'fast-check';
import { scenarioText } from '../../src/fuzz/scenario-text.ts';
import { catalog } from '../../src/scenario/catalog.ts';
import { type FileSpec, type Op, parseScenario, type Scenario, type VmaSpec } from '../../src/scenario/read.ts';

/** Words of a page, which is what sizes are counted in here. */
const WORDS = 16;
const AREAS: readonly VmaSpec[] = [
  { name: 'whole', pages: 4, readonly: false, file: 'data', shared: true },
  { name: 'tail', pages: 3, readonly: false, file: 'data', offset: 2, shared: true },
  { name: 'copy', pages: 4, readonly: false, file: 'data' },
  { name: 'odd', pages: 3, readonly: false, file: 'data', offset: 1 },
];
/** Pages that operations are about: some lie behind any file there is at first. */
const PAGES = 6;

/** One wish of a program; what cannot be had (a page that is no longer mapped) is left out. */
export type Wish =
  | {
      readonly kind: 'write' | 'read' | 'munmap' | 'madvise_dontneed' | 'msync';
      readonly area: number;
      readonly page: number;
    }
  | { readonly kind: 'pwrite' | 'pread' | 'punch'; readonly page: number }
  | { readonly kind: 'truncate'; readonly size: number }
  | { readonly kind: 'writeback' | 'invalidate' }
  | { readonly kind: 'mmap'; readonly area: number }
  | { readonly kind: 'fork'; readonly child: readonly Wish[] };

const kind = <K extends string>(...kinds: K[]) => fc.constantFrom(...kinds);
const area = fc.nat(AREAS.length - 1);
const page = fc.nat(PAGES - 1);
/** The end of a page, or a little behind it: where the words of the programs are. */
const size = fc.tuple(fc.nat(PAGES), fc.constantFrom(0, 0, 1, 2, 8)).map(([pages, words]) => pages * WORDS + words);
const simple: fc.Arbitrary<Wish> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: kind('write', 'read'), area, page }) },
  { weight: 6, arbitrary: fc.record({ kind: kind('pwrite', 'pread', 'punch'), page }) },
  { weight: 5, arbitrary: fc.record({ kind: kind('truncate'), size }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('writeback', 'invalidate') }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('madvise_dontneed', 'msync'), area, page }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('munmap'), area, page }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('mmap'), area }) },
);
const wishes: fc.Arbitrary<readonly Wish[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: simple },
    {
      weight: 1,
      arbitrary: fc.record({ kind: kind('fork'), child: fc.array(simple, { minLength: 1, maxLength: 8 }) }),
    },
  ),
  { minLength: 1, maxLength: 25 },
);
const file: fc.Arbitrary<FileSpec> = fc.record({
  name: fc.constant('data'),
  pages: fc.constantFrom(1, 3, 4, 2.0625, 3.5),
  cached: fc.oneof(fc.constant(false as const), fc.subarray([0]), fc.constant(undefined)),
  holes: fc.subarray([0]),
}) as fc.Arbitrary<FileSpec>;

/** What a word may hold: one value, as a rule. Stores behind the end of the file last or not, POSIX does not say. */
type Word = readonly number[];

/** A file: its words, and how many there are. */
class FlatFile {
  size: number;
  private readonly words = new Map<number, Word>();
  private readonly initial: (at: number) => number;

  constructor({ pages, holes = [] }: FileSpec) {
    const size = pages * WORDS;
    this.size = size;
    this.initial = (at) => (at < size && !holes.includes(Math.floor(at / WORDS)) ? 1000 + Math.floor(at / WORDS) : 0);
  }
  get pages(): number {
    return Math.ceil(this.size / WORDS);
  }
  get(page: number, word: number): Word {
    const at = page * WORDS + word;
    return this.words.get(at) ?? [this.initial(at)];
  }
  /** By way of a mapping. */
  set(page: number, word: number, value: number): void {
    const at = page * WORDS + word;
    this.words.set(at, at < this.size ? [value] : [...this.get(page, word), value, 0]);
  }
  write(page: number, word: number, value: number): void {
    this.size = Math.max(this.size, page * WORDS + word + 1);
    this.set(page, word, value);
  }
  read(page: number, word: number): Word {
    return page * WORDS + word < this.size ? this.get(page, word) : [0];
  }
  truncate(size: number): void {
    if (size < this.size) this.clear(size, (PAGES + 1) * WORDS);
    this.size = size;
  }
  clear(from: number, to: number): void {
    for (let at = from; at < to; at++) this.words.set(at, [0]);
  }
  page(page: number): Word[] {
    return Array.from({ length: WORDS }, (_, word) => this.get(page, word));
  }
}

/** An address space: private copies of pages, by area and page; null: not mapped. */
type Memory = Map<string, Word[] | null>;

/** A program and what each of its loads must show. */
class Writer {
  private value = 0;
  private readonly threads = ['T1'];
  private readonly file: FlatFile;
  /** Those of all processes. */
  private readonly memories: Memory[] = [];

  constructor(file: FileSpec) {
    this.file = new FlatFile(file);
  }

  /** In the end everything is looked at. */
  program(wishes: readonly Wish[]): Op[] {
    return this.process(wishes, 'T1', new Map());
  }

  private process(wishes: readonly Wish[], me: string, memory: Memory): Op[] {
    this.memories.push(memory);
    const all = AREAS.flatMap((_, area) =>
      range(AREAS[area].pages).map((page): Wish => ({ kind: 'read', area, page })),
    );
    const files = range(PAGES).map((page): Wish => ({ kind: 'pread', page }));
    const ops = [...wishes, ...all, ...files].flatMap((wish) => this.op(wish, me, memory));
    this.memories.splice(this.memories.indexOf(memory), 1);
    return ops;
  }

  private op(wish: Wish, me: string, memory: Memory): Op[] {
    switch (wish.kind) {
      case 'fork':
        return this.fork(wish.child, memory);
      case 'mmap':
        return [{ ...AREAS[wish.area], kind: 'mmap' }];
      case 'writeback':
      case 'invalidate':
        return [{ kind: wish.kind, file: 'data' }];
      case 'truncate':
        return [this.truncate(wish.size)];
      case 'punch':
        this.file.clear(wish.page * WORDS, (wish.page + 1) * WORDS);
        return [{ kind: 'punch', file: 'data', first: wish.page, last: wish.page }];
      case 'pwrite':
        this.file.write(wish.page, this.threads.indexOf(me), ++this.value);
        return [{ kind: 'pwrite', file: 'data', first: wish.page, last: wish.page, value: this.value }];
      case 'pread':
        return this.threads.map((of, word): Op => {
          const sees = this.file.read(wish.page, word);
          return { kind: 'pread', file: 'data', first: wish.page, last: wish.page, of, sees };
        });
      default:
        return this.onMemory(wish.kind, wish.area, wish.page % AREAS[wish.area].pages, me, memory);
    }
  }

  /** Private copies behind the end go, of whole pages. */
  private truncate(size: number): Op {
    const shrinks = size < this.file.size;
    this.file.truncate(size);
    for (const memory of shrinks ? this.memories : []) {
      for (const [key, copy] of memory) {
        const [area, page] = key.split(' ').map(Number);
        if (copy !== null && (AREAS[area].offset ?? 0) + page >= this.file.pages) memory.delete(key);
      }
    }
    return { kind: 'truncate', file: 'data', to: size / WORDS };
  }

  private onMemory(
    kind: 'write' | 'read' | 'munmap' | 'madvise_dontneed' | 'msync',
    area: number,
    page: number,
    me: string,
    memory: Memory,
  ): Op[] {
    const key = `${area} ${page}`;
    if (memory.get(key) === null) return []; // it would be killed
    const where = { vma: AREAS[area].name, first: page, last: page };
    if (kind === 'msync') return [{ kind, ...where }];
    if (kind === 'munmap' || kind === 'madvise_dontneed') {
      if (kind === 'munmap') memory.set(key, null);
      else memory.delete(key);
      return [{ kind, ...where }];
    }
    if (kind === 'write') return [this.store(area, page, me, memory)];
    return this.threads.map((of, word): Op => ({ kind, ...where, of, sees: this.load(area, page, word, memory) }));
  }

  private store(area: number, page: number, me: string, memory: Memory): Op {
    const { name: vma, offset = 0, shared } = AREAS[area];
    const pgoff = offset + page;
    const key = `${area} ${page}`;
    const word = this.threads.indexOf(me);
    const op: Op = { kind: 'write', vma, first: page, last: page, value: ++this.value };
    const copy = memory.get(key);
    if (!copy && pgoff >= this.file.pages) return { ...op, catches: ['SIGBUS'] };
    if (shared === true) this.file.set(pgoff, word, this.value);
    else memory.set(key, (copy ?? this.file.page(pgoff)).with(word, [this.value]));
    return op;
  }

  private load(area: number, page: number, word: number, memory: Memory): readonly (number | 'SIGBUS')[] {
    const pgoff = (AREAS[area].offset ?? 0) + page;
    const copy = memory.get(`${area} ${page}`);
    if (copy) return copy[word];
    return pgoff >= this.file.pages ? ['SIGBUS'] : this.file.get(pgoff, word);
  }

  /** The parent waits: one after the other. What the child has copied is its own. */
  private fork(child: readonly Wish[], memory: Memory): Op[] {
    const name = `c${this.threads.length}`;
    this.threads.push(name);
    const ops = this.process(child, name, new Map(memory));
    return [
      { kind: 'fork', threads: [{ name, ops: [...ops, { kind: 'exit' }] }] },
      { kind: 'wait', name },
    ];
  }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

/** A file and what is done to it. */
export interface Program {
  readonly file: FileSpec;
  readonly wishes: readonly Wish[];
  readonly ra_pages: number;
}

export const programs: fc.Arbitrary<Program> = fc.record({ file, wishes, ra_pages: fc.constantFrom(1, 1, 3) });

/** The same as a scenario: each load says what it may show. */
export function scenarioOf(
  { file, wishes, ra_pages }: Program,
  base: string,
  patches: string[],
  bugs: string[] = [],
): Scenario {
  const draft = {
    about: 'a random program',
    kernel: { base, patches, bugs, config: { ra_pages } },
    machine: { profile: 'altix-3700-8p', cpus: 1 },
    files: [file],
    vmas: [...AREAS],
    threads: [{ name: 'T1', cpu: 0, ops: new Writer(file).program(wishes) }],
    expect: {
      never: 'anything' as const,
      sometimes: [],
      always: [],
      reachable: [],
      faults: null,
      errorPercent: null,
    },
  };
  return parseScenario(scenarioText(draft), 'random.yaml', catalog());
}
