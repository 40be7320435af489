// What one caller may ask for, and what the server says about itself: refusals with a time to come back, readiness, silent logs.
import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Failure } from '../../src/signaling/protocol.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { ServerProcess } from '../support/server-process.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const PORTRAIT = 'mona-lisa';
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer((config) => {
    config.motion.fps = 25;
    config.limits = {
      ticketsPerMinute: 8,
      uploadsPerMinute: 2,
      requestsPerMinute: 60,
      joinsPerMinute: 6,
      returnsPerMinute: 6,
      connections: 12,
      messagesPerSecond: 10,
      silenceS: 30,
      wrongKeysPerMinute: 3,
      callS: 0,
    };
    config.server.trustedProxies = 1;
  });
});
afterAll(() => server?.[Symbol.asyncDispose]());

let callers = 0;
/** Each test comes from an address of its own, as the trusted proxy tells it. */
const someone = (): { 'x-forwarded-for': string } => ({ 'x-forwarded-for': `203.0.113.${++callers}` });
const post = (path: string, headers: Record<string, string>): Promise<Response> =>
  fetch(new URL(path, server.url), { method: 'POST', headers });

async function failure(response: Response): Promise<Failure['error']> {
  return ((await response.json()) as Failure).error;
}

describe('over HTTP', () => {
  it('an address has so many tickets a minute, another address its own, and a forged one is not believed', async () => {
    const from = someone();
    const statuses: number[] = [];
    for (let i = 0; i < 9; i++) statuses.push((await post('api/tickets', from)).status);
    expect(statuses).toEqual([...Array<number>(8).fill(200), 429]);
    const refused = await post('api/tickets', from);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await failure(refused)).toMatchObject({ code: 'RATE_LIMITED', retryAfterS: expect.any(Number) });
    // What stands before the proxy's own entry comes from the caller and counts for nothing.
    const lying = { 'x-forwarded-for': `198.51.100.7, ${from['x-forwarded-for']}` };
    expect((await post('api/tickets', lying)).status).toBe(429);
    expect((await post('api/tickets', someone())).status).toBe(200);
  });

  it('uploads are fewer, and everything together is limited too', async () => {
    const from = someone();
    const codes: string[] = [];
    for (let i = 0; i < 3; i++) codes.push((await failure(await post('api/portraits', from))).code);
    expect(codes).toEqual(['CONSENT_MISSING', 'CONSENT_MISSING', 'RATE_LIMITED']);
    let status = 0;
    for (let i = 0; i < 60 && status !== 429; i++)
      status = (await fetch(new URL('api/voices', server.url), { headers: from })).status;
    expect(status).toBe(429);
    // Health is asked for by machines, all the time.
    expect((await fetch(new URL('healthz', server.url), { headers: from })).status).toBe(200);
  });
});

