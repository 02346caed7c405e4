/** Scenarios as an arbitrary: random areas of memory and random threads that work on them. */
import { Arbitrary, type Random, type Stream, stream, Value } from 'fast-check';
import { less } from '../drivers/controlled/shrink.ts';
import { catalog } from '../scenario/catalog.ts';
import { type SimpleOp, parseScenario, type Scenario, type VmaSpec } from '../scenario/read.ts';
import { type Draft, scenarioText } from './scenario-text.ts';
import { areaName, changes, sizeOf, threadName } from './smaller-scenario.ts';

/** Operations on memory: those on files need files. */
export type OpKind = Exclude<SimpleOp, { readonly file: string } | { readonly to: number }>['kind'];

export interface ScenarioOptions {
  /** Default v2.6.10. */
  readonly kernel?: string;
  readonly patches?: readonly string[];
  /** Known-bad functions that the kernel has; default none. */
  readonly bugs?: readonly string[];
  /** At most so many; default 3. */
  readonly threads?: number;
  /** Operations of a thread, at most; default 3. */
  readonly operations?: number;
  /** Areas of memory, at most; default 2. */
  readonly vmas?: number;
  /** Pages of an area, at most; default 3. */
  readonly pages?: number;
  /** Operations there may be; default read, write, page_referenced and mmap. */
  readonly kinds?: readonly OpKind[];
}

/** A scenario, and the text of the file that it is. */
export interface WrittenScenario extends Scenario {
  readonly yaml: string;
  /** The same text. */
  toString(): string;
}

/** How often each comes. */
const WEIGHTS: Readonly<Record<OpKind, number>> = {
  ...{ read: 3, write: 4, page_referenced: 2, mmap: 1 },
  ...{ munmap: 1, madvise_dontneed: 1, msync: 1 },
};
/** A page that another thread unmaps is no good to work on. */
const KINDS: readonly OpKind[] = ['read', 'write', 'page_referenced', 'mmap'];
const ABOUT = 'a random scenario';

function written(draft: Draft): WrittenScenario {
  const yaml = scenarioText(draft);
  return { ...parseScenario(yaml, '<generated>', catalog()), yaml, toString: () => yaml };
}

class ScenarioArbitrary extends Arbitrary<WrittenScenario> {
  private readonly options: Required<ScenarioOptions>;
  /** Every kind as often as it is to come. */
  private readonly kinds: readonly OpKind[];

  constructor(options: ScenarioOptions) {
    super();
    const { kernel = 'v2.6.10', patches = [], bugs = [], threads = 3, operations = 3, vmas = 2, pages = 3 } = options;
    const { kinds = KINDS } = options;
    for (const [name, value] of Object.entries({ threads, operations, vmas, pages, kinds: kinds.length }))
      if (!Number.isInteger(value) || value < 1) throw new RangeError(`${name}: there must be at least one`);
    this.options = { kernel, patches, bugs, threads, operations, vmas, pages, kinds };
    this.kinds = kinds.flatMap((kind) => new Array<OpKind>(WEIGHTS[kind]).fill(kind));
  }

  generate(mrng: Random): Value<WrittenScenario> {
    const { kernel: base, patches, bugs, operations } = this.options;
    const vmas = this.vmas(mrng);
    const alone = oneIn(mrng, 8) || this.options.threads === 1;
    const threads = alone ? 1 : mrng.nextInt(2, this.options.threads);
    const { defaultProfile: profile, profiles } = catalog();
    const cpus = Math.min(threads, profiles[profile].cpus);
    const draft: Draft = {
      about: ABOUT,
      kernel: { base, patches: [...patches], bugs: [...bugs] },
      machine: { profile, cpus },
      vmas,
      threads: listOf(threads, (i) => ({
        name: threadName(i),
        cpu: i % cpus,
        ops: listOf(mrng.nextInt(1, operations), () => this.op(mrng, vmas)),
      })),
      expect: { never: 'anything', sometimes: [], always: [], reachable: [], faults: null, errorPercent: null },
    };
    return new Value(written(draft), undefined);
  }

  /** Few areas and few pages, or threads seldom meet. */
  private vmas(mrng: Random): VmaSpec[] {
    const number = mrng.nextInt(1, this.options.vmas);
    return listOf(number, (i) => ({
      name: areaName(i),
      pages: mrng.nextInt(1, mrng.nextInt(1, this.options.pages)),
      readonly: oneIn(mrng, 8),
      ...(oneIn(mrng, 3) && { executable: true }),
    }));
  }

  private op(mrng: Random, vmas: readonly VmaSpec[]): SimpleOp {
    const kind = this.kinds[mrng.nextInt(0, this.kinds.length - 1)];
    if (kind === 'mmap') return { kind, pages: mrng.nextInt(1, this.options.pages) };
    const { name: vma, pages, readonly } = vmas[mrng.nextInt(0, vmas.length - 1)];
    const first = mrng.nextInt(0, pages - 1);
    const where = { vma, first, last: oneIn(mrng, 6) ? mrng.nextInt(first, pages - 1) : first };
    if (kind !== 'write') return { kind, ...where };
    return readonly ? { kind: 'read', ...where } : { kind, ...where, value: null }; // a store there kills the thread
  }

  /** Any scenario with vmas and threads, read from a file perhaps. */
  canShrinkWithoutContext(value: unknown): value is WrittenScenario {
    return typeof value === 'object' && value !== null && (value as Partial<Scenario>).pft === null;
  }

  shrink(value: WrittenScenario): Stream<Value<WrittenScenario>> {
    return stream(smaller(value));
  }
}

function* smaller(scenario: Scenario): Generator<Value<WrittenScenario>> {
  const size = sizeOf(scenario);
  for (const change of changes(scenario)) {
    const draft = { ...scenario, ...change };
    if (less(sizeOf(draft), size)) yield new Value(written(draft), undefined);
  }
}

function oneIn(mrng: Random, n: number): boolean {
  return mrng.nextInt(1, n) === 1;
}

function listOf<T>(length: number, make: (i: number) => T): T[] {
  return Array.from({ length }, (_, i) => make(i));
}

/**
 * Scenarios with random areas of memory and random threads: each is the text of a file, read as files are. What fails
 * is made smaller: fewer threads, operations, areas and pages.
 */
export function scenarios(options: ScenarioOptions = {}): Arbitrary<WrittenScenario> {
  return new ScenarioArbitrary(options);
}
