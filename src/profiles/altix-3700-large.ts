/**
 * Larger Altix machines: the 8-CPU one with more of the same nodes. What a mail says of one of them stands here; all else
 * is what the small one has, further apart.
 */
import type { Profile } from '../machine/profile.ts';
import { altix_3700_8p } from './altix-3700-8p.ts';
import { assumed, calibrated } from './costs.ts';

/** 2.6.13-rc, 16 GB, 1 to 128 threads. */
const AUGUST = 'lore.kernel.org/r/Pine.LNX.4.62.0508171603240.19363@schroedinger.engr.sgi.com';
const FIT = `faultline calibrate scaling/pft-altix-512p --scale 128: the unpatched rows of ${AUGUST}`;

export const altix_3700_32p: Profile = {
  ...altix_3700_8p,
  name: 'altix-3700-32p',
  title: 'SGI Altix 3700, 32 x Itanium 2, 16 KiB pages',
  cpus: 32,
};

export const altix_3700_512p: Profile = {
  ...altix_3700_8p,
  name: 'altix-3700-512p',
  title: 'SGI Altix 3700, 512 x Itanium 2, 16 KiB pages',
  cpus: 512,
  memoryPerNode: assumed(
    20480,
    'MiB',
    `${AUGUST}: CPU time a page is the same for 1, 2 and 4 threads, so nothing spills`,
  ),
  spinlocks: { kind: 'test-and-set', busy: calibrated(0.148, 'share', FIT) },
  lineTransfer: [
    altix_3700_8p.lineTransfer[0],
    calibrated(375, 'ns', FIT),
    assumed(100, 'ns', `${altix_3700_8p.lineTransfer[2].source}; no row tells it from lineTransfer.1`),
  ],
  clear: { ...altix_3700_8p.clear, local: calibrated(985, 'ns/KiB', FIT), bus: calibrated(806, 'ns/KiB', FIT) },
  scheduler: {
    ...altix_3700_8p.scheduler!,
    placement: 'fork', // sched_balance_self of 2.6.12
  },
  work: altix_3700_8p.work,
  free: [
    { path: 'clear.local', min: 300, max: 2000 },
    { path: 'lineTransfer.1', min: 100, max: 2000 },
    { path: 'spinlocks.busy', min: 0.005, max: 1 },
  ],
};
