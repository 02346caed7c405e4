/** The little linear algebra that a fit needs: small dense matrices as arrays of rows. */

export type Matrix = readonly (readonly number[])[];

/** J^T J */
export function normal(jacobian: Matrix): number[][] {
  const columns = jacobian[0].length;
  return Array.from({ length: columns }, (_, i) =>
    Array.from({ length: columns }, (__, j) => jacobian.reduce((sum, row) => sum + row[i] * row[j], 0)),
  );
}

/** The shift x for which J x comes closest to `target`, held down a little where the data say nothing. */
export function leastSquares(jacobian: Matrix, target: readonly number[], damping = 1e-4): number[] {
  const left = normal(jacobian).map((row, i) => row.map((x, j) => (i === j ? x + damping : x)));
  const right = left.map((_, i) => jacobian.reduce((sum, row, k) => sum + row[i] * target[k], 0));
  return solved(left, right);
}

/** Gauss, with pivots. */
function solved(matrix: number[][], right: number[]): number[] {
  const n = right.length;
  const rows = matrix.map((row, i) => [...row, right[i]]);
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column + 1; i < n; i++) if (Math.abs(rows[i][column]) > Math.abs(rows[pivot][column])) pivot = i;
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    for (let i = 0; i < n; i++) {
      if (i === column) continue;
      const factor = rows[i][column] / rows[column][column];
      for (let j = column; j <= n; j++) rows[i][j] -= factor * rows[column][j];
    }
  }
  return rows.map((row, i) => row[n] / row[i]);
}

/** Eigenvalues of a symmetric matrix with their vectors, the smallest first (Jacobi's rotations). */
export function eigen(symmetric: Matrix): { value: number; vector: number[] }[] {
  const n = symmetric.length;
  const a = symmetric.map((row) => [...row]);
  const v: number[][] = a.map((_, i) => a.map((__, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q);
  }
  const pairs = a.map((row, i) => ({ value: row[i], vector: v.map((r) => r[i]) }));
  return pairs.sort((x, y) => x.value - y.value);
}

/** Make a[p][q] vanish. */
function rotate(a: number[][], v: number[][], p: number, q: number): void {
  if (Math.abs(a[p][q]) < 1e-300) return;
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (const row of a) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
  for (let j = 0; j < a.length; j++) [a[p][j], a[q][j]] = [c * a[p][j] - s * a[q][j], s * a[p][j] + c * a[q][j]];
  for (const row of v) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
}
