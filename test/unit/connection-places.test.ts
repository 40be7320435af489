// Places among an address's connections: each is given back, however its connection fails, is refused or ends; then there is room for the next.
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { pino } from 'pino';
import { io } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createMetrics } from '../../src/metrics.ts';
import { acceptCalls, type CallSocketsParts } from '../../src/signaling/call-sockets.ts';
import { Drain } from '../../src/signaling/drain.ts';
import { describer } from '../../src/signaling/failure.ts';
import { HostPolicy } from '../../src/signaling/host-names.ts';
import { ConnectionGate } from '../../src/signaling/limits.ts';
import { LiveCalls } from '../../src/signaling/live-calls.ts';
import { OriginPolicy } from '../../src/signaling/origins.ts';
import { Returns } from '../../src/signaling/returns.ts';
import { SpeechApi } from '../../src/signaling/speech-api.ts';
import { CALL_ROOM, TicketOffice } from '../../src/signaling/tickets.ts';
import { openAccess } from '../support/open-access.ts';
import { returnLimits } from '../support/return-limits.ts';

const PLACES = 2;
/** More than there are places. */
const TRIES = 5;
const logger = pino({ level: 'silent' });
let server: Awaited<ReturnType<typeof serve>>;

async function serve() {
  const metrics = createMetrics('test', false);
  const describeFailure = describer(logger, metrics);
  const tickets = new TicketOffice('');
  const calls = new LiveCalls();
  const gate = new ConnectionGate(PLACES);
  const origins = new OriginPolicy([], '127.0.0.1');
  const hosts = new HostPolicy([], [], '127.0.0.1');
  const http = createServer();
  const shared = { tickets, access: openAccess, calls, gate, origins, hosts, trustedProxies: 0, logger, metrics };
  const sockets = acceptCalls(http, {
    ...shared,
    describe: describeFailure,
    drain: new Drain(),
    returns: new Returns(tickets, returnLimits(0)),
    joins: { take: async () => {} },
    messagesPerSecond: 2,
    silenceS: 30,
    maxCallS: 0,
  } as unknown as CallSocketsParts);
  const speech = new SpeechApi({
    ...shared,
    limits: { messagesPerSecond: 2 },
    describe: (error: unknown) => describeFailure(error, 'program'),
  } as unknown as ConstructorParameters<typeof SpeechApi>[0]);
  http.on('upgrade', (request, stream, head) => speech.upgrade(request, stream, head));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    port,
    gate,
    tickets,
    async close() {
      speech.close();
      await sockets.close();
      http.closeAllConnections();
    },
  };
}

beforeEach(async () => {
  server = await serve();
});
afterEach(() => server.close());

const url = (): string => `http://127.0.0.1:${server.port}`;

/** A visitor's socket that gets in. @returns how to leave. */
function enter(auth: object = {}): Promise<() => void> {
  const socket = io(url(), { transports: ['websocket'], forceNew: true, reconnection: false, auth });
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(() => void socket.disconnect()));
    socket.once('connect_error', (error) => {
      socket.close();
      reject(error);
    });
  });
}

/** A program's socket, however it ends. */
const knock = (path: string, headers: Record<string, string> = {}) =>
  new Promise<void>((resolve) => {
    const socket = new WebSocket(`${url().replace('http', 'ws')}${path}`, { headers });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });

/** Bytes as they are, until the server closes. */
const raw = (lines: string[]) =>
  new Promise<void>((resolve) => {
    const stream = connect(server.port, '127.0.0.1', () => stream.write(`${lines.join('\r\n')}\r\n\r\n`));
    stream.on('error', () => {});
    stream.on('close', () => resolve()).resume();
  });

async function allAreFree(): Promise<void> {
  const deadline = performance.now() + 5000;
  while (server.gate.count > 0) {
    if (performance.now() > deadline) throw new Error(`${server.gate.count} places are still taken`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const leave of await Promise.all([enter(), enter()])) leave();
}

const UPGRADE = ['Host: 127.0.0.1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];

describe('a place is given back', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['a visitor leaves', async () => (await enter())()],
    ['a visitor shows a return token that is none', async () => (await enter({ returnToken: 'forged' }))()],
    ['a visitor shows something odd', async () => (await enter({ returnToken: { a: 1 } }))()],
    [
      'a page of another site knocks',
      () => knock('/socket.io/?EIO=4&transport=websocket', { origin: 'http://evil.example' }),
    ],
    ['a socket never says what it wants', () => knock('/socket.io/?EIO=4&transport=nonsense')],
    ['a program has no invitation', () => knock('/api/speech')],
    ['a program’s invitation is forged', () => knock('/api/speech?ticket=forged')],
    [
      'a program’s ticket is to no call',
      async () => knock(`/api/speech?ticket=${await server.tickets.issue(CALL_ROOM)}`),
    ],
    ['a program comes from another site', () => knock('/api/speech', { origin: 'http://evil.example' })],
    ['a program’s upgrade has no key', () => raw(['GET /api/speech HTTP/1.1', ...UPGRADE])],
    [
      'a program’s upgrade has a bad version',
      () =>
        raw([
          'GET /api/speech HTTP/1.1',
          ...UPGRADE.slice(0, 3),
          'Sec-WebSocket-Version: 1',
          'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
        ]),
    ],
    [
      'a program says nonsense',
      () =>
        raw([
          'GET /api/speech HTTP/1.1',
          ...UPGRADE,
          'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
          '',
          'nonsense nonsense',
        ]),
    ],
  ])('when %s', async (_what, attempt) => {
    for (let i = 0; i < TRIES; i++) await attempt();
    await allAreFree();
  });

  it('when a visitor is refused because all are taken, and when one is cut off for its messages', async () => {
    const leaves = await Promise.all([enter(), enter()]);
    for (let i = 0; i < TRIES; i++) await expect(enter()).rejects.toThrow('Too many connections');
    expect(server.gate.count).toBe(PLACES);
    for (const leave of leaves) leave();
    const socket = io(url(), { transports: ['websocket'], forceNew: true, reconnection: false });
    const isCutOff = new Promise((resolve) => socket.once('disconnect', resolve));
    socket.on('connect', () => {
      for (let i = 0; i < 100; i++) socket.emit('stop', {}, () => {});
    });
    await isCutOff;
    await allAreFree();
  });
});
