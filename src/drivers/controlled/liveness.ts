/**
 * Does a thread act for ever and get nowhere? A search for cycles in the graph of states (`state.ts`) that a fair
 * scheduler could take (`fair.ts`): breadth-first, so that the way to the cycle is short; every state is reached by
 * running the program again from the start.
 *
 * Local variables cannot be seen, so that two states which look alike may differ. Whenever a thread seems to be back
 * where it was, and before any cycle is reported, the steps of the cycle are therefore repeated, `rounds` times, and
 * must come out the same. If they do not, the thread counts something: from then on it is counted how often in a row it
 * has done these things (or kept in mind what it has done last), and the search begins again.
 *
 * If the budget is spent without a finding, fair walks go further than the search has come: every thread in turn does
 * a few steps, and a state that comes back at the same turn closes a cycle.
 */
import { BLOCKED } from '../../machine/step.ts';
import type { Program } from './execution.ts';
import { fairCycles, type Fairness, type StateEdge, type StateNode } from './fair.ts';
import { recorded } from './replay.ts';
import type { Schedule } from './schedule.ts';
import { type Deed, type Distinction, type Local, Numbering, WatchedExecution } from './state.ts';

export interface LivenessOptions {
  /** States to look at; default 20,000. */
  readonly maxStates?: number;
  /** How often a cycle must repeat before it is believed; default 200. */
  readonly rounds?: number;
  /** The scheduler to be reckoned with; default `weak`: finds starvation as well. */
  readonly fairness?: Fairness;
  /** Names of threads that are meant to act for ever: a cycle in which only they act is none. */
  readonly endless?: readonly string[];
  /** Called now and then. */
  readonly progress?: (states: number) => void;
}

/** A cycle in which somebody acts for ever. */
export interface Livelock {
  /** The way to the cycle, and once round. */
  readonly schedule: Schedule;
  /** Steps before the cycle, and in it. */
  readonly from: number;
  readonly length: number;
  /** Threads that act in the cycle and therefore never finish; not those that are meant to act for ever. */
  readonly threads: readonly string[];
  /** Threads that act in the cycle and are meant to act for ever. */
  readonly endless: readonly string[];
  /** Threads that can act now and then, and never do: none if the cycle is strongly fair. */
  readonly starved: readonly string[];
  /** Threads that wait all the time. */
  readonly waiting: readonly string[];
  readonly fairness: Fairness;
  /** How often it was repeated. */
  readonly rounds: number;
}

export interface LivenessResult {
  readonly cycles: readonly Livelock[];
  /** States that were told apart, or on which the budget was spent. */
  readonly states: number;
  /** All states there are have been seen, and all that look alike are. */
  readonly complete: boolean;
  /** Fair walks that were tried when the budget was spent. */
  readonly walks: number;
  /** Cycles that did not repeat: a thread counts in a local variable. */
  readonly refuted: number;
  /** Those of them of which it was not found out what is counted: states that look alike may have been lost. */
  readonly unclear: number;
}

/** A step that was done. */
interface Doing {
  readonly thread: number;
  readonly name: string;
  readonly deed: Deed;
  /** Answers of `choose` during the step. */
  readonly answers: readonly number[];
  /** From where the thread asks for its next step. */
  readonly place: number;
}

/** A step between two states. */
interface Edge extends StateEdge<Edge>, Doing {
  readonly from: Node;
  readonly to: Node;
}

interface Node extends StateNode<Edge> {
  readonly edges: Edge[];
  /** The step that led here first; null: a state at the beginning. */
  readonly via: Edge | null;
  /** Answers given before the first step; on the way here. */
  readonly answers: readonly number[];
  readonly locals: readonly Local[];
  /** Steps that each thread has done on the way. */
  readonly done: readonly number[];
}

/** Thread whose local state was not what it seemed; null: something else was not. */
interface Refuted {
  readonly thread: number | null;
}

