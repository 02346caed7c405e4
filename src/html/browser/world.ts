/** The tables of the state of the machine after a step, with what that step has changed. */
import type { WorldData } from '../model.ts';
import { element } from './dom.ts';

export class World {
  private readonly data: WorldData;
  private readonly strings: readonly string[];
  /** What each cell holds, and the step after which it does: -1 is before the first. */
  private cells = new Map<number, number>();
  private at = -1;
  /** What each step has found in the cells that it changes: to go back. */
  private readonly before: (readonly number[])[] = [];

  constructor(data: WorldData, strings: readonly string[]) {
    this.data = data;
    this.strings = strings;
    this.set(data.first);
  }

  goTo(step: number): void {
    while (this.at < step) {
      this.at++;
      const changes = this.data.changes[this.at];
      this.before[this.at] ??= changes.map((entry, i) => (i % 2 === 0 ? entry : (this.cells.get(changes[i - 1]) ?? 0)));
      this.set(changes);
    }
    while (this.at > step) this.set(this.before[this.at--]);
  }

  private set(changes: readonly number[]): void {
    for (let i = 0; i < changes.length; i += 2) this.cells.set(changes[i], changes[i + 1]);
  }

  /** The tables as they are now. */
  draw(): HTMLElement[] {
    const was = new Map<number, number>();
    const before = this.at < 0 ? [] : this.before[this.at];
    for (let i = 0; i < before.length; i += 2) was.set(before[i], before[i + 1]);
    let cell = 0;
    return this.data.panels.map(({ name, columns, rows, more }) => {
      const lines = rows.map((row) => {
        const cells = columns.map(() => this.cell(cell++, was));
        return element('tr', {}, element('th', { scope: 'row' }, row), ...cells);
      });
      const heads = columns.map((column) => element('th', { scope: 'col' }, column));
      const named = columns.some((column) => column !== '');
      const head = named ? [element('thead', {}, element('tr', {}, element('td', {}), ...heads))] : [];
      const table = element('table', {}, ...head, element('tbody', {}, ...lines));
      const rest = more === 0 ? [] : [element('p', { class: 'note' }, `and ${String(more)} rows more`)];
      return element(
        'section',
        { class: 'panel' },
        element('h3', {}, name),
        element('div', { class: 'scroll' }, table),
        ...rest,
      );
    });
  }

  private cell(number: number, was: ReadonlyMap<number, number>): HTMLElement {
    const text = this.strings[this.cells.get(number) ?? 0];
    const old = was.get(number);
    const shown = text === '' ? '–' : text;
    if (old === undefined) return element('td', text === '' ? { class: 'none' } : {}, shown);
    const before = this.strings[old];
    return element(
      'td',
      { class: 'changed' },
      element('del', {}, before === '' ? '–' : before),
      ' → ',
      element('ins', {}, shown),
    );
  }
}
