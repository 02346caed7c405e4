/**
 * The classes of a program's executions, from their definition and not from the explorer's: two executions are the
 * same if every thread does the same steps with the same replies and makes the same choices, every read sees the same
 * write, the writes of every word and the owners of every lock come in the same order.
 *
 * Of a reader/writer semaphore: readers between two writers are in no order; a trylock that fails looks at the whole
 * state of the lock, for its side, and therefore falls between certain arrivals and releases. Of RCU: a grace period
 * begins after certain readers have come in, and where they leave is no business of anybody's.
 *
 * An execution that a crash has cut short is compared by what the thread that crashed has done: how far the others
 * got by then is chance, and the explorer looks at some of the possibilities only.
 */
import { allInterleavings } from '../../src/drivers/controlled/bounded.ts';
import { Execution, type Program } from '../../src/drivers/controlled/execution.ts';
import { DporStrategy } from '../../src/drivers/controlled/dpor.ts';
import { explore } from '../../src/drivers/controlled/explore.ts';
import type { Strategy } from '../../src/drivers/controlled/strategy.ts';
import type { Exploration } from '../../src/drivers/controlled/tally.ts';
import {
  ADD,
  BLOCKED,
  CMPXCHG,
  LOCK,
  LOCK_SHARED,
  type Shared,
  SPAWN,
  type Step,
  SYNCHRONIZE,
  TRYLOCK,
  TRYLOCK_SHARED,
  UNLOCK,
  UNLOCK_SHARED,
  WRITE,
  XCHG,
} from '../../src/machine/step.ts';
import { running, type Thread } from '../../src/machine/thread.ts';
import { Rcu } from '../../src/sync/rcu.ts';
import { RwSemaphore } from '../../src/sync/rwsem.ts';

export interface Survey {
  /** The classes of the executions that ran to their end, for every outcome. */
  readonly outcomes: Map<string, Set<string>>;
  /** The same, and classes of executions cut short, for every rule that they break. */
  readonly failing: Map<string, Set<string>>;
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

function nothingSeen(): Survey {
  return {
    outcomes: new Map(),
    failing: new Map(),
    violations: new Set(),
    classes: new Map(),
    crashes: new Set(),
    cutShort: new Map(),
    runs: 0,
  };
}

/** Source-DPOR that also checks its order of events: whoever a race says can begin the other order must be able to. */
export class StrictDpor extends DporStrategy {
  private readonly able: number[][] = [];

  override choose(execution: Execution): Thread | null {
    this.able[execution.length] = execution.enabled().map((thread) => thread.id);
    return super.choose(execution);
  }

  protected override ask(at: number, initials: Int32Array, count: number): void {
    const unable = initials.subarray(0, count).filter((thread) => !this.able[at].includes(thread));
    if (unable.length > 0) throw new Error(`threads ${unable.join()} cannot act at step ${at + 1}`);
    super.ask(at, initials, count);
  }
}

/** All that the strategy finds; null if that takes more runs than `limit`. */
export function survey(program: () => Program, strategy: Strategy, limit: number): Survey | null {
  const seen = nothingSeen();
  while (strategy.begin()) {
    if (++seen.runs > limit) return null;
    const execution = new Execution(program, (n) => strategy.answer(n));
    const story = new Story(execution);
    const ended = runToEnd(execution, strategy, story);
    addViolations(seen, execution, ended ? story.key() : null);
    if (ended) add(seen, execution, story);
    strategy.end(execution);
  }
  return seen;
}

/** False: the strategy has left the execution. */
function runToEnd(execution: Execution, strategy: Strategy, story: Story): boolean {
  while (!execution.crashed) {
    const thread = strategy.choose(execution);
    if (thread === null) {
      if (execution.over) execution.finish();
      return execution.over;
    }
    if (!execution.isEnabled(thread)) throw new Error(`${thread.name} was chosen and cannot act`);
    execution.perform(thread);
    story.note(thread);
  }
  return true;
}

/** All interleavings; null: more than `limit`. */
export function enumerate(program: () => Program, limit = Infinity): Survey | null {
  return survey(program, allInterleavings(), limit);
}

/**
 * All interleavings, but of executions that begin with the same class only one is gone on with: of much larger
 * programs. Null: there are more than `limit` such beginnings.
 */
export function enumerateBeginnings(program: () => Program, limit: number): Survey | null {
  const seen = nothingSeen();
  const begun = new Set<string>();
  const tape: { readonly options: readonly number[]; taken: number }[] = [];
  do {
    seen.runs++;
    const known = tape.length;
    let used = 0;
    const next = (options: readonly number[]): number => {
      if (used === tape.length) tape.push({ options, taken: 0 });
      const branch = tape[used++];
      return branch.options[branch.taken];
    };
    const execution = new Execution(program, (n) => next([...Array(n).keys()]));
    const story = new Story(execution);
    let isNew = true;
    while (isNew && !execution.over) {
      const thread = execution.threads[next(execution.enabled().map(({ id }) => id))];
      execution.perform(thread);
      story.note(thread);
      if (used < known) continue;
      const key = story.key();
      isNew = !begun.has(key);
      begun.add(key);
    }
    if (begun.size > limit) return null;
    if (execution.over) execution.finish();
    if (isNew) addViolations(seen, execution, story.key());
    if (isNew) add(seen, execution, story);
    while (tape.length > 0 && ++tape[tape.length - 1].taken === tape[tape.length - 1].options.length) tape.pop();
  } while (tape.length > 0);
  return seen;
}

/** `key`: the class of the execution; null if it has been left. */
function addViolations(seen: Survey, { found }: Execution, key: string | null): void {
  for (const { rule, witness } of found) {
    seen.violations.add(`${rule}: ${withoutOrder(witness)}`);
    into(seen.failing, rule, key);
  }
}

/** What a witness says, but not in which order threads are named, nor who else is in the queue of a lock. */
function withoutOrder(witness: string): string {
  return witness
    .replaceAll(/ \((held by|queued behind|its own)[^)]*\)/g, '')
    .split('; ')
    .sort()
    .join('; ');
}

