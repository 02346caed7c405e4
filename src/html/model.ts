/**
 * What the script of a page draws: plain data, known to those who make it and to the script. Texts are numbers, which
 * index `strings`; string 0 is the empty one.
 */

/** Kinds of boxes and bars, by number. The style sheet has a colour for each name. */
export const KINDS = [
  ...(['other', 'lock', 'unlock', 'read', 'write', 'atomic', 'pte', 'walk', 'page', 'tlb', 'wait', 'start'] as const),
  ...(['held', 'shared', 'blocked'] as const),
  ...(['user', 'fault', 'transfer', 'zero', 'spin', 'sleep', 'ready'] as const),
] as const;
export type Kind = (typeof KINDS)[number];

export interface TimelineData {
  /** What one is on the axis: a step, or a nanosecond. */
  readonly unit: 'step' | 'ns';
  readonly strings: readonly string[];
  readonly runs: readonly RunData[];
}

/** One schedule, or one run under the clock. */
export interface RunData {
  readonly name: string;
  /** What is to be known of it, and the command that repeats it; empty if there is none. */
  readonly about: string;
  readonly command: string;
  readonly lanes: readonly string[];
  /** Of the axis. */
  readonly from: number;
  readonly to: number;
  /** In the order of their beginnings; the one that is looked at is the cursor. */
  readonly boxes: readonly BoxData[];
  /** Below the boxes of a lane: locks held, and what is waited for. */
  readonly bars: readonly BarData[];
  /** Boxes that are worth a look: where they end, and why. */
  readonly marks: readonly MarkData[];
  /** The state of the machine after each box; null: it is not followed. */
  readonly world: WorldData | null;
}

/** Something is wrong from there on, or it is the step that decides. */
export type MarkData = readonly [at: number, text: number, wrong: 0 | 1];
export type BoxData = readonly [lane: number, from: number, to: number, kind: number, label: number, notes: number];
export type BarData = readonly [lane: number, row: number, from: number, to: number, kind: number, label: number];

/** Cells are numbered from panel to panel, row by row. */
export interface WorldData {
  readonly panels: readonly PanelData[];
  /** What cells hold before the first box: cell, text, cell, text, … Empty: nothing. */
  readonly first: readonly number[];
  /** What each box changes. */
  readonly changes: readonly (readonly number[])[];
}

export interface PanelData {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  /** Rows that were left out. */
  readonly more: number;
}
