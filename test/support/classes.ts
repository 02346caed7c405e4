/**
 * The classes of a program's executions, from their definition and not from the explorer's: two executions are the
 * same if every thread does the same steps with the same replies, every read sees the same write, the writes of
 * every word and the owners of every lock come in the same order.
 *
 * Of a reader/writer semaphore: readers between two writers are in no order; a trylock that fails looks at the whole
 * state of the lock, for its side, and therefore falls between certain arrivals and releases.
 *
 * An execution that a crash has cut short is compared by what the thread that crashed has done: how far the others
 * got by then is chance, and the explorer looks at some of the possibilities only.
 */
import { boundedStrategy } from '../../src/drivers/controlled/bounded.ts';
import { type Event, Execution, type Program } from '../../src/drivers/controlled/execution.ts';
import { DporStrategy } from '../../src/drivers/controlled/dpor.ts';
import type { Race } from '../../src/drivers/controlled/order.ts';
import type { Strategy } from '../../src/drivers/controlled/strategy.ts';
import {
  ADD,
  BLOCKED,
  CMPXCHG,
  LOCK,
  LOCK_SHARED,
  type Shared,
  SPAWN,
  TRYLOCK,
  TRYLOCK_SHARED,
  UNLOCK,
  UNLOCK_SHARED,
  WRITE,
  XCHG,
} from '../../src/machine/step.ts';
import type { Thread } from '../../src/machine/thread.ts';
import { RwSemaphore } from '../../src/sync/rwsem.ts';

export interface Survey {
  readonly outcomes: Set<string>;
  /** Rule and witness of every violation. */
  readonly violations: Set<string>;
  /** Classes of the executions that ran to their end, and how often each was seen. */
  readonly classes: Map<string, number>;
  /** What the thread that crashed has done. */
  readonly crashes: Set<string>;
  /** Classes of the executions cut short. */
  readonly cutShort: Map<string, number>;
  /** Executions, redundant ones too. */
  runs: number;
}

/** Source-DPOR that also checks its order of events: whoever a race says can begin the other order must be able to. */
export class StrictDpor extends DporStrategy {
  private readonly able: number[][] = [];

  override choose(execution: Execution, enabled: readonly Thread[]): Thread | null {
    this.able[execution.events.length] = enabled.map((thread) => thread.id);
    return super.choose(execution, enabled);
  }

  protected override ask(race: Race): void {
    const unable = race.initials.filter((thread) => !this.able[race.at].includes(thread));
    if (unable.length > 0) throw new Error(`threads ${unable.join()} cannot act at step ${race.at + 1}`);
    super.ask(race);
  }
}

/** All that the strategy finds; null if that takes more runs than `limit`. */
export function survey(program: () => Program, strategy: Strategy, limit: number): Survey | null {
  const seen: Survey = {
    outcomes: new Set(),
    violations: new Set(),
    classes: new Map(),
    crashes: new Set(),
    cutShort: new Map(),
    runs: 0,
  };
  while (strategy.begin()) {
    if (++seen.runs > limit) return null;
    const execution = new Execution(program());
    if (runToEnd(execution, strategy)) add(seen, execution);
    strategy.end(execution);
  }
  return seen;
}

/** False: the strategy has left the execution. */
function runToEnd(execution: Execution, strategy: Strategy): boolean {
  while (!execution.over) {
    const thread = strategy.choose(execution, execution.enabled());
    if (thread === null) return false;
    if (!execution.isEnabled(thread)) throw new Error(`${thread.name} was chosen and cannot act`);
    execution.perform(thread);
  }
  return true;
}

