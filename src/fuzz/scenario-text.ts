/** A scenario as the text of a file. */
import type { Op, Scenario, ThreadSpec, VmaSpec } from '../scenario/read.ts';

/** What a scenario with vmas and threads says. */
export type Draft = Pick<Scenario, 'about' | 'kernel' | 'machine' | 'vmas' | 'threads' | 'expect'>;

/** YAML that reads as this scenario. */
export function scenarioText({ about, kernel, machine, vmas, threads, expect }: Draft): string {
  const { base, patches, bugs, config } = kernel;
  const { profile, cpus } = machine;
  return [
    `about: ${word(about)}`,
    `kernel: ${mapping({ base: word(base), patches: some(patches), bugs: some(bugs), config: settings(config) })}`,
    `machine: ${mapping({ profile: word(profile), cpus })}`,
    `vmas: ${mapping(Object.fromEntries(vmas.map((vma) => [word(vma.name), vmaText(vma)])))}`,
    'threads:',
    ...threads.map((thread, i) => `  ${word(thread.name)}: ${threadText(thread, i % cpus)}`),
    `expect: ${mapping(expectations(expect))}`,
    '',
  ].join('\n');
}

function vmaText({ pages, readonly, executable, random }: VmaSpec): string {
  return mapping({ pages, ...(readonly && { readonly }), executable, random });
}

function threadText({ cpu, ops }: ThreadSpec, usual: number): string {
  const list = `[${ops.map(opText).join(', ')}]`;
  return cpu === usual ? list : mapping({ cpu, do: list });
}

function opText(op: Op): string {
  switch (op.kind) {
    case 'mmap':
      return mapping({ mmap: mapping({ pages: op.pages }) });
    case 'fork':
      return mapping({
        fork: mapping(
          Object.fromEntries(op.threads.map(({ name, ops }) => [word(name), `[${ops.map(opText).join(', ')}]`])),
        ),
      });
    case 'wait':
      return mapping({ wait: word(op.name) });
    case 'exit':
      return mapping({ exit: true });
  }
  const { kind, vma, first, last } = op;
  const where = first === last ? { page: first } : { pages: `[${first}, ${last}]` };
  if (op.kind === 'write') return mapping({ write: word(vma), ...where, value: op.value ?? undefined });
  if (op.kind !== 'read') return mapping({ [kind]: word(vma), ...where });
  const of = op.of === undefined ? undefined : word(op.of);
  const sees = op.sees === undefined ? undefined : `[${op.sees.join(', ')}]`;
  return mapping({ read: word(vma), ...where, of, sees });
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
