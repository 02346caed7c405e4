/**
 * What a schema cannot say: that every name is known, that bounds which other keys set are kept, and that keys which
 * exclude or need each other do so. Works on whatever part of the file has the right shape, so that one run over a
 * file finds all of its errors.
 */
import { didYouMean, listNames, nearest, quote, type Report } from './diagnostic.ts';
import {
  type Catalog,
  type FileOp,
  maxFilePages,
  maxPages,
  ON_FILES,
  ON_VMAS,
  type Operation,
  OPERATIONS,
  opSchema,
} from './schema.ts';
import { findPlace, type Located, type Path } from './yaml.ts';
import { valueAt } from './yaml-shape.ts';
import { plural } from '../machine/plural.ts';

interface Check extends Located {
  readonly catalog: Catalog;
  readonly report: Report;
  /** Applied beside those of the scenario, before its bugs. */
  readonly patches: readonly string[];
}

/** Reports everything in the file that does not fit together or is not in the catalog. */
export function checkNames(located: Located, catalog: Catalog, patches: readonly string[], report: Report): void {
  const check: Check = { ...located, catalog, report, patches };
  if (entries(check, []).length === 0) return; // empty, or no mapping
  checkKernel(check);
  const cpus = checkMachine(check);
  const files = checkFiles(check);
  const vmas = checkVmas(check, files);
  checkThreads(check, cpus, vmas, files);
  checkWorkload(check);
  checkKnobs(check);
  checkMemory(check, cpus);
  checkExpect(check);
}

function checkKernel(check: Check): void {
  const { kernels, patches, bugs } = check.catalog;
  checkKnown(check, 'kernel', ['kernel', 'base'], kernels);
  checkKnown(check, 'patch', ['kernel', 'patches'], patches);
  checkKnown(check, 'bug', ['kernel', 'bugs'], bugs);
  checkKnown(check, 'profile', ['lat_proc', 'machines'], Object.keys(check.catalog.profiles));
  checkKnown(check, 'patch', ['lat_proc', 'patches'], patches);
  checkFit(check);
}

/** Patches and bugs take the place of functions of one kernel: those of another call what is not there, or forget what is. */
function checkFit(check: Check): void {
  const { kernels, misfit } = check.catalog;
  const base = namesAt(check, ['kernel', 'base'])[0]?.name;
  if (base === undefined || !kernels.includes(base)) return;
  const before: string[] = [];
  for (const [what, path] of [
    ['patch', ['kernel', 'patches']],
    ['bug', ['kernel', 'bugs']],
    ['patch', ['lat_proc', 'patches']],
  ] as const) {
    for (const { name, path: at } of namesAt(check, path)) {
      const alone = path[0] === 'lat_proc'; // each of them is run by itself
      const problem = misfit(base, alone ? [] : before, name);
      if (problem !== null) say(check, at, `${what} ${quote(name)} ${problem}`);
      before.push(name);
    }
  }
}

/** A knob that the kernel does not have, or that does not go so far, would be turned in vain. */
function checkKnobs(check: Check): void {
  const { kernels, windowKnobs } = check.catalog;
  const base = namesAt(check, ['kernel', 'base'])[0]?.name;
  const changes = changesOf(check);
  if (base === undefined || !kernels.includes(base) || changes === null) return;
  const knobs = check.catalog.knobsOf(base, changes);
  const has = `${[base, ...changes].join(' + ')} has: ${listNames(knobs)}`;
  const config = ['kernel', 'config'];
  const orders = ['seqread', 'orders'];
  for (const [knob] of entries(check, config)) {
    const at = [...config, knob];
    if (knobs.includes(knob)) checkLargest(check, knob, at);
    else sayKey(check, at, `this kernel has no ${knob} (${has})`);
  }
  if (findPlace(check.root, orders) === undefined) return;
  const isSet = windowKnobs.find((knob) => findPlace(check.root, [...config, knob]) !== undefined);
  if (isSet !== undefined) sayKey(check, orders, `either orders or ${isSet} of config sets the window, got both`);
  else if (!windowKnobs.some((knob) => knobs.includes(knob)))
    sayKey(check, orders, `orders needs a kernel with ${windowKnobs.join(' or ')} (${has})`);
}

