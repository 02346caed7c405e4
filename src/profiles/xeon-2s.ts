/**
 * A present-day server with two sockets of 32 cores, without SMT: queued spinlocks, threads that start on the idlest CPU. Its
 * exception costs are measured, on an older core; the rest is what such machines are said to do, and fitted to nothing.
 */
import type { Cost, Profile } from '../machine/profile.ts';
import { assumed, measured } from './costs.ts';
import { altix_3700_8p } from './altix-3700-8p.ts';
import { x86_64_2p } from './x86-64-2p.ts';

const LINUS = 'plus.google.com/+LinusTorvalds/posts/YDKRFDwHwr6, quoted in d.hatena.ne.jp/yohei-a/20160509/1462802641';

/** Short work is in proportion to the clock, and to how much is done in a cycle. */
const PATH = 0.2;

const work: Record<string, Cost> = Object.fromEntries(
  Object.entries(altix_3700_8p.work).map(([name, { value, unit }]) => [
    name,
    assumed(Math.max(1, Math.round(value * PATH)), unit, `${PATH} of what ${altix_3700_8p.name} takes`),
  ]),
);

export const xeon_2s: Profile = {
  ...x86_64_2p,
  name: 'xeon-2s',
  title: '2 sockets of 32 cores, 4 KiB pages, queued spinlocks',
  cpus: 64,
  cpusPerNode: 32,
  geometry: { ...x86_64_2p.geometry, cacheBytes: 48 * 2 ** 20, tlbEntries: 1536 },
  memoryPerNode: assumed(128 * 1024, 'MiB', 'eight channels with a module of 16 GiB each'),
  lineHit: assumed(6, 'ns', 'locked instruction on an owned line, about 20 cycles at 3 GHz'),
  lineTransfer: [
    assumed(50, 'ns', 'core to core on one mesh'),
    assumed(120, 'ns', 'core to core over the link of the sockets'),
    assumed(0, 'ns', 'there are two nodes'),
  ],
  lineMemory: assumed(90, 'ns', 'local memory latency'),
  contention: assumed(0, 'ns/waiter', 'see spinlocks'),
  spinlocks: { kind: 'queued', busy: assumed(0.15, 'share', 'as on the Altix; queued locks do not use it') },
  clear: {
    local: assumed(85, 'ns/KiB', 'a core writes 12 GB/s'),
    bus: assumed(7, 'ns/KiB', 'a socket writes 150 GB/s'),
    remote: assumed(40, 'ns/KiB', 'over the link of the sockets'),
  },
  wakeup: assumed(2000, 'ns', 'IPI, schedule, context switch'),
  start: [assumed(15_000, 'ns', 'clone and first schedule'), assumed(15_000, 'ns', 'the same: threads start there')],
  scheduler: {
    placement: 'fork',
    slice: assumed(3, 'ms', 'sysctl_sched_base_slice'),
    hot: assumed(0.5, 'ms', 'sysctl_sched_migration_cost'),
    near: assumed(1, 'ms', 'CPUs that become idle look at once; a tick here'),
    far: [assumed(4, 'ms', 'balance_interval in ticks'), assumed(64, 'ms', 'balance_interval doubled')],
    nodesPerDomain: 2,
  },
  free: [],
  work: {
    ...work,
    page_fault_entry: measured(238, 'ns', `${LINUS}: 715 cycles on Haswell, taken at 3 GHz`),
    instruction_restart: measured(110, 'ns', `${LINUS}: 330 cycles of iret, taken at 3 GHz`),
    table_line_miss: assumed(90, 'ns', 'as lineMemory'),
  },
};
