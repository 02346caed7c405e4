/** The C twin: compile it, tell it the costs and sizes of a point, read what it measured. */
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { workPrices } from '../src/drivers/timed/hardware.ts';
import { type Cost, type Profile, TICKS_PER_NS } from '../src/machine/profile.ts';
import { allWork } from '../src/machine/work.ts';
import { bootFor, machineOf, pagesPerThread, type Point } from './machine.ts';
import type { Sample } from './outcome.ts';

/** Compile to `folder`; null if there is no C compiler. */
export function compileTwin(source: string, folder: string): string | null {
  const program = path.join(folder, 'twin');
  const { error, status, stderr } = spawnSync('cc', [
    '-O2',
    '-std=c11',
    '-D_POSIX_C_SOURCE=200809L',
    source,
    '-o',
    program,
  ]);
  if (error !== undefined) return null;
  if (status !== 0) throw new Error(`the C twin does not compile:\n${stderr.toString()}`);
  return program;
}

/** Run a point `runs` times in one process. */
export function runTwin(program: string, point: Point, runs: number): Sample[] {
  const input = settings(point, runs)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');
  const output = execFileSync(program, { input, encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample);
}

function ticks(cost: Cost): number {
  return Math.round(cost.value * TICKS_PER_NS);
}

function settings(point: Point, runs: number): [string, number][] {
  return [...sizes(point, runs), ...costs(point)];
}

function sizes(point: Point, runs: number): [string, number][] {
  const { geometry } = machineOf(point);
  const system = bootFor(point);
  return [
    ['runs', runs],
    ['faultsOnly', point.form === 'pft' ? 0 : 1],
    ['cpus', point.cpus],
    ['cpusPerNode', machineOf(point).cpusPerNode],
    ['threads', point.cpus],
    ['repetitions', point.repetitions],
    ['pagesPerThread', pagesPerThread(point)],
    ['pteShift', Math.log2(geometry.ptrsPerPte)],
    ['pmdShift', Math.log2(geometry.ptrsPerPmd)],
    ['pgdEntries', geometry.ptrsPerPgd],
    ['pteLineShift', Math.log2(geometry.lineBytes / 8)],
    ['firstVpn', system.mmap_base / geometry.pageBytes],
    ['pcpLow', system.pcp.low],
    ['pcpHigh', system.pcp.high],
    ['pcpBatch', system.pcp.batch],
    ['pagevecSize', system.config.PAGEVEC_SIZE],
    ['gatherSize', system.FREE_PTE_NR],
    ['pagesPerNode', Math.floor((machineOf(point).memoryPerNode.value * 2 ** 20) / geometry.pageBytes)],
  ];
}

function costs(point: Point): [string, number][] {
  const profile = machineOf(point);
  const [sameBus, otherNode, furtherHop] = profile.lineTransfer;
  const prices = workPrices(profile);
  return [
    ['lineHit', ticks(profile.lineHit)],
    ['lineMemory', ticks(profile.lineMemory)],
    ['contention', ticks(profile.contention)],
    ['wakeup', ticks(profile.wakeup)],
    ['startSame', ticks(profile.start[0])],
    ['startOther', ticks(profile.start[1])],
    ['transferSame', ticks(sameBus)],
    ['transferOther', ticks(otherNode)],
    ['transferHop', ticks(furtherHop)],
    ...clearing(profile),
    ...allWork().map(({ name }, id): [string, number] => [`work.${name}`, prices[id]]),
  ];
}

/** Zeroing a page, of the CPU's node and of another one, and how long that keeps the bus busy. */
function clearing({ clear, geometry }: Profile): [string, number][] {
  const kib = geometry.pageBytes / 1024;
  const local = kib * ticks(clear.local);
  const remote = kib * (ticks(clear.local) + ticks(clear.remote));
  const share = clear.bus.value / clear.local.value;
  return [
    ['clearLocal', local],
    ['clearRemote', remote],
    ['busLocal', Math.round(local * share)],
    ['busRemote', Math.round(remote * share)],
  ];
}
