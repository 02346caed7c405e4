/**
 * Fair cycles in a graph of states: ways round that a scheduler which neglects nobody might take for ever.
 *
 * - weakly fair: a thread that is enabled in every state of the cycle acts in it;
 * - strongly fair: a thread that is enabled in any state of the cycle acts in it.
 *
 * A strongly fair cycle goes on under every scheduler that is worth the name; one that is only weakly fair needs locks
 * or words that are never there at the moment at which somebody looks: a thread starves.
 *
 * Choices that are not about order are fair as well: a cycle that needs the same answer each time is none, so a step
 * counts if the others of its answers stay within the component too.
 */

export type Fairness = 'strong' | 'weak';

export interface StateNode<E extends StateEdge<E>> {
  /** Position in the list of all. */
  readonly id: number;
  /** Steps from the beginning. */
  readonly depth: number;
  /** Ids of the threads that can act. */
  readonly enabled: readonly number[];
  /** What they do; not complete while the graph grows. */
  readonly edges: readonly E[];
}

export interface StateEdge<E extends StateEdge<E>> {
  readonly thread: number;
  readonly from: StateNode<E>;
  readonly to: StateNode<E>;
}

/** States that can all be reached from each other, and the steps between them. */
interface Component<E extends StateEdge<E>> {
  readonly nodes: ReadonlySet<StateNode<E>>;
  readonly edges: readonly E[];
}

/** For each component in which one can go round fairly: a short way round. `matters`: one such step at least must be in it. */
export function fairCycles<E extends StateEdge<E>>(
  nodes: Iterable<StateNode<E>>,
  rule: Fairness,
  matters: (step: E) => boolean,
): E[][] {
  const cycles: E[][] = [];
  const todo: ReadonlySet<StateNode<E>>[] = [new Set(nodes)];
  for (let within = todo.pop(); within !== undefined; within = todo.pop()) {
    for (const component of components(within)) {
      if (component.edges.length === 0) continue;
      const smaller = withoutUnfair(component, within, rule);
      if (smaller !== null) {
        if (smaller.size > 0) todo.push(smaller);
        continue;
      }
      const cycle = wayRound(component, rule, matters);
      if (cycle !== null) cycles.push(cycle);
    }
  }
  return cycles;
}

/** What is left to search if the component is not fair as a whole; null if it is. */
function withoutUnfair<E extends StateEdge<E>>(
  { nodes, edges }: Component<E>,
  within: ReadonlySet<StateNode<E>>,
  rule: Fairness,
): ReadonlySet<StateNode<E>> | null {
  // Answers that lead out of the component take the step with them: look again, without it.
  const stays = [...nodes].every((node) => node.edges.every((edge) => nodes.has(edge.to) || !mixed(edge, within)));
  if (!stays) return nodes;
  const acting = new Set(edges.map(({ thread }) => thread));
  const idle = (node: StateNode<E>): boolean => node.enabled.some((thread) => !acting.has(thread));
  if (rule === 'strong') {
    const left = [...nodes].filter((node) => !idle(node));
    return left.length === nodes.size ? null : new Set(left);
  }
  const [first, ...others] = nodes;
  const neglected = first.enabled.filter(
    (thread) => !acting.has(thread) && others.every(({ enabled }) => enabled.includes(thread)),
  );
  return neglected.length === 0 ? null : new Set();
}

/** Does the step have other answers, of which some stay within the set? */
function mixed<E extends StateEdge<E>>(edge: E, within: ReadonlySet<StateNode<E>>): boolean {
  return (
    within.has(edge.to) &&
    admissible(edge, within) &&
    edge.from.edges.filter((e) => e.thread === edge.thread).length > 1
  );
}

/** All answers to what the step asks stay within the set. */
function admissible<E extends StateEdge<E>>(edge: E, within: ReadonlySet<StateNode<E>>): boolean {
  return edge.from.edges.every((other) => other.thread !== edge.thread || within.has(other.to));
}

