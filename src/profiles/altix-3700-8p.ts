/**
 * SGI Altix 3700 with 8 Itanium 2 CPUs, the ia64 machine of the prefault V2 mail (2004-12-13).
 *
 * Every cost says where it is from. `calibrated` costs are what a search over those named in `free` finds, on rows of
 * the unpatched kernel only: none depends on a row, a thread count or a kernel.
 */
import type { Profile } from '../machine/profile.ts';
import { assumed, calibrated, measured } from './costs.ts';

const MAIL = 'lore.kernel.org/r/Pine.LNX.4.58.0412131730410.817@schroedinger.engr.sgi.com';
const PREZERO = 'lore.kernel.org/r/Pine.LNX.4.58.0412231119540.31791@schroedinger.engr.sgi.com';
const TAMU = 'sc.tamu.edu/systems/cosmos/hardware.shtml';
const LINUX_JOURNAL = 'linuxjournal.com/files/linuxjournal.com/linuxjournal/articles/064/6440/6440s1.html';
/** All free costs at once. */
const FIT = `faultline calibrate history/003-prefault-unpatched --scale 24 --replications 4: the unpatched ia64 rows of ${MAIL}`;

/** No row of 8 CPUs tells how long a spinner keeps a lock's line busy; those of 512 do. */
export const BUSY =
  'faultline calibrate scaling/pft-altix-512p: the unpatched rows of ' +
  'lore.kernel.org/r/Pine.LNX.4.62.0508171603240.19363@schroedinger.engr.sgi.com';

export const altix_3700_8p: Profile = {
  name: 'altix-3700-8p',
  title: 'SGI Altix 3700, 8 x Itanium 2, 16 KiB pages',
  cpus: 8,
  cpusPerNode: 2,
  geometry: {
    pageShift: 14,
    pageBytes: 16384,
    ptrsPerPte: 2048,
    ptrsPerPmd: 2048,
    ptrsPerPud: 1,
    ptrsPerPgd: 2048,
    userPtrsPerPgd: 1280, // five of eight regions
    pteBytes: 8,
    pmdEntryBytes: 8,
    pgdEntryBytes: 8,
    lineBytes: 128,
    cacheBytes: 3 * 2 ** 20, // L3, assumed: there were other sizes
    wordBits: 64,
    tlbEntries: 128,
  },
  layout: {
    text: 2 * 2 ** 44,
    data: 3 * 2 ** 44,
    libs: 2 ** 44,
    stackTop: 4 * 2 ** 44,
    source: 'regions 1, 2 and 3 hold libraries, text, and data with the stack at its end; a region has 2^44 bytes here',
  },
  memoryPerNode: assumed(2048, 'MiB', `${TAMU} has 4 GiB a node; ${MAIL}: 4 GiB spill at 1 and 2 threads, not at 4`),
  lineHit: assumed(15, 'ns', 'cmpxchg.acq on an owned line, about 20 cycles at 1.3 GHz'),
  lineTransfer: [
    assumed(150, 'ns', 'cache to cache on one front-side bus'),
    calibrated(237, 'ns', FIT),
    assumed(100, 'ns', `${TAMU}: 50 ns a router, there and back`),
  ],
  lineMemory: assumed(200, 'ns', 'local memory latency; not printed by anyone read'),
  contention: assumed(100, 'ns/waiter', 'for those who leave `spinlocks` out'),
  spinlocks: {
    kind: 'test-and-set',
    busy: calibrated(0.148, 'share', BUSY),
  },
  clear: {
    local: calibrated(604, 'ns/KiB', FIT),
    bus: calibrated(495, 'ns/KiB', FIT),
    remote: calibrated(310, 'ns/KiB', FIT),
    memory: measured(200, 'ns/KiB', `${LINUX_JOURNAL}: 10.2 GB/s a node; zeroing reads a line and writes it back`),
  },
  wakeup: assumed(5000, 'ns', 'IPI, schedule, context switch'),
  start: [
    assumed(50_000, 'ns', 'clone and first schedule'),
    assumed(80_000_000, 'ns', 'SD_NODE_INIT min_interval of 80 ms: new threads wait for the balancer of another node'),
  ],
  scheduler: {
    placement: 'pull',
    slice: assumed(100, 'ms', 'DEF_TIMESLICE'),
    hot: assumed(2.5, 'ms', 'cache_hot_time of SD_CPU_INIT'),
    near: assumed(4, 'ms', 'max_interval of SD_CPU_INIT'),
    far: [
      assumed(80, 'ms', 'min_interval of SD_NODE_INIT of ia64'),
      assumed(320, 'ms', 'max_interval of SD_NODE_INIT of ia64'),
    ],
    nodesPerDomain: 6,
  },
  free: [
    { path: 'clear.local', min: 300, max: 900 },
    { path: 'clear.bus', min: 200, max: 800 },
    { path: 'clear.remote', min: 50, max: 1500 },
    { path: 'lineTransfer.1', min: 100, max: 2000 },
    { path: 'work.zap_pte', min: 20, max: 3000 },
  ],
  work: {
    user_touch: measured(61, 'ns', `${PREZERO}: one touched 128-byte line`),
    instruction_restart: assumed(150, 'ns', 'rfi, TLB insert and refetch, accounted as user time'),
    page_fault_entry: assumed(
      200,
      'ns',
      `all of this and the exit are 1.8 us a page; ${PREZERO} has 2.0 without zeroing`,
    ),
    page_fault_exit: assumed(100, 'ns', 'half of the entry'),
    find_vma: assumed(30, 'ns', 'mmap_cache hit'),
    handle_mm_fault: assumed(20, 'ns', 'statistics, dispatch'),
    table_line_miss: assumed(200, 'ns', 'as lineMemory'),
    page_table_walk: assumed(20, 'ns', 'three cached levels'),
    pmd_alloc_one: assumed(9000, 'ns', 'a zeroed page'),
    pte_alloc_one: assumed(9000, 'ns', 'a zeroed page'),
    anon_vma_alloc: assumed(300, 'ns', 'slab'),
    buffered_rmqueue: assumed(60, 'ns', 'interrupts off, per-CPU list'),
    __rmqueue: assumed(80, 'ns', 'per page of a batch'),
    free_hot_page: assumed(60, 'ns', 'per-CPU list'),
    __free_pages_bulk: assumed(120, 'ns', 'per page of a batch, with buddy merging'),
    pagevec_add: assumed(20, 'ns', 'per-CPU pagevec'),
    add_page_to_active_list: assumed(40, 'ns', 'per page'),
    set_anon_pte: assumed(40, 'ns', 'pte construction, page flags'),
    zap_pte: calibrated(938, 'ns', FIT),
    free_pte_page: assumed(500, 'ns', 'per page of ptes'),
    do_mmap_pgoff: assumed(2000, 'ns', 'system call and vma'),
    do_fork: assumed(80_000, 'ns', 'task, stack, files'),
    copy_vma: assumed(400, 'ns', 'slab and lists'),
  },
};
