/** Kernel backtraces out of JavaScript ones: only the frames of kernel text and of users' own programs. */
import { fileURLToPath } from 'node:url';

import type { Frame } from './step.ts';

/** Where this package is; source maps lead from its `dist` to its `src`. */
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
/** Inside of the package: folders and files whose frames are machinery, or macros in Linux. */
const MACHINERY =
  /^((src|dist)\/((machine|sync|drivers|trace|check|scenario|workload|report|cli)\/|kernel\/(bugs\/altered|pgtable)\.)|node_modules\/)/;
/** Outside of it. */
const FOREIGN = /[\\/]node_modules[\\/]|^node:/;
/** Below this frame is the driver. */
const BOTTOM = /^(src|dist)\/machine\/thread\.[jt]s$/;
const FRAME = /^\s*at (?:(?:new )?(?:async )?(.+?) \()?(.+?):(\d+):\d+\)?$/;

/** Innermost frame first. */
export function parseStack(stack: string): Frame[] {
  const frames: Frame[] = [];
  for (const text of stack.split('\n').slice(1)) {
    const match = FRAME.exec(text);
    if (match === null) continue;
    const [, fn, path, line] = match;
    const inside = insidePackage(path);
    if (inside !== null && BOTTOM.test(inside)) break;
    if (fn === undefined || (inside === null ? FOREIGN.test(path) : MACHINERY.test(inside))) continue;
    frames.push({ fn: fn.replace(/^.*\./, ''), file: path.replace(/^.*\//, ''), line: Number(line) });
  }
  return frames;
}

/** The path from the package, if it is there: folders above it may have any name. */
function insidePackage(place: string): string | null {
  const path = place.startsWith('file:') ? fileURLToPath(place) : place;
  return path.startsWith(PACKAGE) ? path.slice(PACKAGE.length).replaceAll('\\', '/') : null;
}
