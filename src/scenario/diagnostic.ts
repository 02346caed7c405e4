/**
 * What is wrong with a scenario file, where, and how it is printed: `file:line:col: error: message`, then the lines.
 *
 * Nothing from the file reaches a terminal raw: quote() and escapeText() write control characters, invisible ones and
 * lone surrogates as escapes; in the code frame each stands as one `·`, so that the caret stays below its column.
 */
import { codeFrameColumns } from '@babel/code-frame';

/** One error, ready to print. */
export interface Diagnostic {
  /** The path as given, not escaped. */
  readonly file: string;
  /** Counted from 1; 0 if it is the file that is wrong, not a place in it. */
  readonly line: number;
  /** Counted from 1, in UTF-16 units; 0 without a line. */
  readonly column: number;
  readonly message: string;
  /** A sentence of advice. */
  readonly hint?: string;
  /** The lines around it with a caret; '' when there is no text to show. */
  readonly frame: string;
}

/** One error, not yet located. The hint is asked for only if the error is shown. */
export interface Problem {
  /** Position in the text, in UTF-16 units. */
  readonly offset: number;
  readonly message: string;
  readonly hint?: () => string | undefined;
}

/** Takes note of a problem. */
export type Report = (offset: number, message: string, hint?: () => string | undefined) => void;

/** Problems beyond this many are only counted. */
export const maxDiagnostics = 50;

/** Thrown for every scenario that cannot be read. `message` is the full text to print, all errors in it. */
export class ScenarioError extends Error {
  /** At least one and at most `maxDiagnostics`, by position. */
  readonly diagnostics: Diagnostic[];

  /** `more`: how many errors were left out. */
  constructor(diagnostics: Diagnostic[], more = 0) {
    const texts = diagnostics.map(formatDiagnostic);
    if (more > 0) texts.push(`... and ${more} more error${more === 1 ? '' : 's'}`);
    super(texts.join('\n\n'));
    this.name = 'ScenarioError';
    this.diagnostics = diagnostics;
  }
}

/** `file:line:col: error: message. Hint`, and the code frame below it; without a place only `file: error: message`. */
export function formatDiagnostic(d: Diagnostic): string {
  const hint = d.hint === undefined ? '' : `. ${d.hint}`;
  const place = d.line === 0 ? '' : `:${d.line}:${d.column}`;
  const head = `${escapeText(d.file)}${place}: error: ${d.message}${hint}`;
  return d.frame === '' ? head : `${head}\n${d.frame}`;
}

/** The error for these problems (at least one), sorted by position, the same one said only once. */
export function toError(text: string, file: string, problems: readonly Problem[], color: boolean): ScenarioError {
  const unique = new Map(problems.map((problem) => [`${problem.offset} ${problem.message}`, problem]));
  const sorted = [...unique.values()].sort((a, b) => a.offset - b.offset);
  const lines = text.split(/\r?\n/);
  const shown = sorted.slice(0, maxDiagnostics).map((problem): Diagnostic => {
    const { line, column } = position(text, problem.offset);
    const hint = problem.hint?.();
    const frame = codeFrame(lines, line, column, color);
    return { file, line, column, message: problem.message, ...(hint !== undefined && { hint }), frame };
  });
  return new ScenarioError(shown, sorted.length - shown.length);
}

/** The error for a file that has no text to point into. */
export function fileError(file: string, message: string): ScenarioError {
  return new ScenarioError([{ file, line: 0, column: 0, message, frame: '' }]);
}

/** Line and column of an offset, both counted from 1. */
export function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

const frameWidth = 100;

function codeFrame(lines: readonly string[], line: number, column: number, color: boolean): string {
  const first = Math.max(line - 3, 0);
  const left = Math.max(0, column - frameWidth + 20);
  const part = lines
    .slice(first, line + 2)
    .map((text) => text.slice(left, left + frameWidth).replace(raw, (found) => '·'.repeat(found.length)));
  if (part.every((text) => text.trim() === '')) return '';
  const options = { startLine: first + 1, linesAbove: 2, linesBelow: 2, forceColor: color };
  return codeFrameColumns(part.join('\n'), { start: { line, column: column - left } }, options);
}

// Controls (tab apart), format characters such as bidi marks, line separators, surrogates, private and unassigned.
const raw = /(?!\t)[\p{C}\p{Zl}\p{Zp}]/gu;
const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text with everything that a terminal might obey written as an escape. */
export function escapeText(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (found) => {
    const code = found.codePointAt(0)!;
    const hex = code.toString(16);
    return shortEscapes[found] ?? (code < 256 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`);
  });
}

/** The text in single quotes, escaped, cut after 80 characters. */
export function quote(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 79)}…` : text;
  return `'${escapeText(cut.replace(/[\\']/g, '\\$&'))}'`;
}

/** The names in a row, escaped, apart by commas; the first dozen if there are many, and where to see the rest. */
export function listNames(names: readonly string[], where?: string): string {
  if (names.length === 0) return 'none';
  const shown = names.slice(0, 12).map((name) => quote(name).slice(1, -1));
  const rest = names.length - shown.length;
  return shown.join(', ') + (rest > 0 ? `, … and ${rest} more${where === undefined ? '' : `: ${where}`}` : '');
}

/** "Did you mean 'heap'?", or nothing when no name is near. */
export function didYouMean(word: string, names: readonly string[]): string | undefined {
  const found = nearest(word, names);
  return found === undefined ? undefined : `Did you mean ${quote(found)}?`;
}

/** The name that takes the fewest slips of the pen to become `word`, if they are at most a third of its letters. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  if (word.length < 2 || word.length > 64) return undefined;
  for (const name of names.slice(0, 1000)) {
    if (Math.abs(name.length - word.length) >= least) continue;
    const distance = slips(word.toLowerCase(), name.toLowerCase());
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

/** Optimal string alignment: letters put in, left out, changed, or two neighbours swapped. */
function slips(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(change, above[j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2] + 1);
      row.push(cost);
    }
    [before, above] = [above, row];
  }
  return above[b.length];
}
