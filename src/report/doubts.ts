/** What not to believe: the last part of every report. */

export interface CostLine {
  readonly path: string;
  readonly value: string;
  readonly source: string;
}

export interface Doubts {
  readonly assumed: readonly CostLine[];
  readonly calibrated: readonly CostLine[];
  readonly leftOut: readonly string[];
}

/** `of`: the machine, where there is more than one. */
export function doubtLines({ assumed, calibrated, leftOut }: Doubts, of = ''): string[] {
  const table = (words: string, head: string, costs: readonly CostLine[]): string[] =>
    costs.length === 0
      ? []
      : [
          words,
          '',
          `| cost | value | ${head} |`,
          '| --- | --- | --- |',
          ...costs.map(({ path, value, source }) => `| \`${path}\` | ${value} | ${source.replaceAll('|', '/')} |`),
          '',
        ];
  return [
    `## What not to believe${of === '' ? '' : `: ${of}`}`,
    '',
    ...table('Costs that this machine assumes, and nobody has measured:', 'because', assumed),
    ...table('Costs that were fitted to unpatched kernels:', 'from', calibrated),
    'Mechanisms that are left out:',
    '',
    ...leftOut.map((what) => `- ${what}`),
  ];
}
