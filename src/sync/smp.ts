/**
 * Calls from one CPU to another (IPIs), and interrupts turned off and on.
 *
 * The handler of a call is a thread of its own on the CPU that is called. It begins by taking that CPU's interrupts,
 * which it cannot while somebody has them off, and gives them back at its end; who has them off must not sleep. Who
 * calls and waits polls: it burns its CPU, and with interrupts off it takes no calls meanwhile. Two who do that to each
 * other wait for ever.
 *
 * Left out: a handler does not hold up the thread that it interrupts, other than by its interrupts; calls to one CPU
 * come in any order; a second call does not wait for the first to be taken; CPUs do not come and go. Linux warns of
 * waiting with interrupts off, here it is done. Under the clock a call costs what it costs to start a thread, and a CPU
 * takes it as soon as its thread waits, polls, or ends.
 */
import { poll_for } from '../machine/memory.ts';
import { asked, type Coroutine, LOCK, NOTHING, Step, UNLOCK } from '../machine/step.ts';
import { Birth, type Held, KernelBug, running, smp_processor_id, spawn, type Thread } from '../machine/thread.ts';
import { ExclusiveLock, type Verbs } from './exclusive.ts';

/** `value` of the steps of a handler. */
const HANDLER = 1;

const VERBS: Verbs = ['local_irq_disable', '', 'local_irq_enable'];

/** The interrupts of one CPU: had by whoever has turned them off, or by the handler that runs. */
export class Interrupts extends ExclusiveLock {
  protected get verbs(): Verbs {
    return VERBS;
  }
  readonly enterStep = new Step(LOCK, this, 0, HANDLER);
  readonly exitStep = new Step(UNLOCK, this, 0, HANDLER);
  /** Who waits for interrupts does not burn the CPU, but who has them must not sleep. */
  private readonly off: Held = { lock: this, shared: false, spins: true };

  constructor(cpu: number) {
    super(`CPU${cpu}.irqs`, 'irqs', false, null);
  }

  override verb(step: Step): string {
    if (step.value !== HANDLER) return super.verb(step);
    return step.kind === LOCK ? 'irq_enter' : 'irq_exit';
  }
  protected override take(thread: Thread): void {
    thread.takes(this.off);
  }
  protected override drop(thread: Thread): void {
    if (thread.drops(this.off)) return;
    throw new KernelBug('unlock by non-owner', `${thread.name} turns ${this.name} on and has not turned them off`);
  }
}

/** The CPUs that can call each other. */
export class Smp {
  readonly interrupts: readonly Interrupts[];
  private readonly calls = new Map<Thread, number>();

  constructor(cpus: number) {
    this.interrupts = Array.from({ length: cpus }, (_, cpu) => new Interrupts(cpu));
  }

  /** Those of the CPU that asks. */
  get local(): Interrupts {
    return this.interrupts[smp_processor_id()];
  }

  /** What a call to a CPU starts there. */
  call(cpu: number, func: () => Coroutine): Handler {
    const n = (this.calls.get(running) ?? 0) + 1;
    this.calls.set(running, n);
    return new Handler(`${running.name}.ipi${n}`, cpu, this.interrupts[cpu], func);
  }
}

class Handler extends Birth {
  /** To the timed driver: comes before the thread that waits on its CPU. */
  readonly interrupts = true;

  constructor(name: string, cpu: number, interrupts: Interrupts, func: () => Coroutine) {
    super(name, cpu, () => handle(interrupts, func));
  }
}

function* handle(interrupts: Interrupts, func: () => Coroutine): Coroutine {
  yield* asked(interrupts.enterStep);
  yield* func();
  yield* asked(interrupts.exitStep);
}

export function irqs_disabled(smp: Smp): boolean {
  return smp.local.owner === running;
}
/** Does nothing if they are off. */
export function local_irq_disable(smp: Smp): Step | Coroutine {
  return irqs_disabled(smp) ? NOTHING : asked(smp.local.lockStep);
}
/** Does nothing if they are on. */
export function local_irq_enable(smp: Smp): Step | Coroutine {
  return irqs_disabled(smp) ? asked(smp.local.unlockStep) : NOTHING;
}

/** Run `func` on `cpu`, and wait for its end if so wished. On the CPU that calls it is run at once. */
export function* smp_call_function_single(smp: Smp, cpu: number, func: () => Coroutine, wait: boolean): Coroutine {
  if (cpu === smp_processor_id()) yield* runHere(smp, func);
  else yield* smp_call_function_many(smp, [cpu], func, wait);
}

/** Run `func` on those of `cpus` that are not the one that calls; if so wished, wait then until all have. */
export function* smp_call_function_many(
  smp: Smp,
  cpus: readonly number[],
  func: () => Coroutine,
  wait: boolean,
): Coroutine {
  const calls = yield* send(smp, cpus, func);
  if (wait) yield* waitForAll(calls);
}

/** Run `func` on every CPU: on the others, then on the one that calls; then wait for the others if so wished. */
export function* on_each_cpu(smp: Smp, func: () => Coroutine, wait: boolean): Coroutine {
  const calls = yield* send(smp, [...smp.interrupts.keys()], func);
  yield* runHere(smp, func);
  if (wait) yield* waitForAll(calls);
}

function* send(smp: Smp, cpus: readonly number[], func: () => Coroutine): Coroutine<Handler[]> {
  const others = cpus.filter((cpu) => cpu !== smp_processor_id());
  const calls = others.map((cpu) => smp.call(cpu, func));
  for (const call of calls) yield* spawn(call);
  return calls;
}

function* waitForAll(calls: readonly Handler[]): Coroutine {
  for (const call of calls) yield* poll_for(call.exited, 1);
}

/** With interrupts off meanwhile. */
function* runHere(smp: Smp, func: () => Coroutine): Coroutine {
  const wereOff = irqs_disabled(smp);
  yield* local_irq_disable(smp);
  yield* func();
  if (!wereOff) yield* local_irq_enable(smp);
}
