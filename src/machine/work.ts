/**
 * Private work: what a CPU does without touching anything another CPU can see. Kernel text names it and goes on
 * (`charge(FIND_VMA)`); the bill is paid at the CPU's next step. A profile prices each name in nanoseconds.
 */
import { running } from './thread.ts';

const names: string[] = [];

/** Register a kind of private work; the profile's `work` table is keyed by this name. */
export function work(name: string): number {
  const known = names.indexOf(name);
  if (known >= 0) return known;
  names.push(name);
  return names.length - 1;
}

export function workNames(): readonly string[] {
  return names;
}

/** Ticks charged since the last step, by mode: [USER, SYSTEM]. The timed driver empties it. */
export const bill = new Float64Array(2);
/** Ticks per unit of each work; all zero under the controlled driver. */
let prices: Float64Array = new Float64Array(256);
/** Each charge by itself, as (mode, ticks) pairs, for the eager mode; null when they may be added up. */
let separate: number[] | null = null;

/** The timed driver sets prices before a run (ticks per unit, by work id) and clears them after. */
export function setPrices(ticks: Float64Array, eager: number[] | null): void {
  prices = ticks;
  separate = eager;
  bill.fill(0);
}

/** Charge `times` units of private work to the CPU that runs. */
export function charge(id: number, times = 1): void {
  chargeTicks(prices[id] * times);
}

export function chargeTicks(ticks: number): void {
  if (separate === null) bill[running.mode] += ticks;
  else separate.push(running.mode, ticks);
}
