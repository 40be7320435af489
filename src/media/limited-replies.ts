/**
 * The inside of a `LimitedProcess`: answers what it is asked, and ends by itself at once when it takes more memory or processor time than it
 * was given, or when who started it has gone. Signals to the whole group, as Ctrl-C sends them, are its starter's affair.
 */
import { Worker } from 'node:worker_threads';
import { LIMIT_MARK, READY } from './limited-process.ts';

const WATCH_MS = 50;

/**
 * Looks after the process from a thread of its own, because the work blocks the others. [0] of the shared numbers is the processor time,
 * in ms, at which the request under way must be done; 0 while there is none.
 */
const WATCH = `
const { workerData: { memoryBytes, budget } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const end = (why) => {
  try { writeSync(2, '${LIMIT_MARK}' + why + '\\n'); } catch {}
  process.kill(process.pid, 'SIGKILL');
};
setInterval(() => {
  if (process.memoryUsage.rss() > memoryBytes) end('memory');
  const { user, system } = process.cpuUsage();
  if (budget[0] > 0 && (user + system) / 1000 > budget[0]) end('cpu');
}, ${WATCH_MS});
`;

export function answerWithinLimits<Request, Reply>(answer: (request: Request) => Promise<Reply>): void {
  const [memoryMb, cpuS] = process.argv.slice(-2).map(Number) as [number, number];
  const budget = new Float64Array(new SharedArrayBuffer(8));
  new Worker(WATCH, { eval: true, workerData: { memoryBytes: memoryMb * 2 ** 20, budget }, execArgv: [] }).unref();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
  // An orderly exit would wait for the threads in which the work is under way.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.on('message', async ({ request }: { request: Request }) => {
    const { user, system } = process.cpuUsage();
    budget[0] = (user + system) / 1000 + cpuS * 1000;
    const reply = await answer(request);
    budget[0] = 0;
    process.send?.({ reply });
  });
  process.send?.(READY);
}
