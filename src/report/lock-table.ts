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

function duration(ns: number): string {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(2)} s`;
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(2)} ms`;
  return `${(ns / 1e3).toFixed(2)} us`;
}

const WIDTHS = [10, 11, 11, 10, 11, 8];

function line(cells: readonly string[], name: string): string {
  return `${cells.map((cell, i) => cell.padStart(WIDTHS[i])).join('')}  ${name}`;
}

export function lockTable(locks: readonly LockLine[]): string[] {
  const sorted = locks
    .filter((lock) => lock.acquisitions > 0)
    .sort((a, b) => b.waitNs - a.waitNs || b.holdNs - a.holdNs);
  return [
    line(['acquired', 'contended', 'total wait', 'max wait', 'total hold', 'waiters'], 'lock class'),
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
