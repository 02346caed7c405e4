// Runs npm scripts side by side, and prints what each says when all have ended: the checks take all CPUs there are.
import { spawn } from 'node:child_process';

/** The exit code of a script, and what it has printed. */
function run(script) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
    child.on('close', (code) => resolve({ script, code: code ?? 1, said }));
  });
}

const done = await Promise.all(process.argv.slice(2).map(run));
for (const { script, code, said } of done) console.log(`${script}: ${code === 0 ? 'ok' : `failed (${code})`}\n${said}`);
process.exitCode = Math.max(...done.map(({ code }) => code));
