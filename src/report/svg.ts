/** What drawings have in common. */
import { visible } from '../export/escape.ts';

export const WIDTH = 720;
export const HEIGHT = 420;
export const COLOURS = ['#1f5fa8', '#b3471d', '#3d7d3d', '#7a4a9c', '#8a6d00', '#0f7f8a', '#a83279', '#555555'];

/** What a drawing may have that others have not. */
export interface Sheet {
  /** Pixels. */
  readonly width: number;
  /** Rules for what is of the kind of the drawing, its class. */
  readonly style: string;
  readonly kind: string;
  /** What there is to see, for those who do not. */
  readonly about: string;
}

export function drawing(height: number, title: string, parts: readonly string[], sheet: Sheet | null = null): string {
  const width = sheet?.width ?? WIDTH;
  const more = sheet === null ? '' : ` class="${sheet.kind}" role="img"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12"${more}>`,
    ...(sheet === null ? [] : [`<title>${escaped(title)}</title>`, `<desc>${escaped(sheet.about)}</desc>`]),
    ...(sheet === null ? [] : [`<style>${sheet.style}</style>`]),
    `<rect width="${width}" height="${height}" fill="white"${sheet === null ? '' : ' class="paper"'}/>`,
    `<text x="16" y="22" font-size="15">${escaped(title)}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

export function text(x: number, y: number, what: string, anchor: 'start' | 'middle' | 'end', colour = '#333'): string {
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" fill="${colour}">${escaped(what)}</text>`;
}

export function at(value: number): string {
  return value.toFixed(1);
}

/** What other people wrote is text, and all of it is seen. */
export function escaped(words: string): string {
  return visible(words).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** Round numbers from 0 to `most`, about five of them. */
export function ticksTo(most: number): number[] {
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((n) => n * power >= rough)! * power;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}

/** Short, as on an axis. */
export function rounded(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1000) return `${Number((value / 1000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}
