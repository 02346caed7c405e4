/**
 * The shape of a scenario file, and with it the JSON Schema that editors read.
 *
 * Only what can be said of one value alone is said here. What depends on other keys or on the registry (names,
 * bounds, "either this or that") is checked in yaml-names.ts; the JSON Schema states as much of it as it can.
 * Every `error` text completes the sentence "<key> must be ..., got ...".
 */
import { z } from 'zod';

/** How large a machine is. */
export interface MachineSize {
  readonly cpus: number;
  readonly cpusPerNode: number;
  readonly gibPerNode: number;
  /** The most that knobs take whose limit is a matter of the machine, by name. */
  readonly largest: Readonly<Record<string, number>>;
}

/** The names a scenario may use, and the size of the machines. */
export interface Catalog {
  readonly kernels: readonly string[];
  readonly patches: readonly string[];
  readonly bugs: readonly string[];
  /** Why a patch or a bug cannot be applied to a kernel after others; null: it can, or one of the names is unknown. */
  readonly misfit: (base: string, before: readonly string[], name: string) => string | null;
  /** What `config` may set of a kernel with patches and bugs, in this order. All names are known ones. */
  knobsOf(base: string, changes: readonly string[]): readonly string[];
  /** Knobs of the window of fault-around. */
  readonly windowKnobs: readonly string[];
  readonly profiles: Readonly<Record<string, MachineSize>>;
  /** One of `profiles`. */
  readonly defaultProfile: string;
  readonly invariants: readonly string[];
  /** Places in kernel text that an execution may come by. */
  readonly marks: readonly string[];
}

/** The largest area, and the largest sum of areas, in pages. */
export const maxPages = 2 ** 28;
/** The largest file that a program begins with, and the largest sum of them, in pages: each page is made. */
export const maxFilePages = 2 ** 16;
/** Parts of a page that sizes of files are counted in: the words of a page. */
const SIXTEENTH = 1 / 16;
/** Signals that a program may catch. */
export const SIGNALS = ['SIGBUS', 'SIGSEGV'] as const;
export type Signal = (typeof SIGNALS)[number];
/** The largest number of CPUs, and of threads in a row of pft. */
export const maxCpus = 4096;

// Letters, digits and marks that are plain in YAML and in a terminal.
const namePattern = /^[A-Za-z_][A-Za-z0-9_ .+-]{0,63}$/;
// No control characters but newline and tab, nothing that reorders or breaks lines, no half of a surrogate pair.
const printable = /^[\t\n\u0020-\u007e\u00a0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\u{10ffff}]*$/u;

/** A mapping with these keys only. For an unknown key the message is the list of possible keys, apart by ', '. */
function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape, expects: string) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? keys : expects) });
}

/** A mapping from names of the author's choice. */
function named<Value extends z.core.SomeType>(value: Value, expects: string) {
  const name = z.string().regex(namePattern, {
    error: 'at most 64 letters, digits, spaces and _ . + -, the first of them a letter or _',
  });
  return z.record(name, value, { error: expects });
}

