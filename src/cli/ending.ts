/** How the process ends, where that is not simply how the command has ended. */
import { EXIT } from './exit.ts';

/**
 * Run a command to its end and have the process exit with its code. Who reads stdout may stop reading: the rest is
 * dropped, and the code stands. Output that is lost in another way, and a command that does not come to its end because
 * code of the user's own ends the process or waits for ever, are exit code 2.
 */
export function runToEnd(command: () => Promise<number>): void {
  let code: number | null = null;
  let isLost = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || isLost) return;
    isLost = true;
    process.stderr.write(`faultline: stdout cannot be written: ${error.message}\n`);
  });
  process.stderr.on('error', () => undefined); // there is nowhere left to say it
  process.on('exit', () => {
    if (code === null) process.stderr.write(UNFINISHED);
    process.exitCode = code === null || isLost ? EXIT.usage : code;
  });
  void command().then((ended) => {
    code = ended;
  });
}

const UNFINISHED = 'faultline: the command did not end: a patch exits, or awaits what never comes\n';
