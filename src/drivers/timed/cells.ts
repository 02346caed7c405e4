/**
 * Numbers that the timed driver reads and writes at each step. They are arrays of this module, and not of the objects that use
 * them, because V8 writes the address of such an array into what it compiles, if a module has it under a name of its own; and
 * cells, not fields, because it boxes a double that is returned, passed on or kept in an object. One machine runs at a time, as
 * one thread does.
 */

/** So many CPUs a machine may have. */
export const MOST_CPUS = 4096;
/** Arrays of up to 8 doubles V8 keeps on its heap, where they may move: a cell is longer than it needs to be. */
const CELL = 16;

/** Each CPU's own time, in ticks. */
export const clock = new Float64Array(MOST_CPUS);
/** When the access that the hardware was asked for last is done. */
export const done = new Float64Array(CELL);
/** Time at which the step being done takes effect. */
export const moment = new Float64Array(CELL);
/** When the CPU that acts was due: nothing that happens from now on is before that. */
export const due = new Float64Array(CELL);
/** The first moment of the timers; Infinity: there is none. */
export const firstTimer = new Float64Array(CELL).fill(Infinity);
/** The heap of `CpuQueue`, in which each has four below it; and the least of its keys below the root. */
export const keys = new Float64Array(4 * MOST_CPUS + 5);
export const second = new Float64Array(CELL);

/** A machine begins: nothing is left of the one before, and its queue empties the heap. */
export function resetCells(): void {
  clock.fill(0);
  done[0] = 0;
  moment[0] = 0;
  due[0] = 0;
  firstTimer[0] = Infinity;
}
