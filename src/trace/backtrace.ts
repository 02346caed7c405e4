/** Kernel backtraces by the million: what JavaScript's stack says is made into frames once for each different stack. */
import { parseStack } from './stack.ts';
import type { Frame } from './step.ts';

const DEEPEST = 40;
/** Below this file is the driver. */
const BOTTOM = /machine\/thread\.[jt]s$/;

/** Stacks that begin with the same calls, innermost first. */
class Calls {
  frames: readonly Frame[] | null = null;
  /** By file and position in it. */
  private readonly outer = new Map<string, Map<number, Calls>>();

  from(file: string, position: number): Calls {
    let places = this.outer.get(file);
    if (places === undefined) this.outer.set(file, (places = new Map<number, Calls>()));
    let calls = places.get(position);
    if (calls === undefined) places.set(position, (calls = new Calls()));
    return calls;
  }
}

export class Backtraces {
  private readonly known = new Calls();

  /** Of the code that asks: innermost frame first. The same stack is the same array. */
  now(): readonly Frame[] {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = DEEPEST;
    const calls = this.callsNow();
    calls.frames ??= parseStack(new Error().stack ?? '');
    Error.stackTraceLimit = limit;
    return calls.frames;
  }

  /** By raw positions, which cost a fraction of a stack in words: no source maps are asked. */
  private callsNow(): Calls {
    const usual = Error.prepareStackTrace?.bind(Error);
    Error.prepareStackTrace = (_error, sites) => this.callsOf(sites);
    const calls = new Error().stack as unknown as Calls;
    Error.prepareStackTrace = usual;
    return calls;
  }

  private callsOf(sites: readonly NodeJS.CallSite[]): Calls {
    let calls = this.known;
    for (const site of sites) {
      const file = site.getFileName() ?? '';
      if (BOTTOM.test(file)) break;
      calls = calls.from(file, site.getPosition());
    }
    return calls;
  }
}