const MAX_STATES = 20_000;
const ROUNDS = 200;
/** States at which the graph is looked at for the first time, while it grows. */
const FIRST_LOOK = 64;
/** Places on the way to a cycle from which it is tried to go round. */
const MOST_BEGINNINGS = 500;
/** Steps after which a thread that acts alone is taken to go round. */
const ALONE = 500;
/** Deeds of a thread that are kept in mind. */
const MOST_RECENT = 200;
const QUANTA = [1, 2, 3, 5, 8, 13];
const WALK_STEPS = 4_000;

export function findLivelock(program: () => Program, options: LivenessOptions = {}): LivenessResult {
  return new Search(program, options).run();
}

class Search {
  private readonly program: () => Program;
  private readonly maxStates: number;
  private readonly rounds: number;
  private readonly weakly: boolean;
  private readonly endless: ReadonlySet<string>;
  private readonly progress: (states: number) => void;
  private readonly numbering = new Numbering();
  private readonly distinctions: Distinction[] = [];
  private nodes = new Map<string, Node>();
  private states = 0;
  private refuted = 0;
  /** Loops that were repeated, and cycles that could not be. */
  private readonly trusted = new Set<string>();
  private readonly rejected = new Set<string>();
  private found: Livelock[] = [];
  /** Steps to a state where somebody has been before in fewer steps, or more: they may count. */
  private doubts: { readonly edge: Edge; readonly thread: number; readonly done: number }[] = [];

  constructor(program: () => Program, options: LivenessOptions) {
    this.program = program;
    this.maxStates = options.maxStates ?? MAX_STATES;
    this.rounds = options.rounds ?? ROUNDS;
    this.weakly = (options.fairness ?? 'weak') === 'weak';
    this.endless = new Set(options.endless);
    this.progress = options.progress ?? (() => {});
  }

  run(): LivenessResult {
    let end: 'complete' | 'spent' | 'found' | 'again' = 'again';
    while (end === 'again') end = this.search();
    let walks = 0;
    if (end === 'spent' && this.found.length === 0) {
      for (const quantum of QUANTA) {
        walks++;
        if (this.walk(quantum)) break;
      }
    }
    return {
      cycles: this.found,
      states: end === 'spent' ? Math.min(this.states, this.maxStates) : this.nodes.size,
      complete: end === 'complete' && this.rejected.size === 0,
      walks,
      refuted: this.refuted,
      unclear: this.rejected.size,
    };
  }

  /** Once through the graph; `again` if a state turned out to be two. */
  private search(): 'complete' | 'spent' | 'found' | 'again' {
    this.nodes = new Map();
    this.doubts = [];
    let look = FIRST_LOOK;
    const queue = this.beginnings();
    for (const node of queue) {
      if (this.states >= this.maxStates) break;
      if (!this.expand(node, queue)) return 'again';
      if (this.nodes.size < look) continue;
      look *= 2;
      this.progress(this.states);
      if (!this.judge('strong')) return 'again';
      if (this.found.length > 0) return 'found';
    }
    if (!this.judge('strong') || this.anyCounts()) return 'again';
    if (this.weakly && this.found.length === 0 && !this.judge('weak')) return 'again';
    return this.states < this.maxStates ? 'complete' : 'spent';
  }

  /** The states in which the program may begin: one for all answers to what is asked before the first step. */
  private beginnings(): Node[] {
    const queue: Node[] = [];
    const variants: number[][] = [[]];
    for (const answers of variants) {
      const watched = new WatchedExecution(
        this.program,
        recorded({ threads: [], answers }),
        this.numbering,
        this.distinctions,
      );
      this.node(watched, watched.first, null, answersOf(watched, 0), [], queue);
      variants.push(...otherAnswers(watched, 0, answers.length));
    }
    return queue;
  }

  /** The node of the state that an execution is in. */
  private node(
    watched: WatchedExecution,
    locals: readonly Local[],
    via: Edge | null,
    answers: readonly number[],
    done: readonly number[],
    queue: Node[],
  ): Node {
    const key = watched.key(locals);
    const known = this.nodes.get(key);
    if (known !== undefined) return known;
    this.states++;
    const { execution } = watched;
    const enabled = execution.enabled().map(({ id }) => id);
    const depth = execution.length;
    const node: Node = { id: this.nodes.size, depth, enabled, edges: [], via, answers, locals, done };
    this.nodes.set(key, node);
    queue.push(node);
    return node;
  }

