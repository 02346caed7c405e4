/**
 * What a step does to the state, as far as others can tell, and which effects do not commute.
 *
 * An effect is judged in the state in which the step is about to act: a compare-and-swap that will fail is a read, a
 * trylock that will fail looks at the lock. Two steps of which one must come first anyway (the unlock that lets a
 * lock go on) are ordered by happens-before and are not listed here as in conflict: nobody could turn them round.
 */
import type { Words } from '../../machine/memory.ts';
import {
  CLEAR,
  CMPXCHG,
  COPY,
  DELAY,
  DMA,
  LOAD,
  LOCK,
  LOCK_SHARED,
  POLL,
  READ,
  type Shared,
  SPAWN,
  type Step,
  SYNCHRONIZE,
  TRYLOCK,
  TRYLOCK_SHARED,
  UNLOCK,
  UNLOCK_SHARED,
  WAIT,
  WALK,
  type Walk,
} from '../../machine/step.ts';

export const Mode = {
  /** Reads a word. */
  read: 0,
  /** Changes a word. */
  write: 1,
  /** Changes every word of the object. */
  writeAll: 2,
  /** Reads every word of the object. */
  readAll: 3,
  /** The MMU changes an entry: a write, but those who look at the entry by a plain access are prepared for it. */
  update: 4,
  /** Takes a lock, or joins its queue. */
  acquire: 5,
  acquireShared: 6,
  release: 7,
  releaseShared: 8,
  /** Takes a lock by trylock: would have failed before the release. */
  tryAcquire: 9,
  tryAcquireShared: 10,
  /** Tries a lock and fails. */
  peek: 11,
  peekShared: 12,
  /** Begins to wait for all those who hold the lock shared; keeps nobody out. */
  synchronize: 13,
  /** Nothing another thread could tell. */
  none: 14,
} as const;
export type Mode = (typeof Mode)[keyof typeof Mode];

export const MODES = 15;

/** The mode of a pending step in the present state. */
export function modeOf(step: Step): Mode {
  switch (step.kind) {
    case READ:
    case WAIT:
    case POLL:
      return Mode.read;
    case WALK:
      return leavesAsItIs(step as Walk) ? Mode.read : Mode.update;
    case CMPXCHG:
      return (step.object as Words).get(step.index) === step.value ? Mode.write : Mode.read;
    case CLEAR:
    case DMA:
      return Mode.writeAll;
    case COPY:
    case LOAD:
      return Mode.readAll;
    case LOCK:
      return Mode.acquire;
    case LOCK_SHARED:
      return Mode.acquireShared;
    case UNLOCK:
      return Mode.release;
    case UNLOCK_SHARED:
      return Mode.releaseShared;
    case TRYLOCK:
      return wouldTake(step) ? Mode.tryAcquire : Mode.peek;
    case TRYLOCK_SHARED:
      return wouldTake(step) ? Mode.tryAcquireShared : Mode.peekShared;
    case SYNCHRONIZE:
      return Mode.synchronize;
    case SPAWN:
    case DELAY:
      return Mode.none;
    default:
      return Mode.write;
  }
}

/** Does the MMU only look at the entry? */
function leavesAsItIs(walk: Walk): boolean {
  const entry = (walk.object as Words).get(walk.index);
  return walk.leaves(entry) === entry;
}

function wouldTake(step: Step): boolean {
  return (step.object as Shared & { admits(step: Step): boolean }).admits(step);
}

/** Would the other order of two steps on one object (on one word of it, unless one changes all) be another execution? */
export function inConflict(a: Mode, b: Mode): boolean {
  if (a === Mode.none || b === Mode.none) return false;
  if (isAccess(a) || isAccess(b)) return !isRead(a) || !isRead(b);
  if (a === Mode.synchronize || b === Mode.synchronize) return isSharedTake(a) || isSharedTake(b);
  if (isShared(a) && isShared(b)) return false;
  if (isPeek(a) && isPeek(b)) return false;
  if (isRelease(a)) return isTry(b);
  if (isRelease(b)) return isTry(a);
  return true;
}

/** Must a lock operation that comes after this release wait for it? */
export function releasesFor(release: Mode, acquire: Mode): boolean {
  if (acquire === Mode.synchronize) return release === Mode.releaseShared;
  return isRelease(release) && isTake(acquire) && !(isShared(release) && isShared(acquire));
}

function isAccess(mode: Mode): boolean {
  return mode <= Mode.update;
}

export function isRead(mode: Mode): boolean {
  return mode === Mode.read || mode === Mode.readAll;
}

/** Is it about every word of the object? */
export function isOnAll(mode: Mode): boolean {
  return mode === Mode.writeAll || mode === Mode.readAll;
}

function isShared(mode: Mode): boolean {
  return (
    mode === Mode.acquireShared ||
    mode === Mode.releaseShared ||
    mode === Mode.tryAcquireShared ||
    mode === Mode.peekShared
  );
}

function isSharedTake(mode: Mode): boolean {
  return mode === Mode.acquireShared || mode === Mode.tryAcquireShared;
}

function isRelease(mode: Mode): boolean {
  return mode === Mode.release || mode === Mode.releaseShared;
}

function isTry(mode: Mode): boolean {
  return mode >= Mode.tryAcquire && mode <= Mode.peekShared;
}

function isPeek(mode: Mode): boolean {
  return mode === Mode.peek || mode === Mode.peekShared;
}

export function isTake(mode: Mode): boolean {
  return (
    mode === Mode.acquire || mode === Mode.acquireShared || mode === Mode.tryAcquire || mode === Mode.tryAcquireShared
  );
}

/** Does the step wait for a word to have a value? */
export function awaitsValue(step: Step): boolean {
  return step.kind === WAIT || step.kind === POLL;
}

/** The step waits for a word to have a value. */
export const WAITS = 1;
/** It joins the queue of a lock (or could have). */
export const QUEUES = 2;
/**
 * Before or after it the thread has a lock without a queue for itself: what was done with the lock before happened
 * before the step, and the step before all that is done with it later.
 */
export const CLOSES = 4;

/** These three, as bits. */
export function traitsOf(step: Step, mode: Mode): number {
  if (awaitsValue(step)) return WAITS;
  if (mode < Mode.acquire || mode === Mode.none) return 0;
  if ((step.object as { queues?: boolean }).queues !== true) {
    return mode === Mode.acquire || mode === Mode.tryAcquire || mode === Mode.release ? CLOSES : 0;
  }
  return mode === Mode.acquire || mode === Mode.acquireShared || mode === Mode.synchronize ? QUEUES : 0;
}

/** What the order of an execution is made of, as tables over pairs of modes: `table[a * MODES + b]`. */
export interface Relation {
  readonly modeOf: (step: Step) => Mode;
  readonly inConflict: Uint8Array;
  readonly releasesFor: Uint8Array;
}

export function tableOf(holds: (a: Mode, b: Mode) => boolean): Uint8Array {
  return Uint8Array.from({ length: MODES * MODES }, (_, i) =>
    holds(Math.floor(i / MODES) as Mode, (i % MODES) as Mode) ? 1 : 0,
  );
}

export const machineRelation: Relation = {
  modeOf,
  inConflict: tableOf(inConflict),
  releasesFor: tableOf(releasesFor),
};
