/**
 * Two Opterons, a node each: x86-64 with page tables of four levels, as generic code has them since 2.6.11 (2.6.10 hides
 * the fourth). For the shape of its page tables; none of its costs is measured.
 */
import type { Cost, Profile } from '../machine/profile.ts';
import { altix_3700_8p } from './altix-3700-8p.ts';

const GUESS = 'a guess: nothing was measured on this machine';

const guess = (value: number, unit: Cost['unit']): Cost => ({ value, unit, status: 'assumed', source: GUESS });

export const x86_64_2p: Profile = {
  ...altix_3700_8p,
  name: 'x86-64-2p',
  title: '2 x Opteron, 4 KiB pages, page tables of four levels',
  cpus: 2,
  free: [],
  cpusPerNode: 1,
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
    cacheBytes: 2 ** 20,
    wordBits: 64,
    tlbEntries: 512,
  },
  layout: {
    text: 0x40_0000,
    data: 0x60_0000,
    libs: 0x2aaa_aaaa_b000,
    stackTop: 0x7fff_ffff_f000,
    source: 'TASK_SIZE of 47 bits, TASK_UNMAPPED_BASE of a third of it, and where ld puts programs',
  },
  memoryPerNode: guess(2048, 'MiB'),
  lineHit: guess(15, 'ns'),
  lineTransfer: [guess(100, 'ns'), guess(150, 'ns'), guess(50, 'ns')],
  lineMemory: guess(80, 'ns'),
  contention: guess(50, 'ns/waiter'),
  clear: { local: guess(400, 'ns/KiB'), bus: guess(300, 'ns/KiB'), remote: guess(100, 'ns/KiB') },
  work: {
    ...Object.fromEntries(
      Object.entries(altix_3700_8p.work).map(([name, { value, unit }]) => [name, guess(value, unit)]),
    ),
    table_line_miss: guess(80, 'ns'),
  },
};
