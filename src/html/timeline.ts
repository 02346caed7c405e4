/** The timeline of a page: what its script fills. Without a script there is a note in its place. */
import { html, type Markup } from './markup.ts';
import type { Kind, TimelineData } from './model.ts';

const STEP_KINDS: readonly (readonly [Kind, string])[] = [
  ['lock', 'lock'],
  ['unlock', 'unlock'],
  ['walk', 'MMU walk'],
  ['pte', 'pte'],
  ['read', 'read'],
  ['write', 'write'],
  ['atomic', 'atomic'],
  ['page', 'page contents'],
  ['tlb', 'TLB'],
  ['wait', 'wait'],
  ['held', 'lock held'],
  ['blocked', 'cannot go on'],
];
const TIME_KINDS: readonly (readonly [Kind, string])[] = [
  ['user', 'user program'],
  ['fault', 'kernel'],
  ['transfer', 'cache line transfer'],
  ['zero', 'zeroing a page'],
  ['spin', 'spinning'],
  ['sleep', 'sleeping'],
  ['ready', 'waiting for its CPU'],
  ['held', 'lock held'],
  ['shared', 'held shared'],
];

export function timeline({ unit, runs }: TimelineData): Markup {
  const steps = unit === 'step';
  const legend = (steps ? STEP_KINDS : TIME_KINDS).map(
    ([kind, name]) => html`<li><i class="swatch k-${kind}"></i>${name}</li>`,
  );
  const one = steps ? 'step' : 'span';
  return html`<section id="timeline" class="timeline" aria-label="Timeline">
    <noscript><p class="note">The timeline needs JavaScript; what it shows stands below.</p></noscript>
    <div class="tool" hidden>
      <div class="runs" role="group" aria-label="What is shown">
        ${runs.map((run, i) => html`<button type="button" data-run="${i}">${run.name}</button>`)}
      </div>
      <div class="bar">
        <span role="group" aria-label="Step">
          <button type="button" data-go="first" title="first ${one} (Home)" aria-label="first ${one}">|◀</button>
          <button type="button" data-go="back" title="one ${one} back (←)" aria-label="one ${one} back">◀</button>
          <button type="button" data-go="on" title="one ${one} on (→)" aria-label="one ${one} on">▶</button>
          <button type="button" data-go="last" title="last ${one} (End)" aria-label="last ${one}">▶|</button>
        </span>
        <input type="range" class="cursor" min="0" max="0" value="0" step="1" aria-label="${one}" />
        <output class="where"></output>
        <span role="group" aria-label="Zoom">
          <button type="button" data-go="out" title="zoom out (-)" aria-label="zoom out">−</button>
          <button type="button" data-go="in" title="zoom in (+)" aria-label="zoom in">+</button>
          <button type="button" data-go="fit" title="show all (0)" aria-label="show all">all</button>
        </span>
      </div>
      <div class="lanes" tabindex="0" role="group" aria-label="Lanes: arrow keys step, plus and minus zoom"></div>
      <ul class="marks"></ul>
      <ul class="legend">
        ${legend}
      </ul>
      <div class="now" aria-live="polite"></div>
      <div class="world"></div>
      <p class="hint">
        ← → step, Home End, + − zoom, 0 all; wheel zooms where the lanes have the focus; drag to move, pinch to zoom.
      </p>
    </div>
  </section>`;
}
