/** Shorthands of profiles: a figure with its status. */
import type { Cost } from '../machine/profile.ts';

export function measured(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'measured', source };
}

export function calibrated(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'calibrated', source };
}

export function assumed(value: number, unit: Cost['unit'], source: string): Cost {
  return { value, unit, status: 'assumed', source };
}
