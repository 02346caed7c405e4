/**
 * Known bad: filemap_map_pages of 3.17 that does what it must not under the lock of the ptes, or leaves a look out.
 */
import { READ_ONCE } from '../../machine/memory.ts';
import { asked, type Coroutine, READ, type Step } from '../../machine/step.ts';
import { lock_page, type PageLock, trylock_page, unlock_page } from '../../sync/pagelock.ts';
import type { Change3_17 } from '../change.ts';
import { page_cache_release } from '../page_alloc.ts';
import { slot_of } from '../pagemap.ts';
import { page_cache_readahead } from '../readahead.ts';
import type { Page, Vma } from '../structs.ts';
import type { VmFaultInfo } from '../v3.14/vm-fault.ts';
import { filemap_map_pages as original, isEasy, mapIfInside, mapLockedPage, pageOfSlot } from '../v3.17/filemap.ts';
import { without } from './altered.ts';

function change(name: string, about: string, map_pages: typeof original): Change3_17 {
  return { name, base: 'v3.17', about, replaces: { filemap_map_pages: map_pages } };
}

/** With a page lock of another kind, or without a look at the page when it is locked. */
function mapPagesBy(take: (lock: PageLock) => Step, map = mapLockedPage): typeof original {
  return function* filemap_map_pages(vma, vmf) {
    const mapping = vma.vm_file!.f_mapping;
    const { system } = vma.vm_mm;
    for (let pgoff = vmf.pgoff; pgoff <= vmf.max_pgoff; pgoff++) {
      const page = yield* pageOfSlot(system, mapping, pgoff);
      if (page !== null && !(yield* lockAndMap(vma, vmf, pgoff, page, take, map)))
        yield* page_cache_release(system, page);
    }
  };
}

function* lockAndMap(
  vma: Vma,
  vmf: VmFaultInfo,
  pgoff: number,
  page: Page,
  take: (lock: PageLock) => Step,
  map: typeof mapLockedPage,
): Coroutine<boolean> {
  if (!(yield* isEasy(page))) return false;
  const { lock } = page;
  const locks = take(lock);
  if ((yield* locks) === 0 && locks === lock.trylockStep) return false;
  const mapped = yield* map(vma, vmf, pgoff, page);
  yield* unlock_page(page.lock);
  return mapped;
}

/** The page lock is waited for, and the lock of the ptes is a spinlock. Breaks: nobody sleeps while holding a spinlock. */
export const mapPagesLocks = change(
  'map-pages-locks',
  'filemap_map_pages takes page locks, under the lock of the ptes, where it should try',
  mapPagesBy(lock_page),
);

/** lock_page without might_sleep. */
function lockUnchecked(lock: PageLock): Step {
  return asked(lock.lockStep);
}

/** The same where nobody checks (no CONFIG_DEBUG_ATOMIC_SLEEP). Breaks: some thread can always go on. */
export const mapPagesWaits = change(
  'map-pages-waits',
  'filemap_map_pages waits for page locks under the lock of the ptes, and nothing warns of it',
  mapPagesBy(lockUnchecked),
);

/** What is not in the cache is read from the disk. Breaks: nobody sleeps while holding a spinlock. */
export const mapPagesReads = change(
  'map-pages-reads',
  'filemap_map_pages reads pages from the disk, under the lock of the ptes',
  function* (vma, vmf) {
    const mapping = vma.vm_file!.f_mapping;
    for (let pgoff = vmf.pgoff; pgoff <= vmf.max_pgoff; pgoff++) {
      const cached = (yield* READ_ONCE(slot_of(mapping, pgoff))) !== 0;
      if (!cached) yield* page_cache_readahead(vma.vm_mm.system, mapping, pgoff);
    }
    yield* original(vma, vmf);
  },
);

/** Breaks nothing: truncation finds the page mapped. The look at i_size only saves it the work. */
export const mapPagesNoSize = change('map-pages-no-size', 'filemap_map_pages does not look at i_size', (vma, vmf) => {
  const { i_size } = vma.vm_file!.f_mapping.host;
  const looks = (step: Step): boolean => step.kind === READ && step.object === i_size;
  return without(original(vma, vmf), looks, Infinity);
});

/** A page that has left the file in the meantime is mapped. Breaks: a page of a file that is mapped is in its cache. */
export const mapPagesNoMapping = change(
  'map-pages-no-mapping',
  'filemap_map_pages does not ask, with the page locked, whether it is in the file still',
  mapPagesBy(trylock_page, mapIfInside),
);
