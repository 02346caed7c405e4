/** The browser of the machine, which pages are opened in: Debian's, or what the variable CHROMIUM names. */
import { existsSync } from 'node:fs';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export const CHROMIUM = process.env['CHROMIUM'] ?? PLACES.find(existsSync) ?? PLACES[0];

/** In a `before` of tests that need it. Their titles are printed without a reason, so that it is said here. */
export function skipWithoutChromium(hook: Mocha.Context): void {
  if (existsSync(CHROMIUM)) return;
  process.stdout.write(`      skipped: there is no Chromium at ${CHROMIUM} (set CHROMIUM to where it is)\n`);
  hook.skip();
}
