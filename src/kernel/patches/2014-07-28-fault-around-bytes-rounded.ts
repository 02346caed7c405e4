/**
 * "[PATCH] mm: debugfs: move rounddown_pow_of_two() out from do_fault path", Andrey Ryabinin, linux-mm, 2014-07-28, on
 * 3.16-rc.
 *
 * Claim: the knob is rounded when it is set, and is a page at least; 0 works then.
 * Replaces: do_read_fault, do_fault_around, as in 3.17; all else is as merged.
 */
import type { Change3_17 } from '../change.ts';
import { v3_17 } from '../v3.17/memory.ts';
import { mapPagesMerged } from './2014-04-07-map-pages-merged.ts';

export const faultAroundBytesRounded: Change3_17 = {
  name: 'fault-around-bytes-rounded',
  base: 'v3.14',
  on: ['v3.14', 'map-pages-merged', 'fault-around-bytes'],
  about: 'fault-around-nonlinear, and the window in bytes is rounded when it is set, and is a page at least',
  mail: {
    date: '2014-07-28',
    subject: '[PATCH] mm: debugfs: move rounddown_pow_of_two() out from do_fault path',
    author: 'Andrey Ryabinin',
    url: 'https://lore.kernel.org/r/53D62599.6000605@samsung.com',
    claim: 'fault_around_bytes may be 0',
  },
  replaces: {
    ...mapPagesMerged.replaces,
    do_read_fault: v3_17.do_read_fault,
    do_fault_around: v3_17.do_fault_around,
  },
  knobs: { do_fault_around: 'fault_around_bytes' },
};
