/** States of the machine as what each step changes in them. */
import type { PanelData, WorldData } from './model.ts';
import type { Strings } from './strings.ts';

/** One cell of one table; what is not there is left out. */
export interface Cell {
  readonly panel: string;
  readonly row: string;
  readonly column: string;
  readonly value: string;
}
type State = readonly Cell[];

/** Tables in the order in which they are read; others come behind. */
const ORDER = ['threads', 'locks', 'page tables and TLBs', 'pages', 'files', 'words'];

/** Rows of a table; where there are more, those that change come first. */
const ROWS = 24;

const { compare } = new Intl.Collator('en', { numeric: true });

/** `states`: before the first step, and after each. */
export function worldOf(states: readonly State[], strings: Strings): WorldData {
  const named = new Set(states.flatMap((state) => state.map(({ panel }) => panel)));
  const names = new Set([...ORDER.filter((name) => named.has(name)), ...named]);
  const panels = [...names].map((name) =>
    panelOf(
      name,
      states.map((state) => state.filter(({ panel }) => panel === name)),
    ),
  );
  const places = placesIn(panels);
  const now = new Map<number, string>();
  const [first, ...changes] = states.map((state) => changesTo(state, places, now, strings));
  return { panels, first, changes };
}

/** With all rows and columns that anything is ever in. */
function panelOf(name: string, states: readonly State[]): PanelData {
  const rows = [...new Set(states.flatMap((state) => state.map(({ row }) => row)))];
  const columns = [...new Set(states.flatMap((state) => state.map(({ column }) => column)))];
  const texts = states.map(rowTexts);
  const changes = rows.filter((row) => texts.some((text) => text.get(row) !== texts[0].get(row)));
  const kept = [...new Set([...changes, ...rows])].slice(0, ROWS);
  const cpus = columns.filter((column) => column.startsWith('CPU')).sort(compare);
  return {
    name,
    columns: [...columns.filter((column) => !cpus.includes(column)), ...cpus],
    rows: kept.sort(compare),
    more: rows.length - kept.length,
  };
}

function rowTexts(state: State): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { row, column, value } of state) texts.set(row, `${texts.get(row) ?? ''}${column}: ${value}; `);
  return texts;
}

/** The number of each cell. */
function placesIn(panels: readonly PanelData[]): Map<string, number> {
  const places = new Map<string, number>();
  for (const { name, rows, columns } of panels) {
    for (const row of rows)
      for (const column of columns) places.set(placeOf({ panel: name, row, column }), places.size);
  }
  return places;
}

function placeOf({ panel, row, column }: Omit<Cell, 'value'>): string {
  return JSON.stringify([panel, row, column]);
}

/** What is other than it was; `now` is brought up to date. */
function changesTo(state: State, places: Map<string, number>, now: Map<number, string>, strings: Strings): number[] {
  const next = new Map<number, string>();
  for (const cell of state) {
    const place = places.get(placeOf(cell));
    if (place !== undefined) next.set(place, cell.value);
  }
  const touched = new Set([...now.keys(), ...next.keys()]);
  const changed = [...touched].filter((place) => now.get(place) !== next.get(place)).sort((a, b) => a - b);
  now.clear();
  for (const [place, value] of next) now.set(place, value);
  return changed.flatMap((place) => [place, strings.of(next.get(place) ?? '')]);
}
