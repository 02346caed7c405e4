/** Where CPU time went, to the tick: every moment of a CPU that is in use is in one part. */
import { type Profile, TICKS_PER_NS } from '../machine/profile.ts';
import type { Span, TimedSink } from '../trace/span.ts';
import { TimedRecorder } from '../trace/timed.ts';
import { lineKind, partKind } from './lines.ts';
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

export interface Part {
  readonly kind: (typeof PART_KINDS)[number];
  /** Which lock, or which kind of line; empty for the others. */
  readonly what: string;
  readonly ns: number;
}

const WALKS = ['page_table_walk', 'table_line_miss'];

class PartSums implements TimedSink {
  /** Ticks. */
  private readonly sums = new Map<string, Part & { ticks: number }>();

  span(span: Span, user: boolean): void {
    if (span.kind === 'sleep' || span.kind === 'ready') return;
    const { kind, what } = partOf(span, user);
    const key = `${kind} ${what}`;
    const sum = this.sums.get(key) ?? { kind, what, ns: 0, ticks: 0 };
    sum.ticks += span.to - span.from;
    this.sums.set(key, sum);
  }

  /** In the order of kinds, each with the largest first. */
  parts(busWaitNs: number): Part[] {
    const parts = [...this.sums.values()].map(({ kind, what, ticks }) => ({ kind, what, ns: ticks / TICKS_PER_NS }));
    const split = parts.map((part) => (part.kind === 'clear' ? { ...part, ns: part.ns - busWaitNs } : part));
    if (busWaitNs > 0) split.push({ kind: 'bus', what: '', ns: busWaitNs });
    const place = ({ kind }: Part): number => PART_KINDS.indexOf(kind);
    return split.sort((a, b) => place(a) - place(b) || b.ns - a.ns);
  }
}

function partOf({ kind, what, lockClass, holding }: Span, user: boolean): Pick<Part, 'kind' | 'what'> {
  if (kind === 'zero') return { kind: 'clear', what: '' };
  if (kind === 'transfer') return { kind, what: wordKind(what) };
  if (kind === 'spin') return { kind: 'wait', what: lockClass === '' ? wordKind(what) : lockClass };
  if (user) return { kind: 'user', what: '' };
  if (WALKS.includes(what)) return { kind: 'walk', what: '' };
  return holding === '' ? { kind: 'work', what: '' } : { kind: 'hold', what: holding };
}

/** `child1.page_table_lock` and `child2.page_table_lock` are one. */
function wordKind(name: string): string {
  return lineKind(partKind(name));
}

/** The trial, and where its CPU time went. */
export function watchedParts(trial: Trial, profile: Profile, seed: number): TrialResult & { readonly parts: Part[] } {
  const sums = new PartSums();
  const recorder = new TimedRecorder(Math.round(profile.lineHit.value * TICKS_PER_NS), [sums], { stacks: false });
  const result = recorder.watch(() => trial.run({ profile, seed, watcher: recorder }));
  return { ...result, parts: sums.parts(result.timed.busWaitNs) };
}
