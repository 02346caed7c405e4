/**
 * Watches executions that some strategy chooses: their order, and which of them are the same up to the order of steps
 * that commute.
 */
import { BLOCKED } from '../../machine/step.ts';
import type { Thread } from '../../machine/thread.ts';
import { machineRelation } from './effect.ts';
import type { Chooser, Execution } from './execution.ts';
import { Order } from './order.ts';

/** The order of one execution after another, as steps are taken. */
export class OrderWatch {
  readonly order = new Order(machineRelation);
  private settled = 0;

  /** A new execution begins. */
  begin(): void {
    this.order.takeBack(0);
    this.settled = 0;
  }

  /** A chooser that chooses like `chooser`, and is watched. */
  watching(chooser: Chooser): Chooser {
    this.begin();
    return {
      choose: (execution) => {
        const thread = chooser.choose(execution);
        if (thread !== null) this.add(execution, thread);
        return thread;
      },
    };
  }

  /** `thread` is about to do its pending step. */
  add(execution: Execution, thread: Thread): void {
    this.settle(execution);
    this.order.effectOf(execution, thread.pending!);
    this.order.add(thread.id);
  }

  /** The same. Returns the number of its races; `order.raceAt` has them. */
  take(execution: Execution, thread: Thread): number {
    this.settle(execution);
    const races = this.order.races(thread.id, this.order.effectOf(execution, thread.pending!));
    this.order.add(thread.id);
    return races;
  }

  /** The order of the execution so far. */
  orderOf(execution: Execution): Order {
    this.settle(execution);
    return this.order;
  }

  /** Number of races of a step that `thread` wants to do and cannot. */
  racesOf(execution: Execution, thread: Thread): number {
    return this.order.races(thread.id, this.order.effectOf(execution, thread.pending!));
  }

  /** The last step is done. */
  settle(execution: Execution): void {
    if (this.settled === this.order.length) return;
    this.settled = this.order.length;
    this.order.settle(execution.reply === BLOCKED, execution.released);
  }
}

/** Counts the classes of the executions it is shown. */
export class ClassCounter {
  readonly seen: Set<number>;
  private readonly watch = new OrderWatch();

  /** `seen`: classes seen before. */
  constructor(seen: Iterable<number> = []) {
    this.seen = new Set(seen);
  }

  /** A chooser that chooses like `chooser`, and is watched. */
  watching(chooser: Chooser): Chooser {
    return this.watch.watching(chooser);
  }

  /** The order of the execution that was watched last. */
  orderOf(execution: Execution): Order {
    return this.watch.orderOf(execution);
  }

  /** The execution has ended. True if no execution of its class was seen before. */
  add(execution: Execution): boolean {
    const key = this.orderOf(execution).fingerprint(execution.choices);
    if (this.seen.has(key)) return false;
    this.seen.add(key);
    return true;
  }
}
