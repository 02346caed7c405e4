/** Could two samples be of one population? The Mann-Whitney U test, as benchstat uses it. */

/** Above so many values the normal approximation is as good. */
const EXACT = 60;

/** The two-sided p-value; null if a sample is too small to say anything (fewer than two values). */
export function mannWhitney(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < 2 || b.length < 2) return null;
  const ranks = doubledRanks([...a, ...b]);
  const sum = ranks.slice(0, a.length).reduce((total, rank) => total + rank, 0);
  return ranks.length <= EXACT ? exact(ranks, a.length, sum) : approximate(ranks, a.length, sum);
}

/** Twice the rank of each value, from 1; equal values share the mean of theirs. */
function doubledRanks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return 2 * below + equal + 1;
  });
}

/** Of all choices of n ranks, the share of those whose sum is as far from the mean as this one or farther. */
function exact(ranks: readonly number[], n: number, sum: number): number {
  const most = ranks.reduce((total, rank) => total + rank, 0);
  // ways[k][s]: choices of k of the ranks so far that add up to s
  const ways = Array.from({ length: n + 1 }, () => new Float64Array(most + 1));
  ways[0][0] = 1;
  for (const rank of ranks) {
    for (let k = n; k > 0; k--) for (let s = most; s >= rank; s--) ways[k][s] += ways[k - 1][s - rank];
  }
  const mean = (most * n) / ranks.length;
  const far = Math.abs(sum - mean) - 1e-9;
  let [all, extreme] = [0, 0];
  ways[n].forEach((count, s) => {
    all += count;
    if (Math.abs(s - mean) >= far) extreme += count;
  });
  return extreme / all;
}

function approximate(ranks: readonly number[], n: number, sum: number): number {
  const total = ranks.length;
  const average = ranks.reduce((all, rank) => all + rank, 0) / total;
  const variance = ranks.reduce((all, rank) => all + (rank - average) ** 2, 0) / (total - 1);
  const deviation = Math.sqrt((variance * n * (total - n)) / total);
  if (deviation === 0) return 1;
  return Math.min(1, 2 * upperTail(Math.abs(sum - average * n) / deviation));
}

/** Of the normal distribution; Abramowitz and Stegun 26.2.17, good to 7.5e-8. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}
