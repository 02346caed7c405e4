/** What makes a scenario smaller, and how large it is. */
import type { Op } from '../scenario/read.ts';
import type { Draft } from './scenario-text.ts';

const SIMPLEST_FIRST: readonly Op['kind'][] = [
  ...(['read', 'write', 'page_referenced', 'mmap', 'madvise_dontneed'] as const),
  ...(['munmap', 'wait', 'exit', 'fork'] as const),
  ...(['pread', 'pwrite', 'writeback', 'msync', 'invalidate', 'truncate', 'punch', 'remap'] as const),
];

/** Usual names. */
export const threadName = (i: number): string => `T${i + 1}`;
export const areaName = (i: number): string => ['heap', 'data', 'stack'][i] ?? `area${i + 1}`;
export const fileName = (i: number): string => `file${i + 1}`;

type Change = Partial<Pick<Draft, 'machine' | 'files' | 'vmas' | 'threads'>>;

/** Less of everything, the most first; not every change makes it smaller by `sizeOf`. */
export function* changes(draft: Draft): Iterable<Change> {
  const { threads } = draft;
  if (threads.length > 1) for (const i of threads.keys()) yield { threads: without(threads, i) };
  for (const [i, { ops }] of threads.entries())
    if (ops.length > 1) for (const n of ops.keys()) yield { threads: withOps(draft, i, without(ops, n)) };
  yield* lessMemory(draft);
  yield* lessOfFiles(draft);
  for (const [i, { ops }] of threads.entries())
    for (const [n, op] of ops.entries())
      for (const simple of simpler(op, draft.vmas)) yield { threads: withOps(draft, i, ops.with(n, simple)) };
  yield* plainer(draft);
}

function* lessMemory(draft: Draft): Iterable<Change> {
  const { vmas } = draft;
  for (const { name } of vmas) {
    for (const { name: other } of vmas) if (other !== name) yield moved(draft, name, other);
    if (pagesUsed(draft, name).size === 0 && vmas.length > 1) yield { vmas: vmas.filter((vma) => vma.name !== name) };
  }
  for (const { name, pages } of vmas.filter((vma) => vma.pages > 1)) {
    const used = [...pagesUsed(draft, name)].sort((a, b) => a - b);
    yield cut(draft, name, Math.max(1, used.length), (page) => used.indexOf(page));
    for (const gone of [0, ...used, pages - 1])
      yield cut(draft, name, pages - 1, (page) => (page >= gone && page > 0 ? page - 1 : page));
  }
}

/** Areas without files, files that nobody uses, and files of whole pages that are cached. */
function* lessOfFiles(draft: Draft): Iterable<Change> {
  const { files = [], vmas } = draft;
  for (const [i, { file, offset, shared, ...rest }] of vmas.entries()) {
    if (file !== undefined) yield { vmas: vmas.with(i, rest) };
    if (file !== undefined && offset !== undefined)
      yield { vmas: vmas.with(i, { ...rest, file, ...(shared && { shared }) }) };
  }
  const used = new Set([...vmas, ...everyOp(draft)].flatMap((user) => ('file' in user ? [user.file] : [])));
  for (const [i, { name, pages }] of files.entries()) {
    if (!used.has(name) && files.length > 1) yield { files: without(files, i) };
    yield { files: files.with(i, { name, pages }) };
    if (pages > 1) yield { files: files.with(i, { ...files[i], pages: Math.ceil(pages) - 1 }) };
    yield { files: files.with(i, { ...files[i], pages: Math.ceil(pages) }) };
  }
}

/** Pages that are the first or the last of some operation. */
function pagesUsed({ threads }: Draft, name: string): Set<number> {
  return new Set(everyOp({ threads }).flatMap((op) => ('vma' in op && op.vma === name ? [op.first, op.last] : [])));
}

/** Everything in area `from` happens in `to`. */
function moved(draft: Draft, from: string, to: string): Change {
  const { pages, readonly } = draft.vmas.find((vma) => vma.name === to)!;
  return {
    vmas: draft.vmas.filter((vma) => vma.name !== from),
    threads: everywhere(draft, (op) => {
      if (!('vma' in op) || op.vma !== from) return op;
      const where = { vma: to, first: Math.min(op.first, pages - 1), last: Math.min(op.last, pages - 1) };
      return op.kind === 'write' && readonly ? { kind: 'read', ...where } : { ...op, ...where };
    }),
  };
}

/** Area `name` with so many pages; who used a page uses `instead` of it. */
function cut(draft: Draft, name: string, pages: number, instead: (page: number) => number): Change {
  return {
    vmas: draft.vmas.map((vma) => (vma.name === name ? { ...vma, pages } : vma)),
    threads: everywhere(draft, (op) =>
      !('vma' in op) || op.vma !== name ? op : { ...op, first: instead(op.first), last: instead(op.last) },
    ),
  };
}

