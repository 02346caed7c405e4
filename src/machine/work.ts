/**
 * Private work: what a CPU does without touching anything another CPU can see. Kernel text names it and goes on
 * (`charge(FIND_VMA)`); the bill is paid at the CPU's next step. A profile prices each name in nanoseconds.
 */
import { running } from './thread.ts';

/** A kind of private work. */
export interface Work {
  /** Key of its price in a profile's `work` table. */
  readonly name: string;
  /** Price, in nanoseconds a unit, for profiles that have none: an assumption; null: the profile must have one. */
  readonly assumedNs: number | null;
}

const registered: Work[] = [];

/** Register a kind of private work; returns its id. */
export function work(name: string, assumedNs: number | null = null): number {
  const known = registered.findIndex((entry) => entry.name === name);
  return known >= 0 ? known : registered.push({ name, assumedNs }) - 1;
}

export function allWork(): readonly Work[] {
  return registered;
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

/** Called before each charge; work -1 is a plain access. What it replies is charged. */
let onCharged: ((id: number, ticks: number) => number) | null = null;

export function observeCharges(observer: typeof onCharged): void {
  onCharged = observer;
}

/** Charge `times` units of private work to the CPU that runs. */
export function charge(id: number, times = 1): void {
  chargeTicks(prices[id] * times, id);
}

export function chargeTicks(ticks: number, id = -1): void {
  if (onCharged !== null) ticks = onCharged(id, ticks);
  if (separate === null) bill[running.mode] += ticks;
  else separate.push(running.mode, ticks);
}
