/** Where the time went: locks in the shape of `perf lock contention`, sorted by total wait. */

export interface LockLine {
  readonly lockClass: string;
  readonly acquisitions: number;
  readonly contended: number;
  readonly waitNs: number;
  readonly maxWaitNs: number;
  readonly holdNs: number;
  readonly maxWaiters: number;
}

const UNITS = [
  ['us', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
] as const;

/** Nine characters at most, as long as it is less than twelve days. */
function duration(ns: number): string {
  const [unit, size] = UNITS.find(([, one]) => ns / one < 999.995) ?? UNITS[2];
  return `${(ns / size).toFixed(ns / size < 999.995 ? 2 : 0)} ${unit}`;
}

/** The longest class of Linux's fits 80 columns beside them. */
const WIDTHS = [8, 10, 10, 10, 10, 8];

function line(cells: readonly string[], name: string): string {
  return `${cells.map((cell, i) => cell.padStart(WIDTHS[i])).join('')}  ${name}`;
}

/** A heading, and a line for each lock that was taken: how often, how often in vain at first, and for how long. */
export function lockTable(locks: readonly LockLine[]): string[] {
  const sorted = locks
    .filter((lock) => lock.acquisitions > 0)
    .sort((a, b) => b.waitNs - a.waitNs || b.holdNs - a.holdNs);
  return [
    line(['acquired', 'contended', 'waited', 'max wait', 'held', 'waiters'], 'lock class'),
    ...sorted.map((lock) =>
      line(
        [
          String(lock.acquisitions),
          String(lock.contended),
          duration(lock.waitNs),
          duration(lock.maxWaitNs),
          duration(lock.holdNs),
          String(lock.maxWaiters),
        ],
        lock.lockClass,
      ),
    ),
  ];
}
