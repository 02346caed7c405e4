/** Kernel backtraces by the million: what JavaScript's stack says is made into frames once for each different stack. */
import { parseStack } from './stack.ts';
import type { Frame } from './step.ts';

/** Frames of a stack that is put into words. */
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
  /** Frames that are captured: so many that the driver's are among them, and few more, as each costs. */
  private captured = 8;
  /** Files and whether they are BOTTOM. */
  private readonly bottoms = new Map<string, boolean>();
  private readonly callsOfSites = (_error: Error, sites: readonly NodeJS.CallSite[]): Calls | null =>
    this.callsOf(sites);

  /** Of the code that asks: innermost frame first. The same stack is the same array. */
  now(): readonly Frame[] {
    const limit = Error.stackTraceLimit;
    let calls = this.callsNow();
    while (calls === null) {
      this.captured *= 2;
      calls = this.callsNow();
    }
    if (calls.frames === null) {
      Error.stackTraceLimit = DEEPEST;
      calls.frames = parseStack(new Error().stack ?? '');
    }
    Error.stackTraceLimit = limit;
    return calls.frames;
  }

  /** By raw positions, which cost a fraction of a stack in words: no source maps are asked. Null: too few were captured. */
  private callsNow(): Calls | null {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- put back as it was
    const usual = Error.prepareStackTrace;
    Error.stackTraceLimit = this.captured;
    Error.prepareStackTrace = this.callsOfSites;
    const calls = new Error().stack as unknown as Calls | null;
    Error.prepareStackTrace = usual;
    return calls;
  }

  private callsOf(sites: readonly NodeJS.CallSite[]): Calls | null {
    let calls = this.known;
    for (const site of sites) {
      const file = site.getFileName() ?? '';
      if (this.isBottom(file)) return calls;
      calls = calls.from(file, site.getPosition());
    }
    return sites.length < this.captured || sites.length >= DEEPEST ? calls : null;
  }

  private isBottom(file: string): boolean {
    let bottom = this.bottoms.get(file);
    if (bottom === undefined) this.bottoms.set(file, (bottom = BOTTOM.test(file)));
    return bottom;
  }
}