/** The names of all patches and bugs; null if one is not known, and so may have any knob. */
function changesOf(check: Check): string[] | null {
  const [patches, bugs] = ['patches', 'bugs'].map((key) => namesAt(check, ['kernel', key]).map(({ name }) => name));
  const changes = [...patches, ...check.patches, ...bugs];
  const known = [...check.catalog.patches, ...check.catalog.bugs];
  return changes.every((name) => known.includes(name)) ? changes : null;
}

/** Linux does not build with more, or refuses it and keeps what it had. */
function checkLargest(check: Check, knob: string, path: Path): void {
  const profile = profileOf(check);
  const value = wholeAt(check, path);
  const most = profile === null ? undefined : check.catalog.profiles[profile].largest[knob];
  if (value === null || most === undefined || value <= most) return;
  say(check, path, `${knob} must be at most ${most}, a page of ptes of ${quote(profile!)}, got ${value}`);
}

/** The machine's number of CPUs, null if it cannot be told. */
function checkMachine(check: Check): number | null {
  const { profiles } = check.catalog;
  checkKnown(check, 'profile', ['machine', 'profile'], Object.keys(profiles));
  const name = profileOf(check);
  const most = name === null ? null : profiles[name].cpus;
  const path = ['machine', 'cpus'];
  if (findPlace(check.root, path) === undefined) return most;
  const cpus = wholeAt(check, path);
  if (cpus !== null && most !== null && cpus > most)
    say(check, path, `cpus must be at most ${most}, the CPUs of ${quote(name!)}, got ${cpus}`);
  return cpus;
}

/** The profile of the machine, null if it cannot be told. */
function profileOf(check: Check): string | null {
  const path = ['machine', 'profile'];
  const { defaultProfile, profiles } = check.catalog;
  const name = findPlace(check.root, path) === undefined ? defaultProfile : namesAt(check, path)[0]?.name;
  return name !== undefined && Object.hasOwn(profiles, name) ? name : null;
}

/** Whoever touches more than there is runs out of memory: that is no bug of the kernel. */
function checkMemory(check: Check, cpus: number | null): void {
  const profile = profileOf(check);
  if (profile === null || cpus === null) return;
  const { cpusPerNode, gibPerNode } = check.catalog.profiles[profile];
  const nodes = Math.ceil(cpus / cpusPerNode);
  const memory = nodes * gibPerNode;
  for (const path of [
    ['pft', 'gb'],
    ['seqread', 'gib'],
  ]) {
    const value = valueAt(check.data, path);
    [value].flat().forEach((gib, index) => {
      const at = Array.isArray(value) ? [...path, index] : path;
      if (typeof gib === 'number' && gib > memory)
        say(
          check,
          at,
          `${path[1]} must be at most ${memory}: the machine has ${memory} GiB with ${plural(cpus, 'CPU')}, got ${gib}`,
        );
    });
  }
}

/** The names of the files. */
function checkFiles(check: Check): string[] {
  const files = entries(check, ['files']).map(([name]) => name);
  let total = 0;
  for (const file of files) {
    const pages = valueAt(check.data, ['files', file, 'pages']);
    if (typeof pages !== 'number') continue;
    for (const key of ['cached', 'holes']) checkFilePages(check, file, key, pages);
    if (pages > 0 && pages <= maxFilePages) total += Math.ceil(pages);
  }
  if (total > maxFilePages)
    sayKey(check, ['files'], `all files together have at most ${maxFilePages} pages, got ${total}`);
  return files;
}

/** Pages of a file that are listed are pages that it has. */
function checkFilePages(check: Check, file: string, key: string, pages: number): void {
  const path = ['files', file, key];
  listAt(check, path).forEach((page, index) => {
    if (typeof page !== 'number' || page < pages) return;
    const last = Math.ceil(pages) - 1;
    say(check, [...path, index], `page ${page} is beyond file ${quote(file)}, whose last page is ${last}`);
  });
}

