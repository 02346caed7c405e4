/**
 * What the timed driver can be told of threads that map a file, read it page by page, and exit: see lookahead.ts there. No
 * result depends on it.
 */

/** How far a CPU may be ahead of the time at which it was due last; and how many pages a thread gets to in so much time, at most. */
export interface Reach {
  readonly ticks: number;
  readonly pages: number;
}

export interface Lead {
  readonly reading: Reach & {
    /** Pages that are read in this time at most. Before it has read what it has mapped, a thread maps no more. */
    readonly reads: number;
  };
  /** Where mappings are torn down. */
  readonly exit: Reach;
  /** So many pages are gathered there before they are given free, all at once. */
  readonly batch: number;
  /** Pages of the file. */
  readonly pages: number;
}