  /** Let everybody who can act do so, with all answers; false if the search must begin again. */
  private expand(node: Node, queue: Node[]): boolean {
    const before = wayTo(node);
    for (const thread of node.enabled) {
      const variants: number[][] = [[]];
      for (const answers of variants) {
        const edge = this.step(node, before, thread, answers, queue);
        variants.push(...edge.others);
        node.edges.push(edge.edge);
        if (!this.isLoopTrue(edge.edge)) return false;
      }
    }
    return true;
  }

  private step(
    node: Node,
    before: Schedule,
    thread: number,
    answers: readonly number[],
    queue: Node[],
  ): { readonly edge: Edge; readonly others: number[][] } {
    const watched = this.runTo(before, recorded({ threads: [], answers: [...before.answers, ...answers] }));
    const { execution } = watched;
    const { deed, locals } = watched.performWatched(execution.threads[thread], node.locals);
    const given = answersOf(watched, before.answers.length);
    const { place } = locals[thread];
    const { name } = execution.threads[thread];
    const edge: { -readonly [K in keyof Edge]: Edge[K] } = {
      thread,
      name,
      from: node,
      to: node,
      deed,
      answers: given,
      place,
    };
    const done = execution.threads.map(({ id }) => (node.done[id] ?? 0) + (id === thread ? 1 : 0));
    edge.to = this.node(watched, locals, edge, node.answers, done, queue);
    done.forEach((steps, id) => {
      if (steps !== (edge.to.done[id] ?? 0)) this.doubts.push({ edge, thread: id, done: steps });
    });
    return { edge, others: otherAnswers(watched, before.answers.length, answers.length) };
  }

  private runTo({ threads }: Schedule, answers: (n: number) => number): WatchedExecution {
    const watched = new WatchedExecution(this.program, answers, this.numbering, this.distinctions);
    for (const id of threads) watched.perform(watched.execution.threads[id]);
    return watched;
  }

  /** If a step closes a loop that its thread can go round alone: is that so? False: begin again, it counts. */
  private isLoopTrue(edge: Edge): boolean {
    const loop = [edge];
    const seen = new Set<Node>();
    for (let at = edge.to; at !== edge.from; at = loop[loop.length - 1].to) {
      const next = at.edges.find(({ thread }) => thread === edge.thread);
      if (next === undefined || seen.has(at)) return true;
      seen.add(at);
      loop.push(next);
    }
    const name = nameOf(loop);
    if (this.trusted.has(name) || this.rejected.has(name)) return true;
    return this.isTrue(edge.from, loop, name) !== 'again';
  }

  /** Repeat a cycle. `again`: it does not come out the same, and a new counter tells why. */
  private isTrue(from: Node, cycle: readonly Edge[], name: string): 'yes' | 'no' | 'again' {
    const refuted = this.repeat(wayTo(from), cycle);
    if (refuted === null) {
      this.trusted.add(name);
      return 'yes';
    }
    this.refuted++;
    if (refuted.thread !== null && this.isToldApart(refuted.thread, cycle, wayTo(from), from.locals)) return 'again';
    this.rejected.add(name);
    return 'no';
  }

  /**
   * A state that was reached in two ways, on which a thread has done more steps or fewer: does it go on alike? If not, it
   * counts; true then, and the search must begin again.
   */
  private anyCounts(): boolean {
    const asked = new Set<string>();
    for (const { edge, thread, done } of this.doubts) {
      const { to } = edge;
      const question = `${thread} ${done} ${to.done[thread]} ${to.locals[thread].text}`;
      if (asked.has(question)) continue;
      asked.add(question);
      if (this.goesOnAlike(edge, thread)) continue;
      this.refuted++;
      const more = differing(stepsOf(edge, thread), to.via === null ? [] : stepsOf(to.via, thread));
      if (this.isToldApart(thread, more, wayBy(edge), to.locals)) return true;
      this.rejected.add(`doubt ${question}`);
    }
    return false;
  }

