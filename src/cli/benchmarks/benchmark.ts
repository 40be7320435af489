/** What a benchmark is, and how a series of timings becomes one result. */

export interface BenchResult {
  name: string;
  value: number;
  unit: string;
  p50: number;
  p95: number;
  n: number;
}

export interface BenchContext {
  /** Fewer repetitions: a smoke test in seconds, not a number to quote. */
  quick: boolean;
  signal: AbortSignal;
}

export interface Benchmark {
  run(context: BenchContext): Promise<BenchResult[]>;
}

/** p-th percentile (0 … 100) of values in any order, nearest rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)];
}

/** Pictures per second from ms per picture; p95 is what 95 % of the pictures reach. */
export function asFps(name: string, ms: readonly number[], totalMs: number): BenchResult {
  return {
    name,
    value: round((1000 * ms.length) / totalMs),
    unit: 'fps',
    p50: round(1000 / percentile(ms, 50)),
    p95: round(1000 / percentile(ms, 95)),
    n: ms.length,
  };
}

export function round(value: number): number {
  return Number(value.toPrecision(4));
}
