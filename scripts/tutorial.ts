/**
 * Follows a tutorial from an empty folder: writes the files it shows (the first line is a comment with the name), makes
 * the changes it shows, runs the commands it shows, and puts what they print into the blocks under them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const BLOCK = /^```(?<language>\w*)\n(?<body>[\s\S]*?)^```\n/gm;
const NAME = /^(?:\/\/|#) (?<name>[\w./-]+\.(?:ts|js|yaml))$/m;

/** Runs one line of the shell in the folder; answers what it prints. */
export type Shell = (line: string) => Promise<string>;

/** True if the text shows commands of faultline and what they print. */
export function isTutorial(text: string): boolean {
  return /^```sh\nnpx faultline [^`]*```\n+```\n/m.test(text);
}

/** The text with the outputs of now. */
export async function followed(text: string, folder: string, shell: Shell): Promise<string> {
  let result = '';
  let from = 0;
  let output: string | null = null;
  for (const { index, 0: all, groups } of text.matchAll(BLOCK)) {
    const { language, body } = groups as { language: string; body: string };
    if (language === '' && output !== null) {
      result += `${text.slice(from, index)}\`\`\`\n${output}\n\`\`\`\n`;
      from = index + all.length;
    }
    output = null;
    if (language === 'diff') change(folder, body);
    else if (language === 'ts' || language === 'yaml') show(folder, body);
    else if (language === 'sh' && body.startsWith('npx faultline')) output = await runAll(body, shell);
  }
  return result + text.slice(from);
}

function show(folder: string, body: string): void {
  const name = NAME.exec(body.split('\n', 1)[0])?.groups?.['name'];
  if (name === undefined) return;
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), body);
}

/** `diff` without line numbers: the lines that stay and go must be there once, in a row. */
function change(folder: string, body: string): void {
  const [from, , ...lines] = body.trimEnd().split('\n');
  const file = join(folder, from.replace(/^--- /, ''));
  const text = readFileSync(file, 'utf8');
  const side = (sign: string): string =>
    lines
      .filter((line) => line[0] === ' ' || line[0] === sign)
      .map((line) => line.slice(1))
      .join('\n');
  if (text.split(side('-')).length !== 2) throw new Error(`the change to ${file} does not apply`);
  writeFileSync(
    file,
    text.replace(side('-'), () => side('+')),
  );
}

/** Outputs one after the other; above each stands its command, if there are several. */
async function runAll(body: string, shell: Shell): Promise<string> {
  const lines = body.trim().split('\n');
  const outputs: string[] = [];
  for (const line of lines) {
    const output = (await shell(line)).replace(/^\n+|\s+$/g, '');
    outputs.push(lines.length === 1 ? output : `$ ${line}\n${output}`);
  }
  return outputs.join('\n\n');
}

/** The words of a line of the shell, without quotes. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|\S+/g)].map(([all, inner]) => inner ?? all);
}
