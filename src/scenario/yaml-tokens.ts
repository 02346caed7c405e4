/**
 * What is refused before YAML is composed, because a scenario has no use for it and an attacker or a typing error has:
 * control characters, anchors and aliases, tags, directives, a second document, and nesting without end.
 *
 * The depth must be known before yaml's composer runs: it recurses, and V8 may end the whole process ("RegExpCompiler
 * Allocation failed") when a regular expression is compiled with the stack all but full; no catch sees that.
 */
import { CST, Lexer, Parser } from 'yaml';
import { escapeText, type Report } from './diagnostic.ts';

/** Text of at most this many UTF-8 bytes is read. */
export const maxBytes = 2 ** 20;
/** A scenario of some thousand operations has fewer YAML tokens than this. */
export const maxTokens = 100_000;
/** Collections within collections; a scenario needs 6. */
export const maxDepth = 32;

/** The concrete syntax of the first document, with the tokens around it, or null if it is not fit to be composed. */
export function readTokens(text: string, report: Report): CST.Token[] | null {
  if (hasControls(text, report) || !lex(text, report)) return null;
  const tokens: CST.Token[] = [];
  let documents = 0;
  for (const token of new Parser().parse(text)) {
    if (token.type === 'document' && ++documents === 2) {
      report(token.offset, 'a scenario file holds one YAML document, and here a second one starts');
      break;
    }
    if (token.type !== 'directive') tokens.push(token);
  }
  const deep = tokens.map(firstTooDeep).find((offset) => offset !== null);
  if (deep === undefined) return tokens;
  report(deep, `nested more than ${maxDepth} deep`);
  return null;
}

function hasControls(text: string, report: Report): boolean {
  const offset = text.search(/(?![\t\r\n])\p{Cc}/u);
  if (offset < 0) return false;
  const found = text[offset];
  const isBinary = found === '\0';
  const words = isBinary ? 'this is not a text file: it has NUL bytes' : `control character ${escapeText(found)}`;
  report(offset, words, isBinary ? undefined : () => 'Write it as an escape in double quotes if it is meant');
  return true;
}

const refused: Readonly<Record<string, string>> = {
  alias: 'anchors and aliases are not supported',
  anchor: 'anchors and aliases are not supported',
  tag: 'tags are not supported',
  'directive-line': 'directives are not supported',
};

/** Reports what is refused token by token; false if there are too many to go on. */
function lex(text: string, report: Report): boolean {
  const marks: readonly string[] = [CST.SCALAR, CST.DOCUMENT, CST.FLOW_END];
  let offset = 0;
  let count = 0;
  let isScalar = false; // the token after the mark is text, whatever it looks like
  for (const source of new Lexer().lex(text)) {
    if (++count > maxTokens) {
      report(offset, `a scenario has at most ${maxTokens} YAML tokens, and this file has more`);
      return false;
    }
    const words = isScalar ? undefined : refused[CST.tokenType(source) ?? ''];
    if (words !== undefined) report(offset, words, () => `Text that begins with ${source[0]} needs quotes`);
    isScalar = !isScalar && source === CST.SCALAR;
    if (!marks.includes(source)) offset += source.length;
  }
  return true;
}

/** The offset of the first collection beyond the limit. A loop, since the depth may be that of the file. */
function firstTooDeep(token: CST.Token): number | null {
  const waiting: [CST.Token, number][] = token.type === 'document' && token.value ? [[token.value, 1]] : [];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [node, depth] = next;
    if (!CST.isCollection(node)) continue;
    if (depth > maxDepth) return node.offset;
    for (const { key, value } of node.items) {
      if (value) waiting.push([value, depth + 1]);
      if (key) waiting.push([key, depth + 1]);
    }
  }
  return null;
}