describe('on sockets', () => {
  const open: Socket[] = [];
  afterAll(() => {
    for (const socket of open) socket.close();
  });
  function connect(from: Record<string, string>): Promise<Socket | { data: unknown }> {
    const socket = io(server.url, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      extraHeaders: from,
    });
    open.push(socket);
    return new Promise((resolve) => {
      socket.once('connect', () => resolve(socket));
      socket.once('connect_error', (error) => resolve(error as unknown as { data: unknown }));
    });
  }

  it('an address holds so many connections, programs included, and may come back when one has gone', async () => {
    const from = someone();
    const held = await Promise.all(Array.from({ length: 12 }, () => connect(from)));
    expect(held.every((each) => 'connected' in each && each.connected)).toBe(true);
    expect(await connect(from)).toMatchObject({ data: { code: 'RATE_LIMITED', retryAfterS: expect.any(Number) } });
    const program = new WebSocket(new URL('api/speech', server.url.replace('http', 'ws')), { headers: from });
    const status = await new Promise((resolve) => {
      program.once('unexpected-response', (_request, response) => resolve(response.statusCode));
      program.once('open', () => resolve('open'));
      program.on('error', () => {});
    });
    expect(status).toBe(429);
    program.terminate();
    (held[0] as Socket).close();
    const again = async (): Promise<boolean> => 'connected' in (await connect(from));
    const deadline = performance.now() + 20_000;
    while (!(await again())) expect(performance.now()).toBeLessThan(deadline);
  });

  it('joins are counted, tickets or not', async () => {
    const socket = (await connect(someone())) as Socket;
    const codes: string[] = [];
    for (let i = 0; i < 7; i++) {
      const reply = (await socket.emitWithAck('join', { ticket: 'forged', portraitId: PORTRAIT })) as Failure;
      codes.push(reply.error.code);
    }
    expect(codes).toEqual([...Array<string>(6).fill('TICKET_INVALID'), 'RATE_LIMITED']);
  });

  it('a flood of messages is refused, and who goes on is cut off', async () => {
    const socket = (await connect(someone())) as Socket;
    const codes: string[] = [];
    for (let i = 0; i < 60; i++)
      socket.emit('stop', {}, (reply: Failure) => {
        codes.push(reply.error.code);
      });
    await until(() => codes.length === 60);
    expect(codes).toContain('SIGNALING_INVALID');
    expect(codes).toContain('RATE_LIMITED');
    for (let i = 0; i < 400; i++) socket.emit('stop', {});
    await until(() => !socket.connected);
  });

  it('a thousand of them leave the call under way alone', async () => {
    await using caller = new LoopbackClient(server.url);
    await caller.join(PORTRAIT);
    await caller.until('pictures', () => caller.pictures.length > 3);
    const from = someone();
    const results = await Promise.all(Array.from({ length: 1000 }, () => connect(from)));
    const accepted = results.filter((each) => 'connected' in each);
    expect(accepted.length).toBeLessThanOrEqual(12);
    // On a busy machine some give up waiting for an answer.
    expect(results.filter((each) => 'data' in each && each.data).length).toBeGreaterThan(100);
    const seen = caller.pictures.length;
    await caller.until('pictures all the same', () => caller.pictures.length > seen + 5);
    expect((await fetch(new URL('healthz', server.url))).status).toBe(200);
    expect(caller.failures).toEqual([]);
  });
});

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a server in a process of its own', () => {
  const NEEDLES = {
    ticketSecret: 'needle-of-the-ticket-secret-0123456789',
    turnPassword: 'needle-of-the-turn-password',
    text: 'needles of a spoken secret',
  };

  it('is alive before it is ready, says what is missing, and keeps secrets out of its log', async () => {
    await using child = await ServerProcess.start({
      VISAVIS__LOG__LEVEL: 'trace',
      VISAVIS__SERVER__TICKET_SECRET: NEEDLES.ticketSecret,
      VISAVIS__WEBRTC__ICE_SERVERS: JSON.stringify([
        { urls: 'turn:127.0.0.1:9', username: 'u', credential: NEEDLES.turnPassword },
      ]),
    });
    const readyz = async (): Promise<{
      status: number;
      checks: { name: string; isOk: boolean; detail?: string }[];
    }> => {
      const response = await fetch(new URL('readyz', child.url));
      return { status: response.status, checks: ((await response.json()) as { checks: [] }).checks };
    };
    expect((await fetch(new URL('healthz', child.url))).status).toBe(200);
    const first = await readyz();
    if (first.status === 503) expect(first.checks.find(({ isOk }) => !isOk)?.detail).toMatch(/\w+ \w+/);
    await until(async () => (await readyz()).status === 200, 100_000);
    expect((await readyz()).checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['engine', 'portraits']));

    await using caller = new LoopbackClient(child.url);
    const ticket = await caller.ticket();
    await caller.join(PORTRAIT);
    await caller.until('pictures', () => caller.pictures.length > 3);
    await caller.request('speak', { text: NEEDLES.text });
    const { ticket: invitation } = (await caller.request<{ ticket: string }>('invite', {})) as { ticket: string };
    await fetch(new URL(`api/speech?ticket=${invitation}`, child.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: NEEDLES.text, voice: 'no-such-voice' }),
    });
    await caller.request('join', { ticket: `${ticket}x`, portraitId: PORTRAIT });
    await caller.request('leave', {});
    await until(() => child.log.includes('call ended'));
    expect(child.log).toContain('call opened');
    for (const secret of [...Object.values(NEEDLES), ticket, invitation]) expect(child.log).not.toContain(secret);
  });
});