  /** Does a thread, left alone after a step, do what it did when the state was reached first? */
  private goesOnAlike(edge: Edge, thread: number): boolean {
    const before = wayBy(edge);
    const watched = this.runTo(before, recorded(before));
    const { execution } = watched;
    const seen = new Set<Node>();
    for (let node = edge.to; !seen.has(node);) {
      seen.add(node);
      const next = node.edges.find((known) => known.thread === thread);
      if (next === undefined) return true;
      const acting = execution.threads[thread];
      if (!execution.isEnabled(acting) || watched.stepOf(acting) !== next.deed.step) return false;
      watched.perform(acting);
      if (execution.reply !== next.deed.reply) return false;
      node = next.to;
    }
    return true;
  }

  /**
   * From now on, tell states of a thread apart that looked alike and were not; false if that is not known how to do. It is
   * counted how often in a row it has done what it does in the cycle. But if that is all that it will ever do, in another
   * order, the count would never end: then its last deeds are kept in mind, as many as it takes to know where it is.
   */
  private isToldApart(thread: number, cycle: readonly Edge[], before: Schedule, locals: readonly Local[]): boolean {
    const within = new Set(cycle.filter((edge) => edge.thread === thread).map(({ deed }) => deed.name));
    const period = periodOf(this.leftAlone(thread, before, locals));
    const mine = this.distinctions.filter((distinction) => distinction.thread === thread);
    const counted = mine.some((other) => 'within' in other && [...within].every((deed) => other.within.has(deed)));
    if (!counted && !(period.length > 0 && period.every((deed) => within.has(deed)))) {
      this.distinctions.push({ thread, within });
      return true;
    }
    const known = Math.max(1, ...mine.map((distinction) => ('last' in distinction ? distinction.last : 1)));
    const last = Math.max(period.length, 2 * known);
    if (last > MOST_RECENT) return false;
    this.distinctions.push({ thread, last });
    return true;
  }

  /** What a thread does if nobody else acts. */
  private leftAlone(thread: number, before: Schedule, locals: readonly Local[]): number[] {
    const watched = this.runTo(before, recorded(before));
    const { execution } = watched;
    const deeds: number[] = [];
    for (let now = locals; deeds.length < ALONE && execution.isEnabled(execution.threads[thread]);) {
      const after = watched.performWatched(execution.threads[thread], now);
      now = after.locals;
      deeds.push(after.deed.name);
    }
    return deeds.length < ALONE ? [] : deeds;
  }

  /** Find fair cycles; false if the search must begin again. */
  private judge(rule: Fairness): boolean {
    for (const cycle of fairCycles(this.nodes.values(), rule, (edge) => this.matters(edge))) {
      const name = `fair ${nameOf(cycle)}`;
      if (this.rejected.has(name)) continue;
      const verdict = this.isTrue(cycle[0].from, cycle, name);
      if (verdict === 'again') return false;
      if (verdict === 'no') continue;
      const [before, round] = this.begunEarly(cycle);
      this.report(
        before,
        round,
        cycle.map((edge) => edge.from.enabled),
      );
    }
    return true;
  }

  /**
   * The cycle can have begun earlier: the first time round the state does not look the same, because nobody has touched
   * or read anything yet. Looks for the earliest place on the way from which one can go round.
   */
  private begunEarly(cycle: readonly Edge[]): [Schedule, readonly Doing[]] {
    const way: Node[] = [];
    for (let { via } = cycle[0].from; via !== null; { via } = via.from) way.unshift(via.from);
    let tries = 0;
    for (const node of way) {
      const before = wayTo(node);
      for (let turn = 0; turn < cycle.length && tries < MOST_BEGINNINGS; turn++, tries++) {
        const turned = [...cycle.slice(turn), ...cycle.slice(0, turn)];
        if (!sameOthers(node, turned)) continue;
        if (this.repeat(before, turned) === null) return [before, turned];
      }
    }
    return [wayTo(cycle[0].from), cycle];
  }

  private matters({ name }: Doing): boolean {
    return !this.endless.has(name);
  }

