/** page->flags: each test and each change is a step (include/linux/page-flags.h). PG_locked is the page's `lock`. */
import { READ_ONCE, WRITE_ONCE, xchg } from '../machine/memory.ts';
import type { Step } from '../machine/step.ts';
import { type Page, PG_dirty, PG_hwpoison, PG_readahead, PG_uptodate, PG_writeback } from './structs.ts';

/** Replies 1 if what the page holds is what the file holds. */
export function PageUptodate(page: Page): Step {
  return READ_ONCE(page.flag(PG_uptodate));
}
export function SetPageUptodate(page: Page): Step {
  return WRITE_ONCE(page.flag(PG_uptodate), 1);
}
export function ClearPageUptodate(page: Page): Step {
  return WRITE_ONCE(page.flag(PG_uptodate), 0);
}
export function PageDirty(page: Page): Step {
  return READ_ONCE(page.flag(PG_dirty));
}
/** Replies what it was. */
export function TestSetPageDirty(page: Page): Step {
  return xchg(page.flag(PG_dirty), 1);
}
/** Replies what it was. */
export function TestClearPageDirty(page: Page): Step {
  return xchg(page.flag(PG_dirty), 0);
}
export function SetPageWriteback(page: Page): Step {
  return WRITE_ONCE(page.flag(PG_writeback), 1);
}
export function end_page_writeback(page: Page): Step {
  return WRITE_ONCE(page.flag(PG_writeback), 0);
}
/** Where the next readahead is to begin. */
export function PageReadahead(page: Page): Step {
  return READ_ONCE(page.flag(PG_readahead));
}
export function SetPageReadahead(page: Page): Step {
  return WRITE_ONCE(page.flag(PG_readahead), 1);
}
export function ClearPageReadahead(page: Page): Step {
  return WRITE_ONCE(page.flag(PG_readahead), 0);
}
export function PageHWPoison(page: Page): Step {
  return READ_ONCE(page.flag(PG_hwpoison));
}
