/** Names are other people's: whatever is in them is shown as text. */

/** Controls, escapes, marks that turn the direction of what follows, line ends of Unicode, and halves of characters. */
const UNSEEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** One line in which every character is seen: `\u{1b}[31m`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (char) => `\\u{${char.charCodeAt(0).toString(16)}}`);
}

/** For text of Markdown, in which there is no markup of others. */
export function markdown(text: string): string {
  return visible(text)
    .replace(/[&<>]/g, (char) => ENTITIES[char])
    .replace(/[[\]`|]/g, '\\$&');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** For text and attributes of XML. */
export function xml(text: string): string {
  return visible(text).replace(/[&<>"']/g, (char) => ENTITIES[char]);
}

/** JSON that may be put into a page: no `<`, and nothing unseen. */
export function json(value: unknown): string {
  const seen = (_key: string, inner: unknown): unknown => (typeof inner === 'string' ? visible(inner) : inner);
  return JSON.stringify(value, seen).replaceAll('<', '\\u003c');
}

/** A cell of CSV, as RFC 4180 has it. */
export function csv(value: string | number): string {
  const text = visible(String(value));
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A frame of a collapsed stack: semicolons part frames. */
export function frame(text: string): string {
  return visible(text).replaceAll(';', ',');
}
