/** Builds, if that is needed: before the tests. */
import { spawnSync } from 'node:child_process';
import { isOld } from './built.ts';

if (isOld()) process.exitCode = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' }).status ?? 1;
