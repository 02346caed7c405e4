/** A page: one file that needs nothing else, and may load nothing else. */
import { hashOf, script, type ScriptName, style } from './assets.ts';
import { type Content, html, type Markup, scriptJson, trusted } from './markup.ts';

export interface Page {
  readonly title: string;
  /** Where the index is, from here; null: there is none. */
  readonly index: string | null;
  readonly body: Content;
  readonly script?: ScriptName;
  /** For the script. */
  readonly data?: unknown;
  /** The text of a style element that the body has. */
  readonly style?: string;
}

export function pageText(page: Page): string {
  const { title, index, body } = page;
  const up = index === null ? null : html`<nav><a href="${index}">all reports</a></nav>`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy(page)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} - faultline</title>
        <link rel="icon" href="data:," />
        ${exactly('style', style().text)}
      </head>
      <body>
        <main>${up} ${body}</main>
        ${scripts(page)}
      </body>
    </html> `.text;
}

function policy({ script: name, style: own }: Page): string {
  const scripts = name === undefined ? "'none'" : `'${script(name).hash}'`;
  return [
    "default-src 'none'",
    `style-src '${style().hash}'${own === undefined ? '' : ` '${hashOf(own)}'`}`,
    `script-src ${scripts}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

function scripts({ script: name, data }: Page): Content {
  if (name === undefined) return null;
  const json = data === undefined ? null : exactly('script type="application/json" id="data"', scriptJson(data));
  return [json, exactly('script type="module"', script(name).text)];
}

/** Hashes are of all that is between the tags. */
function exactly(tag: string, text: string): Markup {
  return trusted(`<${tag}>${text}</${tag.split(' ')[0]}>`);
}
