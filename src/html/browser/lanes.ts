/** Lanes with their boxes, bars below these, and the axis above: what of a run is in view. */
import { type BarData, type BoxData, KINDS, type MarkData, type RunData, type TimelineData } from '../model.ts';
import type { Axis } from './axis.ts';
import { drawn } from './dom.ts';

const AXIS = 22;
const NAME = 17;
const BOX = 26;
const BAR = 14;
const GAP = 9;
/** Of a letter in the lanes. */
const LETTER = 6.4;

interface Lane {
  readonly name: string;
  readonly top: number;
}

export class Lanes {
  readonly svg = drawn('svg', { class: 'drawing' });
  private readonly data: TimelineData;
  private readonly axis: Axis;
  private run!: RunData;
  private lanes: Lane[] = [];
  private height = 0;

  constructor(data: TimelineData, axis: Axis) {
    this.data = data;
    this.axis = axis;
  }

  show(run: RunData): void {
    this.run = run;
    let top = AXIS;
    this.lanes = run.lanes.map((name, lane) => {
      const rows = Math.max(0, ...run.bars.map((bar) => (bar[0] === lane ? bar[1] + 1 : 0)));
      const made = { name, top };
      top += NAME + BOX + rows * BAR + GAP;
      return made;
    });
    this.height = top;
  }

  draw(cursor: number): void {
    const { run, axis } = this;
    const { width } = axis;
    this.svg.setAttribute('width', String(width));
    this.svg.setAttribute('height', String(this.height));
    this.svg.replaceChildren(
      ...this.at(cursor),
      ...this.ticks(),
      ...this.lanes.flatMap(({ top }) => [drawn('rect', { class: 'lane', x: 0, y: top + NAME, width, height: BOX })]),
      ...run.bars.flatMap((bar) => this.bar(bar)),
      ...this.boxes(cursor),
      ...run.marks.flatMap((mark) => this.mark(mark)),
      ...this.lanes.map(({ name, top }) => drawn('text', { class: 'name', x: 4, y: top + NAME - 5 }, name)),
    );
  }

  /** The box at a place of the drawing; -1: there is none. */
  boxAt(x: number, y: number): number {
    const moment = this.axis.moment(x);
    const lane = this.lanes.findLastIndex(({ top }) => top <= y);
    const hit = (box: BoxData, slack: number): boolean => box[1] - slack <= moment && moment < box[2] + slack;
    const { boxes } = this.run;
    const exact = boxes.findIndex((box) => box[0] === lane && hit(box, 0));
    if (exact >= 0) return exact;
    return boxes.findIndex((box) => (box[0] === lane || this.data.unit === 'step') && hit(box, 3 / this.axis.scale));
  }

  private at(cursor: number): SVGElement[] {
    const box = this.run.boxes[cursor];
    if (box === undefined) return [];
    const x = this.axis.x(box[1]);
    const width = Math.max(2, (box[2] - box[1]) * this.axis.scale);
    return [drawn('rect', { class: 'at', x, y: 0, width, height: this.height })];
  }

  private ticks(): SVGElement[] {
    const steps = this.data.unit === 'step';
    return this.axis.ticks(steps ? 34 : 90).flatMap((at) => {
      if (steps && at === 0) return [];
      const x = this.axis.x(steps ? at - 0.5 : at);
      const line = steps ? [] : [drawn('line', { class: 'tick', x1: x, x2: x, y1: AXIS - 4, y2: this.height })];
      return [
        ...line,
        drawn('text', { class: steps ? 'tick' : 'tick time', x: steps ? x : x + 3, y: 14 }, this.tickText(at)),
      ];
    });
  }

  private tickText(at: number): string {
    return this.data.unit === 'step' ? String(at) : timeText(at);
  }

  private boxes(cursor: number): SVGElement[] {
    const filled = this.lanes.map(() => -1);
    return this.run.boxes.flatMap((box, i) => {
      const [lane, from, to] = box;
      const x = this.axis.x(from);
      const end = this.axis.x(to);
      if (end < 0 || x > this.axis.width) return [];
      // what is narrower than a pixel is drawn once a pixel
      if (end - x < 0.7 && Math.floor(end) === filled[lane] && i !== cursor) return [];
      filled[lane] = Math.floor(end);
      return this.box(box, x, Math.max(0.7, end - x), i === cursor);
    });
  }

  private box([lane, , to, kind, label]: BoxData, x: number, width: number, chosen: boolean): SVGElement[] {
    const y = this.lanes[lane].top + NAME;
    const gap = width > 4 ? 1 : 0;
    const class_ = `box k-${KINDS[kind]}${chosen ? ' chosen' : ''}`;
    const rect = drawn('rect', {
      class: class_,
      x: x + gap / 2,
      y: y + 1,
      width: width - gap,
      height: BOX - 2,
      rx: gap * 2,
    });
    const text = width >= 46 ? this.data.strings[label] : this.data.unit === 'step' && width >= 15 ? String(to) : '';
    return text === '' ? [rect] : [rect, ...this.text(text, x, width, y + 17, 'label')];
  }

  private bar([lane, row, from, to, kind, label]: BarData): SVGElement[] {
    const x = this.axis.x(from);
    const width = this.axis.x(to) - x;
    if (x + width < 0 || x > this.axis.width) return [];
    const blocked = row < 0;
    const y = this.lanes[lane].top + NAME + (blocked ? 1 : BOX + row * BAR + 1);
    const height = blocked ? BOX - 2 : BAR - 2;
    const rect = drawn('rect', { class: `k-${KINDS[kind]}`, x, y, width: Math.max(1, width), height, rx: 2 });
    return [
      rect,
      ...this.text(this.data.strings[label], x, width, y + (blocked ? 16 : 9.5), blocked ? 'label' : 'small'),
    ];
  }

  /** As much of it as there is room for, also where the left end is out of view. */
  private text(text: string, x: number, width: number, y: number, class_: string): SVGElement[] {
    const left = Math.max(x, 0) + 4;
    const letters = Math.floor((Math.min(x + width, this.axis.width) - left - 2) / LETTER);
    if (letters < 2) return [];
    return [
      drawn('text', { class: class_, x: left, y }, text.length <= letters ? text : `${text.slice(0, letters - 1)}…`),
    ];
  }

  private mark([at, text, wrong]: MarkData): SVGElement[] {
    const x = this.axis.x(at);
    if (x < 0 || x > this.axis.width + 1) return [];
    const class_ = wrong === 1 ? 'mark' : 'mark turn';
    const line = drawn('line', { class: class_, x1: x, x2: x, y1: 0, y2: this.height });
    line.append(drawn('title', {}, this.data.strings[text]));
    return [line];
  }
}

/** Nanoseconds, in words. */
export function timeText(ns: number): string {
  if (ns >= 1e6) return `${String(Number((ns / 1e6).toFixed(4)))} ms`;
  return ns >= 1000 ? `${String(Number((ns / 1000).toFixed(3)))} us` : `${String(Number(ns.toFixed(1)))} ns`;
}
