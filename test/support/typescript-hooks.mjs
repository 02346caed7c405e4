// Loads .ts files. tsx does that too, but wraps all functions to keep their names: generators are half as fast then, and the
// tests take twice as long. Fields are assigned, not defined, as tsconfig.json has it: to define the fields of a class with many
// subclasses takes V8 thirty times as long.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

const tsconfigRaw = { compilerOptions: { useDefineForClassFields: false } };

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const sourcefile = fileURLToPath(url);
  const options = { loader: 'ts', format: 'esm', target: 'node20', sourcemap: 'inline', sourcefile, tsconfigRaw };
  const { code } = await transform(await readFile(sourcefile, 'utf8'), options);
  return { format: 'module', source: code, shortCircuit: true };
}
