// A call over a real TURN server with passwords that expire by themselves. Runs where coturn is installed (`apt install coturn`).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const hasCoturn = spawnSync('turnserver', ['--version']).error === undefined;
const SECRET = 'a secret between the two servers';
let folder: string;
let coturn: ChildProcess;
let coturnSays = '';
let server: TestServer;

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

describe.skipIf(!hasCoturn)('over TURN', () => {
  beforeAll(async () => {
    const port = await freePort();
    folder = mkdtempSync(join(tmpdir(), 'visavis-turn-'));
    coturn = spawn('turnserver', [
      ...['-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--realm=visavis'],
      ...['--use-auth-secret', `--static-auth-secret=${SECRET}`, '--allow-loopback-peers', '--no-tls', '--no-dtls'],
      ...['--no-cli', '--verbose', '--log-file=stdout', '--simple-log', `--pidfile=${join(folder, 'pid')}`],
      `--userdb=${join(folder, 'db')}`,
    ]);
    coturn.stdout!.on('data', (data: Buffer) => {
      coturnSays += data.toString();
    });
    server = await startTestServer((config) => {
      config.motion.fps = 25;
      config.webrtc.turn = { urls: [`turn:127.0.0.1:${port}?transport=udp`], secret: SECRET, lifetimeS: 600 };
    });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    coturn?.kill();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  it('shows the face to a caller who can use nothing but the relay', async () => {
    await using client = new LoopbackClient(server.url);
    await client.join('mona-lisa', 'VP8', { isRelayed: true });
    await client.until('pictures', () => client.screen.shown.length > 12, 60_000);
    await client.until('sound', () => client.sounds.length > 25);
    // Ours and the caller's, by the name of the call: when its password ends, and the session. A request that was sent again is granted again.
    const granted = coturnSays.matchAll(
      /session (\d+): .*user <\d{10}:[\w-]+>: incoming packet ALLOCATE processed, success/g,
    );
    expect(new Set([...granted].map(([, allocation]) => allocation)).size).toBe(2);
  }, 120_000);
});
