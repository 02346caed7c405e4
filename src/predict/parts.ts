/** Where CPU time went, to the tick: every moment of a CPU that is in use is in one part. */
import { type Profile, TICKS_PER_NS } from '../machine/profile.ts';
import type { Span, TimedSink } from '../trace/span.ts';
import { TimedRecorder } from '../trace/timed.ts';
import { partKind } from './lines.ts';
import type { Trial, TrialResult } from './trials.ts';

/**
 * - `user`: in user mode, its cache lines not included
 * - `walk`: kernel text walks page tables
 * - `work`: other private work, and words that the CPU had
 * - `hold`: the same while a lock is held exclusively: the class of the innermost one
 * - `clear`: zeroing and copying pages, `bus`: waiting for memory with that
 * - `transfer`: a cache line comes from elsewhere, hand-over of a lock included: the kind of word it was wanted for
 * - `wait`: spinning: the class of the lock, or the word
 */
export const PART_KINDS = ['user', 'walk', 'work', 'hold', 'clear', 'bus', 'transfer', 'wait'] as const;

type PartKind = (typeof PART_KINDS)[number];

export interface Part {
  readonly kind: PartKind;
  /** Which lock, or which kind of line; empty for the others. */
  readonly what: string;
  readonly ns: number;
}

const WALKS = ['page_table_walk', 'table_line_miss'];

class PartSums implements TimedSink {
  /** By kind, and what it is. */
  private readonly sums = new Map<PartKind, Map<string, { ticks: number }>>();

  span(span: Span, user: boolean): void {
    if (span.kind === 'sleep' || span.kind === 'ready') return;
    const { kind, what } = partOf(span, user);
    this.sumOf(kind, what).ticks += span.to - span.from;
  }

  private sumOf(kind: PartKind, what: string): { ticks: number } {
    let ofKind = this.sums.get(kind);
    if (ofKind === undefined) this.sums.set(kind, (ofKind = new Map<string, { ticks: number }>()));
    let sum = ofKind.get(what);
    if (sum === undefined) ofKind.set(what, (sum = { ticks: 0 }));
    return sum;
  }

  /** In the order of kinds, each with the largest first. */
  parts(busWaitNs: number): Part[] {
    const parts = [...this.sums].flatMap(([kind, ofKind]) =>
      [...ofKind].map(([what, { ticks }]): Part => ({ kind, what, ns: ticks / TICKS_PER_NS })),
    );
    const split = parts.map((part) => (part.kind === 'clear' ? { ...part, ns: part.ns - busWaitNs } : part));
    if (busWaitNs > 0) split.push({ kind: 'bus', what: '', ns: busWaitNs });
    const place = ({ kind }: Part): number => PART_KINDS.indexOf(kind);
    return split.sort((a, b) => place(a) - place(b) || b.ns - a.ns);
  }
}

function partOf({ kind, what, lockClass, holding }: Span, user: boolean): Pick<Part, 'kind' | 'what'> {
  if (kind === 'zero') return { kind: 'clear', what: '' };
  if (kind === 'transfer') return { kind, what: partKind(what) };
  if (kind === 'spin') return { kind: 'wait', what: lockClass === '' ? partKind(what) : lockClass };
  if (user) return { kind: 'user', what: '' };
  if (WALKS.includes(what)) return { kind: 'walk', what: '' };
  return holding === '' ? { kind: 'work', what: '' } : { kind: 'hold', what: holding };
}

/** The trial, and where its CPU time went. */
export function watchedParts(trial: Trial, profile: Profile, seed: number): TrialResult & { readonly parts: Part[] } {
  const sums = new PartSums();
  const recorder = new TimedRecorder(Math.round(profile.lineHit.value * TICKS_PER_NS), [sums], { full: false });
  const result = recorder.watch(() => trial.run({ profile, seed, watcher: recorder }));
  return { ...result, parts: sums.parts(result.timed.busWaitNs) };
}