/** What is mapped is there; and what goes with files only. */
function checkMapped(check: Check, path: Path, files: readonly string[]): void {
  const has = (key: string) => findPlace(check.root, [...path, key]) !== undefined;
  if (!has('file')) {
    for (const key of ['offset', 'shared']) if (has(key)) sayKey(check, [...path, key], `${key} goes with file only`);
  }
  for (const { name, path: at } of namesAt(check, [...path, 'file'])) checkNamed(check, at, 'file', name, files);
}

/** The pages of each vma, null where they cannot be told; null if there are no vmas. */
function checkVmas(check: Check, files: readonly string[]): Map<string, number | null> | null {
  for (const section of ['files', 'vmas', 'threads'])
    if (findPlace(check.root, [section, '__proto__']))
      sayKey(check, [section, '__proto__'], "'__proto__' cannot be a name");
  if (!isMapping(valueAt(check.data, ['vmas']))) return null;
  const vmas = new Map(entries(check, ['vmas']).map(([name]) => [name, pagesOf(check, name)]));
  for (const name of vmas.keys()) checkMapped(check, ['vmas', name], files);
  const total = [...vmas.values()].reduce<number>((sum, pages) => sum + (pages ?? 0), 0);
  if (total > maxPages) sayKey(check, ['vmas'], `all vmas together have at most ${maxPages} pages, got ${total}`);
  return vmas;
}

function pagesOf(check: Check, name: string): number | null {
  const pages = wholeAt(check, ['vmas', name, 'pages']);
  return pages !== null && pages >= 1 && pages <= maxPages ? pages : null;
}

/** What operations are checked against. */
interface Names {
  /** Pages of each vma; null: there are no vmas. */
  readonly vmas: ReadonlyMap<string, number | null> | null;
  readonly files: readonly string[];
  readonly threads: readonly string[];
  readonly forked: readonly string[];
}

function checkThreads(check: Check, cpus: number | null, vmas: Names['vmas'], files: readonly string[]): void {
  const threads = entries(check, ['threads']).map(([name]) => name);
  const forked = forkedBy(check, threads);
  for (const name of threads) checkThread(check, name, cpus, { vmas, files, threads: [...threads, ...forked], forked });
}

/** Names of the threads of forked processes, each once. */
function forkedBy(check: Check, threads: readonly string[]): string[] {
  const forked: string[] = [];
  for (const thread of threads) {
    const path = opsPath(check, thread);
    for (const index of listAt(check, path).keys()) {
      for (const [name] of entries(check, [...path, index, 'fork'])) {
        const at = [...path, index, 'fork', name];
        if (threads.includes(name) || forked.includes(name)) sayKey(check, at, `there are two threads ${quote(name)}`);
        else forked.push(name);
      }
    }
  }
  return forked;
}

/** The list of operations of a thread. */
function opsPath(check: Check, thread: string): Path {
  const path = ['threads', thread];
  return Array.isArray(valueAt(check.data, path)) ? path : [...path, 'do'];
}

function checkThread(check: Check, name: string, cpus: number | null, names: Names): void {
  const path = ['threads', name];
  const cpu = wholeAt(check, [...path, 'cpu']);
  if (cpu !== null && cpus !== null && cpus > 0 && cpu >= cpus)
    say(check, [...path, 'cpu'], `cpu must be at most ${cpus - 1}, as the machine has ${cpus}, got ${cpu}`);
  checkOps(check, opsPath(check, name), names);
}

