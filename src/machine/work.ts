/**
 * Private work: what a CPU does without touching anything another CPU can see. Kernel text names it and goes on
 * (`charge(FIND_VMA)`); the bill is paid at the CPU's next step. A profile prices each name in nanoseconds.
 */
import { now } from './thread.ts';

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

/** Where the account keeps what has been charged since the last step: it is not on the clock of the CPU yet. */
export const OWED = 3;
/** When so much is owed others may come first: see `keep` in ask.ts. Infinity: there is nothing to keep. */
export const ROOM = 5;
/** And how many steps threads have done without asking the driver. */
export const STEPS = 4;

/**
 * Ticks of CPU time since the run began, by mode, and those OWED: the timed driver pays these. There is room to spare, as arrays of
 * up to 8 doubles are on V8's heap, where they may move.
 */
export const account = new Float64Array(16);
account[ROOM] = Infinity;

/** Called when there is no room any more. In an object, which V8 folds as it does not fold a variable. */
export const outOfRoom: { call: () => void } = { call: () => undefined };

/** So many kinds of work there may be. */
const KINDS = 1024;
/** Ticks per unit of each work; all zero under the controlled driver. */
const prices = new Float64Array(KINDS);

/** Each charge by itself, as (mode, ticks) pairs, for the eager mode; null when they may be added up. */
let separate: number[] | null = null;
/** What it replies is charged. */
let onCharged: ((id: number, ticks: number) => number) | null = null;
/** Null: nobody is told. In an object, which V8 folds as it does not fold a variable. */
const told: { charged: ((id: number, ticks: number) => void) | null } = { charged: null };

/** The timed driver sets prices before a run (ticks per unit, by work id) and clears them after. */
export function setPrices(perUnit: Float64Array, eager: number[] | null): void {
  prices.fill(0);
  prices.set(perUnit);
  separate = eager;
  account.fill(0);
  account[ROOM] = Infinity;
  chooseWhoIsTold();
}

/** Called before each charge; work -1 is a plain access. What it replies is charged. */
export function observeCharges(observer: typeof onCharged): void {
  onCharged = observer;
  chooseWhoIsTold();
}

function chooseWhoIsTold(): void {
  told.charged = onCharged === null && separate === null ? null : chargedApart;
}

function chargedApart(id: number, asked: number): void {
  const price = onCharged === null ? asked : onCharged(id, asked);
  const { mode } = now.running;
  if (separate === null) owe(mode, price);
  else separate.push(mode, price);
}

/** The CPU spends ticks that are not on its clock yet. */
export function owe(mode: number, price: number): void {
  account[mode] += price;
  account[OWED] += price;
  if (account[OWED] >= account[ROOM]) outOfRoom.call();
}

/** Charge `times` units of private work to the CPU that runs. */
export function charge(id: number, times = 1): void {
  if (told.charged === null) owe(now.running.mode, prices[id] * times);
  else told.charged(id, prices[id] * times);
}

export function chargeTicks(price: number): void {
  if (told.charged === null) owe(now.running.mode, price);
  else told.charged(-1, price);
}
