/** `faultline demo`: the main job in one go, a table and a race. */
import { EXIT } from './exit.ts';
import { explore } from './explore.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { run } from './run.ts';

export async function demo(io: Io, options: CommonOptions): Promise<number> {
  io.out(io.colors.bold('1. Does it scale? The page fault test of 2004 on the unpatched kernel\n'));
  const table = await run(io, 'scaling/pft-altix-1g', options);
  const search = { ...options, strategy: 'portfolio', check: true } as const;
  io.out(io.colors.bold('\n2. Is this locking right? Two threads fault one anonymous page\n'));
  const right = await explore(io, 'races/anon-fault+anon-fault', search);
  io.out(io.colors.bold('\n3. And without the second look at the pte?\n'));
  const wrong = await explore(io, 'races/anon-fault+anon-fault-no-recheck', search);
  return [table, right, wrong].every((code) => code === EXIT.ok) ? EXIT.ok : EXIT.finding;
}
