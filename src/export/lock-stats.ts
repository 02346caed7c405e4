/** Statistics of locks as lockdep keeps them: per class, reading and writing apart, with the places of those who wait. */
import type { LockEvent, TimedSink } from '../trace/span.ts';
import type { Frame } from '../trace/step.ts';

/** Times, in ticks. */
export class Times {
  count = 0;
  /** The shortest that is not 0. */
  min = 0;
  max = 0;
  total = 0;

  add(ticks: number): void {
    this.count++;
    this.total += ticks;
    if (ticks > this.max) this.max = ticks;
    if (ticks > 0 && (this.min === 0 || ticks < this.min)) this.min = ticks;
  }
  get average(): number {
    return this.count === 0 ? 0 : this.total / this.count;
  }
}

export interface Place {
  readonly frame: Frame;
  count: number;
}

export interface LockStat {
  readonly lockClass: string;
  readonly shared: boolean;
  /** `spinlock`, `rwsem`. */
  readonly type: string;
  readonly wait: Times;
  readonly hold: Times;
  /** Contentions, and acquisitions, on another CPU than that of the acquisition before. */
  contendedBounces: number;
  acquiredBounces: number;
  acquisitions: number;
  /** Where those were who had to wait, and where those had taken it whom they waited for. */
  readonly waiters: Place[];
  readonly holders: Place[];
}

/** Waits by type and caller. */
export interface Contention {
  readonly type: string;
  readonly frame: Frame;
  readonly wait: Times;
}

const NOWHERE: Frame = { fn: 'user program', file: '', line: 0 };

export class LockStats implements TimedSink {
  private readonly stats = new Map<string, LockStat>();
  private readonly callers = new Map<string, Contention>();
  /** Who waits, and who holds, by task and lock. */
  private readonly waiting = new Map<string, LockEvent>();
  private readonly held = new Map<string, LockEvent>();
  /** The latest acquisition of each lock. */
  private readonly latest = new Map<number, LockEvent>();

  lock(event: LockEvent): void {
    // Interrupts that are off are a lock of the model, not of Linux.
    if (event.lock.lockClass === 'irqs') return;
    const key = `${event.task.id} ${event.lock.number}`;
    const stat = this.statOf(event);
    if (event.what === 'contended') this.contended(stat, key, event);
    else if (event.what === 'acquired') this.acquired(stat, key, event);
    else this.released(stat, key, event);
  }

  /** The most contended first, as lock_stat has them. */
  rows(): LockStat[] {
    const contentions = ({ lockClass }: LockStat): number =>
      [...this.stats.values()].reduce((sum, stat) => sum + (stat.lockClass === lockClass ? stat.wait.count : 0), 0);
    return [...this.stats.values()].sort(
      (a, b) =>
        contentions(b) - contentions(a) || order(a.lockClass, b.lockClass) || Number(a.shared) - Number(b.shared),
    );
  }

  /** The longest total wait first. */
  contentions(): Contention[] {
    return [...this.callers.values()].sort(
      (a, b) => b.wait.total - a.wait.total || order(a.frame.fn, b.frame.fn) || order(a.type, b.type),
    );
  }

  private statOf({ lock: { lockClass, type }, shared }: LockEvent): LockStat {
    const key = `${shared} ${lockClass}`;
    let stat = this.stats.get(key);
    if (stat === undefined) {
      const none = { contendedBounces: 0, acquiredBounces: 0, acquisitions: 0 };
      stat = { lockClass, shared, type, wait: new Times(), hold: new Times(), ...none, waiters: [], holders: [] };
      this.stats.set(key, stat);
    }
    return stat;
  }

  private contended(stat: LockStat, key: string, event: LockEvent): void {
    const holder = this.latest.get(event.lock.number);
    this.waiting.set(key, event);
    if (holder !== undefined && holder.cpu !== event.cpu) stat.contendedBounces++;
    count(stat.waiters, event);
    if (holder !== undefined) count(stat.holders, holder);
  }

  private acquired(stat: LockStat, key: string, event: LockEvent): void {
    const before = this.latest.get(event.lock.number);
    const since = this.waiting.get(key);
    if (since !== undefined && this.waiting.delete(key)) {
      stat.wait.add(event.at - since.at);
      this.callerOf(since).wait.add(event.at - since.at);
    }
    stat.acquisitions++;
    if (before !== undefined && before.cpu !== event.cpu) stat.acquiredBounces++;
    this.latest.set(event.lock.number, event);
    this.held.set(key, event);
  }

  private released(stat: LockStat, key: string, event: LockEvent): void {
    const since = this.held.get(key);
    if (since !== undefined && this.held.delete(key)) stat.hold.add(event.at - since.at);
  }

  private callerOf({ lock, shared, stack }: LockEvent): Contention {
    const type = lock.type === 'rwsem' ? `rwsem:${shared ? 'R' : 'W'}` : lock.type;
    const frame = stack[0] ?? NOWHERE;
    const key = `${type} ${frame.fn} ${frame.file}:${frame.line}`;
    const known = this.callers.get(key) ?? { type, frame, wait: new Times() };
    this.callers.set(key, known);
    return known;
  }
}

function count(places: Place[], { stack }: LockEvent): void {
  const frame = stack[0] ?? NOWHERE;
  const known = places.find((place) => place.frame.fn === frame.fn && place.frame.line === frame.line);
  if (known === undefined) places.push({ frame, count: 1 });
  else known.count++;
}

/** By code units: the same everywhere. */
function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