  /** Go on for ever, it seems; every thread in turn does `quantum` steps. True if that is a cycle. */
  private walk(quantum: number): boolean {
    const watched = new WatchedExecution(this.program, () => 0, this.numbering, this.distinctions);
    const { execution } = watched;
    let locals = watched.first;
    const steps: Doing[] = [];
    const enabled: number[][] = [];
    const seen = new Map<string, number>();
    let turn = 0;
    for (let left = quantum; steps.length < WALK_STEPS; left--) {
      const able = execution.enabled().map(({ id }) => id);
      if (able.length === 0) return false;
      if (left === 0 || !able.includes(turn)) {
        turn = able.find((id) => id > turn) ?? able[0];
        left = quantum;
        const key = `${turn} ${watched.key(locals)}`;
        const before = seen.get(key);
        if (before !== undefined) {
          if (this.isCycle(steps, enabled, before)) return true;
          seen.clear(); // it looks the same and is not
        }
        seen.set(key, steps.length);
      }
      const after = watched.performWatched(execution.threads[turn], locals);
      ({ locals } = after);
      enabled.push(able);
      steps.push({
        thread: turn,
        name: execution.threads[turn].name,
        deed: after.deed,
        answers: [],
        place: locals[turn].place,
      });
    }
    return false;
  }

  /** Do the steps of a walk from `from` on repeat, and are they a finding? */
  private isCycle(steps: readonly Doing[], enabled: readonly (readonly number[])[], from: number): boolean {
    const cycle = steps.slice(from);
    const during = enabled.slice(from);
    const acting = new Set(cycle.map(({ thread }) => thread));
    if (!cycle.some((step) => this.matters(step))) return false;
    if (!this.weakly && during.some((able) => able.some((thread) => !acting.has(thread)))) return false;
    const before = { threads: steps.slice(0, from).map(({ thread }) => thread), answers: [] };
    if (this.repeat(before, cycle) !== null) {
      this.refuted++;
      return false;
    }
    this.report(before, cycle, during);
    return true;
  }

  /**
   * Go round once, and then `rounds` times more. Null if every round does the same steps with the same replies, and ends
   * in the state in which the first did.
   */
  private repeat(before: Schedule, cycle: readonly Doing[]): Refuted | null {
    const once = cycle.flatMap(({ answers }) => answers);
    let asked = 0;
    const watched = this.runTo(before, (n) => {
      const at = asked++;
      const known = at < before.answers.length ? before.answers[at] : once[(at - before.answers.length) % once.length];
      return known !== undefined && known < n ? known : 0;
    });
    const { execution } = watched;
    const pendings = (): string[] => execution.threads.map((thread) => watched.pendingOf(thread));
    let [shared, pending]: [string, readonly string[]] = ['', []];
    for (let round = 0; round <= this.rounds; round++) {
      let locals: readonly Local[] = execution.threads.map(() => NOTHING_KNOWN);
      for (const { thread: id, deed, place } of cycle) {
        const thread = execution.threads[id];
        if (!execution.isEnabled(thread) || watched.stepOf(thread) !== deed.step) return { thread: id };
        if (round < this.rounds) watched.perform(thread);
        else {
          // Where the steps are asked for from is dear to find out: once is enough.
          ({ locals } = watched.performWatched(thread, locals));
          if (execution.reply !== BLOCKED && locals[id].place !== place) return { thread: id };
        }
        if (execution.reply !== deed.reply) return { thread: null };
      }
      if (execution.crashed) return { thread: null };
      if (round === 0) [shared, pending] = [watched.shared(), pendings()];
      const changed = pendings().findIndex((now, id) => now !== pending[id]);
      if (changed >= 0) return { thread: changed };
      if (watched.shared() !== shared) return { thread: null };
    }
    return null;
  }

