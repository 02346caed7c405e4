/**
 * `npm run bench`: nanoseconds per simulated fault against a C twin of the model, the forms kernel text could have,
 * memory. All figures are CPU time; trust the ratios, which come from the same minutes of the same machine.
 *
 *   --quick   a few seconds, for tests: figures are noise, the comparison of results is not
 *   --json    the figures as JSON
 *
 * Ends with 1 if a run and its twin (or two forms) do not end at the same tick.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compileTo, temporaryFolder } from './build.ts';
import { forms } from './forms/index.ts';
import type { Point } from './machine.ts';
import { difference, type Sample } from './outcome.ts';
import { Runner } from './runner.ts';
import { environment, median } from './summary.ts';
import { formatTable, type Row } from './table.ts';
import { compileTwin } from './twin.ts';

interface Size {
  readonly faults: number;
  readonly warmups: number;
  readonly rounds: number;
  readonly cpus: readonly number[];
  readonly formFaults: number;
  readonly formRounds: number;
  readonly formCpus: readonly number[];
}

const FULL: Size = {
  faults: 2 ** 17,
  warmups: 2,
  rounds: 5,
  cpus: [1, 8, 64, 512],
  formFaults: 2 ** 16,
  formRounds: 3,
  formCpus: [1, 16, 256, 4096],
};
const QUICK: Size = {
  faults: 2 ** 12,
  warmups: 0,
  rounds: 1,
  cpus: [1, 8, 64, 512],
  formFaults: 2 ** 11,
  formRounds: 1,
  formCpus: [1, 16],
};

const MAX_RATIO = 8;
const MAX_GROWTH = 2;
const MAX_MEMORY_GROWTH = 1.25;

/** One measured point. */
interface Figure {
  readonly form: string;
  readonly cpus: number;
  readonly ns: number;
  readonly stepsPerFault: number;
  /** The C twin in the same rounds; null without a compiler. */
  readonly twinNs: number | null;
  /** What differs from the twin, or from the first form. */
  readonly differs: string | null;
}

interface Aim {
  readonly text: string;
  /** Null: cannot be said here. */
  readonly holds: boolean | null;
}

function nsPerFault(samples: readonly Sample[], point: Point): number {
  return (median(samples.map((sample) => sample.seconds)) * 1e9) / (point.faults * point.repetitions);
}

/** Measure points; each must end like its twin, or without one like the first point with as many CPUs. */
async function figures(runner: Runner, points: readonly Point[], warmups: number, rounds: number): Promise<Figure[]> {
  const all = await runner.alternate(points, warmups, rounds);
  return points.map((point, i) => {
    const { form, twin } = all[i];
    const first = all[points.findIndex(({ cpus }) => cpus === point.cpus)].form[0];
    return {
      form: point.form,
      cpus: point.cpus,
      ns: nsPerFault(form, point),
      stepsPerFault: form[0].steps / point.faults,
      twinNs: twin.length === 0 ? null : nsPerFault(twin, point),
      differs: difference(form[0], twin.at(0) ?? first),
    };
  });
}

/** All numbers of CPUs in the same rounds, so that growth is a ratio too. */
async function pftFigures(runner: Runner, size: Size): Promise<Figure[]> {
  const points = size.cpus.map((cpus): Point => ({ form: 'pft', cpus, faults: size.faults, repetitions: 1 }));
  return figures(runner, points, size.warmups, size.rounds);
}

async function formFigures(runner: Runner, size: Size): Promise<Figure[]> {
  const all: Figure[] = [];
  for (const cpus of size.formCpus) {
    const points = Object.keys(forms).map((form): Point => ({ form, cpus, faults: size.formFaults, repetitions: 1 }));
    all.push(...(await figures(runner, points, size.warmups, size.formRounds)));
  }
  return all;
}

/** Resident MiB at one repetition and at ten. */
async function memoryFigures(runner: Runner, size: Size): Promise<[number, number]> {
  const point: Point = { form: 'pft', cpus: 8, faults: size.faults, repetitions: 1 };
  const once = await runner.residentAfter(point);
  const tenTimes = await runner.residentAfter({ ...point, repetitions: 10 });
  return [once / 2 ** 20, tenTimes / 2 ** 20];
}

function whole(value: number): string {
  return value.toFixed(0);
}

