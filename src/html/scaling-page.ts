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
  /** Lines of text, published rows among them. */
  readonly table: readonly string[];
  readonly timeline: TimelineData;
  /** Which row, at which size. */
  readonly stretch: string;
}

export function scalingPage(page: ScalingPage): string {
  const { title, index, markdown, drawings, table, timeline: data, stretch } = page;
  const [first, ...others] = markdown.split(/^(?=## )/m).map((section) => markdownHtml(section, drawings));
  const body = html`${first}
    <h2>In the columns of the mail</h2>
    ${preformatted(table)} ${others.slice(0, -1)}
    <h2>A stretch of a run</h2>
    <p class="dim">${stretch}</p>
    ${timeline(data)} ${others.slice(-1)}`;
  return pageText({ title, index, script: 'timeline', data, body });
}