/** Strongly connected components of a part of the graph (Tarjan 1972, without recursion). */
function components<E extends StateEdge<E>>(within: ReadonlySet<StateNode<E>>): Component<E>[] {
  const found: Component<E>[] = [];
  const order = new Map<StateNode<E>, number>();
  const low = new Map<StateNode<E>, number>();
  const open: StateNode<E>[] = [];
  const isOpen = new Set<StateNode<E>>();
  const close = (node: StateNode<E>): void => {
    const nodes = new Set<StateNode<E>>();
    let top: StateNode<E>;
    do {
      top = open.pop()!;
      isOpen.delete(top);
      nodes.add(top);
    } while (top !== node);
    const edges = [...nodes].flatMap((n) => n.edges.filter((e) => nodes.has(e.to) && admissible(e, within)));
    found.push({ nodes, edges });
  };
  const enter = (node: StateNode<E>): { node: StateNode<E>; edges: E[] } => {
    order.set(node, order.size);
    low.set(node, order.get(node)!);
    open.push(node);
    isOpen.add(node);
    return { node, edges: node.edges.filter((edge) => admissible(edge, within)) };
  };
  for (const root of within) {
    if (order.has(root)) continue;
    const path = [enter(root)];
    while (path.length > 0) {
      const { node, edges } = path[path.length - 1];
      const edge = edges.pop();
      if (edge !== undefined) {
        if (!order.has(edge.to)) path.push(enter(edge.to));
        else if (isOpen.has(edge.to)) low.set(node, Math.min(low.get(node)!, order.get(edge.to)!));
        continue;
      }
      path.pop();
      const parent = path.at(-1)?.node;
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent)!, low.get(node)!));
      if (low.get(node) === order.get(node)) close(node);
    }
  }
  return found;
}

/** Places from which a way round is tried. */
const STARTS = 64;

/** A short cycle through a fair component that is fair itself; null if none of those who matter acts in it. */
function wayRound<E extends StateEdge<E>>(
  { nodes, edges }: Component<E>,
  rule: Fairness,
  matters: (step: E) => boolean,
): E[] | null {
  if (!edges.some(matters)) return null;
  const out = new Map<StateNode<E>, E[]>();
  for (const edge of edges) out.set(edge.from, [...(out.get(edge.from) ?? []), edge]);
  const threads = [...new Set([...nodes].flatMap(({ enabled }) => enabled))];
  /** What the way must have come by: an edge, or (for weak fairness) a state, for every thread. */
  const wants: ((edge: E) => boolean)[] = threads.map((thread) => (edge) => {
    return edge.thread === thread || (rule === 'weak' && !edge.to.enabled.includes(thread));
  });
  wants.push(matters);
  let best: E[] | null = null;
  const starts = [...nodes].sort((a, b) => a.depth - b.depth || a.id - b.id).slice(0, STARTS);
  for (const start of starts) {
    const cycle = from(start, out, wants);
    if (best === null || cycle.length < best.length) best = cycle;
  }
  return best;
}

function from<E extends StateEdge<E>>(
  start: StateNode<E>,
  out: ReadonlyMap<StateNode<E>, readonly E[]>,
  wants: readonly ((edge: E) => boolean)[],
): E[] {
  const cycle: E[] = [];
  let at = start;
  let left = wants;
  while (left.length > 0) {
    const wanted = left;
    const way = shortest(at, out, (edge) => wanted.some((wants) => wants(edge)));
    cycle.push(...way);
    at = way[way.length - 1].to;
    left = left.filter((wants) => !way.some(wants));
  }
  if (at !== start) cycle.push(...shortest(at, out, (edge) => edge.to === start));
  return cycle;
}

/** A shortest way, of one step at least, whose last step is as wanted. There is one: all states reach each other. */
function shortest<E extends StateEdge<E>>(
  start: StateNode<E>,
  out: ReadonlyMap<StateNode<E>, readonly E[]>,
  wanted: (edge: E) => boolean,
): E[] {
  const by = new Map<StateNode<E>, E | null>([[start, null]]);
  const queue = [start];
  for (const node of queue) {
    for (const edge of out.get(node) ?? []) {
      if (wanted(edge)) return [...wayTo(node, by), edge];
      if (by.has(edge.to)) continue;
      by.set(edge.to, edge);
      queue.push(edge.to);
    }
  }
  throw new Error('the component is not strongly connected');
}

function wayTo<E extends StateEdge<E>>(node: StateNode<E>, by: ReadonlyMap<StateNode<E>, E | null>): E[] {
  const way: E[] = [];
  for (let edge = by.get(node); edge !== null && edge !== undefined; edge = by.get(edge.from)) way.unshift(edge);
  return way;
}
