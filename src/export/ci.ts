/** Results for CI: JUnit XML and TAP. Times are left out: those of the host would differ from run to run. */
import { visible, xml } from './escape.ts';

export interface TestCase {
  readonly name: string;
  /** What was found, in words. */
  readonly found: string;
  /** Not as expected: a line each. */
  readonly problems: readonly string[];
  /** Why it was not run; null if it was. */
  readonly skipped: string | null;
}

/** A testsuite of testcases, by the rules of jenkinsci/xunit-plugin's junit-10.xsd. */
export function junit(suite: string, cases: readonly TestCase[]): string {
  const failures = cases.filter(({ problems }) => problems.length > 0).length;
  const skipped = cases.filter((one) => one.skipped !== null).length;
  const counts = `tests="${cases.length}" failures="${failures}" errors="0"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${xml(suite)}" ${counts} skipped="${skipped}">`,
    ...cases.flatMap(junitCase),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function junitCase({ name, found, problems, skipped }: TestCase): string[] {
  const [folder, last] = /^(?:(.*)\/)?([^/]*)$/.exec(visible(name))!.slice(1) as [string | undefined, string];
  const head = `    <testcase classname="${xml((folder ?? 'scenarios').replaceAll('/', '.'))}" name="${xml(last)}"`;
  if (skipped !== null) return [`${head}>`, `      <skipped message="${xml(skipped)}"/>`, '    </testcase>'];
  const out = `      <system-out>${xml(found)}</system-out>`;
  if (problems.length === 0) return [`${head}>`, out, '    </testcase>'];
  const message = `message="${xml(problems[0])}" type="not as expected"`;
  const failure = `      <failure ${message}>${problems.map(xml).join('\n')}</failure>`;
  return [`${head}>`, failure, out, '    </testcase>'];
}

/** TAP version 13, which all readers know; what is wrong stands in a block of YAML. */
export function tap(cases: readonly TestCase[]): string {
  const lines = cases.flatMap(({ name, found, problems, skipped }, i) => {
    const verdict = `${problems.length === 0 ? 'ok' : 'not ok'} ${i + 1} - ${tapText(name)}`;
    if (skipped !== null) return [`${verdict} # SKIP ${tapText(skipped)}`];
    if (problems.length === 0) return [verdict];
    const list = problems.map((problem) => `    - ${JSON.stringify(visible(problem))}`);
    return [verdict, '  ---', `  found: ${JSON.stringify(visible(found))}`, '  problems:', ...list, '  ...'];
  });
  return `${['TAP version 13', `1..${cases.length}`, ...lines].join('\n')}\n`;
}

/** A `#` would begin a directive. */
function tapText(text: string): string {
  return visible(text).replaceAll('\\', '\\\\').replaceAll('#', '\\#');
}
