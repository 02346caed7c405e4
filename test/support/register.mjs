// TypeScript for tests on Node < 22.18. Also runs in every worker thread (inherited execArgv);
// `tsx/esm` alone registers on the main thread only, and `tsx` would load tests as CommonJS.
if (!process.features.typescript) {
  const { register } = await import('tsx/esm/api');
  register();
}
