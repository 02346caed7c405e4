/** Cache lines by kind, whichever process, zone or page they are of. */

/** `child2 mm_struct[0]` is `mm mm_struct[0]`, `zone3.lock` is `zone.lock`. */
export function lineKind(name: string): string {
  return name.replace(/^child\d+(\.\d+)?/, 'mm').replace(/^(zone|usemem|CPU)\d+/, '$1');
}

/** Of words that lie on the lines of a structure: `pte[child1.4.heap+7]` is `ptes`, `page 12->_count` is `struct page`. */
export function partKind(name: string): string {
  if (name.startsWith('pte[')) return 'ptes';
  return /^page \d/.test(name) ? 'struct page' : lineKind(name.replace(/\[.*/, ''));
}
