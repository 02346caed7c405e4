import fc from 'fast-check';
import { boundedStrategy } from '../src/drivers/controlled/bounded.ts';
import { DporStrategy } from '../src/drivers/controlled/dpor.ts';
import { differences, survey } from './support/classes.ts';
import { randomThreads, smallProgram } from './support/small-programs.ts';
const N = Number(process.argv[2] ?? 500), MUL = Number(process.argv[3] ?? 5000), CAP = Number(process.argv[4] ?? 2000);
let n = 0, inter = 0, red = 0, cls = 0, cut = 0, skips = 0;
const t = Date.now();
const r = fc.check(fc.property(randomThreads(MUL), (threads) => {
  const all = survey(smallProgram(threads), boundedStrategy(Infinity), CAP);
  if (all === null) skips++;
  fc.pre(all !== null);
  n++; inter += all!.runs;
  const dpor = survey(smallProgram(threads), new DporStrategy(), all!.runs);
  if (dpor === null) throw new Error('more runs than interleavings');
  cls += dpor.classes.size; cut += dpor.cutShort.size; red += dpor.runs - dpor.classes.size - dpor.cutShort.size;
  const d = differences(all!, dpor);
  if (d.length) throw new Error(d.slice(0,3).join('\n---\n'));
}), { numRuns: N, maxSkipsPerRun: 10000, seed: process.argv[5] ? Number(process.argv[5]) : Math.random()*1e9|0 });
if (r.failed) { console.log(JSON.stringify(r.counterexample), r.numRuns, (r as any).errorInstance?.stack?.slice(0, 1500)); }
console.log({ n, inter, cls, cut, red, skips, ms: Date.now() - t });