function checkOps(check: Check, path: Path, names: Names): void {
  const list = listAt(check, path);
  list.forEach((item, index) => {
    const op = opSchema.safeParse(item);
    if (!op.success) return;
    const at = [...path, index];
    if (!checkKind(check, at, op.data)) return;
    checkAccess(check, at, op.data, names.vmas);
    checkFileOp(check, at, op.data, names.files);
    checkThreadNames(check, at, op.data, names);
    if (op.data.fork !== undefined) checkFork(check, [...at, 'fork'], names);
    if (op.data.exit === true && index < list.length - 1)
      say(check, [...path, index + 1], 'nothing may come after exit');
  });
}

function checkFork(check: Check, path: Path, names: Names): void {
  const threads = entries(check, path);
  if (threads.length === 0) say(check, path, 'a process that is forked has at least one thread, got none');
  for (const [name] of threads) checkOps(check, [...path, name], names);
}

/** Whether the keys of the operation go together. */
function checkKind(check: Check, path: Path, op: FileOp): boolean {
  const all = Object.keys(OPERATIONS) as Operation[];
  const kinds = all.filter((key) => op[key] !== undefined);
  const [kind] = kinds;
  const wrong = (message: string) => (say(check, path, message), false);
  if (kind === undefined || kinds.length > 1) {
    const list = `${all.slice(0, -1).join(', ')} and ${all.at(-1)!}`;
    return wrong(`an operation has exactly one of ${list}, got ${kinds.join(' and ') || 'none of them'}`);
  }
  const beside: readonly string[] = OPERATIONS[kind];
  const pages = (['page', 'pages'] as const).filter((key) => op[key] !== undefined);
  if (beside.includes('page') && (pages.length > 1 || (pages.length === 0 && !wholeAreas.has(kind))))
    return wrong(`${kind} has exactly one of page and pages, got ${pages.length === 0 ? 'neither' : 'both'}`);
  const extra = Object.keys(op).filter(
    (key) => key !== kind && !beside.includes(key) && op[key as keyof FileOp] !== undefined,
  );
  for (const key of extra) sayKey(check, [...path, key], `${key} does not go with ${kind}`);
  return extra.length === 0;
}

/** Operations that are about all pages if none are named. */
const wholeAreas: ReadonlySet<Operation> = new Set(['munmap', 'madvise_dontneed', 'msync', 'punch']);

function checkAccess(check: Check, path: Path, op: FileOp, vmas: Names['vmas']): void {
  const key = ON_VMAS.find((kind) => op[kind] !== undefined);
  const name = key && op[key];
  if (vmas === null || key === undefined || name === undefined) return;
  const size = vmas.get(name);
  const last = op.page ?? op.pages?.[1] ?? 0;
  if (size === undefined) {
    checkNamed(check, [...path, key], 'vma', name, [...vmas.keys()]);
  } else if (goesDown(check, path, op)) {
    return;
  } else if (size !== null && last >= size) {
    const where = op.page === undefined ? ['pages', 1] : ['page'];
    say(check, [...path, ...where], `page ${last} is beyond vma ${quote(name)}, whose last page is ${size - 1}`);
  }
}

function goesDown(check: Check, path: Path, { pages }: FileOp): boolean {
  if (pages === undefined || pages[0] <= pages[1]) return false;
  say(check, [...path, 'pages'], `pages must be [first, last] and go upwards, got [${pages.join(', ')}]`);
  return true;
}

function checkFileOp(check: Check, path: Path, op: FileOp, files: readonly string[]): void {
  const key = ON_FILES.find((kind) => op[kind] !== undefined);
  const kind = key ?? (op.remap === undefined ? undefined : 'remap');
  if (kind === 'truncate' || kind === 'remap') checkTo(check, path, op, kind);
  if (op.remap !== undefined) checkShared(check, [...path, 'remap'], op.remap);
  if (op.mmap !== undefined) checkMapped(check, [...path, 'mmap'], files);
  if (key === undefined) return;
  checkNamed(check, [...path, key], 'file', op[key]!, files);
  goesDown(check, path, op);
}

/** A size, or the number of a page. */
function checkTo(check: Check, path: Path, { to }: FileOp, kind: string): void {
  if (to === undefined) say(check, path, `${kind} needs the key to`);
  else if (kind === 'remap' && !Number.isInteger(to))
    say(check, [...path, 'to'], `to must be a whole number with remap, got ${to}`);
}