function add(seen: Survey, execution: Execution): void {
  for (const { rule, witness } of execution.found) {
    seen.violations.add(`${rule}: ${witness.split('; ').sort().join('; ')}`);
  }
  const { events } = execution;
  if (execution.crashed) {
    for (const { rule, witness } of execution.found) {
      const culprit = /^[\w.]+/.exec(witness)![0];
      seen.crashes.add(`${rule}: ${witness} after ${historyOf(events, culprit)}`);
    }
    count(seen.cutShort, classOf(events));
  } else {
    seen.outcomes.add(execution.outcome());
    count(seen.classes, classOf(events));
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function describe({ step, reply }: Event): string {
  return `${step.kind} ${step.object.describe(step.index)} ${reply === BLOCKED ? 0 : reply}`;
}

function historyOf(events: readonly Event[], name: string): string {
  return events
    .filter((event) => event.thread.name === name)
    .map(describe)
    .join(', ');
}

function classOf(events: readonly Event[]): string {
  const threads = new Map<string, string[]>();
  const objects = new Map<Shared, Past>();
  for (const event of events) {
    const { thread, step } = event;
    let history = threads.get(thread.name);
    if (history === undefined) threads.set(thread.name, (history = []));
    let past = objects.get(step.object);
    if (past === undefined) objects.set(step.object, (past = new Past()));
    const id = `${thread.name}#${history.length}`;
    history.push(`${describe(event)} ${past.note(event, id)}`);
  }
  return [...threads]
    .map(([name, history]) => `${name}: ${history.join(', ')}`)
    .sort()
    .join('\n');
}

/** What has happened to an object so far. */
class Past {
  /** The last write of the word, the last thread to take the lock, the last writer of the rwsem to come. */
  private last = 'start';
  private readonly readers: string[] = [];
  private readonly releases: string[] = [];
  private readonly sharedReleases: string[] = [];

  /** What there was before this step, as far as it is not of its own doing; then take note of it. */
  note(event: Event, id: string): string {
    if (event.step.kind === SPAWN) return '';
    if (event.step.object instanceof RwSemaphore) return this.noteSemaphore(event, id);
    const { last } = this;
    const { kind } = event.step;
    if (kind === UNLOCK) return '';
    if (kind === LOCK || (kind === TRYLOCK && event.reply === 1) || writes(event)) this.last = id;
    return last;
  }

  private noteSemaphore({ step: { kind }, reply }: Event, id: string): string {
    const { last } = this;
    if (kind === UNLOCK) return this.push(this.releases, id);
    if (kind === UNLOCK_SHARED) return this.push(this.sharedReleases, id);
    if (kind === LOCK_SHARED || (kind === TRYLOCK_SHARED && reply === 1)) this.readers.push(id);
    else if (kind === LOCK || (kind === TRYLOCK && reply === 1)) this.last = id;
    else if (kind === TRYLOCK_SHARED) return `${last} ${this.releases.toSorted().join()}`;
    else
      return [last, ...[this.releases, this.readers, this.sharedReleases].map((ids) => ids.toSorted().join())].join(
        ' ',
      );
    return last;
  }

  private push(ids: string[], id: string): string {
    ids.push(id);
    return '';
  }
}

function writes({ step, reply }: Event): boolean {
  if (step.kind === CMPXCHG) return reply === step.value;
  return step.kind === WRITE || step.kind === ADD || step.kind === XCHG;
}

/** What the reduced search has got wrong, compared with all interleavings; empty: nothing. */
export function differences(all: Survey, reduced: Survey): string[] {
  return [
    ...compare('outcome', all.outcomes, reduced.outcomes),
    ...compare('violation', all.violations, reduced.violations),
    ...compare('crash', all.crashes, reduced.crashes),
    ...compare('class', new Set(all.classes.keys()), new Set(reduced.classes.keys())),
    ...[...reduced.classes, ...reduced.cutShort]
      .filter(([, times]) => times > 1)
      .map(([key, times]) => `seen ${times} times: ${key}`),
  ];
}

function compare(what: string, all: ReadonlySet<string>, reduced: ReadonlySet<string>): string[] {
  return [
    ...[...all].filter((key) => !reduced.has(key)).map((key) => `${what} lost: ${key}`),
    ...[...reduced].filter((key) => !all.has(key)).map((key) => `${what} made up: ${key}`),
  ];
}

/** All interleavings; null: more than `limit`. */
export function enumerate(program: () => Program, limit = Infinity): Survey | null {
  return survey(program, boundedStrategy(Infinity), limit);
}

/** What `reduced` gets wrong of a program of which all is known. */
export function mistakes(program: () => Program, all: Survey, reduced: Strategy): string[] {
  const found = survey(program, reduced, all.runs);
  return found === null ? [`more runs than the ${all.runs} interleavings there are`] : differences(all, found);
}
