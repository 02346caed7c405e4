/** What a command prints, as a page; with a stretch of the run if there is one. */
import { html, preformatted, prose } from './markup.ts';
import type { TimelineData } from './model.ts';
import { pageText } from './shell.ts';
import { timeline } from './timeline.ts';

export interface TextPage {
  readonly name: string;
  readonly index: string | null;
  readonly about: string;
  /** Command lines, and what each prints. */
  readonly sections: readonly { readonly command: string; readonly printed: string }[];
  readonly timeline: TimelineData | null;
  /** The scenario file, as it is; null: there is none. */
  readonly source: string | null;
}

export function textPage({ name, index, about, sections, timeline: data, source }: TextPage): string {
  const stretch =
    data === null
      ? null
      : html`<h2>A stretch of the run</h2>
          <p class="dim">${data.runs[0].about}</p>
          ${timeline(data)}`;
  const body = html`<h1>${name}</h1>
    <p>${prose(about)}</p>
    ${sections.map(
      ({ command, printed }) =>
        html`<p><code>${command}</code></p>
          ${preformatted(printed.trimEnd().split('\n'))}`,
    )}
    ${stretch}
    ${
      source === null
        ? null
        : html`<h2>The scenario</h2>
            ${preformatted(source.trimEnd().split('\n'))}`
    }`;
  return pageText({ title: name, index, body, ...(data !== null && { script: 'timeline' as const, data }) });
}
