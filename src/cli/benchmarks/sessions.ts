/**
 * How many calls the machine carries, and what one costs; encoding included, network excluded. `sessions_realtime`: talking 512 × 512 calls with
 * every one at 25 pictures a second (p50, p95: pictures a second of the middle and of the slowest). `sessions_admitted`: how many of them a server
 * here would take, by the same rule and measurement. `idle_session_cores`: a silent call.
 * `cores_left_at_2_sessions`: cores that two talking calls leave alone. `rss_mb_per_session`: memory of each call after the first, measured in a
 * process of its own.
 */
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { PICTURE_PX } from '../../call-host.ts';
import { availableCores, type Machine, refusal } from '../../capacity.ts';
import { calibrate } from '../../engine/calibration.ts';
import { quantile } from '../../media/quantile.ts';
import { Scope } from '../../media/scope.ts';
import { openBenchEngine } from './bench-engine.ts';
import { type Benchmark, type BenchResult, round } from './benchmark.ts';
import { LiveCall, pause, voice } from './live-call.ts';
import type { MemoryReport } from './memory-process.ts';

/** 25, less the jitter of the window's first and last picture. */
const REALTIME_FPS = 24.75;
const MOST_PER_CORE = 8;

const isRealtime = (rates: number[]): boolean => rates.length > 0 && Math.min(...rates) >= REALTIME_FPS;

export const sessions: Benchmark = {
  async run({ quick, signal }) {
    const results: BenchResult[] = [];
    await using scope = new Scope();
    const cores = availableCores();
    const parts = await openBenchEngine(scope, Math.ceil(cores));
    const { fps } = parts.config.motion;
    const { codecs, bitrateKbps } = parts.config.webrtc;
    const [codec] = codecs;
    const task = { rigPath: parts.rigPath, sizePx: PICTURE_PX, fps, codec: codec!, bitrateBps: bitrateKbps * 1000 };
    const { pictureMs } = await calibrate(task, Math.ceil(cores));
    const seconds = quick ? 2 : 8;
    const calls: LiveCall[] = [];
    const add = async (): Promise<void> => {
      calls.push(scope.use(await LiveCall.open(parts)));
      await pause(1000);
    };
    const before = await usedCores(() => pause(1000));
    await add();
    const idle = Math.max(0, (await usedCores(() => pause(seconds * 1000))) - before);
    results.push({
      name: 'idle_session_cores',
      value: round(idle),
      unit: 'cores',
      p50: round(idle),
      p95: round(idle),
      n: 1,
    });
    let carried: number[] = [];
    let mainPerCall = 0;
    let mainShare = 0;
    for (;;) {
      signal.throwIfAborted();
      let rates: number[] = [];
      let used = 0;
      // A second try, for what else the machine did meanwhile.
      for (let i = 0; i < 2 && !isRealtime(rates); i++) {
        const mainBefore = performance.eventLoopUtilization();
        used = await usedCores(async () => {
          rates = await talk(calls, seconds, signal);
        });
        mainShare = performance.eventLoopUtilization(mainBefore).utilization;
      }
      if (calls.length === 2) {
        const left = round(Math.max(0, cores - used));
        results.push({ name: 'cores_left_at_2_sessions', value: left, unit: 'cores', p50: left, p95: left, n: 1 });
      }
      if (calls.length === 1 || isRealtime(rates)) mainPerCall = mainShare / calls.length;
      if (isRealtime(rates)) carried = rates;
      else if (calls.length > 1) break;
      if (calls.length >= cores * MOST_PER_CORE) break;
      await add();
    }
    results.push({
      name: 'sessions_realtime',
      value: carried.length,
      unit: '',
      p50: round(quantile(carried, 0.5)),
      p95: round(quantile(carried, 0.05)),
      n: carried.length,
    });
    const admitted = admittedCalls({ cores, workers: Math.ceil(cores), fps }, pictureMs, mainPerCall);
    results.push({ name: 'sessions_admitted', value: admitted, unit: '', p50: admitted, p95: admitted, n: 1 });
    const { mbPerSession, n } = await measureMemory();
    results.push({
      name: 'rss_mb_per_session',
      value: round(mbPerSession),
      unit: 'MB',
      p50: round(mbPerSession),
      p95: round(mbPerSession),
      n,
    });
    return results;
  },
};

/** How many callers are let in one after the other, when each costs the same and all talk. */
function admittedCalls(machine: Machine, pictureMs: number, mainPerCall: number): number {
  let drawn = 0;
  while (drawn < machine.cores * MOST_PER_CORE) {
    const load = { drawn, undrawn: 0, pictureMs, mainShare: drawn * mainPerCall, lateShare: 0 };
    if (refusal(machine, load, 'server')) break;
    drawn += 1;
  }
  return drawn;
}

/** All talk at once. @returns pictures a second of each, without the first and last half second. */
async function talk(calls: LiveCall[], seconds: number, signal: AbortSignal): Promise<number[]> {
  const sound = voice(seconds + 1);
  const speaking = Promise.all(calls.map((call) => call.say(sound, signal)));
  await pause(500);
  const fromMs = performance.now();
  await pause(seconds * 1000);
  const toMs = performance.now();
  await speaking;
  await pause(500);
  return calls.map(({ pictures }) => {
    const seen = pictures.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    // From picture to picture, so that it does not matter where the window cuts.
    const [first, last] = [seen[0], seen.at(-1)];
    return first && last && seen.length > 1 ? (1000 * (seen.length - 1)) / (last.atMs - first.atMs) : 0;
  });
}

/** Cores in use by this process while `work` goes on. */
async function usedCores(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  const startMs = performance.now();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / (performance.now() - startMs);
}

/** A process of its own: what earlier benchmarks left in this one would hide what a call takes. */
function measureMemory(): Promise<MemoryReport> {
  const isSource = import.meta.url.endsWith('.ts');
  const script = new URL(isSource ? './memory-process.ts' : './memory-process.js', import.meta.url);
  const args = ['--expose-gc', ...(isSource ? ['--import', 'tsx'] : []), script.pathname];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data) => {
      output += String(data);
    });
    child.once('error', reject);
    child.once('close', (exit) => {
      if (exit === 0) resolve(JSON.parse(output) as MemoryReport);
      else reject(new Error(`measuring memory ended with exit code ${exit}`));
    });
  });
}
