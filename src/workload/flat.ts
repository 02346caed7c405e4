/**
 * Kernel text with the coroutines that functions call written out in their place (scripts/flatten.ts), which takes less time to
 * run. In dist/ the build puts that in the place of this file; without a build every function is its own twin.
 */

/** The twin of a function of kernel text. */
export function flat<F>(f: F): F {
  return f;
}
