/** Layouts of C structs: by C's rules, as pahole prints them, and what moving a member changes. */
import { expect } from 'chai';
import fc from 'fast-check';
import { consequences } from '../src/layout/consequences.ts';
import { layOut, linesOf, type Member, moved, sumsOf } from '../src/layout/layout.ts';
import { kernelsOf, structs } from '../src/layout/structs.ts';
import { type Bits, extentOf, plainTypes } from '../src/layout/types.ts';
import { conclusion, layoutTable } from '../src/report/layout-table.ts';
import { asArchived, pahole } from '../src/report/pahole.ts';

const [vm_fault] = structs;

function membersOf(kernel: string): readonly Member[] {
  return vm_fault.eras.find((era) => kernelsOf(era).includes(kernel))!.members;
}

const bitsOf = fc.constantFrom<Bits>(32, 64);
const lineSizes = fc.constantFrom(32, 64, 128);
const memberLists = fc
  .array(fc.constantFrom(...plainTypes, 'void *', 'struct page *'), { minLength: 1, maxLength: 40 })
  .map((types) => types.map((type, i): Member => ({ name: `m${i}`, type })));

/** Matthew Wilcox, 2014-10-16, as an archive shows it. */
const MAIL = `struct vm_fault {
unsigned int flags; /* 0 4 */

/* XXX 4 bytes hole, try to pack */

long unsigned int pgoff; /* 8 8 */
void * virtual_address; /* 16 8 */
struct page * cow_page; /* 24 8 */
struct page * page; /* 32 8 */
long unsigned int max_pgoff; /* 40 8 */
pte_t * pte; /* 48 8 */

/* size: 56, cachelines: 1, members: 7 */
/* sum members: 52, holes: 1, sum holes: 4 */
/* last cacheline: 56 bytes */
};
`;

describe('layout', () => {
  it('offsets are aligned, nothing overlaps, no byte is lost: fuzz', () => {
    fc.assert(
      fc.property(memberLists, bitsOf, (members, bits) => {
        const layout = layOut(members, bits);
        const aligns = members.map(({ type }) => extentOf(type, bits).align);
        let end = 0;
        layout.members.forEach(({ offset, size, hole }, i) => {
          expect(offset % aligns[i]).to.equal(0);
          expect(offset - end).to.be.within(0, aligns[i] - 1);
          expect(hole).to.equal((layout.members[i + 1]?.offset ?? offset + size) - offset - size);
          end = offset + size;
        });
        expect(layout.size % Math.max(...aligns)).to.equal(0);
        expect(layout.padding).to.be.within(0, Math.max(...aligns) - 1);
        const sums = sumsOf(layout);
        expect(sums.members + sums.holeBytes + layout.padding).to.equal(layout.size);
      }),
    );
  });

  it('a member that moves leaves the order of the others, and can move back: fuzz', () => {
    fc.assert(
      fc.property(memberLists, fc.nat(), fc.nat(), (members, a, b) => {
        const member = members[a % members.length].name;
        const rest = members.filter(({ name }) => name !== member);
        const place = b % (rest.length + 1);
        const after = moved(members, { member, after: place === 0 ? null : rest[place - 1].name });
        expect(after[place].name).to.equal(member);
        expect(after.filter(({ name }) => name !== member)).to.deep.equal(rest);
        const at = a % members.length;
        expect(moved(after, { member, after: at === 0 ? null : members[at - 1].name })).to.deep.equal(members);
      }),
    );
  });

  // [64 bits, 32 bits]
  const offsets: readonly (readonly [string, Readonly<Record<string, readonly number[]>>, readonly number[]])[] = [
    ['3.14', { flags: [0, 0], pgoff: [8, 4], virtual_address: [16, 8], page: [24, 12] }, [32, 16]],
    ['3.19', { virtual_address: [16, 8], page: [24, 12], max_pgoff: [32, 16], pte: [40, 20] }, [48, 24]],
    ['v11', { cow_page: [24, 12], page: [32, 16], max_pgoff: [40, 20], pte: [48, 24] }, [56, 28]],
    ['4.10', { flags: [8], gfp_mask: [12], pgoff: [16], orig_pte: [40], page: [64], prealloc_pte: [88] }, [96]],
  ];
  for (const [kernel, expected, sizes] of offsets) {
    it(`vm_fault of ${kernel}`, () => {
      sizes.forEach((size, i) => {
        const layout = layOut(membersOf(kernel), i === 0 ? 64 : 32);
        expect(layout.size).to.equal(size);
        for (const [name, at] of Object.entries(expected))
          expect(layout.members.find((member) => member.name === name)?.offset, name).to.equal(at[i]);
      });
    });
  }
});

