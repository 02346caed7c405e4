/** The knobs of a kernel: what of `Config` is set when it is built, by sysctl or by debugfs. */
import type { Geometry } from '../machine/profile.ts';
import type { Config } from './structs.ts';

/** Every kernel has them. */
export const commonKnobs = [
  'HIGHPTE',
  'PAGEVEC_SIZE',
  'FAIL_PAGE_ALLOC',
  'ra_pages',
] as const satisfies readonly (keyof Config)[];

/** Of some kernels only: those with the function that reads it. */
export type Knob = Extract<keyof Config, 'max_prealloc_order' | 'FAULT_AROUND_ORDER' | 'fault_around_bytes'>;

/** By the function that reads it: whoever replaces that replaces its knob. */
export type Knobs = Readonly<Record<string, Knob>>;

/** Those that set the window of fault-around. */
export const windowKnobs = ['FAULT_AROUND_ORDER', 'fault_around_bytes'] as const satisfies readonly Knob[];

/** The most that a knob takes: a window is a page of ptes, or the kernel does not build (BUILD_BUG_ON), or says EINVAL. */
export function largestOf({ pageBytes, ptrsPerPte }: Geometry): Readonly<Partial<Record<Knob, number>>> {
  return { FAULT_AROUND_ORDER: Math.log2(ptrsPerPte), fault_around_bytes: (ptrsPerPte + 1) * pageBytes - 1 };
}
