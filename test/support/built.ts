/** A module as `npm run build` has made it; `path` from src/, without its suffix. */
export async function built<T>(path: string): Promise<T> {
  return (await import(new URL(`../../dist/${path}.js`, import.meta.url).href)) as T;
}
