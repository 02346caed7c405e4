/**
 * Kernel text as it is written against its twins (src/workload/flat.ts), turn by turn in one process: what `npm run build` has
 * made of both.
 *
 *     npm run bench:flat
 */
import type * as Timed from '../src/drivers/timed/run.ts';
import type * as Catalog from '../src/scenario/catalog.ts';
import type * as Read from '../src/scenario/read.ts';
import type * as Seqread from '../src/scenario/seqread-result.ts';
import type * as Worlds from '../src/scenario/world.ts';
import type * as Flat from '../src/workload/flat.ts';
import { built } from '../test/support/built.ts';

const { flat } = await built<typeof Flat>('workload/flat');
const { catalog } = await built<typeof Catalog>('scenario/catalog');
const { parseScenario } = await built<typeof Read>('scenario/read');
const { seqreadRows } = await built<typeof Seqread>('scenario/seqread-result');
const { runTimed } = await built<typeof Timed>('drivers/timed/run');
const { asWritten, buildPftWorld, buildSeqreadWorld, pftRows } = await built<typeof Worlds>('scenario/world');

const ROUNDS = 5;

type Make = (text: Worlds.Text) => Worlds.World;

function seqread(gib: number, processes: number, order: number): Make {
  const lines = `seqread: { gib: ${gib}, processes: ${processes}, orders: ${order} }`;
  const scenario = read(`kernel: { base: v3.17 }\nmachine: { profile: ivybridge-ex-4s }\n${lines}`);
  const [row] = seqreadRows(scenario.seqread!);
  return (text) => buildSeqreadWorld(scenario, row, undefined, text);
}

function pft(gb: number, threads: number): Make {
  const machine = `machine: { profile: altix-3700-512p, cpus: ${threads} }`;
  const scenario = read(
    `kernel: { base: v2.6.10 }\n${machine}\npft: { gb: ${gb}, repetitions: 1, threads: ${threads} }`,
  );
  const [row] = pftRows(scenario);
  return (text) => buildPftWorld(scenario, row, undefined, text);
}

function read(rest: string) {
  return parseScenario(`about: bench\n${rest}\nexpect: { never: anything }\n`, 'bench.yaml', catalog());
}

/** CPU seconds. */
function seconds(make: Make, text: Worlds.Text): number {
  const world = make(text);
  const before = process.cpuUsage();
  runTimed(world.births, world);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function compare(name: string, make: Make): void {
  const rounds = Array.from({ length: ROUNDS }, () => [seconds(make, asWritten), seconds(make, flat)]);
  const ratios = rounds
    .slice(1) // the first one is V8's
    .map(([written, twins]) => twins / written)
    .sort((a, b) => a - b);
  const [least, most] = [ratios[0], ratios.at(-1)!].map((ratio) => ratio.toFixed(2));
  process.stdout.write(`${name.padEnd(44)}${least} to ${most}\n`);
}

process.stdout.write('time that twins take, of that of the text as written\n');
compare('sequential reads, 1 process, order 4', seqread(0.5, 1, 4));
compare('sequential reads, 8 processes, order 4', seqread(1 / 16, 8, 4));
compare('sequential reads, 120 processes, order 4', seqread(1 / 64, 120, 4));
compare('sequential reads, 120 processes, order 0', seqread(1 / 128, 120, 0));
compare('page fault test, 1 thread', pft(1, 1));
compare('page fault test, 64 threads on one lock', pft(2, 64));
