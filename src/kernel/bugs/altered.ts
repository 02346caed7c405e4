/** Ways to spoil a path without writing it again: its own steps, one of them left out or put off. */
import { mustAsk } from '../../machine/ask.ts';
import type { Coroutine, Step } from '../../machine/step.ts';
import { running } from '../../machine/thread.ts';

/** Run a path so that all its steps are yielded, also where a driver would let them take effect at once. */
function stepwise<T>(path: Coroutine<T>, reply: number): IteratorResult<Step, T> {
  running.stepwise = true;
  mustAsk();
  const next = path.next(reply);
  running.stepwise = false;
  return next;
}

/** The path without the steps that match; in their place comes `reply`. */
export function* without<T>(path: Coroutine<T>, matches: (step: Step) => boolean, reply: number): Coroutine<T> {
  let next = stepwise(path, 0);
  while (next.done !== true) next = stepwise(path, matches(next.value) ? reply : yield next.value);
  return next.value;
}

/** The path with each step replaced by what `change` makes of it. */
export function* instead<T>(path: Coroutine<T>, change: (step: Step) => Step): Coroutine<T> {
  let next = stepwise(path, 0);
  while (next.done !== true) next = stepwise(path, yield change(next.value));
  return next.value;
}

/** The path with each step done by `act`, whose answer is the reply. */
export function* acted<T>(path: Coroutine<T>, act: (step: Step) => Coroutine<number>): Coroutine<T> {
  let next = stepwise(path, 0);
  while (next.done !== true) next = stepwise(path, yield* act(next.value));
  return next.value;
}

/** The path with other steps before and after the first step that matches. */
export function* around<T>(
  path: Coroutine<T>,
  matches: (step: Step) => boolean,
  before: () => Step | Coroutine,
  after: () => Step | Coroutine,
): Coroutine<T> {
  let next = stepwise(path, 0);
  for (let found = false; next.done !== true;) {
    const step = next.value;
    const first: boolean = !found && matches(step);
    if (first) yield* before();
    const reply = yield step;
    if (first) yield* after();
    found ||= first;
    next = stepwise(path, reply);
  }
  return next.value;
}

/** The path with the step that matches put off until just before the step that `until` matches. */
export function* late<T>(
  path: Coroutine<T>,
  matches: (step: Step) => boolean,
  until: (step: Step) => boolean,
): Coroutine<T> {
  let held: Step | null = null;
  let next = stepwise(path, 0);
  while (next.done !== true) {
    const step = next.value;
    if (matches(step)) {
      held = step;
      next = stepwise(path, 0);
      continue;
    }
    if (held !== null && until(step)) {
      yield held;
      held = null;
    }
    next = stepwise(path, yield step);
  }
  return next.value;
}
