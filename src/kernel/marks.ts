/**
 * Places in kernel text where a race has shown itself and has been dealt with. A scenario that names one in
 * `expect: { reachable: ... }` fails if no execution comes by: then its race does not happen.
 */
import { reachable } from '../machine/choice.ts';

/** By name, with a sentence each. */
export const marks = {
  'anonymous fault raced': 'do_anonymous_page has retaken page_table_lock, and the pte is no longer none',
  'write protection fault raced': 'do_wp_page has retaken page_table_lock, and the pte is no longer what it was',
  'anon_vma raced': 'anon_vma_prepare has an anon_vma to give, and the vma has got one in the meantime',
  'file fault raced': 'do_no_page or do_fault has a page of a file to map, and the pte is no longer what it was',
  'truncation seen': 'do_no_page has a page of a file to map, and truncate_count has grown',
  'fault retried': 'a fault has dropped mmap_sem to wait for a page, and is made again',
} as const;

/** An execution comes by. */
export function mark(name: keyof typeof marks): void {
  reachable(name);
}
