/** Every base, and every patch on its base with those that it needs: what holds of all kernels is held to all of them. */
import { bases, patches } from '../../src/kernel/index.ts';

export interface Kernel {
  readonly base: string;
  readonly patches: readonly string[];
}

/** What a patch goes on top of, besides its base. */
const NEEDS: Readonly<Record<string, readonly string[]>> = { 'anon-prefault-cmpxchg': ['page-fault-scalability'] };

export const kernels: readonly Kernel[] = [
  ...bases.map(({ name }) => ({ base: name, patches: [] })),
  ...patches.map(({ name, base }) => ({ base, patches: [...(NEEDS[name] ?? []), name] })),
];

export function kernelTitle({ base, patches: names }: Kernel): string {
  return [base, ...names].join(' + ');
}
