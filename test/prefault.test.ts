/**
 * Where batches of the prefault patches end: kernel text beside the arithmetic of the mails, written here a second time,
 * in unsigned longs. Random areas, tables and accesses; every fault must map what the mail says, in order.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { runTimed } from '../src/drivers/timed/run.ts';
import { mm_alloc } from '../src/kernel/fork.ts';
import { buildKernel } from '../src/kernel/index.ts';
import { current, taskOf } from '../src/kernel/sched.ts';
import { VM_RAND_READ, VM_READ, VM_WRITE, Vma } from '../src/kernel/structs.ts';
import { boot } from '../src/kernel/system.ts';
import type { Profile } from '../src/machine/profile.ts';
import { Birth, KernelBug } from '../src/machine/thread.ts';
import { findProfile } from '../src/profiles/index.ts';
import { user_load, user_store } from '../src/workload/user.ts';

interface Case {
  readonly machine: string;
  /** Entries of a page of ptes, as a power of two; no batch is longer, on any machine. */
  readonly pteOrder: number;
  readonly PAGEVEC_SIZE: number;
  /** max_prealloc_order, of V4. */
  readonly limit: number;
  readonly random: boolean;
  /** The area, in pages. */
  readonly start: number;
  readonly pages: number;
  /** Pages that are accessed one after the other, from a page of the area on. */
  readonly runs: readonly { readonly from: number; readonly pages: number; readonly write: boolean }[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  machine: fc.constantFrom('altix-3700-8p', 'pentium3-2p', 'x86-64-2p'), // not sparc64: its TLB has what no pte has
  pteOrder: fc.integer({ min: 4, max: 7 }),
  PAGEVEC_SIZE: fc.constantFrom(14, 16),
  limit: fc.nat(5),
  random: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  start: fc.integer({ min: 1, max: 300 }),
  pages: fc.integer({ min: 1, max: 120 }),
  runs: fc.array(fc.record({ from: fc.nat(119), pages: fc.integer({ min: 1, max: 120 }), write: fc.boolean() }), {
    minLength: 1,
    maxLength: 3,
  }),
});

/** The machine of a case. */
function machineOf({ machine, pteOrder }: Case): Profile {
  const profile = findProfile(machine);
  return { ...profile, geometry: { ...profile.geometry, ptrsPerPte: 2 ** pteOrder } };
}

/** Every access of a case: a page of the area, and whether it is a store. */
function* accesses({ runs, pages }: Case): Iterable<{ readonly page: number; readonly write: boolean }> {
  for (const run of runs) {
    for (let page = run.from % pages; page < Math.min(run.from + run.pages, pages); page++) {
      yield { page, write: run.write };
    }
  }
}

/** How many pages each fault has mapped. */
function batchesOf(patch: string, one: Case): number[] {
  const profile = machineOf(one);
  const { PAGEVEC_SIZE, limit } = one;
  const config = { PAGEVEC_SIZE, max_prealloc_order: limit };
  const system = boot({ profile, cpus: 1, kernel: buildKernel('v2.6.10', [patch], []), config });
  const size = profile.geometry.pageBytes;
  const mm = mm_alloc(system, 'mm');
  const flags = VM_READ | VM_WRITE | (one.random ? VM_RAND_READ : 0);
  mm.mmap.push(new Vma(mm, 'area', one.start * size, (one.start + one.pages) * size, flags));
  const birth = new Birth('T1', 0, function* () {
    current().batches = [];
    for (const { page, write } of accesses(one)) {
      const address = (one.start + page) * size;
      yield* write ? user_store(mm, address, 0, 1) : user_load(mm, address, 0);
    }
  });
  const { threads } = runTimed([birth], { profile, cpus: 1 });
  return taskOf(threads[0]).batches!.flatMap(([pages, faults]) => Array<number>(faults).fill(pages));
}

