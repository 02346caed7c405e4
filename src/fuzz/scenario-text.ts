/** A scenario as the text of a file. */
import type { FileSpec, MappedSpec, Op, Scenario, ThreadSpec, VmaSpec } from '../scenario/read.ts';

/** What a scenario with vmas and threads says. */
export type Draft = Pick<Scenario, 'about' | 'kernel' | 'machine' | 'files' | 'vmas' | 'threads' | 'expect'>;

/** YAML that reads as this scenario. */
export function scenarioText({ about, kernel, machine, files, vmas, threads, expect }: Draft): string {
  const { base, patches, bugs, config } = kernel;
  const { profile, cpus } = machine;
  return [
    `about: ${word(about)}`,
    `kernel: ${mapping({ base: word(base), patches: some(patches), bugs: some(bugs), config: settings(config) })}`,
    `machine: ${mapping({ profile: word(profile), cpus })}`,
    ...(files === undefined ? [] : [`files: ${mapping(byName(files, fileText))}`]),
    `vmas: ${mapping(byName(vmas, vmaText))}`,
    'threads:',
    ...threads.map((thread, i) => `  ${word(thread.name)}: ${threadText(thread, i % cpus)}`),
    `expect: ${mapping(expectations(expect))}`,
    '',
  ].join('\n');
}

function byName<T extends { readonly name: string }>(all: readonly T[], text: (one: T) => string) {
  return Object.fromEntries(all.map((one) => [word(one.name), text(one)]));
}

function fileText({ pages, cached, dax, page_mkwrite, holes }: FileSpec): string {
  return mapping({ pages, cached: cached === false ? cached : list(cached), dax, page_mkwrite, holes: list(holes) });
}

function vmaText({ pages, readonly, executable, random, ...mapped }: VmaSpec): string {
  return mapping({ pages, ...(readonly && { readonly }), executable, random, ...mappedText(mapped) });
}

function mappedText({ file, offset, shared }: MappedSpec) {
  return { file: file === undefined ? undefined : word(file), offset, shared };
}

function list(values: readonly (number | string)[] | undefined): string | undefined {
  return values === undefined ? undefined : `[${values.join(', ')}]`;
}

function threadText({ cpu, ops }: ThreadSpec, usual: number): string {
  const list = `[${ops.map(opText).join(', ')}]`;
  return cpu === usual ? list : mapping({ cpu, do: list });
}

function opText(op: Op): string {
  switch (op.kind) {
    case 'mmap':
      return mapping({ mmap: mapping({ pages: op.pages, ...mappedText(op) }) });
    case 'fork':
      return mapping({
        fork: mapping(byName(op.threads, ({ ops }) => `[${ops.map(opText).join(', ')}]`)),
      });
    case 'wait':
      return mapping({ wait: word(op.name) });
    case 'exit':
      return mapping({ exit: true });
    case 'truncate':
      return mapping({ truncate: word(op.file), to: op.to });
    case 'invalidate':
    case 'writeback':
      return mapping({ [op.kind]: word(op.file) });
  }
  const object = 'vma' in op ? op.vma : op.file;
  return mapping({ [op.kind]: word(object), ...pagesText(op), ...besideText(op) });
}

type OnPages = Extract<Op, { readonly first: number }>;

function pagesText({ first, last }: OnPages) {
  if (last === null) return {};
  return first === last ? { page: first } : { pages: `[${first}, ${last}]` };
}

function besideText(op: OnPages) {
  const catches = 'catches' in op ? list(op.catches) : undefined;
  if (op.kind === 'write' || op.kind === 'pwrite') return { value: op.value ?? undefined, catches };
  if (op.kind === 'remap') return { to: op.to };
  if (op.kind !== 'read' && op.kind !== 'pread') return {};
  return { of: op.of === undefined ? undefined : word(op.of), sees: list(op.sees), catches };
}

function settings(values: object | undefined): string | undefined {
  return values === undefined ? undefined : mapping({ ...values });
}

function expectations(expect: Scenario['expect']): Record<string, string | undefined> {
  const { never, sometimes, always, reachable, counts } = expect;
  const claims = {
    sometimes: some(sometimes),
    always: some(always),
    reachable: some(reachable),
    counts: settings(counts),
  };
  const nothing = Object.values(claims).every((claim) => claim === undefined);
  return { never: never === 'anything' ? never : (some(never) ?? (nothing ? '[]' : undefined)), ...claims };
}

/** `{ a: 1, b: 2 }`, without what is not there. */
function mapping(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const said = Object.entries(values).filter(([, value]) => value !== undefined);
  return said.length === 0 ? '{}' : `{ ${said.map(([key, value]) => `${key}: ${value}`).join(', ')} }`;
}

function some(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `[${names.map(word).join(', ')}]`;
}

/** Words that YAML, or some reader of it, takes for something else. */
const RESERVED = /^(null|true|false|yes|no|on|off|y|n)$/i;

/** A name as it is written in YAML. */
function word(name: string): string {
  return /^[A-Za-z_]([\w .+-]*[\w.+-])?$/.test(name) && !RESERVED.test(name) ? name : JSON.stringify(name);
}
