/** All reports on one page, by what they are about, with a filter. */
import { html, type Markup, prose } from './markup.ts';
import { pageText } from './shell.ts';

export interface IndexEntry {
  /** From the index. */
  readonly href: string;
  readonly name: string;
  /** `history`, `races`, `scaling`: where the scenario lies. */
  readonly folder: string;
  /** The version that everything is applied to, and all of it. */
  readonly base: string;
  readonly kernel: string;
  readonly about: string;
  /** In a word, and what there is to say of it. */
  readonly verdict: string;
  readonly detail: string;
  /** Something is broken, as scenarios of bugs expect; or not as expected. */
  readonly tone: 'good' | 'bad' | '';
}

/** The mails that all of this is about, by the number that files in scenarios/history begin with. */
const SEEDS: Readonly<Record<string, string>> = {
  '000': 'Seed 000: fault_around, February 2014',
  '001': 'Seed 001: walks of page tables, August 2004',
  '002': 'Seed 002: map_pages, February 2014',
  '003': 'Seed 003: anonymous prefault, December 2004',
  '004': 'Seed 004: struct vm_fault and private stores to files that are memory, 2014',
};
const ABOUT = 150;

export function indexPage(entries: readonly IndexEntry[]): string {
  const groups = new Map<string, IndexEntry[]>();
  for (const name of [...Object.values(SEEDS), 'Other patches, and races that were found later', 'How it scales'])
    groups.set(name, []);
  for (const base of [...new Set(entries.map((entry) => entry.base))].sort()) groups.set(`Races of ${base}`, []);
  for (const entry of entries) groups.get(groupOf(entry))!.push(entry);
  const body = html`<h1>faultline: reports</h1>
    <p>
      ${entries.length} reports on the page faults of Linux: of each race every interleaving that matters was explored,
      what scales ran under the clock. Timelines go by the arrow keys. <code>npm run reports</code> writes all pages
      again, byte for byte.
    </p>
    <p class="filter" hidden>
      <label
        >Filter: <input id="filter" type="search" autocomplete="off" placeholder="truncate v3.14 sometimes"
      /></label>
      <output id="count" class="dim"></output>
    </p>
    ${[...groups].map(([name, mine]) => group(name, mine))}`;
  return pageText({ title: 'reports', index: null, script: 'filter', body });
}

function groupOf({ folder, name, base }: IndexEntry): string {
  if (folder === 'scaling') return 'How it scales';
  if (folder === 'races') return `Races of ${base}`;
  return SEEDS[/\/(\d+)-/.exec(name)?.[1] ?? ''] ?? 'Other patches, and races that were found later';
}

function group(name: string, entries: readonly IndexEntry[]): Markup | null {
  if (entries.length === 0) return null;
  return html`<section data-group>
    <h2>${name}</h2>
    <ul class="reports">
      ${entries.map(line)}
    </ul>
  </section>`;
}

function line({ href, name, kernel, about, verdict, detail, tone }: IndexEntry): Markup {
  const short = about.length <= ABOUT ? about : `${about.slice(0, ABOUT).replace(/\s+\S*$/, '')} …`;
  return html`<li data-report>
    <a href="${href.split('/').map(encodeURIComponent).join('/')}">${name.replace(/^\w+\//, '')}</a>
    <span><span class="word ${tone}">${verdict}</span> <span>${detail}</span> <span class="dim">${kernel}</span></span>
    <span class="about">${prose(short)}</span>
  </li>`;
}
