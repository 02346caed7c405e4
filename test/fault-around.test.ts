/** How many faults a file that is read in sequence takes: arithmetic of its own, against the kernel text. */
import { expect } from 'chai';
import fc from 'fast-check';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { explore } from '../src/drivers/controlled/explore.ts';
import { runTimed } from '../src/drivers/timed/run.ts';
import { mm_alloc } from '../src/kernel/fork.ts';
import { buildKernel } from '../src/kernel/index.ts';
import { insert_vm_struct } from '../src/kernel/mmap.ts';
import { type Config, type Mm, type System, VM_READ } from '../src/kernel/structs.ts';
import { boot } from '../src/kernel/system.ts';
import type { Profile } from '../src/machine/profile.ts';
import { Birth } from '../src/machine/thread.ts';
import { altix_3700_8p } from '../src/profiles/altix-3700-8p.ts';
import { x86_64_2p } from '../src/profiles/x86-64-2p.ts';
import { cachedFile } from '../src/workload/seqread.ts';
import { user_load } from '../src/workload/user.ts';

/** In pages. */
interface Geometry {
  /** From the beginning of a page of ptes to that of the vma. */
  readonly before: number;
  readonly vma: number;
  /** Where in the file the vma begins, and how long the file is. */
  readonly offset: number;
  readonly file: number;
}

const PTRS = 512;

/** Pages of the vma that can be read. */
function readable({ vma, offset, file }: Geometry): number {
  return Math.max(0, Math.min(vma, file - offset));
}

/** The windows in turn: each begins at a multiple of its size, or with the vma, and ends with what ends first. */
function mapPagesFaults(geometry: Geometry, order: number): number {
  const { before } = geometry;
  const window = 2 ** order;
  const end = before + readable(geometry);
  let faults = 0;
  for (let next = before; next < end; faults++) {
    const start = Math.max(next - (next % window), before);
    next = Math.min(start + window, start - (start % PTRS) + PTRS, end);
  }
  return faults;
}

/** Eight at a time; where those begin before the vma, one at a time. */
function linusFaults(geometry: Geometry): number {
  const { before } = geometry;
  const end = before + readable(geometry);
  let faults = 0;
  for (let next = before; next < end; faults++) {
    const start = next - (next % 8);
    next = start < before ? next + 1 : Math.min(start + 8, end);
  }
  return faults;
}

interface Kernel {
  readonly base: string;
  readonly patches?: readonly string[];
  readonly config?: Partial<Config>;
  readonly profile?: Profile;
}

interface Readers {
  readonly system: System;
  readonly mms: readonly Mm[];
  readonly births: readonly Birth[];
}

/** Processes that read all there is of a cached file, each from its own vma; the first `n` - 1 of them begin at page `from`. */
function readers(
  { base, patches = [], config = {}, profile = x86_64_2p }: Kernel,
  geometry: Geometry,
  n = 1,
  from = 0,
): Readers {
  const kernel = buildKernel(base, patches, []);
  const system = boot({ profile, cpus: n, kernel, config });
  const file = cachedFile(system, 'data', geometry.file);
  const mms: Mm[] = [];
  const births = Array.from({ length: n }, (_, cpu) => {
    const mm = mm_alloc(system, `mm${cpu}`);
    mms.push(mm);
    if (geometry.before > 0) insert_vm_struct(mm, 'before', geometry.before, VM_READ);
    const what = { file: file.file, pgoff: geometry.offset };
    const vma = insert_vm_struct(mm, 'vma', geometry.vma, VM_READ, what);
    file.i_mapping.i_mmap.push(vma);
    mm.cpu_vm_mask.add(cpu);
    return new Birth(`P${cpu}`, cpu, function* () {
      for (let page = cpu < n - 1 ? from : 0; page < readable(geometry); page++) {
        yield* user_load(mm, vma.vm_start + page * system.geometry.pageBytes, 0);
      }
    });
  });
  return { system, mms, births };
}

function faults(kernel: Kernel, geometry: Geometry): number {
  const { system, births } = readers(kernel, geometry);
  runTimed(births, { profile: x86_64_2p, cpus: 1 });
  return system.counters.faultsTaken;
}

