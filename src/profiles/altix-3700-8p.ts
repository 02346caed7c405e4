/**
 * SGI Altix 3700 with 8 Itanium 2 CPUs, the ia64 machine of the prefault V2 mail (2004-12-13).
 *
 * Every cost says where it is from. `calibrated` costs are taken from the unpatched tables by the arithmetic in
 * their source line, once for the machine: none depends on a row, a thread count or a kernel.
 */
import type { Cost, Profile } from '../machine/profile.ts';

const MAIL = 'lore.kernel.org/r/Pine.LNX.4.58.0412131730410.817@schroedinger.engr.sgi.com';
const PREZERO = 'lore.kernel.org/r/Pine.LNX.4.58.0412231119540.31791@schroedinger.engr.sgi.com';
const TAMU = 'sc.tamu.edu/systems/cosmos/hardware.shtml';

function assumed(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'assumed', source };
}
function calibrated(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'calibrated', source };
}
function measured(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'measured', source };
}

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
    assumed(450, 'ns', 'dirty line of another node: three-party transfer over NUMAlink'),
    assumed(100, 'ns', `${TAMU}: 50 ns a router, there and back`),
  ],
  lineMemory: assumed(200, 'ns', 'local memory latency; not printed by anyone read'),
  // One figure for the machine: the unpatched rows at 8 threads. On the 512-CPU machine it is 180 ns: 0.36 us per thread
  // and fault from 8 to 128 threads with two acquisitions a fault (lore.kernel.org/r/Pine.LNX.4.62.0508171603240.19363@schroedinger.engr.sgi.com).
  contention: calibrated(100, 'ns/waiter', `${MAIL}: unpatched, 8 threads, both sizes together`),
  clear: {
    local: calibrated(613, 'ns/KiB', `${MAIL}: unpatched, 1 thread, 1 GB: 11.25 us CPU per 16 KiB page, less 1.45 us`),
    bus: calibrated(510, 'ns/KiB', `${MAIL}: two threads on one bus take 16.56 us CPU per page, the bus is full`),
    remote: calibrated(400, 'ns/KiB', `${MAIL}: 14.54 us at 4 GiB and 1 thread with half the pages on other nodes`),
  },
  wakeup: assumed(5000, 'ns', 'IPI, schedule, context switch'),
  start: [
    assumed(50_000, 'ns', 'clone and first schedule'),
    assumed(80_000_000, 'ns', 'SD_NODE_INIT min_interval of 80 ms: new threads wait for the balancer of another node'),
  ],
  work: {
    user_touch: measured(61, 'ns', `${PREZERO}: one touched 128-byte line`),
    instruction_restart: assumed(150, 'ns', 'rfi, TLB insert and refetch, accounted as user time'),
    page_fault_entry: assumed(200, 'ns', `half of trap plus lock of 0.7 us (${MAIL}, 1 thread, base against patched)`),
    page_fault_exit: assumed(100, 'ns', 'the other half, less the lock'),
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
    zap_pte: assumed(100, 'ns', 'flags, LRU removal'),
    free_pte_page: assumed(500, 'ns', 'per page of ptes'),
    do_mmap_pgoff: assumed(2000, 'ns', 'system call and vma'),
    do_fork: assumed(80_000, 'ns', 'task, stack, files'),
    copy_vma: assumed(400, 'ns', 'slab and lists'),
  },
};
