/** Puts what `faultline demo` prints at 80 columns between the markers of README.md. `--check` only compares. */
import { readFileSync, writeFileSync } from 'node:fs';
import pc from 'picocolors';
import { main } from '../src/cli/main.ts';

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
const before = readFileSync('README.md', 'utf8');
const after = before.replace(
  MARKERS,
  (_all, open: string, close: string) => `${open}\`\`\`\n${out.trim()}\n\`\`\`\n${close}`,
);
if (process.argv.includes('--check')) {
  if (after !== before) throw new Error('README.md is not up to date: npm run readme');
} else {
  writeFileSync('README.md', after);
}
