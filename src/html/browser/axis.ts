/** What part of the axis is in view, and where a moment is on the screen. */

/** Pixels that one step, or the shortest moment worth looking at, takes at most. */
const WIDEST = 240;

export class Axis {
  /** Moment at the left edge, and pixels for one unit. */
  left = 0;
  scale = 1;
  width = 1;
  from = 0;
  to = 1;

  /** Another run, or another width of the screen. */
  show(from: number, to: number, width: number): void {
    const all = this.isWhole || from !== this.from || to !== this.to;
    Object.assign(this, { from, to, width });
    if (all) this.fit();
    else this.keepInside();
  }

  get isWhole(): boolean {
    return this.scale <= this.least * 1.001;
  }
  fit(): void {
    this.scale = this.least;
    this.left = this.from;
  }
  x(moment: number): number {
    return (moment - this.left) * this.scale;
  }
  moment(x: number): number {
    return this.left + x / this.scale;
  }
  /** What is at `x` stays there. */
  zoom(factor: number, x = this.width / 2): void {
    const at = this.moment(x);
    this.scale = Math.min(WIDEST, Math.max(this.least, this.scale * factor));
    this.left = at - x / this.scale;
    this.keepInside();
  }
  pan(pixels: number): void {
    this.left -= pixels / this.scale;
    this.keepInside();
  }
  /** Bring a stretch into view, if it is not. */
  reveal(from: number, to: number): void {
    const margin = Math.min(40, this.width / 8);
    if (this.x(from) < 0) this.left = from - margin / this.scale;
    else if (this.x(to) > this.width) this.left = to - (this.width - margin) / this.scale;
    this.keepInside();
  }
  /** Round moments, not nearer than `gap` pixels. */
  ticks(gap: number): number[] {
    const raw = Math.max(1, gap / this.scale);
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw) ?? raw;
    const ticks: number[] = [];
    const end = Math.min(this.to, this.moment(this.width));
    for (let at = Math.ceil(this.left / step) * step; at <= end; at += step) ticks.push(at);
    return ticks;
  }

  private get least(): number {
    return this.width / Math.max(1, this.to - this.from);
  }
  private keepInside(): void {
    this.scale = Math.max(this.scale, this.least);
    this.left = Math.max(this.from, Math.min(this.left, this.to - this.width / this.scale));
  }
}
