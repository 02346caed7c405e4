/**
 * What a step does to the state, as far as others can tell, and which effects do not commute.
 *
 * An effect is judged in the state in which the step is about to act: a compare-and-swap that will fail is a read, a
 * trylock that will fail looks at the lock. Two steps of which one must come first anyway (the unlock that lets a
 * lock go on) are ordered by happens-before and are not listed here as dependent: nobody could turn them round.
 */
import { Words } from '../../machine/memory.ts';
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
  /** Value of the word until then; 0 for locks. */
  readonly was: number;
}

/** The effect of a pending step in the present state. */
export function effectOf(step: Step): Effect {
  const { object, index } = step;
  const was = object instanceof Words ? object.get(index) : 0;
  return { object: object.whole(), index: object.indexInWhole(index), mode: modeOf(step), was };
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
  return isRelease(release) && isTake(acquire) && !(isShared(release) && isShared(acquire));
}

function isTake(mode: Mode): boolean {
  return (
    mode === Mode.acquire || mode === Mode.acquireShared || mode === Mode.tryAcquire || mode === Mode.tryAcquireShared
  );
}

/** Does this effect join the queue of a lock (or could it have)? */
export function queues({ mode, object }: Effect): boolean {
  const takes = mode === Mode.acquire || mode === Mode.acquireShared;
  return takes && (object as { queues?: boolean }).queues === true;
}

/** Does the step wait for a word to have a value? */
export function awaitsValue(step: Step): boolean {
  return step.kind === WAIT || step.kind === POLL;
}

/**
 * Could `step` have taken effect just before `earlier`, with which it does not commute? Steps that wait could not
 * always: a word must have had the value before it was changed (`writeAll` does not say), and a lock without a queue
 * was free before somebody took it, not before somebody tried it in vain.
 */
export function possibleBefore(step: Step, effect: Effect, earlier: Effect): boolean {
  if (awaitsValue(step)) return earlier.was === step.value || earlier.mode === Mode.writeAll;
  if (effect.mode === Mode.acquire && !queues(effect)) return isTake(earlier.mode);
  return true;
}

/** What the order of an execution is made of. */
export interface Relation {
  readonly effectOf: (step: Step) => Effect;
  readonly dependent: (a: Effect, b: Effect) => boolean;
  readonly releasesFor: (release: Mode, acquire: Mode) => boolean;
}

export const machineRelation: Relation = { effectOf, dependent, releasesFor };
