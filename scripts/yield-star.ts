/** Exit code 1, and a line each, if a `yield*` is forgotten in src/ (src/cli/yield-star.ts). */
import ts from 'typescript';
import { forgottenYieldStar } from '../src/cli/yield-star.ts';

const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)) as { config: unknown };
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
const files = ts.sys.readDirectory('src', ['.ts']);
if (files.length === 0) throw new Error('no file in src/');
const forgotten = forgottenYieldStar(files, options);
process.stdout.write(forgotten.map((line) => `${line}\n`).join(''));
process.exitCode = forgotten.length > 0 ? 1 : 0;
