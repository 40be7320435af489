/** `visavis bench`: the machine's own numbers, as a table or as one JSON object. */
import type { Command } from 'commander';
import type { Benchmark, BenchResult } from './benchmarks/benchmark.ts';
import { describeMachine } from './benchmarks/machine.ts';
import { type CommandIo, runCommand } from './run-command.ts';

interface BenchFlags {
  json?: boolean;
  quick?: boolean;
  e2e?: boolean;
}

/** In the order in which they run: the cold bake first, while nothing is loaded. */
const BENCHMARKS: (() => Promise<Benchmark>)[] = [
  async () => (await import('./benchmarks/portrait.ts')).portrait,
  async () => (await import('./benchmarks/motion.ts')).motion,
  async () => (await import('./benchmarks/rendering.ts')).rendering,
  async () => (await import('./benchmarks/latency.ts')).latency,
  async () => (await import('./benchmarks/sessions.ts')).sessions,
  async () => (await import('./benchmarks/conversation.ts')).conversation,
];
/** Only with --e2e: needs a checkout and Chromium. */
const BROWSER_BENCHMARK = async (): Promise<Benchmark> => (await import('./benchmarks/browser.ts')).browser;

export function addBenchCommand(program: Command): void {
  program
    .command('bench')
    .description("this machine's own numbers: portrait, motion, rendering, encoding, calls, conversation")
    .option('--quick', 'a smoke test of some seconds, not numbers to quote')
    .option('--e2e', 'also what a viewer sees and hears, in Chromium on this machine')
    .option('--json', 'print one JSON object on stdout')
    .action((flags: BenchFlags) => runCommand(flags.json ?? false, (io) => runBenchmarks(flags, io)));
}

async function runBenchmarks({ quick = false, e2e = false }: BenchFlags, io: CommandIo): Promise<object> {
  const machine = describeMachine('cpu');
  io.print(`${machine.cpu}, ${machine.cores} cores, ${machine.gpu ?? 'no GPU'}, Node ${machine.node}\n`);
  if (machine.load > machine.cores / 2) {
    io.warn(`Other programs keep this machine busy (load ${machine.load}); the numbers will be too low.`);
  }
  io.print(row('name', 'value', 'unit', 'p50', 'p95', 'n'));
  const results: BenchResult[] = [];
  for (const load of e2e ? [...BENCHMARKS, BROWSER_BENCHMARK] : BENCHMARKS) {
    io.signal.throwIfAborted();
    const benchmark = await load();
    for (const result of await benchmark.run({ quick, signal: io.signal })) {
      const { name, value, unit, p50, p95, n } = result;
      io.print(row(name, String(value), unit, String(p50), String(p95), String(n)));
      results.push(result);
    }
  }
  return { machine, results };
}

function row(name: string, value: string, unit: string, ...rest: string[]): string {
  return `${name.padEnd(26)}${value.padStart(9)} ${unit.padEnd(5)}${rest.map((text) => text.padStart(9)).join('')}`;
}
