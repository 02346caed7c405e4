/** Names with what they are, fitted to the width of the terminal. */
import { getBorderCharacters, table } from 'table';

export interface Entry {
  readonly name: string;
  readonly kind: string;
  readonly about: string;
}

/** Below this width the description goes under the name. */
const NARROWEST = 40;

export function listTable(title: string, entries: readonly Entry[], width: number): string {
  const names = Math.max(...entries.map((entry) => entry.name.length));
  const kinds = Math.max(...entries.map((entry) => entry.kind.length));
  const about = width - names - kinds - 8;
  const text =
    about >= NARROWEST
      ? columns(
          entries.map(({ name, kind, about: words }) => [name, kind, words]),
          [names, kinds, about],
        )
      : entries
          .map(({ name, kind, about: words }) => `${name}  ${kind}\n${indented(columns([[words]], [width - 8]))}`)
          .join('');
  return `${title}\n${indented(text)}\n`;
}

function columns(rows: string[][], widths: readonly number[]): string {
  return table(rows, {
    border: getBorderCharacters('void'),
    drawHorizontalLine: () => false,
    columnDefault: { paddingLeft: 0, paddingRight: 2 },
    columns: widths.map((width) => ({ width, wrapWord: true })),
  });
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ').replace(/[ \t]+$/gm, '');
}