/** do_anonymous_page of one version, as its mail has it, on a page table that is a set of addresses. */
abstract class Mail {
  next = 0n;
  order = 0;
  readonly one: Case;
  readonly pageShift: bigint;
  readonly word: number;
  readonly vmStart: bigint;
  readonly vmEnd: bigint;
  /** Addresses with a pte that may be written, and those with the zero page. */
  readonly own = new Set<bigint>();
  readonly zero = new Set<bigint>();

  constructor(one: Case) {
    const { pageShift, wordBits } = machineOf(one).geometry;
    this.one = one;
    this.pageShift = BigInt(pageShift);
    this.word = wordBits;
    this.vmStart = this.long(BigInt(one.start) << this.pageShift);
    this.vmEnd = this.long(BigInt(one.start + one.pages) << this.pageShift);
  }
  abstract do_anonymous_page(addr: bigint, write: boolean): void;

  long(value: bigint): bigint {
    return BigInt.asUintN(this.word, value);
  }
  pagesFrom(addr: bigint, pages: bigint): bigint {
    return this.long(addr + (pages << this.pageShift));
  }
  clamped(addr: bigint, end: bigint): bigint {
    const PMD_MASK = this.long(-1n << (this.pageShift + BigInt(this.one.pteOrder)));
    if (end > this.vmEnd) end = this.vmEnd;
    return (addr & PMD_MASK) === (end & PMD_MASK) ? end : end & PMD_MASK;
  }
  mapped(addr: bigint): boolean {
    return this.own.has(addr) || this.zero.has(addr);
  }
  /** Pages for [addr, end), but where there is one. */
  map(addr: bigint, end: bigint): void {
    for (; addr < end; addr = this.pagesFrom(addr, 1n)) if (!this.mapped(addr)) this.own.add(addr);
  }

  /** The faults of all accesses: how many ptes were none and are present. */
  batches(): number[] {
    const batches: number[] = [];
    for (const { page, write } of accesses(this.one)) {
      const addr = this.pagesFrom(this.vmStart, BigInt(page));
      if (this.own.has(addr) || (!write && this.zero.has(addr))) continue;
      const before = this.own.size + this.zero.size;
      if (this.zero.delete(addr))
        this.own.add(addr); // do_wp_page
      else this.do_anonymous_page(addr, write);
      batches.push(this.own.size + this.zero.size - before);
    }
    return batches;
  }
}

class V1 extends Mail {
  do_anonymous_page(addr: bigint, write: boolean): void {
    let end = this.pagesFrom(addr, 1n);
    if (this.next === addr) {
      const vec = this.one.PAGEVEC_SIZE;
      this.order++;
      end = this.clamped(addr, this.pagesFrom(addr, 1 << this.order < vec ? 1n << BigInt(this.order) : BigInt(vec)));
    } else this.order = 0;
    this.next = end;
    if (write) this.map(addr, end);
    else for (let a = addr; a < end; a = this.pagesFrom(a, 1n)) this.overwrite(a);
  }
  /** Whatever is there. */
  private overwrite(addr: bigint): void {
    this.own.delete(addr);
    this.zero.add(addr);
  }
}

class V2 extends Mail {
  do_anonymous_page(addr: bigint, write: boolean): void {
    const end = this.end(addr);
    if (write) {
      this.map(addr, end);
      this.next = end;
    } else this.next = this.read(addr, end);
  }
  end(addr: bigint): bigint {
    if (this.one.random || this.next !== addr) {
      this.order = 0;
      return this.pagesFrom(addr, 1n);
    }
    const order = ++this.order;
    if (1 << order < this.one.PAGEVEC_SIZE) return this.clamped(addr, this.pagesFrom(addr, 1n << BigInt(order)));
    this.order = 3;
    return this.clamped(addr, this.pagesFrom(addr, BigInt(this.one.PAGEVEC_SIZE)));
  }
  /** The pointer stays where it is, and the pte that it points to is written again and again. */
  read(addr: bigint, end: bigint): bigint {
    this.zero.add(addr);
    return end;
  }
}

