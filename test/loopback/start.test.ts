// `npm start`: however it is stopped, no server stays behind. A process group stands for the terminal.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

const START_LIMIT_MS = 90_000;
const END_LIMIT_MS = 30_000;
let npm: ChildProcess | undefined;
let cacheDir: string | undefined;

afterEach(() => {
  try {
    if (npm?.pid) process.kill(-npm.pid, 'SIGKILL');
  } catch {
    // The group has ended, as it should.
  }
  if (cacheDir) rmSync(cacheDir, { recursive: true, force: true });
});

/** @returns the port of the server, and what was printed so far. */
async function npmStart(): Promise<{ port: number; output: () => string }> {
  cacheDir = mkdtempSync(join(tmpdir(), 'visavis-start-'));
  const child = spawn('npm', ['start', '--', '--port', '0'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, VISAVIS__CACHE__DIR: process.env.VISAVIS_TEST_CACHE ?? cacheDir },
  });
  npm = child;
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      printed += data.toString();
    });
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    const port = Number(/open http:\S+:(\d+)/.exec(printed)?.[1]);
    if (port) return { port, output: () => printed };
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`did not start: ${printed}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Every process of the group has ended, npm and whatever it started. */
async function groupEnds(groupId: number): Promise<boolean> {
  const deadline = performance.now() + END_LIMIT_MS;
  while (performance.now() < deadline) {
    try {
      process.kill(-groupId, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

describe.skipIf(process.platform === 'win32')('npm start', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const)(
    'leaves no server behind when npm gets %s',
    async (signal) => {
      const { port } = await npmStart();
      expect(await isListening(port)).toBe(true);
      npm!.kill(signal);
      expect(await groupEnds(npm!.pid!)).toBe(true);
      expect(await isListening(port)).toBe(false);
    },
  );

  it('takes the Ctrl-C that comes from the terminal and from npm as one, and closes in order', async () => {
    const { port, output } = await npmStart();
    process.kill(-npm!.pid!, 'SIGINT');
    expect(await groupEnds(npm!.pid!)).toBe(true);
    expect(await isListening(port)).toBe(false);
    expect(output()).toContain('Closing');
  });
});
