// What must not stay behind: callers that vanish, callers that do not read, and calls that come and go.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftBehind, runCycles } from '../support/call-cycles.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { ServerProcess } from '../support/server-process.ts';

const PORTRAIT = 'mona-lisa';
/** The long run: `npm run soak -- --cycles 300`. */
const CYCLES = 24;
let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start({
    VISAVIS__MOTION__FPS: '25',
    // Less than socket.io's own patience of 11 s, more than the shipped 4: the callers' process may have to wait for a core.
    VISAVIS__LIMITS__SILENCE_S: '8',
    VISAVIS__LIMITS__TICKETS_PER_MINUTE: '0',
    VISAVIS__LIMITS__JOINS_PER_MINUTE: '0',
    VISAVIS__LIMITS__REQUESTS_PER_MINUTE: '0',
  });
});
afterAll(() => server?.[Symbol.asyncDispose]());

const sessions = (): Promise<number> => server.metric('visavis_calls');

async function untilSessions(count: number, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while ((await sessions()) !== count) {
    if (performance.now() > deadline)
      throw new Error(`${await sessions()} sessions, not ${count}, after ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A caller in a process of its own, in the call. */
async function callerProcess(): Promise<ReturnType<typeof spawn>> {
  const script = fileURLToPath(new URL('../support/caller-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, server.url, PORTRAIT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout!.once('data', () => resolve());
    child.once('exit', (exit) => reject(new Error(`the caller ended with ${exit}`)));
  });
  return child;
}

describe('a caller that is gone without leaving', () => {
  // How soon it must be is shown in virtual time in unit/presence.test.ts.
  it('frees its call: the process is frozen, its connections stay open', async () => {
    const child = await callerProcess();
    expect(await sessions()).toBe(1);
    child.kill('SIGSTOP');
    try {
      await untilSessions(0, 30_000);
      expect(server.log).toContain('"reason":"gone"');
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('frees its call: the process is killed', async () => {
    const child = await callerProcess();
    child.kill('SIGKILL');
    await untilSessions(0, 30_000);
  });
});

describe('a caller that does not read its socket', () => {
  it('loses its call, and nobody else loses anything', async () => {
    await using other = new LoopbackClient(server.url);
    await other.join(PORTRAIT);
    await using slow = new LoopbackClient(server.url);
    await slow.join(PORTRAIT);
    await slow.until('pictures', () => slow.pictures.length > 3);
    expect(await sessions()).toBe(2);
    slow.socket.io.reconnection(false);
    const transport = slow.socket.io.engine.transport as unknown as { ws: { _socket: { pause(): void } } };
    transport.ws._socket.pause();
    await untilSessions(1, 60_000);
    const from = other.pictures.length;
    await other.until('pictures all the same', () => other.pictures.length > from + 5);
    expect(other.failures).toEqual([]);
  });
});

describe('calls that come and go', () => {
  it(`leave nothing behind: ${CYCLES} times`, { timeout: 60_000 + CYCLES * 10_000 }, async () => {
    await untilSessions(0, 30_000);
    // The first calls load what later ones use.
    await runCycles(server, 6, 6);
    const footprints = await runCycles(server, CYCLES, Math.max(2, Math.floor(CYCLES / 12)));
    expect(leftBehind(footprints), JSON.stringify(footprints)).toEqual([]);
  });
});