class V4 extends V2 {
  override end(addr: bigint): bigint {
    if (this.order < this.one.limit) return super.end(addr);
    this.order = 0;
    return this.pagesFrom(addr, 1n);
  }
  override read(addr: bigint, end: bigint): bigint {
    do {
      this.zero.add(addr);
      addr = this.pagesFrom(addr, 1n);
    } while (addr < end && !this.mapped(addr));
    return addr;
  }
}

const MAILS = [
  ['anon-prefault-v1', V1],
  ['anon-prefault-v2', V2],
  ['anon-prefault-v4', V4],
] as const;

const ONE: Case = {
  machine: 'altix-3700-8p',
  pteOrder: 11,
  PAGEVEC_SIZE: 14,
  limit: 4,
  random: false,
  start: 2048,
  pages: 100,
  runs: [{ from: 0, pages: 100, write: true }],
};

describe('batches of the prefault patches', () => {
  for (const [patch, Model] of MAILS) {
    it(`${patch}: those of its mail, clamps at the ends of tables and areas included (fuzz)`, () => {
      // what V1 reads over stays in the TLB
      const whole = patch === 'anon-prefault-v1' ? cases.filter(({ runs }) => runs.length === 1) : cases;
      fc.assert(
        fc.property(whole, (one) => {
          expect(batchesOf(patch, one)).to.deep.equal(new Model(one).batches());
        }),
      );
    });
  }

  for (const [what, change, batches] of [
    ['14 entries', {}, [1, 2, 4, 8, 14, 14, 14, 14, 14, 14, 1]],
    ['16 entries', { PAGEVEC_SIZE: 16 }, [1, 2, 4, 8, 16, 16, 16, 16, 16, 5]],
    ['the end of a table after 20 pages', { start: 2028, pages: 40, PAGEVEC_SIZE: 16 }, [1, 2, 4, 8, 5, 16, 4]],
    ['an end just at that of a table', { start: 2033, pages: 30 }, [1, 2, 4, 8, 14, 1]],
    ['the end of the area after 3 pages', { pages: 3 }, [1, 2]],
  ] as const) {
    it(`anon-prefault-v2, written in sequence: ${what}`, () => {
      const one = { ...ONE, ...change, runs: [{ from: 0, pages: 100, write: true }] };
      expect(batchesOf('anon-prefault-v2', one)).to.deep.equal(batches);
      expect(new V2(one).batches()).to.deep.equal(batches);
    });
  }

  for (const [limit, batches] of [
    [3, [1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 3]],
    [1, [...Array<number[]>(33).fill([1, 2]).flat(), 1]],
    [0, Array<number>(100).fill(1)],
  ] as const) {
    it(`anon-prefault-v4: a limit of ${limit} sets the order back to 0`, () => {
      expect(batchesOf('anon-prefault-v4', { ...ONE, limit })).to.deep.equal(batches);
    });
  }

  it('in the last pages of 32 bits an end wraps, and the batch is empty', () => {
    const last = { ...ONE, machine: 'pentium3-2p', pteOrder: 10, start: 2 ** 20 - 101 };
    for (const [patch, Model] of MAILS) {
      for (const pages of fc.sample(fc.integer({ min: 1, max: 40 }), 20)) {
        const one = { ...last, runs: [{ from: 100 - pages, pages, write: true }] };
        const model = new Model(one).batches();
        if (model.includes(0)) expect(() => batchesOf(patch, one)).to.throw(KernelBug, 'nothing is mapped there');
        else expect(batchesOf(patch, one)).to.deep.equal(model);
      }
    }
    expect(new V2({ ...last, runs: [{ from: 96, pages: 4, write: true }] }).batches()).to.deep.equal([1, 2, 0]);
    expect(new V1({ ...last, runs: [{ from: 96, pages: 4, write: true }] }).batches()).to.deep.equal([1, 2, 0]);
  });
});
