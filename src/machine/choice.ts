/**
 * Choices that are not about order: does this allocation fail, is that page young? Kernel text asks, whoever drives
 * answers; the controlled driver tries every answer, and keeps them on the same tape as the schedule. Without a driver
 * that cares the answer is 0. A choice is private to its thread: it is no step, and nobody comes in between.
 *
 * And marks: places of which a test or a scenario says that some execution must come by.
 */

/** Whoever answers questions and is told of marks. */
export interface Attendant {
  /** Answers a number from 0 to `n` - 1. */
  choose(n: number, what: string): number;
  mark(name: string): void;
}

let attendant: Attendant | null = null;

/** Who attends from now on; null: nobody. */
export function attendedBy(next: Attendant | null): void {
  attendant = next;
}

/** One of `n` possibilities, 0 being the usual one. `what` stands in drawings: `alloc_page fails`. */
export function choose(n: number, what: string): number {
  return attendant === null ? 0 : attendant.choose(n, what);
}

/** May it happen here? First no, then yes. */
export function maybe(what: string): boolean {
  return choose(2, what) === 1;
}

/** This place has been reached. A scenario that expects it and never gets here fails. */
export function reachable(name: string): void {
  if (attendant !== null) attendant.mark(name);
}

/** Reached with this condition true. */
export function sometimes(condition: boolean, name: string): void {
  if (condition && attendant !== null) attendant.mark(name);
}
