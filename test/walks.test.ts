/** Walks of page tables: three ways to find what is in use give the same, and read different cache lines. */
import { expect } from 'chai';
import fc from 'fast-check';
import { describeWorld } from '../src/check/fingerprint.ts';
import { runTimed } from '../src/drivers/timed/run.ts';
import { dup_mm, mm_alloc, mmput } from '../src/kernel/fork.ts';
import { buildKernel } from '../src/kernel/index.ts';
import { sys_madvise_dontneed, sys_munmap } from '../src/kernel/mmap.ts';
import { sectionEntries } from '../src/kernel/patches/2004-08-07-pmd-bitmask.ts';
import { userEnd } from '../src/kernel/patches/page-table-scans.ts';
import { page_size, type PageTables } from '../src/kernel/pgtable.ts';
import { RadixTables } from '../src/kernel/radix-tables.ts';
import { type Mm, type System, VM_READ, VM_WRITE, Vma } from '../src/kernel/structs.ts';
import { boot } from '../src/kernel/system.ts';
import { TableReads } from '../src/kernel/table-reads.ts';
import type { Profile } from '../src/machine/profile.ts';
import type { Coroutine } from '../src/machine/step.ts';
import { Birth } from '../src/machine/thread.ts';
import { findProfile, profiles } from '../src/profiles/index.ts';
import { latProcTables } from '../src/report/lat-proc-table.ts';
import { LAT_PROC_KINDS, latProc } from '../src/workload/lat-proc.ts';
import { user_store } from '../src/workload/user.ts';

const PATCHES = ['pte-walk', 'pmd-bitmask', 'radix-page-tables'];

function machine(profile: Profile, patch: string | null, bug?: string): System {
  const kernel = buildKernel('v2.6.10', patch === null ? [] : [patch], bug === undefined ? [] : [bug]);
  return boot({ profile, cpus: 1, kernel });
}

/** Run one program on CPU 0, to its end. */
function run(profile: Profile, body: () => Coroutine): void {
  const { stuck } = runTimed([new Birth('program', 0, body)], { profile, cpus: 1 });
  expect(stuck).to.deep.equal([]);
}

/** Fractions of the address space and of the areas: they mean something in every geometry. */
interface Space {
  /** Where areas begin, and how long they are, in pages. */
  readonly areas: readonly { readonly at: number; readonly pages: number }[];
  /** Pages that are written. */
  readonly writes: readonly { readonly area: number; readonly at: number }[];
  /** What is given back, of an area. */
  readonly gone: readonly {
    readonly area: number;
    readonly from: number;
    readonly to: number;
    readonly stays: boolean;
  }[];
}

const fraction = fc.double({ min: 0, max: 0.999, noNaN: true });
const spaces: fc.Arbitrary<Space> = fc.record({
  areas: fc.array(fc.record({ at: fraction, pages: fc.constantFrom(1, 3, 700, 5000, 200_000) }), {
    minLength: 1,
    maxLength: 6,
  }),
  writes: fc.array(fc.record({ area: fc.nat(5), at: fraction }), { maxLength: 12 }),
  gone: fc.array(fc.record({ area: fc.nat(5), from: fraction, to: fraction, stays: fc.boolean() }), { maxLength: 3 }),
});

function makeAreas(mm: Mm, { areas }: Space): Vma[] {
  const size = page_size(mm);
  const pages = userEnd(mm) / size;
  const wanted = areas.map(({ at, pages: length }) => ({ start: Math.floor(at * pages), length }));
  wanted.sort((a, b) => a.start - b.start);
  const made = wanted.flatMap(({ start, length }, i) => {
    const end = Math.min(start + length, wanted[i + 1]?.start ?? pages);
    return end > start ? [new Vma(mm, `area${i}`, start * size, end * size, VM_READ | VM_WRITE)] : [];
  });
  mm.mmap.push(...made);
  return made;
}

function pageAt({ vm_mm, vm_start, vm_end }: Vma, at: number): number {
  const size = page_size(vm_mm);
  return vm_start + Math.floor(((vm_end - vm_start) / size) * at) * size;
}

/** What the machine is like after fork, after giving back, and after the child's exit. */
function story(profile: Profile, patch: string | null, space: Space, bug?: string): string[] {
  const system = machine(profile, patch, bug);
  const told: string[] = [];
  run(profile, function* () {
    const mm = mm_alloc(system, 'mm');
    const areas = makeAreas(mm, space);
    for (const { area, at } of space.writes) yield* user_store(mm, pageAt(areas[area % areas.length], at), 0, 7);
    const child = (yield* dup_mm(mm, 'child'))!;
    told.push(describeWorld(system));
    for (const { area, from, to, stays } of space.gone) {
      const vma = areas[area % areas.length];
      const [start, end] = [pageAt(vma, Math.min(from, to)), pageAt(vma, Math.max(from, to)) + page_size(mm)];
      yield* (stays ? sys_madvise_dontneed : sys_munmap)(mm, start, end);
      told.push(describeWorld(system));
    }
    yield* mmput(child);
    told.push(describeWorld(system));
    yield* mmput(mm);
    told.push(describeWorld(system));
  });
  return told;
}

