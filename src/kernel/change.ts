/** What a kernel version and a change to one look like. */
import type { FaultPath, FaultPath2_6 } from './fault-path.ts';
import type { Knobs } from './knobs.ts';
import type { FaultPath3_14, FaultPath3_17 } from './v3.14/path.ts';

/** A kernel version. */
export interface Base {
  readonly name: string;
  /** Of the release. */
  readonly date: string;
  readonly about: string;
  readonly path: FaultPath;
  /** Beside those that every kernel has. */
  readonly knobs?: Knobs;
}

/** Where a patch was published, and what its author says it does. */
export interface Mail {
  /** Of the mail, as YYYY-MM-DD. */
  readonly date: string;
  readonly subject: string;
  readonly author: string;
  readonly url: string;
  /** What it claims, in a sentence of ours. */
  readonly claim: string;
}

/** Functions of some kernel version. */
export type Replaces = Partial<FaultPath2_6> | Partial<FaultPath3_14> | Partial<FaultPath3_17>;

/** A change to a base: a mailed patch, or a known-bad version of one function. */
export interface Change<Replaced = Replaces> {
  readonly name: string;
  readonly base: string;
  /** Patches that it is made for, and the base if it can do without: one of them has to be there, and it may replace their functions. */
  readonly on?: readonly string[];
  readonly about: string;
  readonly mail?: Mail;
  readonly replaces: Replaced;
  /** Of functions that it replaces. */
  readonly knobs?: Knobs;
}

/** Why a change cannot be made to a base after others; null: it can. */
export function misfit(base: string, before: readonly Change[], change: Change): string | null {
  if (change.base !== base) return `is a change to ${change.base}, and base is ${base}`;
  const { on = [base], replaces } = change;
  const names = before.map(({ name }) => name);
  if (!on.includes(base) && !on.some((name) => names.includes(name))) {
    return `needs ${on.length === 1 ? 'patch' : 'one of the patches'} ${on.map((name) => `'${name}'`).join(', ')} before it`;
  }
  for (const other of before) {
    const both = on.includes(other.name) ? undefined : Object.keys(replaces).find((key) => key in other.replaces);
    if (both !== undefined) return `replaces ${both}, as '${other.name}' does, and is not made for that`;
  }
  return null;
}

export type Change2_6 = Change<Partial<FaultPath2_6>>;
export type Change3_14 = Change<Partial<FaultPath3_14>>;
export type Change3_17 = Change<Partial<FaultPath3_17>>;
