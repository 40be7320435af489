/** What a benchmark is, and how a series of timings becomes one result. */
import { quantile } from '../../media/quantile.ts';

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

/** A series as one result: its median, and its 95th percentile. */
export function summary(name: string, unit: string, values: readonly number[]): BenchResult {
  const p50 = round(quantile(values, 0.5));
  return { name, value: p50, unit, p50, p95: round(quantile(values, 0.95)), n: values.length };
}

/** Pictures per second from ms per picture; p95 is what 95 % of the pictures reach. */
export function asFps(name: string, ms: readonly number[], totalMs: number): BenchResult {
  return {
    name,
    value: round((1000 * ms.length) / totalMs),
    unit: 'fps',
    p50: round(1000 / quantile(ms, 0.5)),
    p95: round(1000 / quantile(ms, 0.95)),
    n: ms.length,
  };
}

export function round(value: number): number {
  return Number(value.toPrecision(4));
}
