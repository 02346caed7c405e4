/**
 * Two Pentium III at 500 MHz on one front-side bus, the i386 machine of the prefault V2 mail (2004-12-13).
 *
 * Three costs are calibrated on the two unpatched rows of that mail; the rest is assumed. Pages are of 4 KiB here; whether
 * the test touched every one of them (its stride is 16384 bytes in the source that is known) is not certain.
 */
import type { Profile } from '../machine/profile.ts';
import { altix_3700_8p } from './altix-3700-8p.ts';
import { assumed, calibrated } from './costs.ts';

const MAIL = 'lore.kernel.org/r/Pine.LNX.4.58.0412131730410.817@schroedinger.engr.sgi.com';

/** All free costs at once. */
const FIT = `faultline calibrate history/003-prefault-i386-unpatched: the unpatched i386 rows of ${MAIL}`;

/** User time a page in the unpatched rows of the mail: 0.10 us here, 0.24 us on the Altix. */
const PATH = 0.42;

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
  contention: altix_3700_8p.contention,
  clear: {
    local: calibrated(1312, 'ns/KiB', FIT),
    bus: calibrated(1316, 'ns/KiB', FIT),
    remote: assumed(0, 'ns/KiB', 'there is one node'),
  },
  spinlocks: { kind: 'test-and-set', busy: assumed(0.05, 'share', 'there is one waiter at most') },
  scheduler: { ...altix_3700_8p.scheduler!, near: assumed(4, 'ms', 'max_interval of SD_CPU_INIT') },
  wakeup: assumed(10_000, 'ns', 'IPI, schedule, context switch'),
  start: [assumed(100_000, 'ns', 'clone and first schedule'), assumed(100_000, 'ns', 'there is one node')],
  work: {
    ...work,
    table_line_miss: assumed(200, 'ns', 'as lineMemory'),
    zap_pte: calibrated(1728, 'ns', FIT),
  },
  free: [
    { path: 'clear.local', min: 500, max: 3000 },
    { path: 'clear.bus', min: 300, max: 3000 },
    { path: 'work.zap_pte', min: 10, max: 5000 },
  ],
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
