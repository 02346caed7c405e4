/** Cache lines by kind, whichever process, zone or page they are of. */

/** `child2 mm_struct[0]` is `mm mm_struct[0]`, `zone3.lock` is `zone.lock`. */
export function lineKind(name: string): string {
  return name.replace(/^child\d+(\.\d+)?/, 'mm').replace(/^(zone|usemem|CPU)\d+/, '$1');
}

/** Of names that were asked for before: there are millions of transfers, of few lines. */
const kinds = new Map<string, string>();

/** Of words that lie on the lines of a structure: `pte[child1.4.heap+7]` is `ptes`, `page 12->_count` is `struct page`. */
export function partKind(name: string): string {
  if (name.startsWith('pte[')) return 'ptes';
  if (/^page \d/.test(name)) return 'struct page';
  let kind = kinds.get(name);
  if (kind === undefined) kinds.set(name, (kind = lineKind(name.replace(/\[.*/, ''))));
  return kind;
}