function* simpler(op: Op, vmas: Draft['vmas']): Iterable<Op> {
  if (op.kind === 'mmap') {
    if (op.pages > 1) yield { kind: 'mmap', pages: 1 };
    if (vmas.length > 0) yield { kind: 'read', vma: vmas[0].name, first: 0, last: 0 };
    return;
  }
  if (!('vma' in op)) return;
  const { vma, first, last } = op;
  if (first < last) {
    yield { ...op, last: first };
    yield { ...op, first: last };
  }
  if (first > 0) yield { ...op, first: 0, last: last - first };
  if (op.kind !== 'read') yield { kind: 'read', vma, first, last };
  const readonly = vmas.some(({ name, readonly }) => readonly && name === vma); // a store there kills the thread
  if (op.kind === 'page_referenced' && !readonly) yield { kind: 'write', vma, first, last, value: null };
  if (op.kind === 'write' && op.value !== null) yield { ...op, value: null };
}

/** Names and CPUs in order, areas without attributes. */
function* plainer(draft: Draft): Iterable<Change> {
  const { threads, vmas, machine } = draft;
  const cpus = Math.min(machine.cpus, threads.length);
  const named = new Map(vmas.map(({ name }, i) => [name, areaName(i)]));
  const told = everyOp(draft).some((op) => op.kind === 'read' && op.of !== undefined); // by name
  yield {
    machine: { ...machine, cpus },
    vmas: vmas.map((vma, i) => ({ ...vma, name: areaName(i) })),
    threads: everywhere(draft, (op) => ('vma' in op ? { ...op, vma: named.get(op.vma)! } : op)).map(
      ({ name, ops }, i) => ({ name: told ? name : threadName(i), cpu: i % cpus, ops }),
    ),
  };
  for (const [i, vma] of vmas.entries()) {
    if (vma.readonly) yield { vmas: vmas.with(i, { ...vma, readonly: false }) };
    const { executable = false, random = false, ...rest } = vma;
    if (executable || random) yield { vmas: vmas.with(i, rest) };
  }
}

/** Those of forked processes too. */
function everyOp({ threads }: Pick<Draft, 'threads'>): Op[] {
  const all = (op: Op): Op[] =>
    op.kind === 'fork' ? [op, ...op.threads.flatMap(({ ops }) => ops.flatMap(all))] : [op];
  return threads.flatMap(({ ops }) => ops.flatMap(all));
}

function everywhere({ threads }: Draft, change: (op: Op) => Op): Draft['threads'] {
  const changed = (op: Op): Op => {
    if (op.kind !== 'fork') return change(op);
    return { ...op, threads: op.threads.map(({ name, ops }) => ({ name, ops: ops.map(changed) })) };
  };
  return threads.map((thread) => ({ ...thread, ops: thread.ops.map(changed) }));
}

function withOps({ threads }: Draft, i: number, ops: Op[]): Draft['threads'] {
  return threads.with(i, { ...threads[i], ops });
}

function without<T>(list: readonly T[], i: number): T[] {
  return list.filter((_, k) => k !== i);
}

/** The less the better, the first number counting most. */
export function sizeOf(draft: Draft): number[] {
  const { threads, vmas, machine, files = [] } = draft;
  const ops = everyOp(draft);
  const sum = (numbers: number[]): number => numbers.reduce((total, n) => total + n, 0);
  return [
    threads.length,
    ops.length,
    sum(ops.map((op) => ('vma' in op ? op.last - op.first + 1 : op.kind === 'mmap' ? op.pages : 1))),
    vmas.length,
    sum(vmas.map(({ pages }) => pages)),
    sum(ops.map((op) => ('vma' in op ? op.first : 0))),
    sum(ops.map(({ kind }) => SIMPLEST_FIRST.indexOf(kind))),
    ops.filter((op) => op.kind === 'write' && op.value !== null).length,
    vmas.filter(({ readonly }) => readonly).length,
    vmas.filter(({ executable, random }) => executable === true || random === true).length,
    machine.cpus,
    threads.filter(({ name, cpu }, i) => name !== threadName(i) || cpu !== i % machine.cpus).length,
    vmas.filter(({ name }, i) => name !== areaName(i)).length,
    vmas.filter(({ file }) => file !== undefined).length,
    vmas.filter(({ offset }) => offset !== undefined).length,
    files.length,
    files.filter(({ cached, pages }) => cached !== undefined || !Number.isInteger(pages)).length,
    sum(files.map(({ pages }) => Math.ceil(pages))),
  ];
}
