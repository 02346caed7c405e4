// TypeScript for tests on Node < 22.18. Runs in every worker thread as well (inherited execArgv).
import { register } from 'node:module';

if (!process.features.typescript) {
  process.setSourceMapsEnabled(true);
  register('./typescript-hooks.mjs', import.meta.url);
}
