/** Kernel backtraces out of JavaScript ones: only the frames of kernel text and of users' own programs. */
import type { Frame } from './step.ts';

/** Folders whose frames are machinery. */
const MACHINERY =
  /(^|\/)(machine|sync|drivers|trace|check|scenario|workload|report|cli|node_modules|altered)(\/|\.[jt]s)|^node:/;
/** Below this frame is the driver. */
const BOTTOM = /(^|\/)machine\/thread\.[jt]s/;
const FRAME = /^\s*at (?:(?:new )?(?:async )?(.+?) \()?(.+?):(\d+):\d+\)?$/;

/** Innermost frame first. */
export function parseStack(stack: string): Frame[] {
  const frames: Frame[] = [];
  for (const text of stack.split('\n').slice(1)) {
    const match = FRAME.exec(text);
    if (match === null) continue;
    const [, fn, path, line] = match;
    if (BOTTOM.test(path)) break;
    if (fn === undefined || MACHINERY.test(insidePackage(path))) continue;
    frames.push({ fn: fn.replace(/^.*\./, ''), file: path.replace(/^.*\//, ''), line: Number(line) });
  }
  return frames;
}

/** The part of a path below the last src/ or dist/, so that folders above the package do not count. */
function insidePackage(path: string): string {
  return path.replace(/^.*\/(src|dist)\//, '');
}
