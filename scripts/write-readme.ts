/**
 * Puts what `faultline demo` prints at 80 columns between the markers of README.md, and what the examples of README.md
 * and docs/ print under them; a tutorial is followed in an empty folder. `--check` only compares. Names of documents:
 * these only.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { main } from '../src/cli/main.ts';
import { withOutputs } from './examples.ts';
import { followed, isTutorial, wordsOf } from './tutorial.ts';

const MARKERS = /(<!-- demo -->\n)[\s\S]*(<!-- \/demo -->)/;

async function printed(args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  let out = '';
  const io = {
    out: (text: string) => void (out += text),
    err: (text: string) => void process.stderr.write(text),
    width: 80,
    colors: pc.createColors(false),
    interactive: false,
  };
  return { code: await main(args, io), out };
}

/** What a document shows, as it comes out now. */
async function outputsOf(path: string): Promise<string> {
  const text = readFileSync(path, 'utf8');
  if (!isTutorial(text)) return withOutputs(path);
  const [home, folder] = [process.cwd(), mkdtempSync(join(tmpdir(), 'faultline-'))];
  process.chdir(folder);
  try {
    // the first two words are npx faultline
    return await followed(text, folder, async (line) => (await printed(wordsOf(line).slice(2))).out);
  } finally {
    process.chdir(home);
    rmSync(folder, { recursive: true });
  }
}

const written: string[] = [];
function write(path: string, text: string): void {
  if (text === readFileSync(path, 'utf8')) return;
  if (process.argv.includes('--check')) throw new Error(`${path} is not up to date: npm run readme`);
  writeFileSync(path, text);
  written.push(path);
}

const demo = (out: string) => (_all: string, open: string, close: string) =>
  `${open}\`\`\`\n${out.trim()}\n\`\`\`\n${close}`;

const named = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const all = ['README.md', ...readdirSync('docs').flatMap((file) => (file.endsWith('.md') ? [`docs/${file}`] : []))];
for (const path of named.length > 0 ? named : all) {
  if (path === 'README.md') {
    const { code, out } = await printed(['demo']);
    if (code !== 0) throw new Error(`the demo ended with ${code}`);
    write(path, readFileSync(path, 'utf8').replace(MARKERS, demo(out)));
  }
  write(path, await outputsOf(path));
}
if (written.length > 0) console.log(`written: ${written.join(', ')}`);
