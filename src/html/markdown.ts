/**
 * Markdown reports as HTML, so that a page says what the report says: headings, paragraphs, tables, lists, blocks of
 * code, drawings; in a line code and links. It is for what we write ourselves: everything else is shown as it stands.
 */
import { type Content, html, type Markup, preformatted, trusted } from './markup.ts';

/** Drawings by the names that the text has for them. */
export type Drawings = ReadonlyMap<string, string>;

export function markdownHtml(text: string, drawings: Drawings): Markup[] {
  const blocks: Markup[] = [];
  const lines = text.split('\n');
  const takeWhile = (start: string): string[] => {
    const end = lines.findIndex((line) => !line.startsWith(start));
    return lines.splice(0, end < 0 ? lines.length : end);
  };
  while (lines.length > 0) {
    if (lines[0].startsWith('```')) blocks.push(code(lines));
    else if (lines[0].startsWith('|')) blocks.push(table(takeWhile('|')));
    else if (lines[0].startsWith('- ')) blocks.push(list(takeWhile('- ')));
    else blocks.push(...oneLine(lines.shift()!, drawings));
  }
  return blocks;
}

function oneLine(line: string, drawings: Drawings): Markup[] {
  if (line.trim() === '') return [];
  return [heading(line) ?? drawing(line, drawings) ?? html`<p>${inline(line)}</p>`];
}

function code(lines: string[]): Markup {
  const end = lines.indexOf('```', 1);
  const block = lines.splice(0, end < 0 ? lines.length : end + 1);
  return preformatted(block.slice(1, -1));
}

function list(items: readonly string[]): Markup {
  return html`<ul>
    ${items.map((item) => html`<li>${inline(item.slice(2))}</li>`)}
  </ul>`;
}

/** The second line says which columns are numbers. */
function table([head, ruler, ...rows]: readonly string[]): Markup {
  const numbers = cellsOf(ruler).map((cell) => cell.endsWith(':'));
  const kind = (column: number): string => (numbers[column] ? 'number' : '');
  const row = (line: string): Markup =>
    html`<tr>
      ${cellsOf(line).map((cell, i) => html`<td class="${kind(i)}">${inline(cell)}</td>`)}
    </tr>`;
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${cellsOf(head).map((cell, i) => html`<th scope="col" class="${kind(i)}">${inline(cell)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(row)}
      </tbody>
    </table>
  </div>`;
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function heading(line: string): Markup | null {
  const [, marks, words] = /^(#{1,3}) (.*)$/.exec(line) ?? [];
  if (marks === undefined) return null;
  const name = trusted(`h${marks.length}`);
  return html`<${name}>${inline(words)}</${name}>`;
}

function drawing(line: string, drawings: Drawings): Markup | null {
  const [, words, file] = /^!\[(.*)\]\((.*)\)$/.exec(line) ?? [];
  const svg = file === undefined ? undefined : drawings.get(decodeURIComponent(file));
  return svg === undefined ? null : html`<figure role="img" aria-label="${words}">${trusted(svg)}</figure>`;
}

/** Code between backticks, addresses between angle brackets; of links to other reports the words. */
function inline(words: string): Content {
  return words.split(/(`[^`]*`|<https?:[^>]*>|(?<!\\)\[[^\]]*\]\([^)]*\))/).map((part) => {
    if (part.startsWith('`')) return html`<code>${part.slice(1, -1)}</code>`;
    if (part.startsWith('[')) return plain(part.slice(1, part.indexOf('](')));
    const [, address] = /^<(https?:.*)>$/.exec(part) ?? [];
    return address === undefined ? plain(part) : html`<a href="${address}" rel="noreferrer">${address}</a>`;
  });
}

const ENTITIES: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };

/** What `markdown` of export/escape.ts has escaped, as it was. */
function plain(words: string): string {
  return words.replace(/\\([[\]`|])|&(?:lt|gt|amp);/g, (all, char: string | undefined) => char ?? ENTITIES[all]);
}
