/**
 * What a step does to the state, as far as others can tell, and which effects do not commute.
 *
 * An effect is judged in the state in which the step is about to act: a compare-and-swap that will fail is a read, a
 * trylock that will fail looks at the lock. Two steps of which one must come first anyway (the unlock that lets a
 * lock go on) are ordered by happens-before and are not listed here as dependent: nobody could turn them round.
 */
import type { Words } from '../../machine/memory.ts';
import {
  CLEAR,
  CMPXCHG,
  LOCK,
  LOCK_SHARED,
  POLL,
  READ,
  type Shared,
  SPAWN,
  type Step,
  TRYLOCK,
  TRYLOCK_SHARED,
  UNLOCK,
  UNLOCK_SHARED,
  WAIT,
  WALK,
} from '../../machine/step.ts';

export const Mode = {
  /** Reads a word. */
  read: 0,
  /** Changes a word. */
  write: 1,
  /** Changes every word of the object. */
  writeAll: 2,
  /** Takes a lock, or joins its queue. */
  acquire: 3,
  acquireShared: 4,
  release: 5,
  releaseShared: 6,
  /** Takes a lock by trylock: would have failed before the release. */
  tryAcquire: 7,
  tryAcquireShared: 8,
  /** Tries a lock and fails. */
  peek: 9,
  peekShared: 10,
  /** Nothing another thread could tell. */
  none: 11,
} as const;
export type Mode = (typeof Mode)[keyof typeof Mode];

export interface Effect {
  readonly object: Shared;
  readonly index: number;
  readonly mode: Mode;
}

/** The effect of a pending step in the present state. */
export function effectOf(step: Step): Effect {
  return { object: step.object, index: step.index, mode: modeOf(step) };
}

function modeOf(step: Step): Mode {
  switch (step.kind) {
    case READ:
    case WALK:
    case WAIT:
    case POLL:
      return Mode.read;
    case CMPXCHG:
      return (step.object as Words).get(step.index) === step.value ? Mode.write : Mode.read;
    case CLEAR:
      return Mode.writeAll;
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
    case SPAWN:
      return Mode.none;
    default:
      return Mode.write;
  }
}

function wouldTake(step: Step): boolean {
  return (step.object as Shared & { admits(step: Step): boolean }).admits(step);
}

/** Would the other order of these two effects be another execution? */
export function dependent(a: Effect, b: Effect): boolean {
  if (a.object !== b.object || a.mode === Mode.none || b.mode === Mode.none) return false;
  if (a.mode >= Mode.acquire) return lockDependent(a.mode, b.mode);
  if (a.mode === Mode.read && b.mode === Mode.read) return false;
  return a.index === b.index || a.mode === Mode.writeAll || b.mode === Mode.writeAll;
}

function isShared(mode: Mode): boolean {
  return (
    mode === Mode.acquireShared ||
    mode === Mode.releaseShared ||
    mode === Mode.tryAcquireShared ||
    mode === Mode.peekShared
  );
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

function lockDependent(a: Mode, b: Mode): boolean {
  if (isShared(a) && isShared(b)) return false;
  if (isPeek(a) && isPeek(b)) return false;
  if (isRelease(a)) return isTry(b);
  if (isRelease(b)) return isTry(a);
  return true;
}

/** Must a lock operation that comes after this release wait for it? */
export function releasesFor(release: Mode, acquire: Mode): boolean {
  if (!isRelease(release)) return false;
  const acquires =
    acquire === Mode.acquire ||
    acquire === Mode.acquireShared ||
    acquire === Mode.tryAcquire ||
    acquire === Mode.tryAcquireShared;
  return acquires && !(isShared(release) && isShared(acquire));
}
