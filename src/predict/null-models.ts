/**
 * What a curve knows that knows no kernel: Amdahl's law and the universal scalability law (Gunther), fitted to a base
 * table by least squares of relative errors. Carried over to a patched kernel as they are, or raised by what the patch's
 * own first row says: then they have seen one more row than the simulator.
 */
import { minimise } from './search.ts';

export interface Measurement {
  readonly threads: number;
  readonly rate: number;
}

export interface NullModel {
  readonly name: 'Amdahl' | 'USL';
  /** Rate of one thread; shares that are serial, and that grow with each pair of threads. */
  readonly first: number;
  readonly serial: number;
  readonly crosstalk: number;
}

export function rateOf({ first, serial, crosstalk }: NullModel, n: number): number {
  return (first * n) / (1 + serial * (n - 1) + crosstalk * n * (n - 1));
}

/** Both, fitted to the rows. */
export function nullModels(rows: readonly Measurement[]): NullModel[] {
  return (['Amdahl', 'USL'] as const).map((name) => {
    const first = rows.find(({ threads }) => threads === 1)?.rate ?? rows[0].rate / rows[0].threads;
    const model = ([scale, serial, crosstalk]: readonly number[]): NullModel => ({
      name,
      first: first * scale,
      serial,
      crosstalk: name === 'USL' ? crosstalk : 0,
    });
    const loss = (at: readonly number[]): number =>
      rows.reduce((sum, { threads, rate }) => sum + (rateOf(model(at), threads) / rate - 1) ** 2, 0);
    const bounds = [
      { min: 0.5, max: 2 },
      { min: 0, max: 1 },
      { min: 0, max: 1 },
    ];
    const start = minimise(loss, [1, 0.2, 0.01], bounds, { evaluations: 3000, tolerance: 1e-14 });
    return model(minimise(loss, start.at, bounds, { evaluations: 3000, tolerance: 1e-16 }).at);
  });
}

/** The same shape, as fast as the given rate with one thread. */
export function raised(model: NullModel, first: number): NullModel {
  return { ...model, first };
}
