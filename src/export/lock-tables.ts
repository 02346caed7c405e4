/** Locks as /proc/lock_stat and `perf lock contention` print them. */
import { TICKS_PER_NS } from '../machine/profile.ts';
import type { Frame } from '../trace/step.ts';
import { visible } from './escape.ts';
import type { Contention, LockStat, Place, Times } from './lock-stats.ts';

const NAME = 40;
const NUMBER = 14;
const COLUMNS = [
  ...['con-bounces', 'contentions', 'waittime-min', 'waittime-max', 'waittime-total', 'waittime-avg'],
  ...['acq-bounces', 'acquisitions', 'holdtime-min', 'holdtime-max', 'holdtime-total', 'holdtime-avg'],
];
const WIDTH = NAME + 1 + COLUMNS.length * (NUMBER + 1);
/** lock_stat keeps so many places of each kind. */
const PLACES = 4;

/** The columns of lock_stat version 0.4; times in microseconds. */
export function lockStat(rows: readonly LockStat[]): string {
  const rule = '-'.repeat(WIDTH);
  const columns = COLUMNS.map((name) => ` ${name.padStart(NUMBER)}`).join('');
  const head = ['lock_stat version 0.4', rule, `${'class name'.padStart(NAME)}${columns}`, rule, ''];
  const classes = [...new Set(rows.map(({ lockClass }) => lockClass))];
  const parts = classes.map((name) => lockClassLines(rows.filter(({ lockClass }) => lockClass === name)));
  return `${[...head, ...parts.flat()].join('\n')}\n`;
}

function lockClassLines(sides: readonly LockStat[]): string[] {
  const both = sides.length > 1 || sides[0].shared;
  const lines = sides.map(
    (side) =>
      `${nameOf(side, both)}${cells(side)
        .map((c) => ` ${c.padStart(NUMBER)}`)
        .join('')}`,
  );
  const waiters = placeLines(
    sides.flatMap((side) => side.waiters),
    sides[0].lockClass,
  );
  const holders = placeLines(
    sides.flatMap((side) => side.holders),
    sides[0].lockClass,
  );
  return waiters.length === 0 ? lines : [...lines, ...waiters, ...holders, '', '.'.repeat(WIDTH)];
}

function nameOf({ lockClass, shared }: LockStat, both: boolean): string {
  const name = visible(lockClass);
  return both ? `${`${name}-${shared ? 'R' : 'W'}`.padStart(NAME)}:` : `${name.padStart(NAME)}:`;
}

function cells({ wait, hold, contendedBounces, acquiredBounces, acquisitions }: LockStat): string[] {
  return [
    `${contendedBounces}`,
    `${wait.count}`,
    ...times(wait),
    `${acquiredBounces}`,
    `${acquisitions}`,
    ...times(hold),
  ];
}

function times({ min, max, total, average }: Times): string[] {
  return [min, max, total, average].map((ticks) => (ticks / TICKS_PER_NS / 1000).toFixed(2));
}

function placeLines(places: readonly Place[], lockClass: string): string[] {
  if (places.length === 0) return [];
  const name = visible(lockClass);
  return [
    `${' '.repeat(Math.max(0, NAME - name.length))}${'-'.repeat(name.length)}`,
    ...places.slice(0, PLACES).map(({ count, frame }) => {
      const at = `[<${frame.file === '' ? 'user' : `${frame.file}:${frame.line}`}>]`;
      return `${name.padStart(NAME)} ${String(count).padStart(NUMBER)} ${visible(at).padStart(29)} ${visible(frame.fn)}`;
    }),
  ];
}

/** The table of `perf lock contention`, the longest total wait first. */
export function perfLock(rows: readonly Contention[]): string {
  const head = [
    ...['contended', 'total wait', 'max wait', 'avg wait'].map((name, i) => name.padStart(i === 0 ? 10 : 12)),
  ];
  const lines = rows.map(({ type, frame, wait }) => {
    const waits = [wait.total, wait.max, wait.average].map((ticks) => duration(ticks / TICKS_PER_NS).padStart(12));
    return `${[String(wait.count).padStart(10), ...waits].join(' ')}   ${visible(type).padStart(10)}   ${caller(frame)}`;
  });
  return `${[`${head.join(' ')}   ${'type'.padStart(10)}   caller`, '', ...lines].join('\n')}\n`;
}

function caller({ fn, file, line }: Frame): string {
  return visible(file === '' ? fn : `${fn} (${file}:${line})`);
}

/** As perf prints times. */
function duration(ns: number): string {
  const units = [['h ', 3600e9], ['m ', 60e9], ['s ', 1e9], ['ms', 1e6], ['us', 1e3]] as const; // prettier-ignore
  const unit = units.find(([, size]) => ns >= size);
  return unit === undefined ? `${Math.round(ns)} ns` : `${(ns / unit[1]).toFixed(2)} ${unit[0]}`;
}
