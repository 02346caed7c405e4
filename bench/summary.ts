/** Where a bench ran, and the middle of its rounds. */
import os from 'node:os';

export function environment(): string {
  const cpus = os.cpus();
  return `node ${process.versions.node}, V8 ${process.versions.v8}, ${cpus[0].model.trim()}, ${cpus.length} cores`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
