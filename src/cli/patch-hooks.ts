/**
 * Module hooks, in Node's thread for them: the files of a patch are what `patch-files.ts` has made of them, and
 * `faultline` is the one that runs, wherever a file of a patch lies.
 */
import type { InitializeHook, LoadHook, ResolveHook } from 'node:module';

/** A file of a patch, as JavaScript. */
export interface PatchModule {
  readonly code: string;
  /** Where its relative imports lead, as URLs. */
  readonly imports: Readonly<Record<string, string>>;
}

export interface PatchModules {
  /** By URL. */
  readonly modules: Readonly<Record<string, PatchModule>>;
  /** The modules of this package, by what they are imported as. */
  readonly own: Readonly<Record<string, string>>;
}

const modules = new Map<string, PatchModule>();
const own = new Map<string, string>();

export const initialize: InitializeHook<PatchModules> = (more) => {
  for (const [url, module] of Object.entries(more.modules)) modules.set(url, module);
  for (const [specifier, url] of Object.entries(more.own)) own.set(specifier, url);
};

export const resolve: ResolveHook = (specifier, context, next) => {
  const importer = context.parentURL === undefined ? undefined : modules.get(context.parentURL);
  const url = modules.has(specifier) ? specifier : importer?.imports[specifier];
  return url === undefined ? next(own.get(specifier) ?? specifier, context) : { url, shortCircuit: true };
};

export const load: LoadHook = (url, context, next) => {
  const module = modules.get(url);
  return module === undefined ? next(url, context) : { format: 'module', source: module.code, shortCircuit: true };
};
