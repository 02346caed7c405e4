/** How a kernel scales: the table of the mail beside ours, the curve, where the time went, and a stretch of a run. */
import type { ReportRow, ScalabilityReport } from '../report/scalability.ts';
import { lockTable } from '../report/lock-table.ts';
import { pftHeader, pftLines } from '../report/pft-table.ts';
import { type Content, html, type Markup, preformatted, trusted } from './markup.ts';
import type { TimelineData } from './model.ts';
import { pageText } from './shell.ts';
import { timeline } from './timeline.ts';

export interface ScalingPage {
  readonly index: string | null;
  readonly report: ScalabilityReport;
  /** The curve. */
  readonly svg: string;
  readonly timeline: TimelineData;
  /** Which row, at which size. */
  readonly stretch: string;
}

export function scalingPage({ index, report, svg, timeline: data, stretch }: ScalingPage): string {
  const { title, about, kernel, machine, rows, source } = report;
  const body = html`<h1>${title}</h1>
    <p>${about}</p>
    <p class="dim">kernel ${kernel}, machine ${machine}</p>
    <figure>${trusted(svg)}</figure>
    <h2>The table</h2>
    ${preformatted([pftHeader(), ...rows.flatMap(({ table, published }) => pftLines(table, published))])}
    ${source === null ? null : html`<p>Published: <a href="${source}" rel="noreferrer">${source}</a></p>`}
    ${howItWasMade(report)}
    <h2>Where the time went</h2>
    ${shares(rows)} ${rows.map(details)}
    <h2>A stretch of a run</h2>
    <p class="dim">${stretch}</p>
    ${timeline(data)}
    <h2>What not to believe</h2>
    ${costs('Costs that this machine assumes, and nobody has measured', report.assumed)}
    ${costs('Costs that were fitted to unpatched kernels', report.calibrated)}
    <p>Mechanisms that are left out:</p>
    <ul>
      ${report.leftOut.map((what) => html`<li>${what}</li>`)}
    </ul>`;
  return pageText({ title, index, script: 'timeline', data, body });
}

function howItWasMade({ command, scale, replications }: ScalabilityReport): Markup {
  const part = scale === 1 ? '' : `One part in ${scale} of the memory was simulated, and times multiplied. `;
  return html`<p class="dim">${part}${replications} runs where placement is random.</p>
    ${preformatted([`npx ${command}`])}`;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

/** Of the CPU time of each row. */
function shares(rows: readonly ReportRow[]): Markup {
  const row = (one: ReportRow): Markup => {
    const { gb, threads, zeroing, bus, cpuNs } = one;
    const locks = one.locks.reduce((sum, { waitNs }) => sum + waitNs, 0) / cpuNs;
    const lines = one.lines.reduce((sum, { stallNs }) => sum + stallNs, 0) / cpuNs;
    const cells = [String(gb), String(threads), ...[zeroing, bus, locks, lines].map(percent)];
    return html`<tr>
      ${cells.map((cell) => html`<td class="number">${cell}</td>`)}
    </tr>`;
  };
  const heads = ['GiB', 'threads', 'zeroing pages', 'waiting for a bus', 'waiting for locks', 'cache lines'];
  return html`<div class="scroll">
      <table>
        <thead>
          <tr>
            ${heads.map((head) => html`<th scope="col" class="number">${head}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(row)}
        </tbody>
      </table>
    </div>
    <p class="note">
      Shares of CPU time; who sleeps for a lock uses none, so that its wait may come to more than all of it.
    </p>`;
}

function details({ gb, threads, locks, lines, cpuNs }: ReportRow): Markup {
  const most = [...lines].sort((a, b) => b.stallNs - a.stallNs).slice(0, 6);
  const text = [
    ...lockTable(locks),
    '',
    '   fetched       stall  of CPU time  cache line',
    ...most.map(
      ({ name, moves, stallNs }) =>
        `${String(moves).padStart(10)}${`${(stallNs / 1e6).toFixed(2)} ms`.padStart(12)}${percent(stallNs / cpuNs).padStart(13)}  ${name}`,
    ),
  ];
  return html`<details>
    <summary>${gb} GiB, ${threads} ${threads === 1 ? 'thread' : 'threads'}: locks and cache lines</summary>
    ${preformatted(text)}
  </details>`;
}

function costs(title: string, all: ScalabilityReport['assumed']): Content {
  const row = ({ path, value, source }: (typeof all)[number]): Markup =>
    html`<tr>
      <td><code>${path}</code></td>
      <td class="number">${value}</td>
      <td>${source}</td>
    </tr>`;
  return html`<details>
    <summary>${title}: ${all.length}</summary>
    <div class="scroll">
      <table>
        ${all.map(row)}
      </table>
    </div>
  </details>`;
}
