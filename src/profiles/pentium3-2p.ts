/**
 * Two Pentium III at 500 MHz on one front-side bus, the i386 machine of the prefault V2 mail (2004-12-13).
 *
 * Two costs are calibrated on the two unpatched rows of that mail; the rest is assumed. Pages are of 4 KiB here; whether
 * the test touched every one of them (its stride is 16384 bytes in the source that is known) is not certain.
 */
import type { Cost, Profile } from '../machine/profile.ts';
import { altix_3700_8p } from './altix-3700-8p.ts';

const MAIL = 'lore.kernel.org/r/Pine.LNX.4.58.0412131730410.817@schroedinger.engr.sgi.com';

function assumed(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'assumed', source };
}
function calibrated(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'calibrated', source };
}

/**
 * Prefaulting saves 0.2 us a page here and 0.65 us on the Altix (one thread, both tables of the mail): the trap and the
 * path are shorter by about as much, at a clock that is slower by 2.6.
 */
const PATH = 0.4;

const work = Object.fromEntries(
  Object.entries(altix_3700_8p.work).map(([name, { value, unit }]) => [
    name,
    assumed(Math.round(value * PATH), unit, `${PATH} of what ${altix_3700_8p.name} takes`),
  ]),
);

export const pentium3_2p: Profile = {
  name: 'pentium3-2p',
  title: '2 x Pentium III at 500 MHz, 4 KiB pages',
  cpus: 2,
  cpusPerNode: 2,
  geometry: {
    pageShift: 12,
    pageBytes: 4096,
    ptrsPerPte: 1024,
    ptrsPerPmd: 1,
    ptrsPerPud: 1,
    ptrsPerPgd: 1024,
    userPtrsPerPgd: 768,
    pteBytes: 4,
    pmdEntryBytes: 4,
    pgdEntryBytes: 4,
    lineBytes: 32,
    cacheBytes: 512 * 2 ** 10,
    wordBits: 32,
    tlbEntries: 64,
  },
  layout: {
    text: 0x0804_8000,
    data: 0x080d_0000,
    libs: 0x4000_0000,
    stackTop: 0xc000_0000,
    source: 'TASK_SIZE of 3 GiB, TASK_UNMAPPED_BASE of a third of it, and where ld puts programs',
  },
  memoryPerNode: assumed(512, 'MiB', 'the test needs 256 MiB, and does not swap'),
  lineHit: assumed(40, 'ns', 'locked instruction on an owned line, about 20 cycles'),
  lineTransfer: [
    assumed(300, 'ns', 'modified line over a front-side bus of 100 MHz, by way of memory'),
    assumed(300, 'ns', 'there is one node'),
    assumed(0, 'ns', 'there is one node'),
  ],
  lineMemory: assumed(200, 'ns', 'SDRAM at 100 MHz'),
  contention: assumed(100, 'ns/waiter', 'as on the Altix; there is one waiter at most'),
  clear: {
    local: calibrated(1790, 'ns/KiB', `${MAIL}: unpatched, 1 thread: 8.08 us CPU a page, less the path`),
    bus: calibrated(1580, 'ns/KiB', `${MAIL}: unpatched, 2 threads: 12.5 us CPU a page`),
    remote: assumed(0, 'ns/KiB', 'there is one node'),
  },
  wakeup: assumed(10_000, 'ns', 'IPI, schedule, context switch'),
  start: [assumed(100_000, 'ns', 'clone and first schedule'), assumed(100_000, 'ns', 'there is one node')],
  work: { ...work, table_line_miss: assumed(200, 'ns', 'as lineMemory') },
};

/** The same with CONFIG_X86_PAE: three levels, entries of 8 bytes. */
export const pentium3_pae_2p: Profile = {
  ...pentium3_2p,
  name: 'pentium3-pae-2p',
  title: '2 x Pentium III at 500 MHz, 4 KiB pages, PAE',
  geometry: {
    ...pentium3_2p.geometry,
    ptrsPerPte: 512,
    ptrsPerPmd: 512,
    ptrsPerPgd: 4,
    userPtrsPerPgd: 3,
    pteBytes: 8,
    pmdEntryBytes: 8,
    pgdEntryBytes: 8,
  },
};
