/**
 * faultline's public API: explore the interleavings of coroutines over cells, atomics and locks, and run them under
 * a clock. See README.md.
 */
export {
  atomic_add_return,
  atomic_dec,
  atomic_inc,
  Cell,
  cmpxchg,
  Line,
  poll_for,
  READ_ONCE,
  Ref,
  wait_for,
  Words,
  WRITE_ONCE,
  xchg,
} from './machine/memory.ts';
export { type Coroutine, Shared, Step } from './machine/step.ts';
export { Birth, KernelBug, running, spawn, Thread } from './machine/thread.ts';
export { Spinlock, spin_lock, spin_trylock, spin_unlock } from './sync/spinlock.ts';
export { Mutex, mutex_lock, mutex_trylock, mutex_unlock } from './sync/mutex.ts';
export { PageLock, lock_page, trylock_page, unlock_page } from './sync/pagelock.ts';
export {
  down_read,
  down_read_trylock,
  down_write,
  down_write_trylock,
  RwSemaphore,
  up_read,
  up_write,
} from './sync/rwsem.ts';
export { call_rcu, Rcu, rcu_read_lock, rcu_read_unlock, synchronize_rcu } from './sync/rcu.ts';
export {
  Interrupts,
  irqs_disabled,
  local_irq_disable,
  local_irq_enable,
  on_each_cpu,
  Smp,
  smp_call_function_many,
  smp_call_function_single,
} from './sync/smp.ts';
export { choose, maybe, reachable, sometimes } from './machine/choice.ts';
export { allInterleavings, delayBounded, preemptionBounded } from './drivers/controlled/bounded.ts';
export { DporStrategy, sourceDpor } from './drivers/controlled/dpor.ts';
export {
  type Choice,
  Execution,
  type Found,
  NotTheSame,
  type Program,
  type Violation,
} from './drivers/controlled/execution.ts';
export { type Checkpoint, explore, type ExploreOptions, Search } from './drivers/controlled/explore.ts';
export type { Exploration, Failure, Outcome, Reached } from './drivers/controlled/tally.ts';
export { portfolio } from './drivers/controlled/portfolio.ts';
export { pct, random, urw } from './drivers/controlled/random.ts';
export {
  findLivelock,
  type Livelock,
  type LivenessOptions,
  type LivenessResult,
} from './drivers/controlled/liveness.ts';
export { type NearestPass, nearestPass } from './drivers/controlled/nearest.ts';
export { Divergence, replay } from './drivers/controlled/replay.ts';
export { formatSchedule, parseSchedule, type Schedule, ScheduleError } from './drivers/controlled/schedule.ts';
export { shrink, type Shrunk, type ShrinkOptions } from './drivers/controlled/shrink.ts';
export { findSpin, type Long, type Spin } from './drivers/controlled/spin.ts';
export type { Claim, Strategy } from './drivers/controlled/strategy.ts';
export { type Counterexample, counterexampleOf } from './explain/counterexample.ts';
export { drawCounterexample, type DrawOptions, drawRecording, drawVerdicts, explain } from './explain/explain.ts';
export { record, type Recording } from './explain/record.ts';
export { runTimed, type TimedOptions, type TimedResult } from './drivers/timed/run.ts';
