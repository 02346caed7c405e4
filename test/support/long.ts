/**
 * What CI runs (CI=true, `npm run test:long`) sees everything. `npm test` leaves out, and says so, what takes long and would
 * hardly break by itself.
 */
import type { Context } from 'mocha';

export const long = process.env['CI'] === 'true';

let told = false;

/** At the beginning of a test that only CI runs. */
export function onlyInLongRuns(test: Context): void {
  if (long) return;
  if (!told) process.stdout.write('    tests that take long are pending: CI, and npm run test:long, run them\n');
  told = true;
  test.skip();
}
