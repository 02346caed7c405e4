/**
 * Runs the examples of a Markdown file: every block of TypeScript that imports from 'faultline' and is followed by a
 * block without a language, which is what it prints.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const EXAMPLE =
  /(```ts\n)(?<code>[^`]*?from 'faultline(?:\/[\w-]+)?'(?:(?!\n```)[\s\S])*)(\n```\n+```\n)(?<output>(?:(?!```)[\s\S])*)(```\n)/g;

/** The text of the file with what its examples print now. */
export async function withOutputs(path: string): Promise<string> {
  const text = readFileSync(path, 'utf8');
  let result = '';
  let from = 0;
  for (const match of text.matchAll(EXAMPLE)) {
    const [all, open, code, between, , close] = match;
    result += `${text.slice(from, match.index)}${open}${code}${between}${await run(code)}\n${close}`;
    from = match.index + all.length;
  }
  return result + text.slice(from);
}

let runs = 0;

/** What a program prints. It is put into a file of its own, so that its places in backtraces are those of the block. */
async function run(code: string): Promise<string> {
  const file = join('test', `example.tmp${process.pid}-${++runs}.ts`);
  const lines: string[] = [];
  const { log } = console;
  console.log = (...words: unknown[]) => void lines.push(words.map(String).join(' '));
  try {
    writeFileSync(
      file,
      code
        .replaceAll(/from 'faultline'/g, "from '../src/index.ts'")
        .replaceAll(/from 'faultline\/([\w-]+)'/g, "from '../src/$1.ts'"),
    );
    await import(pathToFileURL(file).href);
  } finally {
    console.log = log;
    rmSync(file, { force: true });
  }
  return lines
    .join('\n')
    .replaceAll(/example\.tmp\d+-\d+\.ts/g, 'example.ts')
    .trimEnd();
}
