/**
 * What CI runs (CI=true, `npm run test:long`) sees everything. `npm test` leaves out, and says so, what takes long and would
 * hardly break by itself.
 */
import { skip } from './skip.ts';

export const long = process.env['CI'] === 'true';

/** At the beginning of a test that only CI runs. */
export function onlyInLongRuns(test: Mocha.Context): void {
  if (!long) skip(test, 'it takes long, npm run test:long runs it');
}
