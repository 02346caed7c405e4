/** `faultline report`: a page for every scenario, and an index of them; how some of them scale as Markdown and SVG too. */
import { join } from 'node:path';
import { visible } from '../export/escape.ts';
import { type IndexEntry, indexPage } from '../html/index-page.ts';
import { EXIT, UsageError } from './exit.ts';
import type { Io } from './io.ts';
import { packagedScenarios } from './options.ts';
import { filesOf, readPatched } from './patch.ts';
import { progress } from './progress.ts';
import { comparisons, IN_MARKDOWN, type Reported, type ReportOptions } from './report-markdown.ts';
import { nameOf, pathsOf } from './report-names.ts';
import { comparisonReport, layoutReport, type Report, type ReportJob, reportOf } from './report-pages.ts';
import { refuseOverwriting, writeOutput } from './write.ts';

type Named = Pick<ReportJob, 'scenario' | 'name' | 'apart'>;

/**
 * Without names all scenarios of the package, and the index. Exit code: 1 if a page says NOT AS EXPECTED, else 3 if a search
 * stopped early.
 */
export async function reportCommand(io: Io, given: readonly string[], options: ReportOptions): Promise<number> {
  const all = given.length === 0;
  const index = all ? '../index.html' : null;
  const names = all ? packagedScenarios().map((file) => file.replace(/\.yaml$/, '')) : given;
  const named: Named[] = [];
  for (const word of names) {
    const scenario = await readPatched(word, options);
    const name = nameOf(scenario);
    named.push({ scenario, name, apart: !all || IN_MARKDOWN.includes(name) });
  }
  refuseSamePaths(named, options.output);
  const read = named.flatMap(({ scenario }) => filesOf(scenario));
  const bar = progress(io, options.quiet);
  const entries: IndexEntry[] = [];
  const compared: Reported[] = [];
  const written: string[] = [];
  const put = (path: string, text: string): void => {
    const file = join(options.output, path);
    refuseOverwriting(read, [file]);
    writeOutput(file, text);
    written.push(file);
    if (options.format === 'table') io.out(`${visible(file)}\n`);
    if (options.format === 'ndjson') io.out(`${JSON.stringify({ file })}\n`);
  };
  let [finding, inconclusive] = [false, false];
  const take = ({ files, entry, reported = null, ...said }: Report): void => {
    bar.done();
    finding ||= said.unexpected === true;
    inconclusive ||= said.inconclusive === true;
    for (const [path, text] of files) put(path, text);
    entries.push(entry);
    if (reported !== null) compared.push(reported);
  };
  for (const [i, { scenario, name, apart }] of named.entries()) {
    bar.update(() => `${name}, ${i + 1} of ${named.length}`);
    take(await reportOf({ scenario, name, index, options, bar, apart }));
  }
  for (const files of comparisons(compared, options)) take(comparisonReport(files, index));
  if (all) {
    take(await layoutReport('../index.html'));
    put('index.html', indexPage(entries));
  }
  if (options.format === 'json')
    io.out(`${JSON.stringify({ schema: 'faultline.report/1', files: written }, null, 2)}\n`);
  if (finding) return EXIT.finding;
  return inconclusive ? EXIT.inconclusive : EXIT.ok;
}

/** Throws a UsageError if two scenarios would be reported in one place. */
function refuseSamePaths(named: readonly Named[], output: string): void {
  const first = new Map<string, string>();
  for (const { scenario, name, apart } of named) {
    for (const path of pathsOf(scenario, name, apart)) {
      const other = first.get(path);
      if (other !== undefined)
        throw new UsageError(`${other} and ${scenario.path} would both be written to ${join(output, path)}`);
      first.set(path, scenario.path);
    }
  }
}
