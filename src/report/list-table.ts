/** Names with what they are, wrapped to the width of the terminal. */
import { getBorderCharacters, table } from 'table';

export interface Entry {
  readonly name: string;
  readonly kind: string;
  readonly about: string;
}

export function listTable(title: string, entries: readonly Entry[], width: number): string {
  const names = Math.max(...entries.map((entry) => entry.name.length));
  const kinds = Math.max(...entries.map((entry) => entry.kind.length));
  const about = Math.max(24, width - names - kinds - 8);
  const rows = entries.map(({ name, kind, about: text }) => [name, kind, text]);
  const text = table(rows, {
    border: getBorderCharacters('void'),
    drawHorizontalLine: () => false,
    columnDefault: { paddingLeft: 0, paddingRight: 2 },
    columns: [{ width: names }, { width: kinds }, { width: about, wrapWord: true }],
  });
  return `${title}\n${text.replace(/^/gm, '  ').replace(/[ \t]+$/gm, '')}\n`;
}
