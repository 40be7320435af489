// The end of a server, with the real process and its signals: drained by SIGTERM, at once by a second signal or Ctrl-C, and nothing left of it.
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DrainingMessage, EndedMessage, Failure } from '../../src/signaling/protocol.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { ServerProcess } from '../support/server-process.ts';

const PORTRAIT = 'mona-lisa';
const TONES = fileURLToPath(new URL('../support/sherpa-models/en_US-tones', import.meta.url));
/** Not a promise, but far from the twenty seconds of a drain. */
const SOON_MS = 9000;
const folder = mkdtempSync(join(tmpdir(), 'visavis-shutdown-'));
/** Takes questions and never answers. */
const stuck = createServer(() => {});
let settings: Record<string, string>;

beforeAll(async () => {
  cpSync(TONES, join(folder, 'en_US-tones'), { recursive: true });
  await new Promise<void>((resolve) => stuck.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(stuck.address() as AddressInfo).port}/v1`;
  settings = {
    VISAVIS__LLM: JSON.stringify({ kind: 'openai', baseUrl, model: 'stuck' }),
    VISAVIS__TTS: JSON.stringify({ kind: 'sherpa', voice: 'en_US-tones', voiceDir: folder }),
    VISAVIS__LIMITS__SILENCES: '30',
  };
});
afterAll(() => {
  stuck.closeAllConnections();
  stuck.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call(server: ServerProcess) {
  const client = new LoopbackClient(server.url);
  const draining: DrainingMessage[] = [];
  const ends: EndedMessage[] = [];
  client.socket.on('draining', (m) => void draining.push(m));
  client.socket.on('ended', (m) => void ends.push(m));
  await client.join(PORTRAIT);
  await client.until('pictures', () => client.pictures.length > 3);
  return { client, draining, ends };
}

const readyz = async (server: ServerProcess) => {
  const response = await fetch(new URL('readyz', server.url));
  return { status: response.status, body: (await response.json()) as { status: string } };
};

/** In a call, with a voice at work in a process of its own and a question that nobody answers. */
async function busy(server: ServerProcess) {
  const caller = await call(server);
  await caller.client.request('speak', { text: 'One two three four five six seven eight nine ten.' });
  await caller.client.until('words', () => caller.client.captions.length > 0);
  await caller.client.request('say', { text: 'Are you there?' });
  return caller;
}

async function isGone(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return state === '' || /\) Z /.test(state);
}

async function endsWithin(server: ServerProcess, limitMs: number) {
  const startMs = performance.now();
  const ended = await server.ended;
  expect(performance.now() - startMs).toBeLessThan(limitMs);
  return ended;
}

it('drains after SIGTERM: nobody is let in, the call goes on, and the process ends with it', async () => {
  await using server = await ServerProcess.start(settings);
  const { client, draining } = await call(server);
  await using second = new LoopbackClient(server.url);
  const ticket = await second.ticket();
  server.signal('SIGTERM');
  await client.until('word of the end', () => draining.length > 0);
  expect(draining).toEqual([{ endsInS: 20 }]);
  expect(await readyz(server)).toMatchObject({ status: 503, body: { status: 'draining' } });
  expect((await fetch(new URL('healthz', server.url))).status).toBe(200);
  expect(await server.metric('visavis_draining')).toBe(1);
  const refused = (await second.request('join', { ticket, portraitId: PORTRAIT })) as Failure;
  expect(refused.error).toMatchObject({ code: 'SERVER_DRAINING', retryAfterS: 5 });
  const noTicket = await fetch(new URL('api/tickets', server.url), { method: 'POST' });
  expect([noTicket.status, noTicket.headers.get('retry-after')]).toEqual([503, '5']);
  const from = client.pictures.length;
  await client.until('pictures all the same', () => client.pictures.length > from + 5);
  void client.request('leave', {}); // the process may be gone before it answers
  expect(await endsWithin(server, SOON_MS)).toEqual({ code: 0, signal: null });
  await client[Symbol.asyncDispose]();
});

it('ends calls politely when their time is over, though a service hangs, and leaves no process', async () => {
  await using server = await ServerProcess.start({ ...settings, VISAVIS__SHUTDOWN__DRAIN_S: '2' });
  const { client, ends } = await busy(server);
  const children = await server.children();
  if (children) expect(children.length).toBeGreaterThan(0);
  server.signal('SIGTERM');
  await client.until('the end', () => ends.length > 0);
  expect(ends).toEqual([{ reason: 'shutdown', retryAfterS: 5 }]);
  expect(await endsWithin(server, SOON_MS)).toEqual({ code: 0, signal: null });
  for (const pid of children ?? []) expect(await isGone(pid)).toBe(true);
  await client[Symbol.asyncDispose]();
});

it.each([
  ['SIGTERM', 'SIGTERM'],
  ['SIGTERM', 'SIGINT'],
  ['SIGTERM', 'SIGHUP'],
] as const)('ends at once after %s and %s', async (first, second) => {
  await using server = await ServerProcess.start(settings);
  const { client, draining, ends } = await busy(server);
  const children = await server.children();
  server.signal(first);
  await client.until('word of the end', () => draining.length > 0);
  server.signal(second);
  await endsWithin(server, SOON_MS / 2);
  expect(ends).toEqual([{ reason: 'shutdown', retryAfterS: 5 }]);
  for (const pid of children ?? []) expect(await isGone(pid)).toBe(true);
  await client[Symbol.asyncDispose]();
});

it('ends soon after Ctrl-C, calls and all', async () => {
  await using server = await ServerProcess.start(settings);
  const { client, ends } = await busy(server);
  server.signal('SIGINT');
  expect(await endsWithin(server, SOON_MS)).toEqual({ code: 0, signal: null });
  expect(ends).toEqual([{ reason: 'shutdown', retryAfterS: 5 }]);
  await client[Symbol.asyncDispose]();
});

it('closes everything, though connections half open wait for nothing and never end', async () => {
  await using server = await ServerProcess.start();
  const { port } = new URL(server.url);
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  const silent = [
    'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
    'POST /api/tickets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx',
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n${upgrade}`,
  ].map((sent) => {
    const socket = connect(Number(port), '127.0.0.1', () => void socket.write(sent));
    return socket.on('error', () => {});
  });
  await once(silent.at(-1)!, 'readable');
  server.signal('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 0 });
  expect(server.log).not.toContain('not everything was closed');
  for (const socket of silent) socket.destroy();
});
