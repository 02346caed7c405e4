/**
 * A machine on which some of what CPUs do takes another time than its profile says: what a thread does in one place, or
 * the transfers of one line. Only what the CPU itself does is scaled. That it waits (for a line that is under way, a bus, the
 * home of a line) is not: how long that is follows.
 */
import type { Line } from '../../machine/memory.ts';
import type { Profile } from '../../machine/profile.ts';
import type { Shared } from '../../machine/step.ts';
import type { Thread } from '../../machine/thread.ts';
import { Hardware } from './hardware.ts';
import type { LineQueue } from './line-queue.ts';

/** Factors; 1 is what the profile says. Private work is not seen here: see `observeCharges`. */
export interface Pace {
  /** Of what the thread does now. */
  ofThread(thread: Thread): number;
  /** Of a transfer of a line. */
  ofLine(line: Line): number;
  /** The same where the line of a word is that of a structure, such as a page of ptes. */
  ofPart(object: Shared, index: number): number;
}

export class PacedHardware extends Hardware {
  private readonly pace: Pace;
  private readonly current: (cpu: number) => Thread | null;
  /** What the profile says. */
  private readonly usual: ReturnType<PacedHardware['prices']>;
  /** Of the transfer that is being priced. */
  private moving = 1;

  constructor(profile: Profile, cpus: number, pace: Pace, current: (cpu: number) => Thread | null) {
    super(profile, cpus);
    this.pace = pace;
    this.current = current;
    this.usual = this.prices();
  }

  override privateTicks(object: Shared, cpu: number): number {
    this.begin(cpu);
    return super.privateTicks(object, cpu);
  }

  override access(line: Line, cpu: number, exclusive: boolean): void {
    this.moving = this.begin(cpu) * this.pace.ofLine(line);
    super.access(line, cpu, exclusive);
  }

  override touch(object: Shared, index: number, before: number, cpu: number): void {
    this.moving = this.begin(cpu) * this.pace.ofPart(object, index);
    super.touch(object, index, before, cpu);
  }

  /** Nobody has the lock yet: only its line may be faster. */
  override handOver(line: Line, cpu: number, now: Float64Array, others: number, waiters: readonly Thread[]): void {
    this.hit = this.usual.hit;
    this.moving = this.pace.ofLine(line);
    super.handOver(line, cpu, now, others, waiters);
  }

  override clear(cpu: number, bytes: number, home: number): void {
    const factor = this.begin(cpu);
    this.clearLocal = scaled(this.usual.clearLocal, factor);
    this.clearRemote = scaled(this.usual.clearRemote, factor);
    this.memoryPerKib = scaled(this.usual.memoryPerKib, factor);
    super.clear(cpu, bytes, home);
  }

  override load(object: Shared, cpu: number, bytes: number, home: number): void {
    const factor = this.begin(cpu);
    const { loop, local, remote, bus } = this.usual.read;
    this.read = {
      loop: scaled(loop, factor),
      local: scaled(local, factor),
      remote: scaled(remote, factor),
      bus: scaled(bus, factor),
    };
    super.load(object, cpu, bytes, home);
  }

  protected override fetch(before: number, cpu: number): number {
    return scaled(super.fetch(before, cpu), this.moving);
  }

  protected override fetchFrom(queue: LineQueue, node: number): number {
    return scaled(super.fetchFrom(queue, node), this.moving);
  }

  protected override readsOf(line: Line, waiters: readonly Thread[]): number {
    return scaled(super.readsOf(line, waiters), this.moving);
  }

  private prices() {
    const { hit, clearLocal, clearRemote, memoryPerKib, read } = this;
    return { hit, clearLocal, clearRemote, memoryPerKib, read };
  }

  /** The CPU does something; returns the factor for it. */
  private begin(cpu: number): number {
    const thread = this.current(cpu);
    const factor = thread === null ? 1 : this.pace.ofThread(thread);
    this.hit = scaled(this.usual.hit, factor);
    return factor;
  }
}

/** Ticks are whole, whatever the factor: sums of them are then exact. */
function scaled(ticks: number, factor: number): number {
  return factor === 1 ? ticks : Math.round(ticks * factor);
}
