/** Layouts of C structs: by C's rules, kernel by kernel. */
import { expect } from 'chai';
import fc from 'fast-check';
import { layOut, type Member, moved, sumsOf } from '../src/layout/layout.ts';
import { kernelsOf, structs } from '../src/layout/structs.ts';
import { type Bits, extentOf, plainTypes } from '../src/layout/types.ts';

const [vm_fault] = structs;

function membersOf(kernel: string): readonly Member[] {
  return vm_fault.eras.find((era) => kernelsOf(era).includes(kernel))!.members;
}

const bitsOf = fc.constantFrom<Bits>(32, 64);
const memberLists = fc
  .array(fc.constantFrom(...plainTypes, 'void *', 'struct page *'), { minLength: 1, maxLength: 40 })
  .map((types) => types.map((type, i): Member => ({ name: `m${i}`, type })));

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
