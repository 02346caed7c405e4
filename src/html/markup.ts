/** HTML as a tagged template: whatever is put into it is text, unless it is markup already. */
import { visible, xml } from '../export/escape.ts';

/** Text that is HTML. Only `html` and `trusted` make it. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Content = string | number | Markup | null | readonly Content[];

export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.reduce((text, part, i) => text + rendered(values[i - 1]) + part));
}

/** Markup of ours: a drawing, a style sheet. Never what comes from a scenario. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function rendered(value: Content): string {
  if (value === null) return '';
  if (value instanceof Markup) return value.text;
  return typeof value === 'object' ? value.map(rendered).join('') : xml(String(value));
}

/** Text in which words between backticks are code. */
export function prose(text: string): Content {
  return text.split(/`([^`]+)`/).map((part, i) => (i % 2 === 0 ? part : html`<code>${part}</code>`));
}

/** Lines of text as they are; what is in a line is shown, also what is not seen elsewhere. */
export function preformatted(lines: readonly string[]): Markup {
  return html`<pre tabindex="0">${trusted(lines.map((line) => xml(line)).join('\n'))}</pre>`;
}

/** For JSON in a script element: nothing in it ends the element. Line ends within strings stay. */
export function scriptJson(value: unknown): string {
  const seen = (_key: string, inner: unknown): unknown =>
    typeof inner === 'string' ? inner.split('\n').map(visible).join('\n') : inner;
  return JSON.stringify(value, seen).replaceAll('<', '\\u003c');
}
