/**
 * Two UltraSPARC III, an example of a machine whose TLB the kernel loads: update_mmu_cache does it (kernel-facts of
 * 2.6.9: include/asm-sparc64/pgtable.h). For races and for the shape of page tables; none of its costs is measured.
 */
import type { Cost, Profile } from '../machine/profile.ts';
import { altix_3700_8p } from './altix-3700-8p.ts';

const GUESS = 'a guess: nothing was measured on this machine';

const guess = (value: number, unit: Cost['unit']): Cost => ({ value, unit, status: 'assumed', source: GUESS });

export const sparc64_2p: Profile = {
  ...altix_3700_8p,
  name: 'sparc64-2p',
  title: '2 x UltraSPARC III, 8 KiB pages, a TLB that the kernel loads',
  cpus: 2,
  free: [],
  geometry: {
    pageShift: 13,
    pageBytes: 8192,
    ptrsPerPte: 1024,
    ptrsPerPmd: 2048,
    ptrsPerPud: 1,
    ptrsPerPgd: 1023,
    userPtrsPerPgd: 1023,
    pteBytes: 8,
    pmdEntryBytes: 4,
    pgdEntryBytes: 4, // include/asm-sparc64/page.h; UNVERIFIED for 2.6.10
    lineBytes: 64,
    cacheBytes: 8 * 2 ** 20,
    wordBits: 64,
    tlbEntries: 512,
    softwareTlb: true,
  },
  layout: {
    text: 0x10_0000,
    data: 0x20_0000,
    libs: 0x801_0000_0000,
    stackTop: 0x7ff_0000_0000,
    source:
      'assumed, after /proc/self/maps of later kernels: libraries above the hole, at the bottom of its upper part',
  },
  memoryPerNode: guess(2048, 'MiB'),
  lineHit: guess(20, 'ns'),
  lineTransfer: [guess(300, 'ns'), guess(300, 'ns'), guess(0, 'ns')],
  lineMemory: guess(250, 'ns'),
  contention: guess(100, 'ns/waiter'),
  clear: { local: guess(700, 'ns/KiB'), bus: guess(500, 'ns/KiB'), remote: guess(0, 'ns/KiB') },
  work: {
    ...Object.fromEntries(
      Object.entries(altix_3700_8p.work).map(([name, { value, unit }]) => [name, guess(value, unit)]),
    ),
    table_line_miss: guess(250, 'ns'),
  },
};

/** The same for a task of 32 bits: a quarter of the pmd table, and one of them. */
export const sparc64_32bit_2p: Profile = {
  ...sparc64_2p,
  name: 'sparc64-32bit-2p',
  title: '2 x UltraSPARC III, tasks of 32 bits',
  layout: {
    text: 0x1_0000,
    data: 0xb_0000,
    libs: 0x7000_0000,
    stackTop: 0xf000_0000,
    source: 'TASK_UNMAPPED_BASE and STACK_TOP32; assumed',
  },
  geometry: { ...sparc64_2p.geometry, ptrsPerPmd: 512, ptrsPerPgd: 1, userPtrsPerPgd: 1 },
};