function withOrder(order: number): Kernel[] {
  return [
    { base: 'v3.14', patches: ['map-pages-v3'], config: { FAULT_AROUND_ORDER: order } },
    { base: 'v3.14', patches: ['map-pages-merged'], config: { FAULT_AROUND_ORDER: order } },
    { base: 'v3.17', config: { fault_around_bytes: x86_64_2p.geometry.pageBytes * 2 ** order } },
  ];
}

const geometries = fc.record({
  before: fc.oneof(fc.nat(40), fc.integer({ min: 490, max: 520 })),
  vma: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 500, max: 1100 })),
  offset: fc.oneof(fc.constant(0), fc.nat(50)),
  file: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 500, max: 1200 })),
});

describe('fault-around', () => {
  it('unpatched, each page is a fault', () => {
    expect(faults({ base: 'v3.14' }, { before: 3, vma: 40, offset: 0, file: 40 })).to.equal(40);
  });

  for (let order = 0; order <= 9; order++) {
    it(`map_pages, windows of 2^${order} pages`, () => {
      const named: Geometry[] = [
        { before: 0, vma: 1024, offset: 0, file: 1024 },
        { before: 5, vma: 1024, offset: 0, file: 1024 }, // the first window is not aligned
        { before: 5, vma: 100, offset: 7, file: 200 }, // neither is the file
        { before: 0, vma: 100, offset: 0, file: 37 }, // the file is short
        { before: 500, vma: 40, offset: 0, file: 40 }, // a page of ptes ends after 12 pages
        { before: 500, vma: 40, offset: 3, file: 20 },
        { before: 0, vma: 3, offset: 0, file: 100 }, // the vma is
      ];
      for (const kernel of withOrder(order)) {
        for (const geometry of named) {
          const where = `${kernel.base} ${kernel.patches?.join(' ') ?? ''} ${JSON.stringify(geometry)}`;
          expect(faults(kernel, geometry), where).to.equal(mapPagesFaults(geometry, order));
        }
      }
    });
  }

  it('fuzz: map_pages takes as many faults as arithmetic says, for any geometry', () => {
    fc.assert(
      fc.property(geometries, fc.nat(9), fc.nat(2), (geometry, order, which) => {
        expect(faults(withOrder(order)[which], geometry)).to.equal(mapPagesFaults(geometry, order));
      }),
    );
  });

  it('fuzz: so does the patch with 8 pages', () => {
    fc.assert(
      fc.property(geometries, (geometry) => {
        expect(faults({ base: 'v3.14', patches: ['fault-around'] }, geometry)).to.equal(linusFaults(geometry));
      }),
    );
  });

  it('known counts: a window that begins before the vma is clipped by one, and given up by the other', () => {
    const geometry = { before: 5, vma: 64, offset: 0, file: 64 };
    // 3 pages alone, then 5..., 61 pages in windows of 8
    expect(linusFaults(geometry)).to.equal(3 + 8);
    expect(mapPagesFaults(geometry, 3)).to.equal(9);
    expect(mapPagesFaults({ ...geometry, before: 0 }, 4)).to.equal(4);
    // the first window is [5, 21), the second one is aligned: [16, 32), of which 21 is the first that is missing
    expect(mapPagesFaults(geometry, 4)).to.equal(5);
  });

  describe('several processes in step', () => {
    it('whoever finds a page locked skips it, and faults for it: counts differ by schedule', () => {
      const geometry = { before: 0, vma: 2, offset: 0, file: 2 };
      const counts = new Set<number>();
      const result = explore(
        () => {
          const { births, system } = readers({ base: 'v3.17' }, geometry, 2, 1);
          return {
            threads: births,
            afterStep: () => [],
            atEnd: () => {
              counts.add(system.counters.faultsTaken);
              return [];
            },
            outcome: () => String(system.counters.faultsTaken),
          };
        },
        { strategy: new DporStrategy() },
      );
      expect([result.complete, result.failures]).to.deep.equal([true, []]);
      expect([...counts].sort()).to.deep.equal([2, 3]);
    });

    it('under the clock: never fewer than alone, and more for some', () => {
      const geometry = { before: 0, vma: 512, offset: 0, file: 512 };
      const alone = mapPagesFaults(geometry, 2); // 64 KiB are 4 pages of 16 KiB
      const { births, system } = readers({ base: 'v3.17', profile: altix_3700_8p }, geometry, 8);
      runTimed(births, { profile: altix_3700_8p, cpus: 8 });
      expect(system.counters.faultsTaken).to.be.greaterThan(8 * alone);
    });
  });
});
