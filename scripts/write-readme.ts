/**
 * Puts what `faultline demo` prints at 80 columns between the markers of README.md, and what the examples of README.md
 * and docs/ print under them. `--check` only compares.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import pc from 'picocolors';
import { main } from '../src/cli/main.ts';
import { withOutputs } from './examples.ts';

const MARKERS = /(<!-- demo -->\n)[\s\S]*(<!-- \/demo -->)/;

let out = '';
const io = {
  out: (text: string) => void (out += text),
  err: (text: string) => void process.stderr.write(text),
  width: 80,
  colors: pc.createColors(false),
  interactive: false,
};
const code = await main(['demo'], io);
if (code !== 0) throw new Error(`the demo ended with ${code}`);

const written: string[] = [];
function write(path: string, text: string): void {
  if (text === readFileSync(path, 'utf8')) return;
  if (process.argv.includes('--check')) throw new Error(`${path} is not up to date: npm run readme`);
  writeFileSync(path, text);
  written.push(path);
}

const readme = readFileSync('README.md', 'utf8');
const demo = (_all: string, open: string, close: string): string => `${open}\`\`\`\n${out.trim()}\n\`\`\`\n${close}`;
write('README.md', readme.replace(MARKERS, demo));
const documents = readdirSync('docs').filter((file) => file.endsWith('.md'));
for (const path of ['README.md', ...documents.map((file) => `docs/${file}`)]) write(path, await withOutputs(path));
if (written.length > 0) console.log(`written: ${written.join(', ')}`);
