/** Long runs (`npm run test:long`) see everything; short ones leave out what takes long and would hardly break by itself. */
export const long = Number(process.env['FC_RUNS'] ?? 0) >= 10_000;
