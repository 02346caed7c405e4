/** Sizes and alignments of C types on x86: LP64, and ILP32 without PAE. Types are spelled as pahole spells them. */

/** Of a long and of a pointer. */
export type Bits = 32 | 64;

export interface Extent {
  readonly size: number;
  readonly align: number;
}

const same = (size: number): Record<Bits, Extent> => ({ 32: { size, align: size }, 64: { size, align: size } });
const word: Record<Bits, Extent> = { 32: { size: 4, align: 4 }, 64: { size: 8, align: 8 } };

const EXTENTS: Readonly<Record<string, Record<Bits, Extent>>> = {
  char: same(1),
  'short int': same(2),
  int: same(4),
  'unsigned int': same(4),
  'long int': word,
  'long unsigned int': word,
  'struct list_head': { 32: { size: 8, align: 4 }, 64: { size: 16, align: 8 } }, // two pointers
  gfp_t: same(4), // unsigned int
  pte_t: word, // a struct of one long; with PAE it would be of two
  pgtable_t: word, // struct page *
};

/** The types that are not pointers; any `... *` is one. */
export const plainTypes: readonly string[] = Object.keys(EXTENTS);

/** Throws on a type that is not there. */
export function extentOf(type: string, bits: Bits): Extent {
  const found = type.endsWith('*') ? word : EXTENTS[type];
  if (found === undefined) throw new Error(`no size is known of type '${type}'`);
  return found[bits];
}
