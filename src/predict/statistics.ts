/** Means and confidence intervals of replications. */

/** Of rates: those of the mean time. */
export function harmonicMean(values: readonly number[]): number {
  return values.length / values.reduce((sum, x) => sum + 1 / x, 0);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

/** 97.5th percentiles of Student's t for 1, 2, 3, ... degrees of freedom; beyond them 1.96 + 2.4 / n is close enough. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145];

/** Half the width of the interval that has the mean with 95 %; 0 for one value. */
export function halfWidth95(values: readonly number[]): number {
  const n = values.length;
  if (n < 2) return 0;
  const middle = mean(values);
  const variance = values.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (n - 1);
  return (STUDENT[n - 2] ?? 1.96 + 2.4 / (n - 1)) * Math.sqrt(variance / n);
}
