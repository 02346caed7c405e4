/**
 * Four sockets of Ivy Bridge-EX with 60 cores and 120 threads, the machine of the fault-around mail (2014-02-27). CPUs are
 * numbered socket by socket; a socket is a memory node.
 *
 * Three costs are calibrated, on the column without fault-around alone: `read.local` on the row of one process, `lineHome`
 * and `read.cached` on those of 8 to 60. That column says that all processes together get at most three million faults a
 * second, from 32 processes on, though each has an address space of its own: what they share are the struct pages of the
 * file. One struct page after another is not enough, they would pass it in a row and not be slower than one; so all lines
 * that go from socket to socket wait for the home node of the file's memory, and `lineHome` is how long each keeps it busy.
 * That is a figure for what is seen, not for what was looked up: it stands for snoops, directories and conflicts together.
 *
 * Left out: the clock, which falls from 3.41 GHz at 1 thread to 2.73 at 120 (counted in the mail); that two threads share a
 * core and its caches, which is why the row of 120 processes comes out too slow.
 */
import type { Cost, Profile } from '../machine/profile.ts';

const MAIL = 'lore.kernel.org/r/1393530827-25450-1-git-send-email-kirill.shutemov@linux.intel.com';
const FAULTS = 'plus.google.com/+LinusTorvalds/posts/YDKRFDwHwr6';

function assumed(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'assumed', source };
}
function calibrated(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'calibrated', source };
}
function measured(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'measured', source };
}

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
    assumed(100, 'ns', 'by way of QPI'),
    assumed(0, 'ns', 'each socket has a link to each other one'),
  ],
  lineHome: calibrated(150, 'ns', `${MAIL}: rows of 8 to 60 processes, without fault-around`),
  lineMemory: assumed(80, 'ns', 'memory of the own socket'),
  contention: assumed(20, 'ns/waiter', 'ticket spinlocks'),
  clear: {
    local: assumed(100, 'ns/KiB', 'about 10 GB/s of one core'),
    bus: assumed(25, 'ns/KiB', 'about 40 GB/s of a socket'),
    remote: assumed(50, 'ns/KiB', 'over QPI'),
  },
  read: {
    cached: calibrated(90, 'ns/KiB', `${MAIL}: rows of 8 to 60 processes, without fault-around`),
    local: calibrated(290, 'ns/KiB', `${MAIL}: 7.25 s for 4,194,304 pages of one process, less its faults`),
    remote: assumed(30, 'ns/KiB', 'over QPI, with prefetching'),
    bus: assumed(25, 'ns/KiB', 'about 40 GB/s of a socket'),
  },
  wakeup: assumed(3000, 'ns', 'IPI, schedule, context switch'),
  start: [assumed(20_000, 'ns', 'clone and first schedule'), assumed(50_000, 'ns', 'the same, on another socket')],
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
