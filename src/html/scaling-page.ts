/**
 * How a kernel scales: what the report in Markdown says, and between its sections, the last of which is about doubts, the
 * table in the columns of the mail and a stretch of a run.
 */
import { html, preformatted } from './markup.ts';
import { type Drawings, markdownHtml } from './markdown.ts';
import type { TimelineData } from './model.ts';
import { pageText } from './shell.ts';
import { timeline } from './timeline.ts';

export interface ScalingPage {
  readonly title: string;
  readonly index: string | null;
  readonly markdown: string;
  readonly drawings: Drawings;
  /** Lines of text, published rows among them; null: it is no table of a mail. */
  readonly table: readonly string[] | null;
  /** Which row, at which size; null: it is of no single run. */
  readonly stretch: { readonly stretch: string; readonly timeline: TimelineData } | null;
}

export function scalingPage(page: ScalingPage): string {
  const { title, index, markdown, drawings, table, stretch } = page;
  const [first, ...others] = markdown.split(/^(?=## )/m).map((section) => markdownHtml(section, drawings));
  const mail =
    table === null
      ? null
      : html`<h2>In the columns of the mail</h2>
          ${preformatted(table)}`;
  const run =
    stretch === null
      ? null
      : html`<h2>A stretch of a run</h2>
          <p class="dim">${stretch.stretch}</p>
          ${timeline(stretch.timeline)}`;
  const body = html`${first} ${mail} ${others.slice(0, -1)} ${run} ${others.slice(-1)}`;
  const more = stretch === null ? {} : { script: 'timeline' as const, data: stretch.timeline };
  return pageText({ title, index, body, ...more });
}
