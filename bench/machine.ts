/** The machine and the load of the bench: the Altix with as many CPUs as a point asks for, one thread on each. */
import { buildKernel } from '../src/kernel/index.ts';
import type { System } from '../src/kernel/structs.ts';
import { boot } from '../src/kernel/system.ts';
import type { Cost, Profile } from '../src/machine/profile.ts';
import { altix_3700_8p } from '../src/profiles/altix-3700-8p.ts';

/** One point of a table: what runs on how many CPUs. Plain data, it is sent to worker processes. */
export interface Point {
  /** `pft` or the name of a form. */
  readonly form: string;
  readonly cpus: number;
  /** Faults of all threads in one repetition; a multiple of `cpus`. */
  readonly faults: number;
  readonly repetitions: number;
}

/**
 * More CPUs at the same costs. Every node has room for all pages, so that no allocation goes to another node; threads
 * start without waiting for a balancer, so that they are there at the same time and fight.
 */
export function machineOf(point: Point): Profile {
  const { spinlocks: _, scheduler: __, ...base } = altix_3700_8p; // the twin has neither
  const mib = Math.ceil((point.faults * base.geometry.pageBytes) / 2 ** 20) + 64;
  return {
    ...base,
    cpus: point.cpus,
    // Lists of pages are kept per CPU and node: with thousands of CPUs two to a node they would be all there is.
    cpusPerNode: Math.max(base.cpusPerNode, point.cpus / 256),
    memoryPerNode: withValue(base.memoryPerNode, mib),
    start: [base.start[0], base.start[0]],
  };
}

function withValue(cost: Cost, value: number): Cost {
  return { ...cost, value };
}

export function bootFor(point: Point): System {
  return boot({ profile: machineOf(point), cpus: point.cpus, kernel: buildKernel('v2.6.10', [], []) });
}

export function pagesPerThread(point: Point): number {
  return point.faults / point.cpus;
}
