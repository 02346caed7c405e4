/**
 * From YAML text to plain data that knows where it stands.
 *
 * The data holds null, booleans, numbers, strings, arrays and objects without a prototype, so that a key such as
 * `constructor` or `__proto__` is a key like any other. Beside it grows a tree of places with the same keys.
 */
import {
  Composer,
  type CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { escapeText, position, quote, type Report } from './diagnostic.ts';
import { readTokens } from './yaml-tokens.ts';

/** Where one value of the file stands; offsets in UTF-16 units. */
export interface Place {
  /** Its first character; its key's, if the value is left out. */
  readonly offset: number;
  /** The first character of its key; null in a list and at the root. */
  readonly keyOffset: number | null;
  /** Null where the value is left out. */
  readonly node: Node | null;
  /** By key, or by index in a list. */
  readonly children: ReadonlyMap<string | number, Place>;
}

/** The steps from the root to a value. */
export type Path = readonly (string | number)[];

/** A file's data and places. */
export interface Located {
  readonly data: unknown;
  readonly root: Place;
}

/** Stands in the data for a value that was refused; it is of no type, so whatever holds it fails its schema. */
export const refusedValue: unique symbol = Symbol('refused value');

/** The data in the text, or null if it is no YAML or far from a scenario's. Everything wrong is reported. */
export function parseYaml(text: string, report: Report): Located | null {
  const tokens = readTokens(text, report);
  if (tokens === null) return null;
  const [document] = compose(tokens, text.length);
  if (document === undefined) return null;
  for (const error of document.errors) report(error.pos[0], syntaxMessage(error.code, error.message));
  if (document.errors.length > 0) return null;
  const contents = document.contents as Node | null;
  return locate(contents, null, contents?.range?.[0] ?? 0, { text, report });
}

/** yaml makes an error object for every slip; a million of them with stack traces would take ten seconds. */
function compose(tokens: readonly CST.Token[], end: number) {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const composer = new Composer({ uniqueKeys: false, resolveKnownTags: false, logLevel: 'silent' });
    return [...composer.compose(tokens, true, end)];
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function syntaxMessage(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'tabs cannot indent YAML, only spaces can';
  return `not valid YAML: ${escapeText(message.length > 200 ? `${message.slice(0, 199)}…` : message)}`;
}

interface Walk {
  readonly text: string;
  readonly report: Report;
}

function locate(node: Node | null, keyOffset: number | null, offset: number, walk: Walk): Located {
  const children = new Map<string | number, Place>();
  const root: Place = { offset, keyOffset, node, children };
  if (isMap(node)) return { data: readMap(node, children, walk), root };
  if (!isSeq(node)) return { data: readScalar(node, offset, walk), root };
  const items = (node.items as Node[]).map((item, index) => {
    const { data, root } = locate(item, null, item.range?.[0] ?? offset, walk);
    children.set(index, root);
    return data;
  });
  return { data: items, root };
}

function readMap(map: YAMLMap, children: Map<string | number, Place>, walk: Walk): Record<string, unknown> {
  const data = Object.create(null) as Record<string, unknown>;
  for (const pair of map.items as Pair<Node, Node | null>[]) {
    const keyOffset = pair.key.range?.[0] ?? map.range?.[0] ?? 0;
    const key = readKey(pair.key, keyOffset, walk);
    if (key === null) continue;
    const first = children.get(key)?.keyOffset;
    if (typeof first === 'number') {
      walk.report(keyOffset, `duplicate key ${quote(key)} (first in line ${position(walk.text, first).line})`);
      continue;
    }
    const isLeftOut = isScalar(pair.value) && pair.value.source === '' && pair.value.type === 'PLAIN';
    const offset = isLeftOut ? keyOffset : (pair.value?.range?.[0] ?? keyOffset);
    const value = locate(pair.value, keyOffset, offset, walk);
    children.set(key, value.root);
    data[key] = value.data;
  }
  return data;
}

function readKey(node: Node, offset: number, { report }: Walk): string | null {
  if (isScalar(node) && typeof node.value === 'string') return node.value;
  if (isAlias(node)) return null;
  const advice = isScalar(node) && node.source ? `Write '${escapeText(node.source)}' in quotes` : undefined;
  report(offset, `a key must be text, got ${describe(node)}`, () => advice);
  return null;
}

function readScalar(node: Node | null, offset: number, { report }: Walk): unknown {
  if (node === null) return null;
  if (!isScalar(node) || node.tag !== undefined) return refusedValue; // reported token by token
  if (node.format !== 'HEX' && node.format !== 'OCT') return node.value === 0 ? 0 : node.value; // -0 is 0
  report(offset, `numbers are written in decimal, got ${describe(node)}`);
  return refusedValue;
}

/** What stands there, in the words of an error message: 'text', 12, nothing, a list of 3, a mapping. */
export function describe(node: Node | null): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return `a list of ${node.items.length}`;
  if (!isScalar(node)) return node === null ? 'nothing' : 'an alias';
  if (typeof node.value === 'string') return quote(node.value);
  return node.source ? sourceOf(node) : 'nothing';
}

function sourceOf({ source }: Scalar): string {
  const text = escapeText(source ?? '');
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** The place of a value, or undefined if there is none. */
export function findPlace(root: Place, path: Path): Place | undefined {
  let place: Place | undefined = root;
  for (const step of path) place = place?.children.get(step);
  return place;
}