  /** Write a cycle down, unless the same threads go round in a shorter one. */
  private report(before: Schedule, cycle: readonly Doing[], enabled: readonly (readonly number[])[]): void {
    const from = before.threads.length;
    const { execution } = this.runTo(before, recorded(before));
    const names = (ids: Iterable<number>): string[] =>
      [...new Set(ids)].sort((a, b) => a - b).map((id) => execution.threads[id].name);
    const acting = names(cycle.map(({ thread }) => thread));
    const able = names(enabled.flat());
    const starved = able.filter((name) => !acting.includes(name));
    const alive = execution.threads.filter(({ pending }) => pending !== null).map(({ name }) => name);
    const livelock: Livelock = {
      schedule: {
        threads: [...before.threads, ...cycle.map(({ thread }) => thread)],
        answers: [...before.answers, ...cycle.flatMap(({ answers }) => answers)],
      },
      from,
      length: cycle.length,
      threads: acting.filter((name) => !this.endless.has(name)),
      endless: acting.filter((name) => this.endless.has(name)),
      starved,
      waiting: alive.filter((name) => !able.includes(name)),
      fairness: starved.length === 0 ? 'strong' : 'weak',
      rounds: this.rounds,
    };
    const known = this.found.findIndex(
      (other) => [...other.threads, ...other.endless].join() === [...livelock.threads, ...livelock.endless].join(),
    );
    if (known < 0) this.found.push(livelock);
    else if (shorter(livelock, this.found[known])) this.found[known] = livelock;
  }
}

function shorter(a: Livelock, b: Livelock): boolean {
  return a.length === b.length ? a.from < b.from : a.length < b.length;
}

const NOTHING_KNOWN: Local = { place: 0, read: new Map(), counts: [], recent: [], text: '' };

/** The schedule that leads to a state. */
function wayTo(node: Node): Schedule {
  const edges: Edge[] = [];
  for (let { via } = node; via !== null; { via } = via.from) edges.push(via);
  edges.reverse();
  return {
    threads: edges.map(({ thread }) => thread),
    answers: [...node.answers, ...edges.flatMap(({ answers }) => answers)],
  };
}

/** The schedule that leads through a step. */
function wayBy({ from, thread, answers }: Edge): Schedule {
  const before = wayTo(from);
  return { threads: [...before.threads, thread], answers: [...before.answers, ...answers] };
}

/** The shortest piece that comes three times at the end; empty if there is none. */
function periodOf(deeds: readonly number[]): readonly number[] {
  const end = deeds.length;
  for (let length = 1; 3 * length <= end; length++) {
    const piece = deeds.slice(end - length);
    if (piece.every((deed, i) => deed === deeds[end - 2 * length + i] && deed === deeds[end - 3 * length + i]))
      return piece;
  }
  return [];
}

/** What a thread has done up to a step, that included. */
function stepsOf(edge: Edge, thread: number): Edge[] {
  const steps: Edge[] = [];
  for (let at: Edge | null = edge; at !== null; at = at.from.via) if (at.thread === thread) steps.push(at);
  return steps.reverse();
}

/** Those who do not act in a cycle are where they are in the cycle. */
function sameOthers(node: Node, cycle: readonly Edge[]): boolean {
  const { from } = cycle[0];
  return from.done.every((steps, id) => steps === (node.done[id] ?? 0) || cycle.some(({ thread }) => thread === id));
}

/** Of two ways to one state, what is done in the longer one since they differ. */
function differing(a: readonly Edge[], b: readonly Edge[]): readonly Edge[] {
  const [longer, shorter] = a.length > b.length ? [a, b] : [b, a];
  return longer.slice(longer.findIndex(({ deed }, i) => deed.name !== shorter[i]?.deed.name));
}

/** What a cycle is known by, from wherever one goes round. */
function nameOf(cycle: readonly Edge[]): string {
  const steps = cycle.map(({ thread, deed }) => `${thread} ${deed.name}`);
  return [...new Set(steps)].sort().join();
}

/** Answers that were given after the first `before`. */
function answersOf({ execution }: WatchedExecution, before: number): number[] {
  return execution.choices.slice(before).map(({ answer }) => answer);
}

/** Other answers to what was asked after the first `before` answers and the `fixed` that were told. */
function otherAnswers({ execution }: WatchedExecution, before: number, fixed: number): number[][] {
  const choices = execution.choices.slice(before);
  const answers = choices.map(({ answer }) => answer);
  return choices.flatMap(({ n }, i) =>
    i < fixed ? [] : Array.from({ length: n - 1 }, (_, other) => [...answers.slice(0, i), other + 1]),
  );
}
