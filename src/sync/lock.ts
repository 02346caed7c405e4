/** What all locks share: a class for statistics, a cache line, and the book of who holds what. */
import { Line } from '../machine/memory.ts';
import { type Counted, LOCK, LOCK_SHARED, Shared, type Step, TICK_0, UNLOCK_SHARED } from '../machine/step.ts';
import { type Held, KernelBug, type Thread } from '../machine/thread.ts';

export abstract class Lock extends Shared implements Counted {
  readonly name: string;
  /** Locks of one class are counted together, as in lockdep: `&mm->page_table_lock`. */
  readonly lockClass: string;
  /** A waiter burns its CPU (spinlock) instead of sleeping (mutex, rwsem, page lock). */
  readonly spins: boolean;
  lockRow = -1;
  heldSince = TICK_0;
  /** Entries in the books of threads, made when they are first needed. */
  private heldShared: Held | null = null;
  private heldExclusive: Held | null = null;

  constructor(name: string, lockClass: string, spins: boolean, line: Line | null) {
    super();
    this.name = name;
    this.lockClass = lockClass;
    this.spins = spins;
    this.line = line;
  }

  override ownLine(): Line | null {
    return (this.line ??= new Line(this.name));
  }

  describe(): string {
    return this.name;
  }
  /** Linux's name of the operation: `spin_lock`, `down_read`. */
  abstract verb(step: Step): string;
  override label(step: Step): string {
    return `${this.verb(step)}(${this.describe()})`;
  }
  /** Would this step have the lock if it took effect now? */
  abstract admits(step: Step): boolean;

  override passes(step: Step): boolean {
    if (this.waiters !== null || step.kind > UNLOCK_SHARED) return false;
    return (step.kind !== LOCK && step.kind !== LOCK_SHARED) || this.admits(step);
  }

  /** Write into the book of `thread` that it holds this lock. */
  protected take(thread: Thread, shared: boolean): void {
    thread.takes(this.entry(shared));
  }

  /** Strike it out; a lock that is not held, or held in the other mode, is a bug of the kernel text. */
  protected drop(thread: Thread, shared: boolean): void {
    const known = thread.drops(this.entry(shared));
    if (!known) throw new KernelBug('unlock by non-owner', this.complaint(thread, shared));
  }

  private entry(shared: boolean): Held {
    const { spins } = this;
    if (shared) return (this.heldShared ??= { lock: this, shared, spins });
    return (this.heldExclusive ??= { lock: this, shared, spins });
  }

  private complaint(thread: Thread, shared: boolean): string {
    return `${thread.name} releases ${this.describe()}${shared ? ' for reading' : ''} and does not hold it`;
  }
}
