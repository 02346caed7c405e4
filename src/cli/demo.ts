/** `faultline demo`: the main job in one go, a table and a race. */
import { EXIT } from './exit.ts';
import { explore } from './explore.ts';
import type { Io } from './io.ts';
import type { CommonOptions } from './options.ts';
import { run } from './run.ts';

type Part = (io: Io, options: CommonOptions) => Promise<number>;

const search =
  (scenario: string): Part =>
  (io, options) =>
    explore(io, scenario, { ...options, strategy: 'portfolio', check: true });

const PARTS: readonly (readonly [question: string, answer: Part])[] = [
  [
    'Does it scale? The page fault test of 2004 on the unpatched kernel',
    (io, options) => run(io, 'scaling/pft-altix-1g', options),
  ],
  ['Is this locking right? Two threads fault one anonymous page', search('races/anon-fault+anon-fault')],
  ['And without the second look at the pte?', search('races/anon-fault+anon-fault-no-recheck')],
];

/** As a table each result has a heading; as JSON they are one object, as NDJSON their lines. */
export async function demo(io: Io, options: CommonOptions): Promise<number> {
  const codes: number[] = [];
  const results: object[] = [];
  for (const [i, [question, answer]] of PARTS.entries()) {
    if (options.format === 'table') io.out(io.colors.bold(`${i === 0 ? '' : '\n'}${i + 1}. ${question}\n`));
    let json = '';
    const kept = options.format === 'json' ? { ...io, out: (text: string) => void (json += text) } : io;
    codes.push(await answer(kept, options));
    if (options.format === 'json') results.push({ question, result: JSON.parse(json) as unknown });
  }
  if (options.format === 'json') {
    io.out(`${JSON.stringify({ schema: 'faultline.demo/1', results }, null, 2)}\n`);
  }
  return codes.every((code) => code === EXIT.ok) ? EXIT.ok : EXIT.finding;
}