/** Linux refuses to remap private mappings. */
function checkShared(check: Check, path: Path, vma: string): void {
  const at = ['vmas', vma];
  if (findPlace(check.root, at) === undefined || valueAt(check.data, [...at, 'shared']) === true) return;
  say(check, path, `remap needs a vma that is shared, and ${quote(vma)} is not`);
}

/** Reports a name that is not one of the scenario's own. */
function checkNamed(check: Check, path: Path, what: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const message = `unknown ${what} ${quote(name)} (this scenario has: ${listNames(known)})`;
  say(check, path, message, () => didYouMean(name, known));
}

function checkThreadNames(check: Check, path: Path, op: FileOp, { threads, forked }: Names): void {
  const known = { of: threads, wait: forked };
  for (const key of ['of', 'wait'] as const) {
    const name = op[key];
    if (name === undefined || known[key].includes(name)) continue;
    const those = key === 'of' ? 'there are' : 'forked are';
    const message = `unknown thread ${quote(name)} (${those}: ${listNames(known[key])})`;
    say(check, [...path, key], message, () => didYouMean(name, known[key]));
  }
}

function checkWorkload(check: Check): void {
  const has = (key: string) => findPlace(check.root, [key]) !== undefined;
  const [vmas, threads] = [has('vmas'), has('threads')];
  const timed = ['pft', 'lat_proc', 'seqread'].filter(has);
  const pft = timed.length > 0;
  const other = vmas ? 'vmas' : 'threads';
  if (timed.length > 1) sayKey(check, [timed[1]], `a scenario has either ${timed[0]} or ${timed[1]}, got both`);
  else if (pft && (vmas || threads))
    sayKey(check, timed, `a scenario has either vmas and threads or ${timed[0]}, got ${timed[0]} and ${other}`);
  else if (!pft && !(vmas && threads)) reportNoWorkload(check, vmas, threads);
  checkReaders(check);
  if (has('files') && pft) sayKey(check, ['files'], 'files goes with vmas and threads only');
  if (has('measured') && !has('pft')) sayKey(check, ['measured'], 'measured goes with pft only');
  if (threads && isMapping(valueAt(check.data, ['threads'])) && entries(check, ['threads']).length === 0)
    sayKey(check, ['threads'], 'threads must have at least one thread, got none');
}

/** Who reads the file is said once. */
function checkReaders(check: Check): void {
  if (!isMapping(valueAt(check.data, ['seqread']))) return;
  const keys = entries(check, ['seqread']).map(([key]) => key);
  const given = ['threads', 'processes'].filter((key) => keys.includes(key));
  if (given.length === 0) sayKey(check, ['seqread'], 'seqread has either threads or processes, got neither');
  if (given.length === 2) sayKey(check, ['seqread', 'processes'], 'seqread has either threads or processes, got both');
}

function reportNoWorkload(check: Check, vmas: boolean, threads: boolean): void {
  // A misspelt section has been reported as an unknown key, and is not missing.
  const sections = ['vmas', 'threads', 'pft', 'lat_proc', 'seqread'];
  if (entries(check, []).some(([key]) => !sections.includes(key) && nearest(key, sections) !== undefined)) return;
  if (vmas) sayKey(check, ['vmas'], "missing key 'threads': vmas and threads go together");
  else if (threads) sayKey(check, ['threads'], "missing key 'vmas': vmas and threads go together");
  else say(check, [], 'a scenario needs a workload: either vmas and threads, or pft, or lat_proc, or seqread');
}

