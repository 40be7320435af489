/** Opens a first call and then some more, all talking, and prints what each further one added to the process, as one JSON object. */
import { Scope } from '../../media/scope.ts';
import { openBenchEngine } from './bench-engine.ts';
import { LiveCall, pause, voice } from './live-call.ts';

export interface MemoryReport {
  mbPerSession: number;
  /** Further calls. */
  n: number;
}

const FURTHER = 3;
const TALK_S = 2;

const { signal } = new AbortController();
await using scope = new Scope();
const parts = await openBenchEngine(scope, 2);
const calls: LiveCall[] = [];

async function rssMb(): Promise<number> {
  await Promise.all(calls.map((call) => call.say(voice(TALK_S), signal)));
  await pause(1000);
  (globalThis as { gc?: () => void }).gc?.();
  await pause(200);
  return process.memoryUsage.rss() / 1e6;
}

// One call on each worker first: what a worker loads once is no call's own.
for (let i = 0; i < 2; i++) calls.push(scope.use(await LiveCall.open(parts)));
const firstMb = await rssMb();
for (let i = 0; i < FURTHER; i++) calls.push(scope.use(await LiveCall.open(parts)));
const allMb = await rssMb();
process.stdout.write(JSON.stringify({ mbPerSession: (allMb - firstMb) / FURTHER, n: FURTHER } satisfies MemoryReport));