/** It ends with the first that differs, in most cases long before. */
const UNTIL_SEEN = 10_000;

describe('walks of page tables', () => {
  for (const profile of profiles) {
    it(`find the same children and zap the same, fuzz: ${profile.name}`, () => {
      fc.assert(
        fc.property(spaces, (space) => {
          const plain = story(profile, null, space);
          for (const patch of PATCHES) expect(story(profile, patch, space), patch).to.deep.equal(plain);
        }),
      );
    });
  }

  for (const bug of ['pmd-bit-forgotten', 'pte-walk-range-ignored']) {
    it(`would differ with ${bug}`, () => {
      const same = fc.property(spaces, (space) => {
        const told = story(findProfile('sparc64-2p'), null, space);
        expect(story(findProfile('sparc64-2p'), null, space, bug)).to.deep.equal(told);
      });
      expect(fc.check(same, { numRuns: UNTIL_SEEN }).failed).to.equal(true);
    });
  }

  it('a radix tree gives its leaves in order, from any key on', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(2 ** 26 - 1), { maxLength: 30 }),
        fc.nat(2 ** 26),
        fc.nat(2 ** 26),
        (keys, a, b) => {
          const tree = new RadixTables<{ key: number }>();
          for (const key of keys) tree.insert(key, { key });
          const reads = new TableReads(64, 2 ** 20);
          const found: number[] = [];
          const [from, end] = [Math.min(a, b), Math.max(a, b)];
          for (let at = tree.next(from, end, reads); at !== undefined; at = tree.next(at[0] + 1, end, reads)) {
            expect(at[1].key).to.equal(at[0]);
            found.push(at[0]);
          }
          expect(found).to.deep.equal(keys.filter((key) => key >= from && key < end).sort((x, y) => x - y));
          for (const key of keys) expect(tree.lookup(key, reads)).to.deep.equal({ key });
        },
      ),
    );
  });
});

/** Kernel facts, 1h: what one page of ptes, one section and one pmd table map, and how a section lies in lines. */
const GEOMETRIES: readonly [string, spans: [number, number, number], section: [entries: number, bytes: number]][] = [
  ['sparc64-2p', [8 * 2 ** 20, 256 * 2 ** 20, 16 * 2 ** 30], [32, 128]],
  ['sparc64-32bit-2p', [8 * 2 ** 20, 64 * 2 ** 20, 4 * 2 ** 30], [8, 32]],
  ['x86-64-2p', [2 * 2 ** 20, 16 * 2 ** 20, 2 ** 30], [8, 64]],
  ['altix-3700-8p', [32 * 2 ** 20, 2 ** 30, 64 * 2 ** 30], [32, 256]],
  ['pentium3-pae-2p', [2 * 2 ** 20, 32 * 2 ** 20, 2 ** 30], [16, 128]],
  ['pentium3-2p', [4 * 2 ** 20, 4 * 2 ** 20, 4 * 2 ** 20], [1, 4]],
];

describe('geometries', () => {
  for (const [name, spans, section] of GEOMETRIES) {
    it(`${name} is that of its headers`, () => {
      const mm = mm_alloc(machine(findProfile(name), null), 'mm');
      const { tableBytes, geometry }: PageTables = mm.pgd;
      const per = sectionEntries(mm.pgd);
      expect([tableBytes, tableBytes * per, tableBytes * geometry.ptrsPerPmd]).to.deep.equal(spans);
      expect([per, per * geometry.pmdEntryBytes]).to.deep.equal(section);
      expect(geometry.ptrsPerPte * geometry.pteBytes, 'a table of ptes is one page').to.equal(geometry.pageBytes);
      expect(userEnd(mm)).to.be.at.most(2 ** 47);
    });
  }
});

/** Lines that exit reads of the tables of a process with one page, at the end of a pmd table. */
function linesOfExit(profile: Profile, patch: string): number {
  const system = machine(profile, patch);
  run(profile, function* () {
    const mm = mm_alloc(system, 'mm');
    const at = mm.pgd.tableBytes * (profile.geometry.ptrsPerPmd - 1);
    mm.mmap.push(new Vma(mm, 'area', at, at + page_size(mm), VM_READ | VM_WRITE));
    yield* user_store(mm, at, 0, 1);
    yield* mmput(mm);
  });
  return system.tableReads[0].sums.free.lines;
}