function checkExpect(check: Check): void {
  const { invariants, marks } = check.catalog;
  const keys = entries(check, ['expect']).map(([key]) => key);
  if (isMapping(valueAt(check.data, ['expect'])) && keys.length === 0)
    sayKey(
      check,
      ['expect'],
      'expect must have at least one of never, sometimes, always, reachable, counts, faults, misses, fewestMisses and errorPercent, got none',
    );
  const isAnything = valueAt(check.data, ['expect', 'never']) === 'anything';
  if (!isAnything) checkKnown(check, 'invariant', ['expect', 'never'], [...invariants, 'anything']);
  checkKnown(check, 'invariant', ['expect', 'sometimes'], invariants);
  checkKnown(check, 'invariant', ['expect', 'always'], invariants);
  checkKnown(check, 'mark', ['expect', 'reachable'], marks);
  checkClaims(check);
  if (keys.includes('counts') && findPlace(check.root, ['pft']))
    sayKey(check, ['expect', 'counts'], 'counts does not go with pft');
  if (keys.includes('faults') && !['pft', 'seqread'].some((key) => findPlace(check.root, [key])))
    sayKey(check, ['expect', 'faults'], 'faults goes with pft and seqread only');
  for (const key of ['misses', 'fewestMisses'])
    if (keys.includes(key) && !findPlace(check.root, ['lat_proc']))
      sayKey(check, ['expect', key], `${key} goes with lat_proc only`);
  checkKnown(check, 'patch', ['expect', 'fewestMisses'], check.catalog.patches);
  if (keys.includes('errorPercent') && ![['measured'], ['seqread', 'measured']].some((at) => findPlace(check.root, at)))
    sayKey(check, ['expect', 'errorPercent'], 'errorPercent goes with measured only');
}

/** An invariant holds never, sometimes or always; two of them at once would be a contradiction. */
function checkClaims(check: Check): void {
  const claimed = new Map<string, string>();
  for (const key of ['never', 'sometimes', 'always']) {
    for (const { name, path } of namesAt(check, ['expect', key])) {
      const first = claimed.get(name);
      if (first !== undefined && first !== key)
        say(check, path, `${quote(name)} stands under ${first} and ${key}, and only one of them can be right`);
      claimed.set(name, first ?? key);
    }
  }
}

/** Which list of `faultline list` has them. */
const LISTS = {
  kernel: 'kernels',
  patch: 'kernels',
  bug: 'kernels',
  profile: 'machines',
  invariant: 'invariants',
  mark: 'marks',
} as const;

/** Reports names at the path (one, or a list) that are not among the known ones or stand twice. */
function checkKnown(check: Check, what: keyof typeof LISTS, path: Path, known: readonly string[]): void {
  const seen = new Set<string>();
  const where = `'faultline list ${LISTS[what]}'`;
  for (const { name, path: at } of namesAt(check, path)) {
    if (!known.includes(name))
      say(check, at, `unknown ${what} ${quote(name)} (there are: ${listNames(known, where)})`, () =>
        didYouMean(name, known),
      );
    else if (seen.has(name)) say(check, at, `${what} ${quote(name)} is named twice`);
    seen.add(name);
  }
}

function namesAt(check: Check, path: Path): { name: string; path: Path }[] {
  const value = valueAt(check.data, path);
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((name, index) =>
    typeof name === 'string' ? [{ name, path: Array.isArray(value) ? [...path, index] : path }] : [],
  );
}

function wholeAt(check: Check, path: Path): number | null {
  const value = valueAt(check.data, path);
  return Number.isSafeInteger(value) ? (value as number) : null;
}

function listAt(check: Check, path: Path): readonly unknown[] {
  const value = valueAt(check.data, path);
  return Array.isArray(value) ? value : [];
}

function entries(check: Check, path: Path): [string, unknown][] {
  const value = valueAt(check.data, path);
  return isMapping(value) ? Object.entries(value) : [];
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function say({ root, report }: Check, path: Path, message: string, hint?: () => string | undefined): void {
  report(findPlace(root, path)?.offset ?? root.offset, message, hint);
}

/** As say, at the key rather than the value. */
function sayKey({ root, report }: Check, path: Path, message: string): void {
  const place = findPlace(root, path);
  report(place?.keyOffset ?? place?.offset ?? root.offset, message);
}
