/** One number out of a series of measurements: in, values in any order; out, the one of a rank. */

/** The value that `fraction` (0 … 1) of the values do not exceed, nearest rank; 0 for none. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? 0;
}
