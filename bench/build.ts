/**
 * What is measured is what users run: plain JavaScript. A loader that compiles on the fly wraps functions to keep
 * their names, which makes generators half as fast. So src/ and bench/ are compiled to a temporary folder first.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ts from 'typescript';

const ROOT = path.join(import.meta.dirname, '..');

/** A temporary folder that goes away with the process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'faultline-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Compile src/ and bench/ into `folder`, which finds the same packages as the original. No types are checked:
 * `npm run check` does that.
 */
export function compileTo(folder: string): void {
  const options = compilerOptions();
  for (const room of ['src', 'bench']) {
    for (const file of typescriptFiles(path.join(ROOT, room))) compileFile(file, folder, options);
  }
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n');
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
}

function compilerOptions(): ts.CompilerOptions {
  const file = path.join(ROOT, 'tsconfig.json');
  const { config } = ts.readConfigFile(file, (name) => readFileSync(name, 'utf8')) as { config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  // One file at a time the compiler does not see package.json, so it must be told that these are modules.
  return { ...options, module: ts.ModuleKind.ESNext, noEmit: false };
}

function typescriptFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(folder, name));
}

function compileFile(file: string, folder: string, compilerOptions: ts.CompilerOptions): void {
  const target = path.join(folder, path.relative(ROOT, file)).replace(/\.ts$/, '.js');
  mkdirSync(path.dirname(target), { recursive: true });
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions, fileName: file });
  writeFileSync(target, outputText);
}
