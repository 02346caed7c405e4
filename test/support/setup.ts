// fast-check's knobs, for every test. To repeat one failing property:
//   FC_SEED=42 FC_PATH=1:3:5 npx mocha -g 'its name'
// The seed is fixed in CI, so that a red build stays red, and random elsewhere; fast-check prints it on failure.
import fc from 'fast-check';
import { long } from './long.ts';

const { FC_SEED, FC_RUNS, FC_PATH, CI } = process.env;

function integer(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value)) throw new Error(`${name}: not an integer: '${text}'`);
  return value;
}

const seed = FC_SEED !== undefined ? integer('FC_SEED', FC_SEED) : CI === 'true' ? 20050101 : undefined;

fc.configureGlobal({
  ...(seed !== undefined && { seed }),
  numRuns: FC_RUNS !== undefined ? integer('FC_RUNS', FC_RUNS) : long ? 100 : 20,
  ...(FC_PATH !== undefined && { path: FC_PATH }),
});