describe('cache lines that a walk reads', () => {
  for (const profile of profiles) {
    const { ptrsPerPmd, ptrsPerPud, userPtrsPerPgd, pmdEntryBytes, pgdEntryBytes, lineBytes } = profile.geometry;
    const linesOf = (entries: number, bytes: number): number =>
      entries === 1 ? 0 : Math.ceil((entries * bytes) / lineBytes);
    const pgdLines = Math.ceil((userPtrsPerPgd * pgdEntryBytes) / lineBytes) + linesOf(ptrsPerPud, pgdEntryBytes);

    it(`a plain scan reads whole tables: ${profile.name}`, () => {
      expect(linesOfExit(profile, 'pte-walk')).to.equal(pgdLines + linesOf(ptrsPerPmd, pmdEntryBytes));
    });

    it(`with the bitmask, its word and one section: ${profile.name}`, () => {
      const section = Math.max(1, ptrsPerPmd / profile.geometry.wordBits);
      const read = ptrsPerPmd === 1 ? 0 : 1 + Math.ceil((section * pmdEntryBytes) / lineBytes);
      expect(linesOfExit(profile, 'pmd-bitmask')).to.equal(pgdLines + read);
    });

    it(`with the tree, two lines a level at most: ${profile.name}`, () => {
      const levels = Math.max(1, Math.ceil(Math.log2(ptrsPerPmd) / 6));
      expect(linesOfExit(profile, 'radix-page-tables')).to.be.within(1, 2 * levels);
    });
  }

  it('a mask that comes back from the quicklist as it was costs a look at a section of nothing', () => {
    const profile = findProfile('altix-3700-8p');
    const linesOfLastExit = (bug?: string): number => {
      const system = machine(profile, 'pmd-bitmask', bug);
      run(profile, function* () {
        for (const sections of [3, 1]) {
          const mm = mm_alloc(system, 'mm');
          const [size, pages] = [page_size(mm), 3 * 65536];
          mm.mmap.push(new Vma(mm, 'area', 0, pages * size, VM_READ | VM_WRITE));
          for (let n = 0; n < sections; n++) yield* user_store(mm, n * 65536 * size, 0, 1);
          system.tableReads[0].reset();
          yield* mmput(mm);
        }
      });
      return system.tableReads[0].sums.free.lines;
    };
    expect(linesOfLastExit('pmd-mask-recycled') - linesOfLastExit()).to.equal(2 * (256 / 128));
  });

  it('a line that was used lately is no miss, until the cache is full or cold', () => {
    const reads = new TableReads(64, 128); // room for two lines
    const table = {};
    const read = (...lines: number[]): number => {
      const before = reads.sums.zap.misses;
      for (const line of lines) reads.read(table, line * 64, 'pmd');
      return reads.sums.zap.misses - before;
    };
    reads.begin('zap');
    expect([read(0, 1), read(0, 1, 0), read(2, 0), read(1)]).to.deep.equal([2, 0, 1, 1]);
    reads.cool();
    expect(read(1, 1)).to.equal(1);
    expect(reads.sums.zap).to.deep.equal({ walks: 1, lines: 3, misses: 5, entries: 10 });
  });
});

describe('lat_proc', () => {
  it('its tables fit the width, and lose nothing for it', () => {
    const cell = {
      patch: 'radix-page-tables',
      microseconds: 1234.5,
      lines: 3047,
      misses: 2376,
      missMicroseconds: 475.2,
      walks: Object.fromEntries(['fault', 'copy', 'zap', 'free'].map((walk, n) => [walk, { misses: 1000 + n }])),
      levels: { pgd: 324, pud: 771, pmd: 2052, mask: 20, node: 110 },
    };
    const figures = ['1234.5', '3047.0', '2376.0', '475.2', '1000+1001+1002+1003', '324+771+2052+20+110'];
    for (const [width, columns] of [
      [80, 3],
      [80, 4],
      [120, 4],
      [50, 3],
    ]) {
      const row = { kind: 'shell', machine: 'sparc64-32bit-2p', columns: Array<typeof cell>(columns).fill(cell) };
      const lines = latProcTables([row], width);
      const longest = lines.filter((line) => !line.startsWith('misses by')).map((line) => line.length);
      expect(Math.max(...longest)).to.be.at.most(width);
      for (const figure of figures) expect(lines.join('\n').split(figure).length - 1, figure).to.equal(columns);
    }
  });

  for (const kind of LAT_PROC_KINDS) {
    it(`${kind}: every iteration costs the same, eager or not, and nothing is left of it`, () => {
      const profile = findProfile('x86-64-2p');
      const times = [0, 1, 3].map((iterations) =>
        [false, true].map((eager) => {
          const system = machine(profile, 'pmd-bitmask');
          const body = (): Coroutine => latProc(system, { kind, iterations, layout: profile.layout });
          const { wallNs, stuck } = runTimed([new Birth('lat_proc', 0, body)], { profile, cpus: 1, eager });
          expect(stuck).to.deep.equal([]);
          expect(system.mms.filter(({ dead }) => !dead)).to.have.length(1);
          return wallNs;
        }),
      );
      for (const [lazy, eager] of times) expect(eager).to.equal(lazy);
      const [none, one, three] = times.map(([lazy]) => lazy);
      expect((three - none) / (one - none)).to.be.closeTo(3, 0.2);
    });
  }

  it('programs fit into every address space, areas apart', () => {
    for (const profile of profiles) {
      for (const kind of LAT_PROC_KINDS) {
        const system = machine(profile, null);
        run(profile, () => latProc(system, { kind, iterations: 1, layout: profile.layout }));
        const [mm] = system.mms;
        expect(mm.mmap.at(-1)!.vm_end).to.be.at.most(userEnd(mm));
        mm.mmap.slice(1).forEach(({ vm_start }, i) => expect(vm_start).to.be.at.least(mm.mmap[i].vm_end));
      }
    }
  });
});