describe('pahole', () => {
  it('prints the text of the mail, byte for byte', () => {
    expect(asArchived(pahole('vm_fault', layOut(membersOf('v11'), 64), 64))).to.equal(MAIL);
  });

  // What pahole 1.24 prints of the same struct, compiled by gcc.
  it('has tabs and columns, and a line for each boundary of a cache line', () => {
    expect(pahole('vm_fault', layOut(membersOf('v11'), 64), 32)).to.equal(`struct vm_fault {
\tunsigned int               flags;                /*     0     4 */

\t/* XXX 4 bytes hole, try to pack */

\tlong unsigned int          pgoff;                /*     8     8 */
\tvoid *                     virtual_address;      /*    16     8 */
\tstruct page *              cow_page;             /*    24     8 */
\t/* --- cacheline 1 boundary (32 bytes) --- */
\tstruct page *              page;                 /*    32     8 */
\tlong unsigned int          max_pgoff;            /*    40     8 */
\tpte_t *                    pte;                  /*    48     8 */

\t/* size: 56, cachelines: 2, members: 7 */
\t/* sum members: 52, holes: 1, sum holes: 4 */
\t/* last cacheline: 24 bytes */
};
`);
    expect(pahole('vm_fault', layOut(membersOf('v11'), 32), 32)).to.match(
      /members: 7 \*\/\n\t\/\* last.*28 bytes \*\/\n}/,
    );
  });

  it('says how far back a boundary is, and what is lost at the end', () => {
    const members = [
      { name: 'owner', type: 'void *' },
      { name: 'count', type: 'int' },
      { name: 'kind', type: 'char' },
      { name: 'index', type: 'short int' },
      { name: 'next', type: 'long int' },
      { name: 'lru', type: 'struct list_head' },
      { name: 'mode', type: 'char' },
      { name: 'state', type: 'int' },
      { name: 'last', type: 'char' },
    ];
    expect(pahole('thing', layOut(members, 64), 32)).to.equal(`struct thing {
\tvoid *                     owner;                /*     0     8 */
\tint                        count;                /*     8     4 */
\tchar                       kind;                 /*    12     1 */

\t/* XXX 1 byte hole, try to pack */

\tshort int                  index;                /*    14     2 */
\tlong int                   next;                 /*    16     8 */
\tstruct list_head           lru;                  /*    24    16 */
\t/* --- cacheline 1 boundary (32 bytes) was 8 bytes ago --- */
\tchar                       mode;                 /*    40     1 */

\t/* XXX 3 bytes hole, try to pack */

\tint                        state;                /*    44     4 */
\tchar                       last;                 /*    48     1 */

\t/* size: 56, cachelines: 2, members: 9 */
\t/* sum members: 45, holes: 2, sum holes: 4 */
\t/* padding: 7 */
\t/* last cacheline: 24 bytes */
};
`);
  });

  it('a full last line is not mentioned', () => {
    const longs = Array.from({ length: 8 }, (_, i) => ({ name: `m${i}`, type: 'long int' }));
    expect(pahole('full', layOut(longs, 64), 64)).to.match(
      /\n\n\t\/\* size: 64, cachelines: 1, members: 8 \*\/\n};\n$/,
    );
  });

  it('fits 80 columns, and says what the layout is: fuzz', () => {
    fc.assert(
      fc.property(memberLists, bitsOf, lineSizes, (members, bits, lineBytes) => {
        const layout = layOut(members, bits);
        const text = pahole('random', layout, lineBytes);
        for (const line of text.split('\n')) expect(line.replace('\t', ' '.repeat(8)).length).to.be.at.most(80);
        const archived = asArchived(text);
        expect(archived).to.not.match(/\t| {2}/);
        const read = [...archived.matchAll(/ (\w+); \/\* (\d+) (\d+) \*\//g)].map(([, name, at, size]) => [
          name,
          +at,
          +size,
        ]);
        expect(read).to.deep.equal(layout.members.map(({ name, offset, size }) => [name, offset, size]));
        const crossed = new Set(
          layout.members.map(({ offset }) => Math.floor(offset / lineBytes)).filter((n) => n > 0),
        );
        const told = [...archived.matchAll(/--- cacheline (\d+) boundary \((\d+) bytes\)/g)];
        expect(told.map(([, line, bytes]) => [+line, +bytes])).to.deep.equal(
          [...crossed].map((n) => [n, n * lineBytes]),
        );
        expect(linesOf(layout, lineBytes)).to.equal(Number(/cachelines: (\d+)/.exec(archived)![1]));
      }),
    );
  });
});

describe('moving cow_page to the end of vm_fault', () => {
  const before = membersOf('v11');
  const after = moved(before, { member: 'cow_page', after: 'pte' });
  const cases = ([64, 32] as const).map((bits) => consequences(before, after, bits, [32, 64, 128]));

  it('matters on 64 bits with lines of 32 bytes only', () => {
    const changed = cases.flatMap(({ bits, members }) =>
      members.flatMap(({ name, line }) =>
        Object.entries(line)
          .filter(([, [was, is]]) => was !== is)
          .map(([lineBytes, [was, is]]) => `${bits}/${lineBytes} ${name} ${was}>${is}`),
      ),
    );
    expect(changed).to.deep.equal(['64/32 cow_page 0>1', '64/32 page 1>0']);
    expect(cases.map(({ size }) => size)).to.deep.equal([
      [56, 56],
      [28, 28],
    ]);
  });

  it('is a table, with arrows where something changes, and one sentence', () => {
    const page = layoutTable(cases[0]).find((line) => line.startsWith('  page '))!;
    expect(page.trim().split(/ {2,}/)).to.deep.equal(['page', '32 -> 24', '1 -> 0', '0', '0']);
    expect(conclusion(cases)).to.equal(
      'On 64 bits with 32-byte lines cow_page goes from line 0 to 1 and page goes from line 1 to 0; no other line ' +
        'changes, and before as after 56 bytes are one line of 64 on 64 bits and 28 bytes are one line of 32 on 32 bits.',
    );
    expect(conclusion(cases.slice(1))).to.match(/^No member changes its line, and before as after 28 bytes are/);
  });

  it('flags beside another int would save 8 bytes of a struct', () => {
    const members = [...before, { name: 'more', type: 'unsigned int' }];
    const [packed] = [consequences(members, moved(members, { member: 'more', after: 'flags' }), 64, [64])];
    expect(packed.size).to.deep.equal([64, 56]);
    expect(layoutTable(packed)[0]).to.equal('64 bits, 64 bytes, then 56');
  });
});
