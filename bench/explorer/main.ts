/**
 * `npm run bench:explorer`: how fast the fault model is explored, against a scheduler that draws interleavings
 * (fast-check) and a model checker that compiles to C (Spin). Every tool is held to the known counts of the model.
 * All figures are wall time; trust the ratios, each of which is the median of those of the rounds.
 *
 *   --quick   some seconds, without 6 faulters: figures are noise, the counts are not
 *   --json    the figures as JSON
 *
 * Throws if a tool counts anything but what is known.
 */
import { parseArgs } from 'node:util';
import { compileTo, temporaryFolder } from '../build.ts';
import { environment, median } from '../summary.ts';
import { formatTable, type Row } from '../table.ts';
import * as fastCheck from './fast-check.ts';
import * as faultline from './faultline.ts';
import { type Contender, type Figure, Rounds, type Tool } from './rounds.ts';
import { Spin } from './spin.ts';

interface Size {
  readonly rounds: number;
  /** Of a sample. */
  readonly seconds: number;
  readonly faulters: readonly number[];
  /** With how many of them the twins compete. */
  readonly compared: readonly number[];
  /** Numbers of faulters for which the states of the Promela twin are counted. */
  readonly states: readonly number[];
}

const FULL: Size = { rounds: 5, seconds: 1, faulters: [2, 4, 6], compared: [4, 6], states: [2, 3, 4] };
const QUICK: Size = { rounds: 1, seconds: 0.2, faulters: [2, 4], compared: [4], states: [4] };

const MIN_RATIO = 20;

const NAMES: Readonly<Record<Tool, string>> = {
  faultline: 'faultline, source-DPOR',
  waitIdle: 'fast-check, waitIdle',
  waitAll: 'fast-check, waitAll',
  Spin: 'Spin (states)',
};

/** faultline over another tool. */
interface Ratio {
  readonly text: string;
  /** Null: not measured here. */
  readonly ratio: number | null;
  readonly aim: string;
  readonly holds: boolean | null;
}

function contendersOf({ faulters, compared }: Size, spin: Spin | null): Contender[] {
  const twins: Tool[] = spin === null ? ['waitIdle', 'waitAll'] : ['waitIdle', 'waitAll', 'Spin'];
  return faulters.flatMap((n) => {
    const tools: Tool[] = compared.includes(n) ? ['faultline', ...twins] : ['faultline'];
    return tools.map((tool): Contender => ({ tool, faulters: n, figures: [] }));
  });
}

/** What the measurements do not verify themselves. */
async function verify(spin: Spin | null, { states }: Size): Promise<void> {
  faultline.findBug(4);
  await fastCheck.countInterleavings(2);
  await fastCheck.findBug(4);
  if (spin === null) return;
  spin.findBug(4);
  for (const faulters of states) spin.countStates(faulters);
}

function middle({ figures }: Contender, value: (figure: Figure) => number): number {
  return median(figures.map(value));
}

function table(contenders: readonly Contender[]): string {
  const rows = contenders.map((contender): Row => {
    const ends = contender.figures[0].secondsToEnd !== null;
    return [
      NAMES[contender.tool],
      String(contender.faulters),
      middle(contender, ({ count }) => count).toFixed(0),
      ends ? middle(contender, ({ secondsToEnd }) => secondsToEnd!).toFixed(2) : '-',
      middle(contender, ({ perSecond }) => perSecond).toFixed(0),
    ];
  });
  return formatTable(['', 'faulters', 'executions', 'seconds', 'executions/s'], rows);
}

function ratios(rounds: Rounds, { compared }: Size): Ratio[] {
  const speeds = compared.flatMap((n) => [speedRatio(rounds, 'waitIdle', n), speedRatio(rounds, 'waitAll', n)]);
  return [...speeds, ...compared.map((n) => timeRatio(rounds, n))];
}

function speedRatio(rounds: Rounds, tool: Tool, faulters: number): Ratio {
  const ratio = rounds.ratio('faultline', tool, faulters, ({ perSecond }) => perSecond);
  const text = `executions/s over ${NAMES[tool]}, ${faulters} faulters`;
  return { text, ratio, aim: `>= ${MIN_RATIO}`, holds: ratio === null ? null : ratio >= MIN_RATIO };
}

function timeRatio(rounds: Rounds, faulters: number): Ratio {
  const ratio = rounds.ratio('faultline', 'Spin', faulters, ({ secondsToEnd }) => secondsToEnd!);
  return {
    text: `seconds over Spin, ${faulters} faulters`,
    ratio,
    aim: '< 1',
    holds: ratio === null ? null : ratio < 1,
  };
}

function ratioTable(all: readonly Ratio[]): string {
  const rows = all.map(({ text, ratio, aim, holds }): Row => [
    text,
    ratio === null ? '?' : ratio.toFixed(2),
    aim,
    holds === null ? '?' : holds ? 'yes' : 'NO',
  ]);
  return formatTable(['faultline:', 'ratio', 'aim', 'holds'], rows);
}

const EXPLANATION = `
seconds: from the text of the model to the end of the search, in a process of its own:
with the start of node for faultline, with spin -a and gcc -O2 for Spin. Spin counts
states, and states/s are those of the verifier alone; the rest is executions of a warm
process. fast-check draws interleavings, so that it repeats itself and has no end;
waitIdle is what its manual says, waitAll is deprecated, and faster.
`.trim();

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quick: { type: 'boolean' }, json: { type: 'boolean' } } });
  const size = values.quick === true ? QUICK : FULL;
  const missing = Spin.missing();
  const spin = missing === null ? new Spin(temporaryFolder()) : null;
  const compiled = temporaryFolder();
  compileTo(compiled);
  await verify(spin, size);
  const rounds = new Rounds(contendersOf(size, spin), compiled, spin, size.seconds);
  rounds.run(size.rounds);
  const all = ratios(rounds, size);
  if (values.json === true) {
    const report = { environment: environment(), size, missing, contenders: rounds.contenders, ratios: all };
    console.log(JSON.stringify(report, null, 2));
    return;
  }
  console.log(environment());
  if (missing !== null) console.log(`no Spin here: ${missing}`);
  console.log(`\nThe fault model, explored; median of ${size.rounds}`);
  console.log(`${table(rounds.contenders)}\n\n${EXPLANATION}\n\n${ratioTable(all)}`);
}

await main();