function pftTable(all: readonly Figure[]): string {
  const rows = all.map((figure): Row => [
    String(figure.cpus),
    whole(figure.ns),
    figure.twinNs === null ? '-' : whole(figure.twinNs),
    figure.twinNs === null ? '-' : (figure.ns / figure.twinNs).toFixed(1),
    figure.stepsPerFault.toFixed(1),
    whole(figure.ns / figure.stepsPerFault),
    figure.twinNs === null ? '-' : figure.differs === null ? 'yes' : 'NO',
  ]);
  return formatTable(['CPUs', 'ns/fault', 'C twin', 'ratio', 'steps/fault', 'ns/step', 'same virtual time'], rows);
}

function formTable(all: readonly Figure[], size: Size): string {
  const at = (form: string, cpus: number): Figure => all.find((f) => f.form === form && f.cpus === cpus)!;
  const rows = Object.entries(forms).map(([name, { about }]): Row => [
    about,
    ...size.formCpus.map((cpus) => whole(at(name, cpus).ns)),
  ]);
  const twin = size.formCpus.map((cpus) => at('nested', cpus).twinNs);
  if (!twin.includes(null)) rows.push(['C twin, switch', ...twin.map((ns) => whole(ns!))]);
  return formatTable(['ns per fault at CPUs:', ...size.formCpus.map(String)], rows);
}

function aims(pft: readonly Figure[], [once, tenTimes]: readonly [number, number]): Aim[] {
  const at = (cpus: number): Figure => pft.find((figure) => figure.cpus === cpus)!;
  const ratio = (cpus: number): boolean | null => {
    const { ns, twinNs } = at(cpus);
    return twinNs === null ? null : ns / twinNs <= MAX_RATIO;
  };
  return [
    { text: `<= ${MAX_RATIO} x C at 8`, holds: ratio(8) },
    { text: 'at 64', holds: ratio(64) },
    { text: `8 to 512 <= x${MAX_GROWTH}`, holds: at(512).ns / at(8).ns <= MAX_GROWTH },
    { text: 'memory flat', holds: tenTimes / once <= MAX_MEMORY_GROWTH },
  ];
}

function aimsLine(all: readonly Aim[]): string {
  const word = (holds: boolean | null): string => (holds === null ? '?' : holds ? 'yes' : 'NO');
  return `aims: ${all.map(({ text, holds }) => `${text}: ${word(holds)}`).join('; ')}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quick: { type: 'boolean' }, json: { type: 'boolean' } } });
  const size = values.quick === true ? QUICK : FULL;
  const folder = temporaryFolder();
  compileTo(folder);
  const runner = new Runner(folder, compileTwin(path.join(import.meta.dirname, 'twin.c'), folder));
  const print = (text: string): void => {
    if (values.json !== true) console.log(text);
  };

  print(environment());
  if (runner.twin === null) print('no C compiler (cc) here: no ratios');
  print(`\npft on v2.6.10, ${size.faults} faults, all statistics on; CPU time, median of ${size.rounds}`);
  const pft = await pftFigures(runner, size);
  print(pftTable(pft));

  print(`\nThe same write faults in other forms of text, ${size.formFaults} faults, no fork or exit`);
  const formResults = await formFigures(runner, size);
  print(formTable(formResults, size));
  print('choice of form: nested yield* that stops only where another CPU is due. It reads');
  print('like the kernel; the table says what that costs.');

  const memory = await memoryFigures(runner, size);
  const [once, tenTimes] = memory;
  print(`\nresident at 8 CPUs: ${whole(once)} MiB after ${size.faults} faults, ${whole(tenTimes)} MiB after ten times`);
  print(`as many (x${(tenTimes / once).toFixed(2)})`);
  const allAims = aims(pft, memory);
  print(`\n${aimsLine(allAims)}`);
  if (values.json === true) {
    const report = { environment: environment(), size, pft, forms: formResults, memoryMib: memory, aims: allAims };
    console.log(JSON.stringify(report, null, 2));
  }
  complain([...pft, ...formResults]);
}

function complain(all: readonly Figure[]): void {
  for (const { form, cpus, differs } of all) {
    if (differs === null) continue;
    console.error(`${form} at ${cpus} CPUs does not end as it should: ${differs}`);
    process.exitCode = 1;
  }
}

await main();
