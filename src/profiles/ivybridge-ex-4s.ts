/**
 * Four sockets of Ivy Bridge-EX with 60 cores and 120 threads, the machine of the fault-around mail (2014-02-27). CPUs are
 * numbered socket by socket, and on each first one thread of each core, then the other; a socket is a memory node.
 *
 * Three costs are calibrated, on the column without fault-around alone, which is of threads of one process (usemem -t): at
 * each fault they take and drop one mmap_sem, and write to one mmap_cache (3.14 has no vmacache yet). Those two lines are what
 * limits them, the first one from some 30 threads on. What a line takes from socket to socket comes out as Intel has measured
 * a line of remote memory on the machine before this one.
 *
 * `work.zap_pte` is assumed: 20 ns, with the atomic operations beside it some 30 ns for a page. The mail has a check: perf has
 * counted cycles for 2.79 GHz of each of 60 threads, for 2.73 of each of 120 and for 3.41 of one. If the cores run at 3.1 GHz
 * when all are in use, 10 to 12 % of the time is spent by one of them alone.
 *
 * Left out: the clock itself, which falls as cores wake, so that computing on many cores is up to a tenth too fast; that a
 * thread in the kernel slows the other one of its core; unfairness between the sockets.
 */
import type { Profile } from '../machine/profile.ts';
import { assumed, calibrated, measured } from './costs.ts';

const MAIL = 'lore.kernel.org/r/1393530827-25450-1-git-send-email-kirill.shutemov@linux.intel.com';
const INTEL =
  'software.intel.com/en-us/blogs/2014/01/28/memory-latencies-on-intel-xeon-processor-e5-4600-and-e7-4800-product-families';
/** All free costs at once. */
const FIT = `faultline calibrate history/002-seqread-base --scale 2048 --evaluations 16: the column Baseline of ${MAIL}`;
const FAULTS = 'plus.google.com/+LinusTorvalds/posts/YDKRFDwHwr6';

export const ivybridge_ex_4s: Profile = {
  name: 'ivybridge-ex-4s',
  title: '4 x Ivy Bridge-EX, 60 cores, 120 threads, 4 KiB pages',
  cpus: 120,
  cpusPerNode: 30,
  geometry: {
    pageShift: 12,
    pageBytes: 4096,
    ptrsPerPte: 512,
    ptrsPerPmd: 512,
    ptrsPerPud: 512,
    ptrsPerPgd: 512,
    userPtrsPerPgd: 256,
    pteBytes: 8,
    pmdEntryBytes: 8,
    pgdEntryBytes: 8,
    lineBytes: 64,
    cacheBytes: 30 * 2 ** 20, // L3 of a socket, assumed: 30 to 37.5 MB
    wordBits: 64,
    tlbEntries: 512,
  },
  layout: {
    text: 0x40_0000,
    data: 0x60_0000,
    libs: 0x7fff_f000_0000,
    stackTop: 0x7fff_ffff_f000,
    source: 'where ld puts programs, and libraries below the stack',
  },
  memoryPerNode: measured(32 * 1024, 'MiB', `${MAIL}: 128 GiB of RAM, four sockets`),
  lineHit: assumed(6, 'ns', 'a locked instruction on a line of its own: about 20 cycles at 3.41 GHz'),
  lineTransfer: [
    assumed(40, 'ns', 'by way of the L3 of the socket'),
    calibrated(202, 'ns', `${FIT}; ${INTEL} measures 194 to 202 ns on Xeon E7-4800`),
    assumed(0, 'ns', 'each socket has a link to each other one'),
  ],
  cores: {
    pace: assumed(
      0.62,
      'share',
      'two threads together do a quarter more than one: Hyper-Threading, as Intel says, up to 30 %',
    ),
    second: calibrated(0.771, 'share', FIT),
  },
  lineOrder: 'any',
  lineMemory: assumed(80, 'ns', 'memory of the own socket'),
  contention: assumed(20, 'ns/waiter', 'ticket spinlocks'),
  clear: {
    local: assumed(100, 'ns/KiB', 'about 10 GB/s of one core'),
    bus: assumed(25, 'ns/KiB', 'about 40 GB/s of a socket'),
    remote: assumed(50, 'ns/KiB', 'over QPI'),
  },
  read: {
    loop: calibrated(324, 'ns/KiB', FIT),
    local: assumed(100, 'ns/KiB', 'about 10 GB/s of one core, with prefetching'),
    remote: assumed(50, 'ns/KiB', 'over QPI, with prefetching'),
    bus: assumed(25, 'ns/KiB', 'about 40 GB/s of a socket'),
  },
  wakeup: assumed(3000, 'ns', 'IPI, schedule, context switch'),
  start: [assumed(20_000, 'ns', 'clone and first schedule'), assumed(50_000, 'ns', 'the same, on another socket')],
  free: [
    { path: 'read.loop', min: 100, max: 450 },
    { path: 'lineTransfer.1', min: 80, max: 500 },
    { path: 'cores.second', min: 0.05, max: 1 },
  ],
  work: {
    user_touch: assumed(1, 'ns', 'one load'),
    instruction_restart: assumed(10, 'ns', 'refetch'),
    page_fault_entry: measured(210, 'ns', `${FAULTS}: about 715 cycles for the exception on Haswell, at 3.41 GHz`),
    page_fault_exit: measured(97, 'ns', `${FAULTS}: 330 cycles for iret, at 3.41 GHz`),
    find_vma: assumed(10, 'ns', 'mmap_cache hit'),
    handle_mm_fault: assumed(20, 'ns', 'statistics, dispatch'),
    table_line_miss: assumed(80, 'ns', 'as lineMemory'),
    page_table_walk: assumed(8, 'ns', 'four cached levels'),
    radix_tree_lookup: assumed(15, 'ns', 'three or four cached levels'),
    pmd_alloc_one: assumed(500, 'ns', 'a zeroed page'),
    pte_alloc_one: assumed(500, 'ns', 'a zeroed page'),
    anon_vma_alloc: assumed(100, 'ns', 'slab'),
    buffered_rmqueue: assumed(30, 'ns', 'interrupts off, per-CPU list'),
    __rmqueue: assumed(30, 'ns', 'per page of a batch'),
    free_hot_page: assumed(20, 'ns', 'per-CPU list'),
    __free_pages_bulk: assumed(40, 'ns', 'per page of a batch, with buddy merging'),
    pagevec_add: assumed(8, 'ns', 'per-CPU pagevec'),
    add_page_to_active_list: assumed(20, 'ns', 'per page'),
    set_anon_pte: assumed(15, 'ns', 'pte construction, page flags'),
    set_file_pte: assumed(15, 'ns', 'pte construction'),
    zap_pte: assumed(20, 'ns', 'flags, statistics'),
    free_pte_page: assumed(150, 'ns', 'per page of ptes'),
    do_mmap_pgoff: assumed(1000, 'ns', 'system call and vma'),
    do_fork: assumed(40_000, 'ns', 'task, stack, files'),
    copy_vma: assumed(150, 'ns', 'slab and lists'),
  },
};