function whole(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const error = (issue: z.core.$ZodRawIssue) =>
    issue.code === 'too_big' ? `a whole number of at most ${max}` : `a whole number of at least ${min}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function text(expects: string) {
  return z
    .string({ error: expects })
    .regex(/\S/, { error: expects })
    .max(10_000, { error: 'at most 10000 characters' })
    .refine((value) => printable.test(value), { error: 'text without control characters' });
}

const name = (what: string) => z.string({ error: `the name of ${what}` });

function names(one: string, many: string) {
  const list = z.array(name(one), { error: `a list of names of ${many}` });
  return list.meta({ uniqueItems: true });
}

/** One value or a list of at least one of them. */
function oneOrMore<Value extends z.core.SomeType>(value: Value, expects: string) {
  return z.union([value, z.array(value).min(1, { error: expects })], { error: expects });
}

const kernel = mapping(
  {
    base: name('a kernel').describe(
      'The kernel whose fault path runs, such as v2.6.10. `faultline list` has them all.',
    ),
    patches: names('a patch', 'patches').optional().describe('Mailing-list patches on top of it, in this order.'),
    bugs: names('a bug', 'bugs')
      .optional()
      .describe('Known-bad versions of single functions, which a check must catch.'),
    config: mapping(
      {
        HIGHPTE: z
          .boolean({ error: 'true or false' })
          .optional()
          .describe('Ptes are reached by an atomic kmap: a task that forgets to undo one dies at its next fault.'),
        PAGEVEC_SIZE: whole(1, 1024)
          .optional()
          .describe('Entries of a pagevec: 14 in 2.6.11, 16 in 2.6.9. Default: 14.'),
        FAIL_PAGE_ALLOC: whole(0, 1000)
          .optional()
          .describe('So many allocations of a page may fail; every choice of which is explored. Default: 0.'),
        max_prealloc_order: whole(0, 30)
          .optional()
          .describe('/proc/sys/vm/max_prealloc_order of the later prefault patches. Default: what the patch sets.'),
        ra_pages: whole(1, 1024)
          .optional()
          .describe('Pages that readahead reads at a time, from the one that is missing on. Default: 1.'),
        FAULT_AROUND_ORDER: whole(0, 30)
          .optional()
          .describe('The first patches with map_pages map 2^n pages at most. Default: 4.'),
        fault_around_bytes: whole(0, 2 ** 30)
          .optional()
          .describe('Bytes that fault-around maps at most in later ones. Default: what the kernel sets.'),
      },
      'a mapping such as { HIGHPTE: true }',
    )
      .optional()
      .describe('What is set when the kernel is built, and by sysctl.'),
  },
  'a mapping such as { base: v2.6.10 }',
).describe('The kernel text that runs.');

const machine = mapping(
  {
    profile: name('a profile').optional().describe('The hardware: what everything costs. Default: the usual profile.'),
    cpus: whole(1, maxCpus)
      .optional()
      .describe('CPUs in use, at most as many as the profile has. Default: all of them.'),
  },
  'a mapping such as { profile: altix-3700-8p, cpus: 2 }',
).describe('The machine it runs on. Default: the usual profile with all its CPUs.');

const flag = () => z.boolean({ error: 'true or false' }).optional();

/** So many pages of a file, or fewer than that and some sixteenths. */
function fileSize(min: number, max: number) {
  const error = (issue: z.core.$ZodRawIssue) =>
    issue.code === 'too_big'
      ? `a number of at most ${max}`
      : `a number of at least ${min === 0 ? 0 : '1/16 (0.0625)'} in sixteenths, such as 2.5`;
  return z.number({ error }).multipleOf(SIXTEENTH, { error }).min(min, { error }).max(max, { error });
}

const pageList = (expects: string) => z.array(whole(0, maxPages - 1), { error: expects }).meta({ uniqueItems: true });

const file = mapping(
  {
    pages: fileSize(SIXTEENTH, maxFilePages).describe(
      'Size in pages, in sixteenths if need be: 2.5 is a short file. All files together have at most 2^16; truncate makes them larger. A page holds 1000 times the number of the file plus its own number, in all its words.',
    ),
    cached: z
      .union([z.boolean(), pageList('true, false or a list of page numbers')], {
        error: 'true, false or a list of page numbers',
      })
      .optional()
      .describe('What is in the page cache: everything, nothing, or these pages. Default: true.'),
    dax: flag().describe('Its blocks are memory and are mapped as they are: no page cache. Default: false.'),
    page_mkwrite: flag().describe('The file system wants to know before a page becomes writable. Default: false.'),
    holes: pageList('a list of page numbers').optional().describe('Pages without a block: they read as zero.'),
  },
  'a mapping such as { pages: 4 }',
).describe('A file.');

const vma = mapping(
  {
    pages: whole(1, maxPages).describe('Size in pages; all areas together have at most 2^28.'),
    readonly: z.boolean({ error: 'true or false' }).optional().describe('Refuse writes. Default: false.'),
    executable: z
      .boolean({ error: 'true or false' })
      .optional()
      .describe('Map it with PROT_EXEC. It shares its anon_vma with a neighbour without. Default: false.'),
    random: z
      .boolean({ error: 'true or false' })
      .optional()
      .describe('madvise(MADV_RANDOM): no faults are anticipated. Default: false.'),
    file: name('a file').optional().describe('The file that is mapped. Default: anonymous memory.'),
    offset: whole(0, maxPages - 1)
      .optional()
      .describe('The page of the file that the area begins with. Default: 0.'),
    shared: flag().describe('MAP_SHARED: stores are stores to the file. Default: false, they make private copies.'),
  },
  'a mapping such as { pages: 4 }',
).describe('An area of memory: anonymous and private, or of a file.');

const page = whole(0, maxPages - 1);
const pair = 'a pair [first, last] of page numbers';
const aVma = () => name('a vma').optional();
const aFile = () => name('a file').optional();
const signal = z.union(
  SIGNALS.map((one) => z.literal(one)),
  { error: SIGNALS.join(' or ') },
);

const seen = `a whole number of at least 0, or ${SIGNALS.join(' or ')}`;

const opShape = {
  write: aVma().describe('Write to a page of the vma of this name.'),
  read: aVma().describe('Read from a page of the vma of this name.'),
  page_referenced: aVma().describe(
    'Ask whether a page of the vma of this name was used lately, as kswapd does: a walk from page to pte.',
  ),
  munmap: aVma().describe('Unmap the vma of this name, or some of its pages.'),
  madvise_dontneed: aVma().describe('Give the pages of the vma of this name back, or some of them: they read as zero.'),
  mmap: mapping(
    {
      pages: whole(1, maxPages).describe('Size of the new area in pages.'),
      file: name('a file').optional().describe('The file that is mapped. Default: anonymous memory.'),
      offset: whole(0, maxPages - 1)
        .optional()
        .describe('The page of the file that the area begins with. Default: 0.'),
      shared: flag().describe('MAP_SHARED. Default: false.'),
    },
    'a mapping such as { pages: 3 }',
  )
    .optional()
    .describe('Map a new area, anonymous or of a file; the script cannot name it again.'),
  remap: aVma().describe(
    'remap_file_pages: pages of the vma of this name, which is shared, show other pages of its file, from `to` on.',
  ),
  msync: aVma().describe('Write what was stored to the vma of this name, or to some of its pages, to the disk.'),
  truncate: aFile().describe('Give the file of this name the size `to`.'),
  punch: aFile().describe('Give back pages of the file of this name, or all: a hole, which reads as zero.'),
  invalidate: aFile().describe('Take clean pages of the file of this name out of the page cache.'),
  writeback: aFile().describe('Write dirty pages of the file of this name to the disk, as the flusher thread does.'),
  pwrite: aFile().describe('write(2) to a page of the file of this name; a file that ends before it grows.'),
  pread: aFile().describe('read(2) from a page of the file of this name; behind its end that is 0.'),
  wait: name('a thread that was forked').optional().describe('Wait until this thread of a forked process has ended.'),
  exit: z
    .literal(true, { error: 'true' })
    .optional()
    .describe('The thread leaves its address space; the last one tears it down. Nothing may come after it.'),
  page: page.optional().describe('The page, counted from 0.'),
  pages: z
    .tuple([page, page], { error: pair })
    .optional()
    .describe('[first, last]: these pages one after another, both ends included.'),
  value: whole(1, 2 ** 30)
    .optional()
    .describe('What to write. Default: a value told apart from all others.'),
  of: name('a thread').optional().describe('Read the word that this thread writes. Default: the own one.'),
  sees: oneOrMore(z.union([whole(0, 2 ** 30), signal], { error: seen }), `${seen}, or a list of them`)
    .optional()
    .describe(
      'What the read may show; 0 where nobody has written. A signal named here is caught. Anything else breaks `wrong value read`.',
    ),
  catches: oneOrMore(signal, `${SIGNALS.join(' or ')}, or a list of them`)
    .optional()
    .describe('Signals that the program survives; it goes on with its next operation.'),
  to: fileSize(0, maxPages)
    .optional()
    .describe('truncate: the new size in pages, in sixteenths if need be. remap: the page of the file.'),
};

const onPages = { oneOf: [{ required: ['page'] }, { required: ['pages'] }] };
const notBoth = { not: { required: ['page', 'pages'] } };
const kindRules = [
  { required: ['write'], ...onPages },
  { required: ['read'], ...onPages },
  { required: ['page_referenced'], ...onPages },
  { required: ['munmap'], ...notBoth },
  { required: ['madvise_dontneed'], ...notBoth },
  { required: ['mmap'], maxProperties: 1 },
  { required: ['remap', 'to'], ...onPages },
  { required: ['msync'], ...notBoth },
  { required: ['truncate', 'to'] },
  { required: ['punch'], ...notBoth },
  { required: ['invalidate'], maxProperties: 1 },
  { required: ['writeback'], maxProperties: 1 },
  { required: ['pwrite'], ...onPages },
  { required: ['pread'], ...onPages },
  { required: ['wait'], maxProperties: 1 },
  { required: ['exit'], maxProperties: 1 },
];

const innerOp = mapping(opShape, 'an operation such as { write: heap, page: 0 }').meta({
  description: 'An operation of a forked process: as of any thread, but it does not fork.',
  oneOf: kindRules,
});

/** One operation; which keys go together is checked in yaml-names.ts. */
export const opSchema = mapping(
  {
    ...opShape,
    fork: named(
      z.array(innerOp).min(1, { error: 'a list of at least one operation' }),
      'a mapping from names to lists of operations, such as { child: [{ read: heap, page: 0 }] }',
    )
      .optional()
      .describe('Start a process whose memory is a copy of this one: its threads, by name.'),
  },
  'an operation such as { write: heap, page: 0 }',
).meta({
  description: 'One operation: write, read, page_referenced, mmap, munmap, msync, truncate, fork and so on.',
  oneOf: [...kindRules, { required: ['fork'], maxProperties: 1 }],
});

/** Operations, and of each the keys that may stand beside it. */
export const OPERATIONS = {
  write: ['page', 'pages', 'value', 'catches'],
  read: ['page', 'pages', 'of', 'sees', 'catches'],
  page_referenced: ['page', 'pages'],
  munmap: ['page', 'pages'],
  madvise_dontneed: ['page', 'pages'],
  mmap: [],
  remap: ['page', 'pages', 'to'],
  msync: ['page', 'pages'],
  truncate: ['to'],
  punch: ['page', 'pages'],
  invalidate: [],
  writeback: [],
  pwrite: ['page', 'pages', 'value'],
  pread: ['page', 'pages', 'of', 'sees'],
  fork: [],
  wait: [],
  exit: [],
} as const satisfies Readonly<Partial<Record<keyof z.infer<typeof opSchema>, readonly string[]>>>;
export type Operation = keyof typeof OPERATIONS;

/** Those that name a vma, and those that name a file. */
export const ON_VMAS = ['write', 'read', 'page_referenced', 'munmap', 'madvise_dontneed', 'msync', 'remap'] as const;
export const ON_FILES = ['truncate', 'punch', 'invalidate', 'writeback', 'pwrite', 'pread'] as const;

const ops = z.array(opSchema).min(1, { error: 'a list of at least one operation' });
const longThread = mapping(
  {
    cpu: whole(0, maxCpus - 1)
      .optional()
      .describe('The CPU it is bound to, counted from 0. Default: the threads go round the CPUs in turn.'),
    do: z
      .array(opSchema, { error: 'a list of operations' })
      .min(1, { error: 'a list of at least one operation' })
      .describe('Its operations, in this order.'),
  },
  'a mapping such as { cpu: 1, do: [...] }',
);
const thread = z.union([ops, longThread], { error: 'a list of operations or { cpu: ..., do: [...] }' });

const gib = z
  .number({ error: 'a number greater than 0' })
  .positive({ error: 'a number greater than 0' })
  .max(1024, { error: 'a number of at most 1024' });

const pft = mapping(
  {
    gb: oneOrMore(gib, 'a number greater than 0, or a list of them').describe(
      'GiB touched per repetition, or a list: one group of rows each.',
    ),
    repetitions: whole(1, 100).describe('How often each thread maps, touches and unmaps its share.'),
    threads: oneOrMore(whole(1, maxCpus), 'a whole number of at least 1, or a list of them').describe(
      'Number of threads, or a list: one row each.',
    ),
    scale: whole(1, 1024)
      .optional()
      .describe('Simulate one part in so many: less memory, everywhere, and shorter waits. Default: 1, all of it.'),
  },
  'a mapping such as { gb: 1, repetitions: 3, threads: [1, 2, 4] }',
).describe("Lameter's page fault test as the workload, instead of vmas and threads.");

const latProcKind = z.union([z.literal('fork'), z.literal('exec'), z.literal('shell')], {
  error: "'fork', 'exec' or 'shell'",
});
const lat_proc = mapping(
  {
    kind: oneOrMore(latProcKind, "'fork', 'exec' or 'shell', or a list of them").describe(
      'What the child does: exit, execute a program, or have a shell execute it. A list: one group of rows each.',
    ),
    iterations: whole(1, 1000).describe('How many processes are started; the table has the mean.'),
    machines: names('a profile', 'profiles').optional().describe('One row each. Default: the machine of the scenario.'),
    patches: names('a patch', 'patches')
      .optional()
      .describe('One column each: the kernel with this patch. Default: one column, the kernel as it is.'),
    said: mapping(
      {
        text: text('text: what was said').describe('Word for word.'),
        source: text('text: where it was said').describe('As a link.'),
      },
      'a mapping with text and source',
    )
      .optional()
      .describe('What somebody said of it at the time; stands under the table.'),
  },
  'a mapping such as { kind: fork, iterations: 10 }',
).describe("lmbench's lat_proc as the workload, on one CPU: processes that are started and awaited one by one.");

/** A measured rate or time. Beyond these bounds nothing was measured, and sums of squares overflow. */
const figureExpects = 'a number from 1e-6 to 1e15';
const figure = z
  .number({ error: figureExpects })
  .min(1e-6, { error: figureExpects })
  .max(1e15, { error: figureExpects });

const seqread = mapping(
  {
    gib: gib.describe('Size of the file, in GiB.'),
    scale: whole(1, 4096)
      .optional()
      .describe('Read one part in so many of it, and multiply times. Default: 1, read it all.'),
    threads: oneOrMore(whole(1, maxCpus), 'a whole number of at least 1, or a list of them')
      .optional()
      .describe('How many threads of one process read it (usemem -t), each all of it, or a list: one row each.'),
    processes: oneOrMore(whole(1, maxCpus), 'a whole number of at least 1, or a list of them')
      .optional()
      .describe('How many processes read it (usemem -n) in the place of threads, or a list.'),
    orders: oneOrMore(whole(0, 9), 'a whole number from 0 to 9, or a list of them')
      .optional()
      .describe('Fault-around maps at most 2^order pages, or a list: one column each. Default: as the kernel has it.'),
    measured: mapping(
      {
        source: text('text: where the table was published').describe('Where the table was published, as a link.'),
        columns: z
          .tuple(
            [
              z.union([z.literal('threads'), z.literal('processes')], { error: "'threads' or 'processes'" }),
              z.literal('minor-faults', { error: "'minor-faults'" }),
              z.literal('seconds', { error: "'seconds'" }),
            ],
            { error: 'the list [threads, minor-faults, seconds]' },
          )
          .describe('What stands in the rows.'),
        rows: z
          .array(z.tuple([whole(1), whole(0), figure], { error: 'a list of 3 cells, one for each column' }), {
            error: 'a list of rows',
          })
          .min(1, { error: 'a list of at least one row' })
          .describe('The figures without fault-around, as printed.'),
      },
      'a mapping with source, columns and rows',
    )
      .optional()
      .describe('The published table to compare with.'),
  },
  'a mapping such as { gib: 1, threads: [1, 8], orders: [0, 4] }',
).meta({
  description: 'Threads or processes that each map a cached file and read every word of it as the workload (usemem).',
  oneOf: [{ required: ['threads'] }, { required: ['processes'] }],
});

const seconds = z.string({ error: 'seconds such as 0.047s' }).regex(/^\d{1,9}\.\d{1,9}s$/, {
  error: 'seconds such as 0.047s',
});
const columns = 'the list [Gb, Rep, Threads, User, System, Wall, flt/cpu/s, fault/wsec]';
const column = <Name extends string>(word: Name) => z.literal(word, { error: `'${word}'` });

const measured = mapping(
  {
    source: text('text: where the table was published').describe('Where the table was published, as a link.'),
    columns: z
      .tuple(
        [
          column('Gb'),
          column('Rep'),
          column('Threads'),
          column('User'),
          column('System'),
          column('Wall'),
          column('flt/cpu/s'),
          column('fault/wsec'),
        ],
        { error: columns },
      )
      .describe('The heading, exactly as printed.'),
    rows: z
      .array(
        z.tuple([gib, whole(1), whole(1), seconds, seconds, seconds, figure, figure], {
          error: 'a list of 8 cells, one for each column',
        }),
        { error: 'a list of rows' },
      )
      .min(1, { error: 'a list of at least one row' })
      .describe('The figures, as printed; times with their s.'),
  },
  'a mapping with source, columns and rows',
).describe('The published table to compare with. Only with pft.');

const claim = (expects: string) => z.union([z.string(), names('an invariant', 'invariants')], { error: expects });
const invariants = 'the name of an invariant, or a list of them';

const expectation = mapping(
  {
    never: claim(`the word anything, ${invariants}`)
      .optional()
      .describe('Invariants that no schedule may break, or the word anything.'),
    sometimes: claim(invariants).optional().describe('Invariants that some schedules break and others do not.'),
    always: claim(invariants).optional().describe('Invariants that every schedule breaks.'),
    reachable: z
      .union([z.string(), names('a mark', 'marks')], { error: 'the name of a mark, or a list of them' })
      .optional()
      .describe('Marks in kernel text that some schedule must come by, or the race does not happen here.'),
    counts: mapping(
      {
        pgfault: whole(0).optional().describe('Page faults.'),
        update_mmu_cache: whole(0).optional().describe('Calls of the hook that tells the MMU of a new pte.'),
        update_mmu_cache_absent: whole(0).optional().describe('Of these, calls for an address that has no pte.'),
        dirty_untouched: whole(0)
          .optional()
          .describe('Dirty ptes in the end of pages that nobody has written to: reclaim would write them to swap.'),
      },
      'a mapping such as { pgfault: 64 }',
    )
      .optional()
      .describe('What every run counts; another number breaks `unexpected count`. Not with pft.'),
    faults: whole(1)
      .optional()
      .describe(
        'Faults simulated per row and GiB; with seqread of each process, in the first column. Only with pft and seqread.',
      ),
    misses: z
      .number({ error: 'a number of at least 0' })
      .min(0, { error: 'a number of at least 0' })
      .optional()
      .describe('Cache misses on page tables per iteration, in the first row and column. Only with lat_proc.'),
    fewestMisses: name('a patch')
      .optional()
      .describe('The column with the fewest cache misses on page tables, in every row. Only with lat_proc.'),
    errorPercent: z
      .number({ error: 'a number greater than 0' })
      .positive({ error: 'a number greater than 0' })
      .optional()
      .describe('How far the simulated rates may be from the measured ones, in percent. Only with measured.'),
  },
  'a mapping such as { never: anything }',
).meta({ description: 'What must come out: at least one of these keys.', minProperties: 1 });

/** The whole file. */
export const scenarioSchema = mapping(
  {
    about: text('text: the question, and why the outcome is right').describe(
      'The question this scenario asks, and why the outcome is right.',
    ),
    kernel,
    machine: machine.optional(),
    files: named(file, 'a mapping from names to files such as data: { pages: 4 }')
      .optional()
      .describe('The files, by name. Only with vmas and threads.'),
    vmas: named(vma, 'a mapping from names to areas such as heap: { pages: 4 }')
      .optional()
      .describe('The areas of memory, by name.'),
    threads: named(thread, 'a mapping from names to lists of operations')
      .optional()
      .describe('The threads, by name, and what each does in turn.'),
    pft: pft.optional(),
    lat_proc: lat_proc.optional(),
    seqread: seqread.optional(),
    measured: measured.optional(),
    expect: expectation,
  },
  'a mapping with the keys about, kernel, expect and either vmas and threads or pft or lat_proc or seqread',
).meta({
  title: 'faultline scenario',
  description: 'One question to the Linux page-fault path: kernel, machine, workload and what must come out.',
  oneOf: [
    { required: ['vmas', 'threads'] },
    { required: ['pft'] },
    { required: ['lat_proc'] },
    { required: ['seqread'] },
  ],
  dependentRequired: { measured: ['pft'], vmas: ['threads'], threads: ['vmas'], files: ['vmas'] },
});

/** A scenario file of the right shape, names not yet looked up. */
export type ScenarioFile = z.infer<typeof scenarioSchema>;
/** One operation as written in the file. */
export type FileOp = z.infer<typeof opSchema>;

/** The text of schemas/scenario.schema.json: JSON Schema 2020-12. */
export function jsonSchemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(scenarioSchema, { io: 'input' }), null, 2)}\n`;
}
