/** The script of a page with a timeline: which run is shown, which box is looked at, and what is in view. */
import type { MarkData, RunData, TimelineData } from '../model.ts';
import { Axis } from './axis.ts';
import { element, find } from './dom.ts';
import { gestures } from './gestures.ts';
import { Lanes, timeText } from './lanes.ts';
import { World } from './world.ts';

class Timeline {
  private readonly data: TimelineData;
  private readonly section = find(HTMLElement, '#timeline');
  private readonly frame = find(HTMLElement, '.lanes');
  private readonly range = find(HTMLInputElement, '.cursor');
  private readonly where = find(HTMLElement, '.where');
  private readonly marks = find(HTMLElement, '.marks');
  private readonly now = find(HTMLElement, '.now');
  private readonly tables = find(HTMLElement, '.world');
  private readonly axis = new Axis();
  private readonly lanes: Lanes;
  private run!: RunData;
  private world: World | null = null;
  /** The box that is looked at; -1: before the first. */
  private cursor = -1;

  constructor(data: TimelineData) {
    this.data = data;
    this.lanes = new Lanes(data, this.axis);
    this.frame.append(this.lanes.svg);
    find(HTMLElement, '.tool').hidden = false;
    document.querySelector('#drawn')?.removeAttribute('open'); // it has stood in for what is shown now
    gestures(
      this.frame,
      this.axis,
      () => this.drawLanes(),
      (x, y) => {
        const box = this.lanes.boxAt(x, y);
        if (box >= 0) this.goTo(box);
      },
    );
    this.range.addEventListener('input', () => this.goTo(Number(this.range.value)));
    this.section.addEventListener('click', (event) => this.clicked(event.target as Element));
    document.addEventListener('keydown', (event) => this.pressed(event));
    new ResizeObserver(() => this.resized()).observe(this.frame);
    this.show(0);
  }

  private show(number: number): void {
    this.run = this.data.runs[number];
    this.world = this.run.world === null ? null : new World(this.run.world, this.data.strings);
    this.lanes.show(this.run);
    for (const button of this.section.querySelectorAll<HTMLElement>('[data-run]')) {
      button.setAttribute('aria-pressed', String(button.dataset['run'] === String(number)));
    }
    this.axis.show(this.run.from, this.run.to, this.frame.clientWidth);
    this.axis.fit();
    this.range.min = this.world === null ? '0' : '-1';
    this.marks.replaceChildren(...this.run.marks.map((mark) => this.markLine(mark)));
    this.range.max = String(this.run.boxes.length - 1);
    this.goTo(this.world === null ? 0 : -1);
  }

  private goTo(cursor: number): void {
    const { boxes } = this.run;
    this.cursor = Math.max(Number(this.range.min), Math.min(boxes.length - 1, cursor));
    const box = boxes[this.cursor];
    if (box !== undefined) this.axis.reveal(box[1], box[2]);
    this.range.value = String(this.cursor);
    this.drawLanes();
    this.drawNow();
  }

  private drawLanes(): void {
    this.lanes.draw(this.cursor);
  }

  private drawNow(): void {
    const { run, cursor, data } = this;
    const box = run.boxes[cursor];
    const steps = data.unit === 'step';
    if (steps)
      this.where.textContent = `step ${String(run.from + cursor + 1)} of ${String(run.boxes.length + run.from)}`;
    else this.where.textContent = box === undefined ? '' : `at ${timeText(box[1] - run.from)}`;
    this.now.replaceChildren(...this.about(), ...(box === undefined ? [] : this.details(box)));
    this.world?.goTo(cursor);
    this.tables.replaceChildren(...(this.world?.draw() ?? []));
  }

  /** Of the run, before its first box. */
  private about(): HTMLElement[] {
    const { about, command } = this.run;
    if (this.cursor >= 0) return [];
    const start = [element('p', { class: 'what' }, 'Before the first step.')];
    const words = about === '' ? [] : [element('p', {}, about)];
    return [
      ...start,
      ...words,
      ...(command === '' ? [] : [element('p', {}, 'repeat: ', element('code', {}, command))]),
    ];
  }

  private markLine([at, text, wrong]: MarkData): HTMLElement {
    const box = String(this.run.boxes.findIndex(([, , to]) => to === at));
    const button = element('button', { type: 'button', 'data-box': box }, `step ${String(at)}`);
    return element('li', wrong === 1 ? { class: 'found' } : {}, button, ` ${this.data.strings[text]}`);
  }

  private details([lane, from, to, , label, notes]: RunData['boxes'][number]): HTMLElement[] {
    const { strings, unit } = this.data;
    const took = unit === 'ns' ? `${timeText(to - from)} from ${timeText(from - this.run.from)}: ` : '';
    const marks = this.run.marks
      .filter(([at]) => at === to)
      .map(([, text]) => element('p', { class: 'found' }, strings[text]));
    return [
      element('p', { class: 'what' }, element('b', {}, this.run.lanes[lane]), ` ${took}${strings[label]}`),
      ...strings[notes].split('\n').flatMap((line) => (line === '' ? [] : [element('p', { class: 'note' }, line)])),
      ...marks,
    ];
  }

  private resized(): void {
    this.axis.show(this.run.from, this.run.to, this.frame.clientWidth);
    this.drawLanes();
  }

  private clicked(target: Element): void {
    const button = target.closest<HTMLElement>('[data-run], [data-go], [data-box]');
    const { run, go, box } = button?.dataset ?? {};
    if (box !== undefined) this.goTo(Number(box));
    if (run !== undefined) this.show(Number(run));
    if (go !== undefined) this.move(go);
  }

  private move(where: string): void {
    const { boxes } = this.run;
    if (where === 'first') this.goTo(-1);
    else if (where === 'last') this.goTo(boxes.length - 1);
    else if (where === 'back') this.goTo(this.cursor - 1);
    else if (where === 'on') this.goTo(this.cursor + 1);
    else if (where === 'fit') this.axis.fit();
    else this.axis.zoom(where === 'in' ? 1.5 : 1 / 1.5, this.middle());
    this.drawLanes();
  }

  /** Where the cursor is, if it is in view. */
  private middle(): number {
    const box = this.run.boxes[this.cursor];
    const x = box === undefined ? 0 : this.axis.x((box[1] + box[2]) / 2);
    return x >= 0 && x <= this.axis.width ? x : this.axis.width / 2;
  }

  /** Keys are the timeline's unless somebody else has the focus; Home and End move the page elsewhere. */
  private pressed(event: KeyboardEvent): void {
    const active = document.activeElement;
    const inside = this.section.contains(active);
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (!inside && active !== document.body && active !== null) return;
    const where = (inside ? { ...KEYS, ...INSIDE } : KEYS)[event.key];
    if (where === undefined) return;
    event.preventDefault();
    this.move(where);
  }
}

const KEYS: Readonly<Record<string, string>> = {
  ArrowLeft: 'back',
  ArrowRight: 'on',
  '+': 'in',
  '=': 'in',
  '-': 'out',
  '0': 'fit',
};
const INSIDE: Readonly<Record<string, string>> = { Home: 'first', End: 'last' };

new Timeline(JSON.parse(find(HTMLScriptElement, '#data').textContent ?? '') as TimelineData);