function add(seen: Survey, execution: Execution, story: Story): void {
  const key = story.key();
  if (execution.crashed) {
    const { rule, witness } = execution.found.at(-1)!;
    const culprit = rule === 'unlock by non-owner' ? execution.threads[execution.schedule.at(-1)!] : running;
    seen.crashes.add(`${rule}: ${witness} after ${story.historyOf(culprit)}`);
    count(seen.cutShort, key);
  } else {
    into(seen.outcomes, execution.outcome(), key);
    count(seen.classes, key);
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function into(sets: Map<string, Set<string>>, name: string, key: string | null): void {
  const set = sets.get(name) ?? new Set();
  if (key !== null) set.add(key);
  sets.set(name, set);
}

/** A step that has taken effect. */
interface Event {
  readonly step: Step;
  readonly reply: number;
}

/** An execution as its class sees it. */
class Story {
  private readonly execution: Execution;
  /** Threads under names that do not depend on who was born first. */
  private readonly threads = new Map<Thread, { readonly name: string; births: number }>();
  private readonly histories = new Map<string, { readonly steps: string[]; readonly notes: string[] }>();
  private readonly objects = new Map<Shared, Past>();

  constructor(execution: Execution) {
    this.execution = execution;
    for (const thread of execution.threads) this.born(thread, thread.name);
  }

  private born(thread: Thread, name: string): void {
    this.threads.set(thread, { name, births: 0 });
    this.histories.set(name, { steps: [], notes: [] });
  }

  /** The thread has acted. */
  note(thread: Thread): void {
    const { step, reply, released } = this.execution;
    const known = this.threads.get(thread)!;
    if (step!.kind === SPAWN) for (const child of released) this.born(child, `${known.name}.${++known.births}`);
    const { steps, notes } = this.histories.get(known.name)!;
    const event = { step: step!, reply };
    let past = this.objects.get(event.step.object);
    if (past === undefined) this.objects.set(event.step.object, (past = new Past()));
    notes.push(past.note(event, `${known.name}#${steps.length}`));
    steps.push(describe(event));
  }

  key(): string {
    const choices = this.execution.choices.map(({ what, answer }) => `${what}=${answer}`);
    const lines = [...this.histories].map(
      ([name, { steps, notes }]) => `${name}: ${steps.map((step, i) => `${step} ${notes[i]}`).join(', ')}`,
    );
    return [...lines, ...choices].sort().join('\n');
  }

  /** What a thread has done, whatever the others did. */
  historyOf(thread: Thread): string {
    return this.histories.get(this.threads.get(thread)?.name ?? '')?.steps.join(', ') ?? '';
  }
}

function describe({ step, reply }: Event): string {
  return `${step.kind} ${step.object.describe(step.index)} ${reply === BLOCKED ? 0 : reply}`;
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
    if (event.step.object instanceof Rcu) return this.noteRcu(event, id);
    const { last } = this;
    const { kind } = event.step;
    if (kind === UNLOCK) return '';
    if (kind === LOCK || (kind === TRYLOCK && event.reply === 1) || writes(event)) this.last = id;
    return last;
  }

  private noteRcu({ step: { kind } }: Event, id: string): string {
    if (kind === SYNCHRONIZE) return this.readers.toSorted().join();
    if (kind === LOCK_SHARED) this.readers.push(id);
    return '';
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
    ...compare('rule', all.failing, reduced.failing),
    ...compare('violation', all.violations, reduced.violations),
    ...compare('crash', all.crashes, reduced.crashes),
    ...compare('class', all.classes, reduced.classes),
    ...[...reduced.classes, ...reduced.cutShort]
      .filter(([, times]) => times > 1)
      .map(([key, times]) => `seen ${times} times: ${key}`),
  ];
}

interface Keys {
  keys(): Iterable<string>;
  has(key: string): boolean;
}

function compare(what: string, all: Keys, reduced: Keys): string[] {
  return [
    ...[...all.keys()].filter((key) => !reduced.has(key)).map((key) => `${what} lost: ${key}`),
    ...[...reduced.keys()].filter((key) => !all.has(key)).map((key) => `${what} made up: ${key}`),
  ];
}

/** What `reduced` gets wrong of a program of which all is known. */
export function mistakes(program: () => Program, all: Survey, reduced: Strategy): string[] {
  const limit = 1000 + 10 * (all.classes.size + all.cutShort.size);
  const found = survey(program, reduced, limit);
  return found === null ? [`more than ${limit} runs for ${all.classes.size} classes`] : differences(all, found);
}

/**
 * What the verdicts of an exploration get wrong of a program of which all is known: how many classes there are, and
 * of these how many break each rule and end in each outcome. If some crash, how many others break a rule is chance.
 */
export function misjudged(all: Survey, found: Exploration): string[] {
  const wrong: string[] = [];
  const expect = (what: string, known: string | number, said: string | number): void => {
    if (known !== said) wrong.push(`${what}: ${said}, should be ${known}`);
  };
  const crashFree = all.cutShort.size === 0;
  const total = all.classes.size + all.cutShort.size;
  expect('complete', 'true', String(found.complete));
  if (crashFree) expect('executions', total, found.executions);
  const rules = new Set([...all.failing.keys(), ...found.failures.map(({ rule }) => rule)]);
  for (const rule of rules) {
    const known = all.failing.get(rule)?.size ?? 0;
    const failure = found.failures.find((one) => one.rule === rule);
    const said = failure?.executions ?? 0;
    if (!crashFree && isState(rule))
      expect(rule, known > 0 ? 'seen' : 'not seen', failure === undefined ? 'not seen' : 'seen');
    else expect(rule, verdict(known, total), verdict(said, found.executions));
    if (crashFree || isOfTheEnd(rule)) expect(`classes with ${rule}`, known, said);
  }
  for (const { outcome, executions } of found.outcomes) {
    if (crashFree) expect(`classes with ${outcome}`, all.outcomes.get(outcome)?.size ?? 0, executions);
  }
  return wrong;
}

/**
 * Everything that a search gets wrong of a program of which all is known. `unruled` is the program without rules: steps
 * are taken on a shorter way then.
 */
export function allMistakes(
  program: () => Program,
  unruled: () => Program,
  all: Survey,
  make: () => Strategy = () => new StrictDpor(),
): string[] {
  const wrong = mistakes(program, all, make());
  if (wrong.length > 0) return wrong;
  const judged = explore(program, { strategy: make() });
  return [...misjudged(all, judged), ...differentOutcomes(judged, explore(unruled, { strategy: make() }))];
}

function differentOutcomes(judged: Exploration, unruled: Exploration): string[] {
  const tell = ({ executions, redundant, outcomes }: Exploration): string =>
    [executions, redundant, ...outcomes.map((one) => `${one.outcome}: ${one.executions}`).sort()].join('\n');
  return tell(judged) === tell(unruled) ? [] : [`with rules ${tell(judged)}, without ${tell(unruled)}`];
}

/** A rule about the state after any step. */
function isState(rule: string): boolean {
  return / is \d$/.test(rule);
}

/** A rule that is asked for when all is over. */
function isOfTheEnd(rule: string): boolean {
  return rule === 'deadlock' || / ends as \d$/.test(rule);
}

function verdict(failing: number, total: number): string {
  if (failing === 0) return 'Never';
  return failing < total ? 'Sometimes' : 'Always';
}
